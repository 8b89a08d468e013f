"""Intensity: robust scaling inside the brain."""

from __future__ import annotations

import numpy as np

from braingemma3d.errors import InputError
from braingemma3d.imaging.volume import Array, Volume

MEDIAN_LEVEL = 0.4
"""Where the brain's median lands in [0, 1]: lesions up to 2.5 times as bright stay below saturation."""


def scale_intensity(volume: Volume) -> Array:
    """Scale to [0, 1]: the brain's 1st percentile to 0, its median to :data:`MEDIAN_LEVEL`, clipped; 0 outside.

    Anchored at the median and not at a high percentile, because a large bright lesion moves the latter and would
    darken the healthy tissue around it.

    Returns:
        (D, H, W) float32.

    Raises:
        InputError: the brain has no contrast.
    """
    mask = volume.brain
    low, median = np.percentile(volume.array[mask], [1, 50])
    if median <= low:
        raise InputError(f"{volume.source.path}: the brain has no contrast; export the scan again", "no_contrast")
    scaled = np.clip((volume.array - low) * (MEDIAN_LEVEL / (median - low)), 0, 1)
    return np.where(mask, scaled, 0).astype(np.float32)
