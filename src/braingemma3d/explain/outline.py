"""The outline of a lesion: a segmentation file on the grid of its scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nibabel.processing import resample_from_to

from braingemma3d.errors import InputError
from braingemma3d.imaging.nifti import read_nifti
from braingemma3d.imaging.orientation import dhw_to_ras_image, to_dhw
from braingemma3d.imaging.volume import Mask, Volume


def read_outline(path: Path, volume: Volume) -> Mask:
    """Read a segmentation: every value above 0 is lesion.

    Args:
        path: a NIfTI file; on another grid than the scan it is put there by nearest voxel.
        volume: the scan.

    Returns:
        (D, H, W) on the volume's grid.

    Raises:
        InputError: the file can't be read, or no lesion in it lies in the scan's brain.
    """
    found = read_nifti(path)
    labels = (found.array > 0).astype(np.float32)
    if labels.shape != volume.array.shape or not np.allclose(found.affine, volume.affine, atol=1e-3):
        grid = dhw_to_ras_image(np.zeros(volume.array.shape, np.uint8), volume.affine)
        image = resample_from_to(dhw_to_ras_image(labels, found.affine), (grid.shape, grid.affine), order=0)
        labels, _ = to_dhw(image)
    outline = labels > 0
    if not (outline & volume.brain).any():
        raise InputError(
            f"{path}: nothing that it marks lies in the brain of {volume.source.path.name}; give this scan's own "
            "segmentation",
            "bad_outline",
        )
    return outline
