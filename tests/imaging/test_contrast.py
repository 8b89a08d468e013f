"""FLAIR or not, from the brightness of the tissues."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from braingemma3d.imaging.contrast import PRIOR_FILE, contrast_warnings, tissue_levels
from braingemma3d.imaging.volume import ScanGrid, Volume


def brain_of(grey: float, white: float, csf: float) -> Volume:
    """An average brain, 150 x 190 x 150 mm, with the given brightness of each tissue and some noise."""
    with np.load(PRIOR_FILE) as file:
        prior = torch.from_numpy(file["prior"].astype(np.float32) / 255)
    shares = functional.interpolate(prior[None], (50, 63, 50), mode="trilinear")[0].numpy()
    array = np.tensordot([grey, white, csf], shares, axes=1)
    array *= 1 + 0.05 * np.random.default_rng(0).standard_normal(array.shape)
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    mask = shares.sum(axis=0) > 0.5
    grid = ScanGrid(Path("scan.nii"), array.shape, affine, "RAS")
    return Volume(np.where(mask, array, 0).astype(np.float32), affine, grid, brain_mask=mask)


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
    ],
    ids=["flair", "flair-isointense", "t1", "t2"],
)
def test_other_contrasts_are_flagged(levels, flagged):
    codes = [warning.code for warning in contrast_warnings(brain_of(*levels))]
    assert codes == (["not_flair_like"] if flagged else [])


def test_a_bright_lesion_does_not_decide():
    volume = brain_of(300, 250, 60)
    array = volume.array.copy()
    array[20:35, 25:40, 8:22] *= 2.2
    assert contrast_warnings(replace(volume, array=array)) == []
