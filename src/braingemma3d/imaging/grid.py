"""The model's grid: the brain's bounding box, resized; and the way back to the scan."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import torch
from nibabel.processing import resample_from_to
from numpy.typing import NDArray

from braingemma3d.imaging.intensity import scale_intensity
from braingemma3d.imaging.orientation import dhw_to_ras_image
from braingemma3d.imaging.volume import Affine, Array, ScanGrid, Shape, Volume

MARGIN = 0.03
"""Share of the brain's extent that is added on each side of its bounding box."""
SLIVER = 0.02
"""Slices with less than this share of the largest slice's brain don't count: stray voxels would widen the box."""


def brain_box(volume: Volume) -> tuple[slice, slice, slice]:
    """Bounding box of the brain without slivers, with :data:`MARGIN`, cut at the image's border."""
    box = []
    for axis, size in enumerate(volume.brain.shape):
        area = volume.brain.sum(axis=tuple(a for a in range(3) if a != axis))
        inside = np.flatnonzero(area > SLIVER * area.max())
        margin = round(MARGIN * (inside[-1] - inside[0] + 1))
        box.append(slice(max(0, int(inside[0]) - margin), min(size, int(inside[-1]) + 1 + margin)))
    return box[0], box[1], box[2]


def to_grid(volume: Volume, shape: Shape) -> tuple[Array, Affine]:
    """Scale intensities, crop to the brain and resize to the model's grid.

    The crop and its mirror image are resized and averaged, so that the grid of a mirrored volume is the mirrored grid
    to the last bit: sums in another order would be enough to change a word of the report.

    Args:
        volume: a masked volume.
        shape: (D, H, W) of the model's grid.

    Returns:
        Pixels (D, H, W) float32 in [0, 1], and the grid's affine from (d, h, w) to RAS millimetres.
    """
    from monai.transforms import Resize

    box = brain_box(volume)
    crop = torch.from_numpy(scale_intensity(volume)[box])[None]
    resize = Resize(shape, mode="trilinear", anti_aliasing=True)
    pixels = (resize(crop) + resize(crop.flip(-1)).flip(-1)) / 2
    return np.clip(pixels[0].numpy(), 0, 1), _grid_affine(volume.affine, box, shape)


def labels_to_grid(labels: NDArray[np.uint8], volume: Volume, shape: Shape) -> NDArray[np.uint8]:
    """Put a label map of the volume's own grid (D, H, W) onto the model's grid, by nearest voxel."""
    indices = [
        box.start + ((np.arange(n) + 0.5) * (box.stop - box.start) / n).astype(int)
        for box, n in zip(brain_box(volume), shape, strict=True)
    ]
    return labels[np.ix_(*indices)]


def _grid_affine(affine: Affine, box: tuple[slice, slice, slice], shape: Shape) -> Affine:
    """The grid's voxel 0 is centred half a grid voxel inside the box, as in resizing without aligned corners."""
    step = np.array([(s.stop - s.start) / n for s, n in zip(box, shape, strict=True)])
    to_scan = np.diag([*step, 1.0])
    to_scan[:3, 3] = np.array([s.start for s in box]) + (step - 1) / 2
    return affine @ to_scan


def to_scan(values: Array, grid_affine: Affine, scan: ScanGrid) -> nib.Nifti1Image:
    """Put a map on the model's grid back onto the original scan.

    Args:
        values: (D, H, W) on the model's grid.
        grid_affine: the affine that :func:`to_grid` gave.
        scan: the grid of the original file.

    Returns:
        A float32 image with the scan's own shape and affine; 0 outside the model's grid.
    """
    image = dhw_to_ras_image(values.astype(np.float32), grid_affine)
    return resample_from_to(image, (scan.shape, scan.affine), order=1, cval=0.0)
