"""Perturbation: a scan with some of its supervoxels replaced by something that says nothing."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, gaussian_filter
from torch import Tensor

from braingemma3d.explain.supervoxels import Supervoxels
from braingemma3d.imaging.contrast import fluid_share
from braingemma3d.imaging.volume import Array, Mask

Baseline = Literal["healthy", "tissue", "blur", "zero"]

BLUR_MM = 15.0
"""Wide enough to wash out a lesion of a few centimetres; larger ones stay bright, so this is not the default."""
FLUID_MM = 12.0
"""Dark voxels this near to where an average brain has fluid are taken for fluid; others may be necrosis."""
SOME_FLUID, MOSTLY_FLUID = 0.3, 0.5
"""Shares of CSF in a voxel of the average brain."""
DARK = 0.5
"""Share of the tissue's intensity below which a voxel is dark."""

BASELINES: dict[Baseline, str] = {
    "healthy": "a healthy brain: the mean of the brain's middle half of intensities, which is healthy-looking tissue, "
    "but dark where the scan has fluid near an average brain's, and where an average brain has it",
    "tissue": "the mean of the brain's middle half of intensities, which is healthy-looking tissue",
    "blur": f"the brain blurred by a Gaussian of {BLUR_MM:g} mm",
    "zero": "zero, the intensity outside the brain",
}
"""What a switched-off supervoxel is replaced by, in words."""


def baseline_pixels(pixels: Array, brain: Mask, spacing: tuple[float, float, float], kind: Baseline) -> Array:
    """What switched-off supervoxels are replaced by.

    Args:
        pixels: (D, H, W) in [0, 1], over the brain's bounding box.
        brain: (D, H, W).
        spacing: along (D, H, W) in millimetres.
        kind: see :data:`BASELINES`.

    Returns:
        (D, H, W) float32; only its values inside the brain are used.
    """
    if kind == "zero":
        return np.zeros_like(pixels)
    if kind == "blur":
        sigma = [BLUR_MM / mm for mm in spacing]
        # Divided by the blurred mask, or the brain's rim would darken.
        weight = gaussian_filter(brain.astype(np.float32), sigma)
        return gaussian_filter(np.where(brain, pixels, 0), sigma) / np.maximum(weight, 1e-6)
    inside = pixels[brain]
    darkest, low, high = np.percentile(inside, [2, 25, 75])
    tissue = inside[(inside >= low) & (inside <= high)].mean()
    filled = np.full_like(pixels, tissue)
    if kind == "healthy":
        # A ventricle that was filled with tissue would look as if a mass compressed it.
        fluid = fluid_share(pixels.shape)
        near = distance_transform_edt(fluid < SOME_FLUID, sampling=spacing) < FLUID_MM
        seen = near & (pixels < DARK * tissue)
        filled[seen] = pixels[seen]
        filled[fluid > MOSTLY_FLUID] = darkest
    return filled


class Perturbation:
    """Switches supervoxels of one scan on and off.

    Args:
        pixels: (D, H, W) in [0, 1] on the model's grid.
        baseline: (D, H, W), what takes the place of a supervoxel that is off.
        supervoxels: of the brain; what lies outside it never changes.
    """

    def __init__(self, pixels: Array, baseline: Array, supervoxels: Supervoxels) -> None:
        self.pixels = torch.from_numpy(pixels)
        self.baseline = torch.from_numpy(baseline)
        self.labels = torch.from_numpy(supervoxels.labels).long()
        self.count = supervoxels.count

    def __call__(self, keep: Tensor) -> Tensor:
        """(n, supervoxels) bool, True where the scan is kept, to pixel values (n, 1, D, H, W).

        Raises:
            ValueError: another number of supervoxels.
        """
        if keep.ndim != 2 or keep.shape[1] != self.count:
            raise ValueError(f"keep must have shape (n, {self.count}), not {tuple(keep.shape)}")
        outside = torch.ones(len(keep), 1, dtype=torch.bool)
        kept = torch.cat([outside, keep.bool()], dim=1)[:, self.labels]
        return torch.where(kept, self.pixels, self.baseline)[:, None]
