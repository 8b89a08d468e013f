"""Switching supervoxels off."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from average_brain import average_brain
from braingemma3d.explain.perturb import BASELINES, Baseline, Perturbation, baseline_pixels
from braingemma3d.imaging.contrast import fluid_share
from braingemma3d.imaging.grid import labels_to_grid, to_grid
from braingemma3d.imaging.volume import ScanGrid, Volume


@pytest.fixture
def pixels(blocks):
    return np.random.default_rng(0).random(blocks.labels.shape, dtype=np.float32)


@pytest.fixture
def perturbation(pixels, blocks):
    return Perturbation(pixels, np.full_like(pixels, 0.25), blocks)


def test_with_everything_on_the_scan_is_itself(perturbation, pixels, blocks):
    (same,) = perturbation(torch.ones(1, blocks.count, dtype=torch.bool))
    assert same.shape == (1, 8, 8, 8)
    assert torch.equal(same[0], torch.from_numpy(pixels))


def test_each_sample_loses_its_own_supervoxels_and_nothing_else(perturbation, pixels, blocks):
    keep = torch.ones(3, blocks.count, dtype=torch.bool)
    keep[0, 4] = keep[1, [0, 26]] = False
    changed = perturbation(keep)[:, 0].numpy()
    for row, off in ((0, [5]), (1, [1, 27]), (2, [])):
        away = np.isin(blocks.labels, off)
        assert (changed[row][away] == 0.25).all()
        assert np.array_equal(changed[row][~away], pixels[~away])


def test_outside_the_brain_nothing_ever_changes(perturbation, pixels, blocks):
    (nothing,) = perturbation(torch.zeros(1, blocks.count, dtype=torch.bool))[0].numpy()
    outside = blocks.labels == 0
    assert np.array_equal(nothing[outside], pixels[outside])
    assert (nothing[~outside] == 0.25).all()


def test_another_number_of_supervoxels_is_refused(perturbation):
    with pytest.raises(ValueError, match=r"\(n, 27\)"):
        perturbation(torch.ones(1, 26))


def test_tissue_is_healthy_looking(on_grid):
    filled = baseline_pixels(on_grid.pixels, on_grid.brain, on_grid.spacing, "tissue")
    healthy = np.median(on_grid.pixels[on_grid.brain & ~on_grid.lesion])
    assert np.ptp(filled) == 0
    assert filled.flat[0] == pytest.approx(healthy, abs=0.02)


def test_blur_washes_the_lesion_out_without_darkening_the_rim(on_grid):
    filled = baseline_pixels(on_grid.pixels, on_grid.brain, on_grid.spacing, "blur")
    assert filled[on_grid.lesion].mean() < 0.75 * on_grid.pixels[on_grid.lesion].mean()
    rim = on_grid.brain & ~np.roll(on_grid.brain, 1, axis=0)
    assert filled[rim].mean() > 0.9 * np.median(on_grid.pixels[on_grid.brain])


def test_a_healthy_brain_has_its_ventricles_and_no_lesion():
    shape = (32, 48, 40)
    array, affine = average_brain(300, 250, 20)
    volume = Volume(array, affine, ScanGrid(Path("scan.nii"), array.shape, affine, "RAS"), brain_mask=array > 0)
    pixels, affine = to_grid(volume, shape)
    brain = labels_to_grid(volume.brain_mask.astype(np.uint8), volume, shape) > 0
    healthy = np.median(pixels[brain])
    ventricles = brain & (fluid_share(shape) > 0.8)
    assert pixels[ventricles].mean() < 0.4 * healthy
    ill = pixels.copy()
    ill[14:22, 8:16, 22:30] = 1  # a lesion in one frontal lobe, with a dark core
    ill[17:19, 11:13, 25:27] = 0
    ill[:, :, 20:][ventricles[:, :, 20:]] = healthy  # and no ventricle left on its side
    filled = baseline_pixels(ill, brain, tuple(np.linalg.norm(affine[:3, :3], axis=0)), "healthy")
    assert filled[14:22, 8:16, 22:30].max() < 1.1 * healthy
    assert filled[17:19, 11:13, 25:27].min() > 0.9 * healthy, "a dark core is no fluid"
    for side in (np.s_[:, :, :20], np.s_[:, :, 20:]):
        assert filled[side][ventricles[side]].mean() < 0.4 * healthy


def test_zero_is_zero_and_all_are_described(on_grid):
    assert not baseline_pixels(on_grid.pixels, on_grid.brain, on_grid.spacing, "zero").any()
    assert set(BASELINES) == set(get_args(Baseline))
