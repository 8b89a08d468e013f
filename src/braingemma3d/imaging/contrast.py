"""Tissues by the average brain: where fluid is expected, and whether their brightness is that of a FLAIR."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import zoom

from braingemma3d.imaging.grid import to_grid
from braingemma3d.imaging.volume import Array, QualityWarning, Shape, Volume

PRIOR_SHAPE = (24, 32, 28)
PRIOR_FILE = Path(str(files("braingemma3d"))) / "assets" / "tissue_prior.npz"
"""Shares of grey matter, white matter and CSF over a brain's bounding box, from the ICBM152 2009a average."""

FINER = 4
"""How many times finer than the prior a brain is first resampled, along each axis."""
T1_WHITE_TO_GREY = 1.25
"""Real FLAIR scans at hand give 0.94 to 0.97, simulated ones 0.75 to 1.31 (1 of 30 above), the ICBM152 T1 1.7."""
T2_CSF = 1.1
"""CSF over the brighter of grey and white matter: 0.3 to 0.85 in the real scans at hand, 2.9 in a T2-like one."""
NO_CONTRAST = 0.05
"""Between the darkest and the brightest tissue: a phantom or a smoothed mask has .00; the least of 120 simulated FLAIRs
is .08, of the real ones .16."""
TISSUE_MAP_WHITE_TO_GREY = 0.6
"""A map of grey matter gives .02."""
DARK = 0.2
"""Half of the brain's median: darker voxels are CSF, whatever the atlas says, as in a wide sulcus."""


class TissueLevels(NamedTuple):
    """Mean intensity of each tissue, in units in which the brain's median is 0.4."""

    grey: float
    white: float
    csf: float


@cache
def _prior() -> Array:
    """(voxels, 3) shares in [0, 1]."""
    with np.load(PRIOR_FILE, allow_pickle=False) as file:
        return np.asarray(file["prior"].reshape(3, -1).T / 255, dtype=np.float32)


def fluid_share(shape: Shape) -> Array:
    """Share of CSF in each voxel (D, H, W) of an average brain's bounding box, on a grid of any shape."""
    prior = _prior()[:, 2].reshape(PRIOR_SHAPE)
    factors = [n / m for n, m in zip(shape, PRIOR_SHAPE, strict=True)]
    return np.asarray(zoom(prior, factors, order=1, mode="nearest", grid_mode=True))


def tissue_levels(volume: Volume) -> TissueLevels:
    """Estimate each tissue's brightness from the atlas's tissue shares.

    Grey and white matter are estimated without the darkest voxels, so that atrophy does not darken the cortex.

    Args:
        volume: a masked volume that shows the whole brain.
    """
    # In two steps: antialiasing from half a millimetre to the prior's voxels at once would take gigabytes.
    depth, height, width = PRIOR_SHAPE
    fine = to_grid(volume, (depth * FINER, height * FINER, width * FINER))[0]
    pixels = fine.reshape(depth, FINER, height, FINER, width, FINER).mean(axis=(1, 3, 5)).ravel()
    known = _prior().sum(axis=1) > 0.8
    grey, white, _ = _robust_fit(_prior()[known & (pixels > DARK)], pixels[known & (pixels > DARK)])
    _, _, csf = _robust_fit(_prior()[known & (pixels > 0)], pixels[known & (pixels > 0)])
    return TissueLevels(grey, white, csf)


def _robust_fit(shares: Array, values: Array) -> tuple[float, float, float]:
    """Levels whose mixture gives the values; Cauchy weights keep lesions and rough overlap from deciding."""
    weights = np.ones_like(values)
    levels = np.zeros(3)
    for _ in range(10):
        levels = np.linalg.lstsq(shares * weights[:, None], values * weights, rcond=None)[0]
        residual = values - shares @ levels
        scale = max(1.48 * float(np.median(np.abs(residual))), 1e-6)
        weights = 1 / np.sqrt(1 + (residual / (2 * scale)) ** 2)
    return float(levels[0]), float(levels[1]), float(levels[2])


def contrast_warnings(volume: Volume) -> list[QualityWarning]:
    """The warning ``not_flair_like`` where CSF is bright or white matter stands out, or nothing does."""
    levels = tissue_levels(volume)
    if levels.csf > T2_CSF * max(levels.grey, levels.white):
        reason = "CSF is bright, as in T2"
    elif levels.white > T1_WHITE_TO_GREY * levels.grey:
        reason = "white matter is much brighter than grey, as in T1"
    elif levels.white < TISSUE_MAP_WHITE_TO_GREY * levels.grey:
        reason = "white matter is much darker than grey, as in a map of tissue"
    elif min(levels) > (1 - NO_CONTRAST) * max(levels):
        reason = "all tissues are equally bright, as in a phantom or a mask"
    else:
        return []
    return [QualityWarning("not_flair_like", f"This does not look like FLAIR ({reason}); the report can't be trusted.")]
