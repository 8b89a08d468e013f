"""The average brain by which places are named where a scan has no atlas of its own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from braingemma3d.imaging.grid import labels_to_grid
from braingemma3d.imaging.volume import ScanGrid, Volume

GRID = (64, 96, 80)
"""(D, H, W) onto which every brain is stretched, that one too."""


@lru_cache
def average_lobes() -> NDArray[np.uint8]:
    """Lobes of the average brain, stretched over the model's grid as every brain is: (D, H, W), 0 outside.

    Values are the places in :data:`~braingemma3d.findings.schema.LOBES`, from 1.
    """
    from braingemma3d.simulate.atlas import load_atlas

    atlas = load_atlas()
    inside = atlas.hull < 0
    grid = ScanGrid(Path("the average brain"), (inside.shape[2], inside.shape[1], inside.shape[0]), np.eye(4), "RAS")
    brain = Volume(inside.astype(np.float32), np.eye(4), grid, brain_mask=inside)
    return labels_to_grid(np.where(inside, atlas.lobe, 0).astype(np.uint8), brain, GRID)
