from __future__ import annotations

import numpy as np
import pytest

from braingemma3d.evaluation.average_brain import GRID, average_lobes
from braingemma3d.findings.schema import LOBES


def centre(lobe: str) -> np.ndarray:
    """(D, H, W) from 0 to 1."""
    return np.argwhere(average_lobes() == LOBES.index(lobe) + 1).mean(axis=0) / GRID


def test_it_fills_the_grid_with_every_place() -> None:
    lobes = average_lobes()
    assert lobes.shape == GRID
    assert set(np.unique(lobes)) == set(range(len(LOBES) + 1))
    for axis in range(3):
        along = np.flatnonzero((lobes > 0).any(axis=tuple({0, 1, 2} - {axis})))
        assert along[0] <= 2
        assert along[-1] >= GRID[axis] - 3


def test_places_lie_as_in_a_head_and_on_both_sides() -> None:
    assert centre("frontal")[1] > centre("parietal")[1] > centre("occipital")[1]
    assert centre("parietal")[0] > centre("temporal")[0] > centre("cerebellum")[0]
    for lobe in LOBES:
        assert centre(lobe)[2] == pytest.approx(0.5, abs=0.04), lobe
