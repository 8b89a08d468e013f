"""The overview picture: three planes and a mosaic, sides marked, brain outlined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from braingemma3d.imaging.volume import Volume
from braingemma3d.report.picture import lay_out, outline, show, windowed

_OUTLINE = "#4fc3f7"
_FRAME_MM = 25.0
"""Shown around the brain: enough for the skull and scalp of a scan that still has them."""


def save_overview(volume: Volume, target: Path, title: str) -> None:
    """Draw the scan in radiological display: the patient's right is on the left of the picture.

    Args:
        volume: a masked volume.
        target: PNG file.
        title: one line above the planes, which go through the brain's centre.
    """
    _, brain, scan = windowed(volume, _FRAME_MM)
    d, h, w = (round(float(i.mean())) for i in np.nonzero(brain))

    def draw(axes: Axes, plane: Any, aspect: float) -> None:
        show(axes, scan[plane], aspect, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
        outline(axes, brain[plane], colors=_OUTLINE, linewidths=0.6, alpha=0.8)

    figure, _ = lay_out(title, brain, volume.spacing, (d, h, w), draw)
    figure.savefig(target, dpi=110, facecolor="black", format="png")
