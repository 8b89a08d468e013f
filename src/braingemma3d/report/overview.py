"""The overview picture: three planes and a mosaic, sides marked, brain outlined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from braingemma3d.imaging.volume import Array, Mask, Volume

_COLUMNS, _ROWS = 6, 3
_WINDOW = (0.5, 99.7)
_OUTLINE = "#4fc3f7"
_FRAME_MM = 25.0
"""Shown around the brain: enough for the skull and scalp of a scan that still has them."""


def save_overview(volume: Volume, target: Path, title: str) -> None:
    """Draw the scan in radiological display: the patient's right is on the left of the picture.

    Args:
        volume: a masked volume.
        target: PNG file.
        title: one line above the planes.
    """
    if volume.brain_mask is None:
        raise ValueError("the overview needs a brain mask")
    low, high = np.percentile(volume.array[volume.brain_mask], _WINDOW)
    frame = tuple(
        slice(max(0, int(i.min() - _FRAME_MM / s)), int(i.max() + _FRAME_MM / s) + 1)
        for i, s in zip(np.nonzero(volume.brain_mask), volume.spacing, strict=True)
    )
    mask = volume.brain_mask[frame]
    shown = np.clip((volume.array[frame] - low) / max(high - low, 1e-6), 0, 1)
    centre = [round(float(i.mean())) for i in np.nonzero(mask)]
    depth_mm, height_mm, width_mm = volume.spacing

    figure = Figure(figsize=(12, 10), facecolor="black", layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.45))
    planes_part, mosaic_part = parts
    planes_part.set_facecolor("black")
    mosaic_part.set_facecolor("black")
    planes_part.suptitle(title, color="white", fontsize=11, parse_math=False)
    axial, coronal, sagittal = planes_part.subplots(1, 3)
    _draw(axial, shown[centre[0]], mask[centre[0]], height_mm / width_mm, ("R", "L"))
    _draw(coronal, shown[:, centre[1]], mask[:, centre[1]], depth_mm / width_mm, ("R", "L"))
    _draw(sagittal, shown[:, :, centre[2]], mask[:, :, centre[2]], depth_mm / height_mm, ("A", "P"))
    for axes, name in ((axial, "axial"), (coronal, "coronal"), (sagittal, "sagittal")):
        axes.set_title(name, color="0.7", fontsize=9)

    levels = np.flatnonzero(mask.any(axis=(1, 2)))
    tiles = mosaic_part.subplots(_ROWS, _COLUMNS)
    for axes, level in zip(tiles.flat, np.linspace(levels[0], levels[-1], tiles.size + 2)[1:-1].round(), strict=True):
        d = int(level)
        _draw(axes, shown[d], mask[d], height_mm / width_mm, ("R", "L"), size=7)
    figure.savefig(target, dpi=110, facecolor="black", format="png")


def _draw(axes: Axes, plane: Array, outline: Mask, aspect: float, marks: tuple[str, str], size: int = 11) -> None:
    """One plane, rows upwards from low to high, columns from high to low: right and anterior are on the left."""
    axes.imshow(plane[:, ::-1], cmap="gray", vmin=0, vmax=1, origin="lower", aspect=aspect, interpolation="bilinear")
    if outline.any() and not outline.all():
        axes.contour(outline[:, ::-1], levels=[0.5], colors=_OUTLINE, linewidths=0.6, alpha=0.8)
    mark_ends(axes, marks, size)


def mark_ends(axes: Axes, marks: tuple[str, str], size: int) -> None:
    """Write which end of the patient lies on the left and on the right of a picture; its axes are switched off."""
    axes.set_axis_off()
    for x, mark in ((0.02, marks[0]), (0.98, marks[1])):
        axes.text(
            x,
            0.5,
            mark,
            color="yellow",
            fontsize=size,
            ha="left" if x < 0.5 else "right",
            va="center",
            transform=axes.transAxes,
        )
