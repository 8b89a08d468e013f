"""The model's grid and the way back."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine

import phantom
from braingemma3d.imaging.grid import brain_box, to_grid, to_scan
from braingemma3d.imaging.preprocess import load_scan

GRID = (32, 48, 40)


def centre_mm(weights: np.ndarray, affine: np.ndarray) -> np.ndarray:
    index = np.average(np.indices(weights.shape).reshape(3, -1), axis=1, weights=weights.ravel())
    return apply_affine(affine, index)


def test_pixels_are_in_range_on_the_grid(brain_file):
    pixels, _ = to_grid(load_scan(brain_file), GRID)
    assert pixels.shape == GRID
    assert pixels.min() >= 0
    assert pixels.max() <= 1


def test_the_grid_of_a_mirrored_volume_is_the_mirrored_grid(brain_file):
    volume = load_scan(brain_file)
    pixels, _ = to_grid(volume, (40, 64, 50))
    mirrored, _ = to_grid(volume.mirrored(), (40, 64, 50))
    np.testing.assert_array_equal(mirrored[..., ::-1], pixels)


def test_the_grids_affine_places_the_lesion_where_it_is(brain_file):
    pixels, affine = to_grid(load_scan(brain_file), GRID)
    np.testing.assert_allclose(centre_mm(pixels > 0.65, affine), phantom.LESION_RAS_MM, atol=1.5)


@pytest.mark.parametrize("code", ["RAS", "LPS", "PIR", "SLA", "IAR"])
def test_a_left_lesion_comes_back_to_the_left_of_the_scan(code, brain_ras, save_scan):
    target = nib.orientations.axcodes2ornt(code)
    image = brain_ras.as_reoriented(nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), target))
    volume = load_scan(save_scan(image))
    assert volume.source.orientation == code
    pixels, affine = to_grid(volume, GRID)
    back = to_scan((pixels > 0.65).astype(np.float32), affine, volume.source)
    assert back.shape == image.shape
    np.testing.assert_allclose(back.affine, image.affine)
    np.testing.assert_allclose(centre_mm(back.get_fdata(), back.affine), phantom.LESION_RAS_MM, atol=1.5)
    lesion = np.asarray(image.dataobj) > 500
    found = back.get_fdata() > 0.5
    assert 2 * (lesion & found).sum() / (lesion.sum() + found.sum()) > 0.85


def test_a_linear_map_survives_the_round_trip(brain_file):
    volume = load_scan(brain_file)
    _, affine = to_grid(volume, GRID)
    millimetres = apply_affine(affine, np.indices(GRID).reshape(3, -1).T).T.reshape(3, *GRID)
    back = to_scan(millimetres[0].astype(np.float32), affine, volume.source)
    expected = apply_affine(back.affine, np.indices(back.shape).reshape(3, -1).T)[:, 0].reshape(back.shape)
    inner = tuple(slice(n // 4, 3 * n // 4) for n in back.shape)
    np.testing.assert_allclose(back.get_fdata()[inner], expected[inner], atol=0.01)


def test_stray_voxels_do_not_widen_the_box(brain_ras, save_scan):
    clean = brain_box(load_scan(save_scan(brain_ras)))
    array = np.asarray(brain_ras.dataobj).copy()
    column = slice(array.shape[2] // 2, array.shape[2])
    array[array.shape[0] // 2, array.shape[1] // 2, column] = 300
    assert brain_box(load_scan(save_scan(nib.Nifti1Image(array, brain_ras.affine)))) == clean
