"""Supervoxels: the brain on the model's grid, cut into compact pieces of similar intensity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import relabel_sequential, slic

from braingemma3d.imaging.volume import Array, Mask

COUNT = 96
"""Pieces of about 16 ml. With fewer, small lesions share one with healthy tissue; with more, the surrogate needs more
samples. See ``benchmarks/supervoxels.py``."""
COMPACTNESS = 0.03
"""Weight of distance against intensity, which is in [0, 1]: pieces follow the border of a lesion."""
SMALLEST = 0.1
"""Pieces below this share of the average are joined to a neighbour. scikit-image's own 0.5 would swallow lesions."""


@dataclass(frozen=True)
class Supervoxels:
    """A partition of the brain.

    Attributes:
        labels: (D, H, W) int32 on the model's grid, 1 to ``count`` inside the brain, 0 outside.
        spacing: of the grid along (D, H, W) in millimetres.
        compactness: that they were made with.
    """

    labels: NDArray[np.int32]
    spacing: tuple[float, float, float]
    compactness: float = COMPACTNESS

    @cached_property
    def count(self) -> int:
        """How many there are."""
        return int(self.labels.max())

    @cached_property
    def voxels(self) -> NDArray[np.int64]:
        """(count,) voxels of each."""
        return np.bincount(self.labels.ravel(), minlength=self.count + 1)[1:]

    @property
    def millilitres(self) -> NDArray[np.float64]:
        """(count,) volume of each."""
        return self.voxels * float(np.prod(self.spacing)) / 1000

    @cached_property
    def centres(self) -> NDArray[np.int64]:
        """(count, 3) indices (d, h, w) of the voxel of each that is nearest to its centroid: always inside it."""
        places = np.argwhere(self.labels > 0)
        owners = self.labels[tuple(places.T)]
        order = np.argsort(owners, kind="stable")
        groups = np.split(places[order], np.cumsum(self.voxels)[:-1])
        centres = []
        for group in groups:
            distance = (((group - group.mean(axis=0)) * np.array(self.spacing)) ** 2).sum(axis=1)
            centres.append(group[int(distance.argmin())])
        return np.array(centres)

    def spread(self, values: NDArray[np.float64]) -> Array:
        """(count,) values to a map (D, H, W) float32, 0 outside the brain."""
        return np.concatenate([[0.0], values]).astype(np.float32)[self.labels]

    def share_inside(self, mask: Mask) -> NDArray[np.float64]:
        """(count,): the share of each supervoxel that lies in a mask (D, H, W)."""
        return np.bincount(self.labels[mask], minlength=self.count + 1)[1:] / self.voxels


def make_supervoxels(
    pixels: Array,
    brain: Mask,
    spacing: tuple[float, float, float],
    count: int = COUNT,
    compactness: float = COMPACTNESS,
) -> Supervoxels:
    """Cut a brain into supervoxels by SLIC (Achanta et al. 2012) inside a mask (Irving 2016); the same every time.

    Args:
        pixels: (D, H, W) in [0, 1] on the model's grid.
        brain: (D, H, W).
        spacing: of the grid in millimetres, so that pieces are round in space and not in voxels.
        count: how many are asked for; there may be a few more or less.
        compactness: weight of distance against intensity.

    Raises:
        ValueError: fewer than 2 supervoxels, fewer brain voxels than supervoxels, or a compactness that is not
            positive.
    """
    if count < 2 or count > int(brain.sum()):
        raise ValueError(f"the number of supervoxels must be between 2 and the brain's {int(brain.sum())}, not {count}")
    if compactness <= 0:
        raise ValueError(f"compactness must be positive, not {compactness}")
    raw = slic(
        pixels,
        n_segments=count,
        compactness=compactness,
        mask=brain,
        spacing=spacing,
        channel_axis=None,
        start_label=1,
        min_size_factor=SMALLEST,
    )
    # Joining small pieces leaves gaps in the numbering.
    return Supervoxels(relabel_sequential(raw)[0].astype(np.int32), spacing, compactness)
