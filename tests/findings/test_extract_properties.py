"""What must hold for any text: mirror symmetry, case, robustness, length, and the effect of a negation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from braingemma3d.findings.extract import extract
from braingemma3d.findings.mirror import mirrored, swap_sides
from braingemma3d.findings.schema import Findings

REPORTS = [
    "The lesion area is in the left frontal and parietal lobes. Edema is moderate. Necrosis is absent. The left "
    "lateral ventricle is mildly compressed.",
    "A 3 cm mass in the right temporal lobe compresses the left lateral ventricle, with midline shift to the left.",
    "One lesion in the left frontal lobe and a second in the right occipital lobe; severe edema in both.",
    "Left insular glioma crossing the midline. The right cerebellum is normal.",
    "Metastases in the left frontal lobe, right cerebellum and right occipital lobe. No edema.",
    "L frontal tumor. R lateral ventricle effaced.",
    "Tumor of the right thalamus with extension into the contralateral thalamus. Possible necrosis.",
    "Edema in the left temporal lobe.",
    "No lesion in the left or right hemisphere.",
]
VOCABULARY = (
    "left right bilateral midline frontal temporal lobe lesion mass edema necrosis ventricle compressed compression "
    "no not without but and or , ; : . the a of in with mild severe may be is are absent seen possible suggests "
    "normal second one punctate adjacent to contralateral"
)


@pytest.mark.parametrize("report", REPORTS)
def test_swapped_words_swap_the_side_and_nothing_else(report: str) -> None:
    assert extract(swap_sides(report)) == mirrored(extract(report))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(VOCABULARY.split()), max_size=30).map(" ".join))
def test_mirror_symmetry_of_word_salad(text: str) -> None:
    assert extract(swap_sides(text)) == mirrored(extract(text))


@pytest.mark.parametrize("report", REPORTS)
def test_case_changes_nothing(report: str) -> None:
    assert extract(report.upper()) == extract(report) == extract(report.lower())


@pytest.mark.parametrize("text", ["no lesion: lesion", "Mild edema: edema.", "Without necrosis: necrosis is seen."])
def test_a_cue_before_a_label_is_read(text: str) -> None:
    assert extract(text) != Findings()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    findings = extract(text)
    assert findings == extract(text)
    assert findings.lesion is bool(findings.lesions)


@pytest.mark.parametrize(
    ("field", "present", "absent"),
    [
        ("edema", "There is edema.", "There is no edema."),
        ("edema", "Severe edema is seen.", "Severe edema is not seen."),
        ("necrosis", "With necrosis.", "Without necrosis."),
        ("necrosis", "Necrosis is present.", "Necrosis is absent."),
        ("ventricular_compression", "The ventricles are compressed.", "The ventricles are not compressed."),
        ("ventricular_compression", "Ventricular compression: mild.", "Ventricular compression: none."),
    ],
)
def test_negating_a_sentence_flips_it(field: str, present: str, absent: str) -> None:
    assert getattr(extract(present), field) not in ("none", "possible")
    assert getattr(extract(absent), field) == "none"


def test_negating_the_lesion_flips_it() -> None:
    assert extract("There is a mass in the left frontal lobe.").lesion
    assert extract("There is no mass in the left frontal lobe.") == Findings()


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a ",
        "no edema, ",
        "left ",
        "mild to ",
        "mass ",
        " ",
        "\n",
        ",",
        "not ",
        "- ",
        "?",
        "fronto",
        "signal high ",
    ],
)
def test_long_text_returns(unit: str) -> None:
    """Time that grew with the square of the length would run into the timeout of pytest."""
    text = (unit * 100_000)[:100_000]
    assert isinstance(extract(text), Findings)
