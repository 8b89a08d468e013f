"""Orientation comes from the affine alone."""

from __future__ import annotations

import gzip
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from braingemma3d.imaging.grid import to_grid
from braingemma3d.imaging.orientation import corner_gap_mm, dhw_to_ras_image, nifti_bytes, orientation_code, to_dhw
from braingemma3d.imaging.preprocess import load_scan
from phantom import LESION_RAS_MM

DHW_TO_MM = np.array([[0, 0, 2, -90], [0, 2, 0, -126], [2, 0, 0, -72], [0, 0, 0, 1]], dtype=np.float64)
"""(d, h, w) of a 2 mm grid to RAS millimetres."""

ALL_48 = [
    nib.orientations.axcodes2ornt(tuple(axes[i][flip[i]] for i in order))
    for order in permutations(range(3))
    for flip in product((0, 1), repeat=3)
    for axes in [("LR", "PA", "IS")]
]


def test_there_are_48_distinct_orientations():
    assert len({orientation.tobytes() for orientation in ALL_48}) == 48


def test_all_48_orientations_of_a_scan_give_one_tensor(brain_ras, save_scan):
    expected, expected_affine = to_grid(load_scan(save_scan(brain_ras)), (16, 24, 20))
    for orientation in ALL_48:
        turned = brain_ras.as_reoriented(nib.orientations.ornt_transform(_ras(), orientation))
        volume = load_scan(save_scan(turned, "turned.nii.gz"))
        pixels, affine = to_grid(volume, (16, 24, 20))
        code = volume.source.orientation
        np.testing.assert_array_equal(pixels, expected, err_msg=code)
        np.testing.assert_allclose(affine, expected_affine, atol=1e-4, err_msg=code)


def test_axes_run_upwards_forwards_and_to_the_right(brain_ras):
    array, affine = to_dhw(brain_ras)
    d, h, w = np.unravel_index(array.argmax(), array.shape)
    position = affine @ [d, h, w, 1]
    np.testing.assert_allclose(position[:3], LESION_RAS_MM, atol=16)
    assert w < array.shape[2] / 2, "the lesion is on the left, so its W index is low"
    assert h > array.shape[1] / 2, "it is frontal, so its H index is high"
    assert d > array.shape[0] / 2, "it is high up, so its D index is high"


def test_an_oblique_affine_keeps_its_obliquity(brain_ras):
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]]
    oblique = nib.Nifti1Image(np.asarray(brain_ras.dataobj), turn @ brain_ras.affine)
    array, affine = to_dhw(oblique)
    np.testing.assert_array_equal(array, to_dhw(brain_ras)[0])
    np.testing.assert_allclose(affine @ [1, 2, 3, 1], turn @ brain_ras.affine @ [3, 2, 1, 1])


def test_the_way_back_to_ras_is_exact(brain_ras):
    back = dhw_to_ras_image(*to_dhw(brain_ras))
    np.testing.assert_array_equal(back.get_fdata(), brain_ras.get_fdata())
    np.testing.assert_allclose(back.affine, brain_ras.affine)


@pytest.mark.parametrize("code", ["RAS", "LPS", "PIR"])
def test_orientation_codes(code):
    directions = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, letter in enumerate(code):
        world, sign = directions[letter]
        affine[world, axis] = sign
    assert orientation_code(affine) == code


def _ras() -> np.ndarray:
    return nib.orientations.axcodes2ornt("RAS")


def test_an_array_becomes_a_file_in_which_each_voxel_keeps_its_place():
    array = np.zeros((4, 5, 6), np.int16)
    array[1, 2, 3] = 7
    written = nifti_bytes(array, DHW_TO_MM)
    image = nib.Nifti1Image.from_bytes(gzip.decompress(written))
    assert image.shape == (6, 5, 4)
    assert orientation_code(image.affine) == "RAS"
    assert image.header.get_xyzt_units()[0] == "mm"
    (voxel,) = np.argwhere(np.asarray(image.dataobj))
    np.testing.assert_allclose(image.affine @ [*voxel, 1], DHW_TO_MM @ [1, 2, 3, 1])
    assert nifti_bytes(array, DHW_TO_MM) == written


def test_a_turned_grid_is_far_off_at_a_corner_only():
    turned = np.diag([1, 1, 1.1, 1])
    assert corner_gap_mm(np.eye(4), np.eye(4), (5, 6, 11)) == 0
    assert corner_gap_mm(np.eye(4), turned, (5, 6, 11)) == pytest.approx(1)
