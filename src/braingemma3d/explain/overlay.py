"""The overlay: a map on the scan's own grid, as NIfTI and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from braingemma3d.explain.explanation import Explanation
from braingemma3d.imaging.grid import to_scan
from braingemma3d.imaging.orientation import to_dhw
from braingemma3d.imaging.volume import Array, Mask, Volume
from braingemma3d.report.picture import lay_out, outline, show, windowed

COLORS = "RdBu_r"
"""Red supports what is written, blue speaks against it."""
OPACITY = 0.75
_OUTLINE = "#76ff03"
MAIN_MAP = 0
"""The first of the maps: the whole report's, or that of the one finding that was asked about."""


def attribution_image(explanation: Explanation) -> nib.Nifti1Image:
    """The main map as a float32 image with the scan's own shape and affine; nats that each voxel's supervoxel adds,
    interpolated."""
    return to_scan(explanation.map(MAIN_MAP), explanation.grid_affine, explanation.volume.source)


def save_overlay(explanation: Explanation, target: Path, lesion: Mask | None = None) -> None:
    """Draw the main map over its scan in radiological display: the patient's right is on the left of the picture.

    Above, in each direction the plane with most of the strongest support; below, axial planes through the whole brain.
    The colours are symmetric about 0.

    Args:
        explanation: the maps.
        target: PNG file.
        lesion: its outline, (D, H, W) on the volume's grid.
    """
    volume = explanation.volume
    values, _ = to_dhw(attribution_image(explanation))
    card = explanation.scorecard.maps[MAIN_MAP]
    title = f"{explanation.report.id}: {card.name}   ·   {card.verdict.upper()}"
    reasons = ["; ".join(card.reasons[:2])] if card.reasons else []
    draw(volume, values, target, "\n".join([title, *reasons, *explanation.report.cautions]), lesion)


def draw(volume: Volume, values: Array, target: Path, title: str, lesion: Mask | None = None) -> None:
    """Draw ``values`` (D, H, W) over a masked volume of the same shape; see :func:`save_overlay`."""
    frame, brain, scan = windowed(volume)
    # On the way back to the scan, values bleed over the brain's rim.
    shown = np.where(brain, values[frame], 0)
    limit = float(np.abs(shown).max()) or 1.0
    # A supervoxel can be thin and forked: any one voxel of it may lie at its far end.
    support = shown if shown.max() > 0 else np.abs(shown)
    strongest = support > 0.9 * support.max() if support.any() else brain
    d, h, w = (int(strongest.sum(axis=others).argmax()) for others in ((1, 2), (0, 2), (0, 1)))
    colors = ScalarMappable(Normalize(-limit, limit), COLORS)

    def draw_plane(axes: Axes, plane: Any, aspect: float) -> None:
        show(axes, scan[plane], aspect, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
        # As opaque as it is strong: what says nothing stays the plain scan.
        opacity = OPACITY * np.minimum(np.abs(shown[plane][:, ::-1]) / limit, 1)
        show(axes, shown[plane], aspect, cmap=COLORS, vmin=-limit, vmax=limit, alpha=opacity)
        if lesion is not None:
            outline(axes, lesion[frame][plane], colors=_OUTLINE, linewidths=0.8)

    figure, upper = lay_out(title, brain, volume.spacing, (d, h, w), draw_plane)
    bar = upper.colorbar(colors, ax=upper.axes, shrink=0.8)
    bar.set_label("nats: speaks against  ·  supports", color="white")
    bar.ax.tick_params(colors="white")
    figure.savefig(target, dpi=110, facecolor="black", format="png")
