"""Orientation: to and from (D, H, W) by the affine, and by nothing else."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine

from braingemma3d.imaging.volume import Affine, Array

_DHW_TO_RAS = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64)
"""Reverses the order of three axes: (d, h, w) indices to (w, h, d) = (x, y, z) ones, and back."""


def orientation_code(affine: Affine) -> str:
    """Axis codes of an affine, such as ``RAS``: where each array axis points."""
    return "".join(nib.aff2axcodes(affine))


def corner_gap_mm(one: Affine, other: Affine, shape: tuple[int, ...]) -> float:
    """How far two affines of an image of this shape put any of its corners apart, along one axis, in millimetres."""
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in shape[:3]]), axis=-1).reshape(-1, 3)
    return float(np.abs(apply_affine(one, corners) - apply_affine(other, corners)).max())


def to_dhw(image: nib.Nifti1Image) -> tuple[Array, Affine]:
    """Bring a 3D image to (D, H, W), inferior to superior, posterior to anterior, left to right.

    Axes are permuted and flipped, never resampled: an oblique scan keeps its obliquity in the affine.

    Returns:
        The array (D, H, W) float32 and the affine from (d, h, w) to RAS millimetres.
    """
    ras = nib.as_closest_canonical(image)
    array = ras.get_fdata(dtype=np.float32, caching="unchanged")
    return np.ascontiguousarray(array.transpose(2, 1, 0)), ras.affine @ _DHW_TO_RAS


def dhw_to_ras_image(array: np.ndarray, affine: Affine) -> nib.Nifti1Image:
    """The NIfTI image, in RAS order, of an array (D, H, W) with its (d, h, w) affine."""
    return nib.Nifti1Image(np.ascontiguousarray(array.transpose(2, 1, 0)), affine @ _DHW_TO_RAS)


def nifti_bytes(array: np.ndarray, affine: Affine, level: int = 4) -> bytes:
    """The gzipped NIfTI file of an array (D, H, W) with its (d, h, w) affine in millimetres.

    Args:
        array: of a type that NIfTI has.
        affine: (4, 4).
        level: of the compression, 0 to 9.
    """
    image = dhw_to_ras_image(array, affine)
    image.header.set_xyzt_units("mm")
    # No time stamp: the same array is the same file.
    return gzip.compress(image.to_bytes(), compresslevel=level, mtime=0)
