from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np

from braingemma3d.simulate.anatomy import grid_affine
from braingemma3d.simulate.files import nifti_bytes


def test_a_voxel_keeps_its_place_in_the_head() -> None:
    array = np.zeros((4, 5, 6), np.int16)
    array[1, 2, 3] = 7
    image = nib.Nifti1Image.from_bytes(gzip.decompress(nifti_bytes(array, grid_affine())))
    assert image.shape == (6, 5, 4)
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    (voxel,) = np.argwhere(np.asarray(image.dataobj))
    np.testing.assert_allclose(image.affine @ [*voxel, 1], grid_affine() @ [1, 2, 3, 1])


def test_the_same_case_is_the_same_file() -> None:
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    assert nifti_bytes(array, grid_affine()) == nifti_bytes(array, grid_affine())
