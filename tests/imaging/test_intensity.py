"""Intensity scaling is robust: units, offsets and lesions don't move healthy tissue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import phantom
from braingemma3d.errors import InputError
from braingemma3d.imaging.intensity import MEDIAN_LEVEL, scale_intensity
from braingemma3d.imaging.preprocess import load_scan


@pytest.fixture
def volume(brain_file):
    return load_scan(brain_file)


def test_range_and_anchor(volume):
    scaled = scale_intensity(volume)
    assert scaled.dtype == np.float32
    assert scaled.min() == 0
    assert scaled.max() <= 1
    assert (scaled[~volume.brain_mask] == 0).all()
    assert np.median(scaled[volume.brain_mask]) == pytest.approx(MEDIAN_LEVEL, abs=1e-3)


def test_a_linear_change_of_units_changes_nothing(volume):
    other = replace(volume, array=volume.array * 7.5 + 100)
    np.testing.assert_allclose(scale_intensity(other), scale_intensity(volume), atol=1e-5)


def test_one_absurd_voxel_changes_nothing_elsewhere(volume):
    array = volume.array.copy()
    array[tuple(n // 2 for n in array.shape)] = 1e6
    difference = np.abs(scale_intensity(replace(volume, array=array)) - scale_intensity(volume))
    assert (difference > 1e-3).sum() <= 1


def test_a_bright_lesion_does_not_darken_healthy_tissue(volume, save_scan):
    import nibabel as nib

    healthy = load_scan(save_scan(nib.Nifti1Image(phantom.brain_array(lesion=False), phantom.coordinates()[1])))
    same = (healthy.array == volume.array) & volume.brain_mask
    assert np.abs(scale_intensity(healthy) - scale_intensity(volume))[same].max() < 0.02


def test_a_brain_without_contrast_is_refused(volume):
    flat = replace(volume, array=np.where(volume.brain_mask, 5, 0).astype(np.float32))
    with pytest.raises(InputError, match="no contrast"):
        scale_intensity(flat)
