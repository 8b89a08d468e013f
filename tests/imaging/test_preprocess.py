"""The ordered recipe, on phantoms and, where they are at hand, on real scans."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import phantom
from average_brain import average_brain
from braingemma3d.imaging.grid import to_grid
from braingemma3d.imaging.orientation import dhw_to_ras_image
from braingemma3d.imaging.preprocess import load_scan

REAL_DATA = Path(os.environ.get("BRAINGEMMA3D_REAL_DATA", "/nonexistent"))
real_data = pytest.mark.skipif(not REAL_DATA.is_dir(), reason="set BRAINGEMMA3D_REAL_DATA to a folder of real scans")


def test_a_stripped_phantom_is_loaded_with_its_mask_and_warning(brain_file):
    volume = load_scan(brain_file)
    assert volume.brain_mask is not None
    assert volume.brain_mask.shape == volume.array.shape
    assert "already_stripped" in [w.code for w in volume.warnings]
    assert volume.source.path == brain_file


def brain_of_slices(step, keep=slice(None)):
    image = phantom.brain_image()
    array = np.asarray(image.dataobj)[:, :, keep][:, :, ::step]
    affine = image.affine.copy()
    affine[:3, 2] *= step
    return nib.Nifti1Image(array, affine)


def test_what_limits_a_scan_is_among_its_warnings(save_scan):
    thick = load_scan(save_scan(brain_of_slices(2)))
    assert "thick_slices" in [w.code for w in thick.warnings]
    cut = load_scan(save_scan(brain_of_slices(1, slice(25, None))))
    assert "partial_coverage" in [w.code for w in cut.warnings]


def test_another_contrast_is_among_the_warnings(save_scan):
    bright_csf = load_scan(save_scan(dhw_to_ras_image(*average_brain(300, 220, 700))))
    assert "not_flair_like" in [w.code for w in bright_csf.warnings]


@real_data
def test_raw_and_stripped_scan_of_one_patient_agree():
    """Glioma in the right frontal lobe: the raw file is LAS and 5.5 mm thick, the stripped one LPS at 1 mm."""
    raw = load_scan(REAL_DATA / "tcga6692_flair_raw.nii.gz")
    stripped = load_scan(REAL_DATA / "tcga6692_flair_bet.nii.gz")
    assert raw.brain_ml == pytest.approx(stripped.brain_ml, rel=0.08)
    for volume in (raw, stripped):
        pixels, _ = to_grid(volume, (32, 48, 40))
        bright = np.argwhere(pixels > 0.7)
        _, h, w = bright.mean(axis=0) / pixels.shape
        assert w > 0.6, "right"
        assert h > 0.55, "frontal"
    a, b = (to_grid(v, (16, 24, 20))[0] for v in (raw, stripped))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.85


@real_data
def test_the_metastasis_is_on_the_left_at_the_back():
    pixels, _ = to_grid(load_scan(REAL_DATA / "met00110_flair.nii.gz"), (32, 48, 40))
    _, h, w = np.argwhere(pixels > 0.75).mean(axis=0) / pixels.shape
    assert w < 0.45
    assert h < 0.5


@real_data
@pytest.mark.parametrize("scale", [0.86, 0.8])
def test_a_small_head_whose_air_is_0_keeps_no_skull(scale, save_scan):
    raw = nib.load(REAL_DATA / "tcga6692_flair_raw.nii.gz")
    array = raw.get_fdata()
    array[array < 20] = 0
    affine = raw.affine.copy()
    affine[:3, :3] *= scale
    head = load_scan(save_scan(nib.Nifti1Image(array, affine)))
    assert "already_stripped" not in [warning.code for warning in head.warnings]
