"""Systems that look by a fixed rule, on the phantom with a lesion in the left frontal lobe."""

from __future__ import annotations

import numpy as np
import pytest

import phantom
from braingemma3d.errors import InputError, ModelError
from braingemma3d.evaluation.systems import no_learning
from braingemma3d.evaluation.systems.no_learning import (
    GRID,
    BrighterHemisphere,
    BrightestBlob,
    Majority,
    average_lobes,
    majority,
)
from braingemma3d.evaluation.systems.system import Reference
from braingemma3d.findings.extract import extract
from braingemma3d.findings.schema import LOBES, Findings
from braingemma3d.imaging.preprocess import load_scan

RIGHT = Findings(lesion=True, side="right", lobes=("temporal",), edema="severe", necrosis="present")
KNOWN = [Reference("a", None, RIGHT), Reference("b", None, RIGHT), Reference("c", None, Findings())]


@pytest.fixture
def scan(brain_file):
    return load_scan(brain_file)


def read(system, *volumes):
    return [extract(text) for text in system.write([str(i) for i in range(len(volumes))], volumes)]


def test_without_the_atlas_the_blob_does_not_count_as_wrong_on_every_case(scan, monkeypatch):
    def missing():
        raise InputError("pip install the atlas", "atlas_missing")

    monkeypatch.setattr(no_learning, "average_lobes", missing)
    with pytest.raises(ModelError, match="pip install the atlas"):
        BrightestBlob(KNOWN).write(["a"], [scan])


def test_the_majority_says_the_same_of_every_scan(scan):
    found = read(Majority(KNOWN), scan, scan.mirrored())
    assert found[0] == found[1]
    assert found[0].model_copy(update={"lesions": ()}) == RIGHT


def test_the_majority_is_taken_finding_by_finding_among_lesions():
    other = RIGHT.model_copy(update={"edema": "mild", "side": "left"})
    third = RIGHT.model_copy(update={"edema": "mild", "lobes": ("frontal",)})
    found = majority([Reference(str(i), None, one) for i, one in enumerate([RIGHT, other, third, Findings()])])
    assert found == RIGHT.model_copy(update={"edema": "mild"})


def test_what_is_unknown_has_no_vote():
    known = frozenset({"lesion", "side"})
    unknown = [Reference(str(i), None, Findings(lesion=True, side="left"), known) for i in range(2)]
    found = majority([*unknown, Reference("x", None, RIGHT)])
    assert (found.side, found.edema) == ("left", "severe")
    assert majority(unknown) == Findings(lesion=True, side="left")


def test_mostly_healthy_cases_make_a_healthy_majority():
    assert majority([KNOWN[0], KNOWN[2], KNOWN[2]]) == Findings()
    assert majority([]) == Findings()


def test_the_brighter_hemisphere_is_the_lesion_s_and_turns_with_the_scan(scan):
    left, right = read(BrighterHemisphere(KNOWN), scan, scan.mirrored())
    assert (left.side, right.side) == ("left", "right")
    assert left.edema == "severe", "everything else is the majority's"


def test_the_brightest_blob_is_the_lesion(scan):
    left, right = read(BrightestBlob(KNOWN), scan, scan.mirrored())
    assert (left.side, left.lobes) == ("left", ("frontal",))
    assert (right.side, right.lobes) == ("right", ("frontal",))


@pytest.mark.parametrize("place", [(-30.0, -45.0, 20.0), (40.0, -5.0, -22.0), (20.0, -45.0, -38.0)])
def test_the_blob_is_found_where_it_is(place, save_scan, monkeypatch):
    monkeypatch.setattr(phantom, "LESION_RAS_MM", place)
    (found,) = read(BrightestBlob(KNOWN), load_scan(save_scan(phantom.brain_image(), "other.nii.gz")))
    assert found.side == ("left" if place[0] < 0 else "right")
    expected = {-45.0: {20.0: "parietal", -38.0: "cerebellum"}, -5.0: {-22.0: "temporal"}}[place[1]][place[2]]
    assert expected in found.lobes


def test_bright_voxels_at_the_rim_are_not_the_blob(scan):
    array = scan.array.copy()
    at_right_border = np.argwhere(scan.brain_mask.any(axis=(0, 1))).max()
    array[..., at_right_border - 1 :] *= 20
    bright = scan.__class__(array, scan.affine, scan.source, scan.brain_mask)
    assert read(BrightestBlob(KNOWN), bright)[0].side == "left"


def test_the_average_lobes_are_where_anatomy_has_them():
    lobes = average_lobes()
    assert lobes.shape == GRID
    centre = {name: np.argwhere(lobes == LOBES.index(name) + 1).mean(axis=0) / GRID for name in LOBES}
    assert centre["frontal"][1] > centre["parietal"][1] > centre["occipital"][1]
    assert centre["temporal"][0] < centre["parietal"][0]
    assert centre["cerebellum"][0] < centre["occipital"][0]
    assert all(abs(middle[2] - 0.5) < 0.03 for middle in centre.values()), "both sides are alike"


def test_there_are_three_and_they_do_not_learn():
    systems = [Majority(KNOWN), BrighterHemisphere(KNOWN), BrightestBlob(KNOWN)]
    assert {system.kind for system in systems} == {"no_learning"}
    assert len({system.name for system in systems}) == 3
