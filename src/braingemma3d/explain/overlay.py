"""The overlay: a map on the scan's own grid, as NIfTI and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from braingemma3d.explain.explanation import Explanation
from braingemma3d.imaging.grid import to_scan
from braingemma3d.imaging.orientation import to_dhw
from braingemma3d.imaging.volume import Array, Mask, Volume
from braingemma3d.report.overview import mark_ends

COLORS = "RdBu_r"
"""Red supports what is written, blue speaks against it."""
OPACITY = 0.75
_COLUMNS, _ROWS = 6, 3
_WINDOW = (0.5, 99.7)
_OUTLINE = "#76ff03"


def attribution_image(explanation: Explanation, number: int = 0) -> nib.Nifti1Image:
    """One map as a float32 image with the scan's own shape and affine; nats that each voxel's supervoxel adds."""
    return to_scan(explanation.map(number), explanation.grid_affine, explanation.volume.source)


def save_overlay(explanation: Explanation, target: Path, outline: Mask | None = None, number: int = 0) -> None:
    """Draw a map over its scan in radiological display: the patient's right is on the left of the picture.

    Above, in each direction the plane with most of the strongest support; below, axial planes through the whole brain.
    The colours are symmetric about 0.

    Args:
        explanation: the maps.
        target: PNG file.
        outline: of the lesion, (D, H, W) on the volume's grid.
        number: of the map.
    """
    volume = explanation.volume
    values, _ = to_dhw(attribution_image(explanation, number))
    card = explanation.scorecard.maps[number]
    title = f"{explanation.report.id}: {card.name}   ·   {card.verdict.upper()}"
    reasons = "; ".join(card.reasons[:2])
    draw(volume, values, target, f"{title}\n{reasons}" if reasons else title, outline)


def draw(volume: Volume, values: Array, target: Path, title: str, outline: Mask | None = None) -> None:
    """Draw ``values`` (D, H, W) over a masked volume of the same shape; see :func:`save_overlay`."""
    if volume.brain_mask is None:
        raise ValueError("the overlay needs a brain mask")
    frame = tuple(slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(volume.brain_mask))
    low, high = np.percentile(volume.array[volume.brain_mask], _WINDOW)
    scan = np.clip((volume.array[frame] - low) / max(high - low, 1e-6), 0, 1)
    # On the way back to the scan, values bleed over the brain's rim.
    shown = np.where(volume.brain_mask, values, 0)[frame]
    lesion = None if outline is None else outline[frame]
    limit = float(np.abs(shown).max()) or 1.0
    # A supervoxel can be thin and forked: any one voxel of it may lie at its far end.
    support = shown if shown.max() > 0 else np.abs(shown)
    strongest = support > 0.9 * support.max() if support.any() else volume.brain_mask[frame]
    d, h, w = (int(strongest.sum(axis=others).argmax()) for others in ((1, 2), (0, 2), (0, 1)))
    depth_mm, height_mm, width_mm = volume.spacing

    def plane(axes: Axes, at: Any, aspect: float, marks: tuple[str, str], size: int) -> Any:
        edge = None if lesion is None else lesion[at]
        return _draw(axes, scan[at], shown[at], edge, limit, aspect, marks, size)

    figure = Figure(figsize=(12, 10), facecolor="black", layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.45))
    for part in parts:
        part.set_facecolor("black")
    parts[0].suptitle(title, color="white", fontsize=11, parse_math=False)
    upper = parts[0].subplots(1, 3)
    plane(upper[0], np.s_[d], height_mm / width_mm, ("R", "L"), 11)
    plane(upper[1], np.s_[:, h], depth_mm / width_mm, ("R", "L"), 11)
    colored = plane(upper[2], np.s_[:, :, w], depth_mm / height_mm, ("A", "P"), 11)
    bar = parts[0].colorbar(colored, ax=list(upper), shrink=0.8)
    bar.set_label("nats: speaks against  ·  supports", color="white")
    bar.ax.tick_params(colors="white")

    levels = np.flatnonzero(volume.brain_mask[frame].any(axis=(1, 2)))
    tiles = parts[1].subplots(_ROWS, _COLUMNS)
    for axes, level in zip(tiles.flat, np.linspace(levels[0], levels[-1], tiles.size + 2)[1:-1].round(), strict=True):
        plane(axes, np.s_[int(level)], height_mm / width_mm, ("R", "L"), 7)
    figure.savefig(target, dpi=110, facecolor="black", format="png")


def _draw(
    axes: Axes,
    scan: Array,
    values: Array,
    edge: Mask | None,
    limit: float,
    aspect: float,
    marks: tuple[str, str],
    size: int,
) -> Any:
    """One plane, rows upwards from low to high, columns from high to low: right and anterior are on the left."""
    place: dict[str, Any] = {"origin": "lower", "aspect": aspect}
    axes.imshow(scan[:, ::-1], cmap="gray", vmin=0, vmax=1, interpolation="bilinear", **place)
    # As opaque as it is strong: what says nothing stays the plain scan.
    opacity = OPACITY * np.minimum(np.abs(values[:, ::-1]) / limit, 1)
    colored = axes.imshow(values[:, ::-1], cmap=COLORS, vmin=-limit, vmax=limit, alpha=opacity, **place)
    if edge is not None and edge.any() and not edge.all():
        axes.contour(edge[:, ::-1], levels=[0.5], colors=_OUTLINE, linewidths=0.8)
    mark_ends(axes, marks, size)
    return colored
