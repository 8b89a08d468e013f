"""The type that carries a scan through the program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Affine = NDArray[np.float64]
Shape = tuple[int, int, int]


class QualityWarning(NamedTuple):
    """Something a reader of the report has to know about the scan; ``code`` is stable, ``message`` is for people."""

    code: str
    message: str


@dataclass(frozen=True)
class ScanGrid:
    """The grid of a scan as its file stores it.

    Attributes:
        path: the file.
        shape: voxels along the file's own axes.
        affine: (4, 4), the file's voxel indices to RAS millimetres.
        orientation: the file's axis codes, such as ``LPS``.
    """

    path: Path
    shape: Shape
    affine: Affine
    orientation: str


@dataclass(frozen=True)
class Volume:
    """A 3D scan with axes (D, H, W): inferior to superior, posterior to anterior, left to right.

    A low W index is the patient's left.

    Attributes:
        array: (D, H, W) float32, in the scan's own intensity units.
        affine: (4, 4), indices (d, h, w) to RAS millimetres.
        source: the grid of the file it came from.
        brain_mask: (D, H, W) bool, or None before it is known.
        warnings: what the quality checks found.
    """

    array: Array
    affine: Affine
    source: ScanGrid
    brain_mask: Mask | None = None
    warnings: tuple[QualityWarning, ...] = ()

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between voxel centres along D, H and W in millimetres."""
        d, h, w = voxel_sizes(self.affine)
        return float(d), float(h), float(w)

    @property
    def brain(self) -> Mask:
        """The brain mask.

        Raises:
            ValueError: it is not known yet.
        """
        if self.brain_mask is None:
            raise ValueError("this volume has no brain mask yet")
        return self.brain_mask

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in millilitres."""
        return float(np.prod(self.spacing) / 1000)

    @property
    def brain_ml(self) -> float:
        """Volume inside the brain mask in millilitres."""
        return float(self.brain.sum()) * self.voxel_ml

    def mirrored(self) -> Volume:
        """The scan seen in a mirror: left and right swap in array and brain mask, the affine stays."""
        mask = None if self.brain_mask is None else self.brain_mask[..., ::-1].copy()
        return replace(self, array=self.array[..., ::-1].copy(), brain_mask=mask)
