"""The mirror image of findings and of texts."""

from __future__ import annotations

import pytest

from braingemma3d.findings.extract import extract
from braingemma3d.findings.mirror import mirror_consistent, mirror_differences, mirrored, swap_sides
from braingemma3d.findings.schema import Finding, Findings

TRUTH = Findings(
    lesion=True,
    side="left",
    lobes=("frontal", "temporal"),
    edema="moderate",
    necrosis="present",
    ventricular_compression="none",
    lesions=(Finding(side="left", lobes=("frontal", "temporal")),),
)
TEXT = "A lesion is in the left frontal and temporal lobes. There is moderate edema. Necrosis is present."


def test_a_mirror_swaps_sides_and_nothing_else():
    other = mirrored(TRUTH)
    assert (other.side, other.lesions[0].side) == ("right", "right")
    assert other.model_copy(update={"side": "left", "lesions": TRUTH.lesions}) == TRUTH
    assert mirrored(other) == TRUTH


@pytest.mark.parametrize("side", ["bilateral", "midline", "none"])
def test_a_symmetric_side_stays(side):
    assert mirrored(TRUTH.model_copy(update={"side": side})).side == side


def test_consistency():
    found = extract(TEXT)
    assert mirror_consistent(found, extract(TEXT.replace("left", "right")))
    assert not mirror_consistent(found, found)
    assert not mirror_consistent(found, extract(TEXT.replace("left", "right").replace("moderate", "mild")))


def test_each_of_several_lesions_has_to_change_its_side():
    text = "A lesion lies in the left frontal lobe. A second lesion lies in the right temporal lobe."
    found = extract(text)
    assert found.side == "bilateral"
    assert mirror_consistent(found, extract(swap_sides(text)))
    assert mirror_differences(found, found) == ["lesions"]


def test_the_order_of_lesions_is_wording():
    there = extract("A lesion lies in the left frontal lobe. A second lesion lies in the right temporal lobe.")
    back = extract("A lesion lies in the left temporal lobe. A second lesion lies in the right frontal lobe.")
    assert mirror_consistent(there, back)
    both = extract("There are bilateral frontal lesions.")
    apart = extract("A lesion lies in the left frontal lobe. A second lesion lies in the right frontal lobe.")
    assert mirror_consistent(both, apart)


def test_what_differs_from_the_mirror_is_named():
    found = extract(TEXT)
    assert mirror_differences(found, extract(TEXT.replace("left", "right"))) == []
    assert mirror_differences(found, found) == ["side"]
    other = TEXT.replace("left", "right").replace("moderate", "mild").replace(" and temporal lobes", " lobe")
    assert mirror_differences(found, extract(other)) == ["lobes", "edema"]


def test_swapping_keeps_case_and_leaves_other_words() -> None:
    text = "Left LEFT left-sided, leftward; bright, upright, cleft. Right."
    assert swap_sides(text) == "Right RIGHT right-sided, rightward; bright, upright, cleft. Left."


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        ("Mass in the L frontal lobe.", "Mass in the R frontal lobe."),
        ("Rt. parietal and lt temporal masses.", "Lt. parietal and rt temporal masses."),
        ("L-sided cerebellar tumor.", "R-sided cerebellar tumor."),
        ("The left and R frontal lobes.", "The right and L frontal lobes."),
        ("A mass in the (R) temporal lobe.", "A mass in the (L) temporal lobe."),
        ("Disc at L5, grade R.", "Disc at L5, grade R."),
    ],
)
def test_letters_for_sides_swap_where_they_are_read_as_sides(text, swapped):
    assert swap_sides(text) == swapped
    assert mirror_consistent(extract(text), extract(swapped))
