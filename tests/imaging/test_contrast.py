"""FLAIR or not, from the brightness of the tissues."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from average_brain import average_brain
from braingemma3d.imaging.contrast import contrast_warnings, tissue_levels
from braingemma3d.imaging.volume import ScanGrid, Volume


def brain_of(grey: float, white: float, csf: float) -> Volume:
    array, affine = average_brain(grey, white, csf)
    grid = ScanGrid(Path("scan.nii"), array.shape, affine, "RAS")
    return Volume(array, affine, grid, brain_mask=array > 0)


def test_tissue_levels_are_recovered_up_to_scale():
    levels = tissue_levels(brain_of(300, 250, 60))
    assert levels.white / levels.grey == pytest.approx(250 / 300, abs=0.06)
    assert levels.csf < 0.4 * levels.white


@pytest.mark.parametrize(
    ("levels", "flagged"),
    [
        ((300, 250, 60), False),
        ((300, 300, 80), False),
        ((200, 300, 60), True),
        ((300, 220, 600), True),
        ((300, 20, 20), True),
        ((300, 300, 300), True),
    ],
    ids=["flair", "flair-isointense", "t1", "t2", "map-of-grey-matter", "phantom"],
)
def test_other_contrasts_are_flagged(levels, flagged):
    codes = [warning.code for warning in contrast_warnings(brain_of(*levels))]
    assert codes == (["not_flair_like"] if flagged else [])


def test_a_bright_lesion_does_not_decide():
    volume = brain_of(300, 250, 60)
    array = volume.array.copy()
    array[23:38, 28:43, 11:25] *= 2.2
    assert contrast_warnings(replace(volume, array=array)) == []
