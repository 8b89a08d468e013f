"""Counterfactual sentences: they say the contrary of one finding, by the project's own reader."""

from __future__ import annotations

import numpy as np
import pytest

from braingemma3d.explain.counterfactual import ABOUT, contrasts, other_lobe, other_side, split_sentences
from braingemma3d.findings.extract import extract
from braingemma3d.simulate.truth import Truth
from braingemma3d.simulate.wording import write_report

HEALTHY = (
    "The brain parenchyma shows normal signal on FLAIR, and no focal lesion is identified in the cerebral hemispheres. "
    "Neither edema nor necrosis is present in the brain. The ventricular system is symmetric, without compression."
)


def test_every_finding_of_a_report_has_its_sentence(report_text):
    found = contrasts(report_text)
    assert {about: one.sentence for about, one in found.items()} == {
        "side": 0,
        "lobe": 0,
        "edema": 1,
        "necrosis": 3,
        "compression": 4,
        "lesion": 0,
    }
    assert set(found) == set(ABOUT)


def replaced(text, contrast):
    start, end, _ = split_sentences(text)[contrast.sentence]
    return [text[:start] + other + text[end:] for other in contrast.alternatives]


def test_each_alternative_turns_its_finding_and_keeps_the_others(report_text):
    found, before = contrasts(report_text), extract(report_text)
    for text in replaced(report_text, found["side"]):
        assert extract(text).side == "right"
    for text in replaced(report_text, found["lobe"]):
        assert "frontal" not in extract(text).lobes
        assert extract(text).side == "left"
    for about, field in (("edema", "edema"), ("compression", "ventricular_compression")):
        for text in replaced(report_text, found[about]):
            assert getattr(extract(text), field) == "none"
            assert extract(text).model_copy(update={field: getattr(before, field)}) == before
    for text in replaced(report_text, found["necrosis"]):
        assert extract(text).necrosis != "none"


def test_a_healthy_report_is_held_against_findings():
    found = contrasts(HEALTHY)
    assert set(found) == {"edema", "necrosis", "compression", "lesion"}
    assert all(extract(other).lesion for other in found["lesion"].alternatives)
    assert all(extract(other).edema != "none" for other in found["edema"].alternatives)
    assert all(extract(other).necrosis != "none" for other in found["necrosis"].alternatives)
    assert all(extract(other).ventricular_compression != "none" for other in found["compression"].alternatives)


def test_a_lesion_is_held_against_none(report_text):
    assert not any(extract(other).lesion for other in contrasts(report_text)["lesion"].alternatives)


@pytest.mark.parametrize(
    ("sentence", "sides"),
    [
        ("The lesion area is located in the left insula.", {"right"}),
        ("A mass is seen in the RIGHT temporal lobe.", {"left"}),
        ("There is a lesion bilaterally in the frontal lobes.", {"left", "right"}),
        ("A mass is seen in both hemispheres, involving the frontal lobes.", {"left", "right"}),
        ("There is a lesion in the midline, in the cerebellum.", {"left", "right"}),
        ("There is a lesion crossing the midline.", {"left", "right"}),
        ("A mass is seen in the midline cerebellum, also involving the brainstem.", {"left", "right"}),
        ("There is a lesion in the bilateral frontal lobes.", {"left", "right"}),
    ],
)
def test_other_sides(sentence, sides):
    others = other_side(sentence)
    assert {extract(other).side for other in others} == sides
    assert len(others) == len(sides)


@pytest.mark.parametrize(
    "sentence",
    [
        "The lesion area is located in the left insula.",
        "A mass is seen in the right cerebellar hemisphere.",
        "There is a lesion in the left frontal and parietal lobes.",
        "There are multiple lesions bilaterally in the deep white matter.",
        "A mass is seen in the left deep brain structures.",
    ],
)
def test_other_lobes_keep_the_side(sentence):
    before = extract(sentence)
    others = [extract(other) for other in other_lobe(sentence)]
    assert len(others) >= 2
    for other in others:
        assert set(other.lobes) - set(before.lobes)
        assert set(before.lobes) - set(other.lobes)
        assert other.side == before.side


def test_lobes_that_the_report_names_elsewhere_are_no_counterfactual():
    text = "The lesion is in the left frontal lobe. It extends into the parietal lobe."
    assert not any("parietal" in other for other in contrasts(text)["lobe"].alternatives)


def test_the_written_degree_is_denied_in_place():
    found = contrasts("A mass is seen. The lesion is surrounded by a moderate degree of edema.")
    assert "The lesion is surrounded by no edema." in found["edema"].alternatives
    found = contrasts("The left lateral ventricle is markedly compressed.")
    assert "The left lateral ventricle is not compressed." in found["compression"].alternatives


def test_a_denial_that_would_take_another_finding_along_is_not_offered():
    found = contrasts("Mild edema and necrosis are seen.")
    assert not any("necrosis" in other for other in found["edema"].alternatives)


def test_what_a_report_does_not_speak_of_has_no_contrast():
    assert contrasts("The patient was well.") == {}
    assert contrasts("") == {}


def test_sentences_are_where_they_say(report_text):
    spans = split_sentences(report_text)
    assert len(spans) == 5
    assert all(report_text[start:end] == text for start, end, text in spans)
    assert " ".join(text for _, _, text in spans) == report_text
    assert [span.text for span in split_sentences("No end\nSize 2.5 cm. Yes")] == ["No end", "Size 2.5 cm.", "Yes"]


@pytest.mark.parametrize("side", ["left", "right", "bilateral", "midline"])
@pytest.mark.parametrize("lobes", [("frontal",), ("temporal", "insula"), ("deep",), ("cerebellum", "brainstem")])
@pytest.mark.parametrize("grade", ["none", "moderate"])
def test_in_any_report_of_the_grammar_every_finding_can_be_turned(side, lobes, grade):
    truth = Truth(
        lesion=True,
        side=side,
        main_lobe=lobes[0],
        lobes=lobes,
        foci=1,
        edema=grade,
        necrosis="present" if grade == "none" else "none",
        ventricular_compression=grade,
        lateral_ventricles_ml=(5.0, 9.0),
    )
    for seed in range(5):
        text = write_report(truth, np.random.default_rng(seed))
        before, found = extract(text), contrasts(text)
        assert set(found) == set(ABOUT), text
        for about, field in (("edema", "edema"), ("necrosis", "necrosis"), ("compression", "ventricular_compression")):
            for other in found[about].alternatives:
                assert (getattr(extract(other), field) == "none") != (getattr(before, field) == "none"), other
        assert all(extract(other).side in ({"left", "right"} - {side}) for other in found["side"].alternatives)
        assert all(set(extract(other).lobes) - set(before.lobes) for other in found["lobe"].alternatives)
        assert not any(extract(other).lesion for other in found["lesion"].alternatives)
