"""How a scan is shown: the brain's window of intensities, three planes and a mosaic, in radiological display."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from braingemma3d.imaging.volume import Array, Mask, Volume

_COLUMNS, _ROWS = 6, 3
_WINDOW = (0.5, 99.7)
"""Percentiles of the brain that are black and white."""

Draw = Callable[[Axes, Any, float], None]
"""Draws one plane into axes, given its index into (D, H, W) arrays and the aspect of its pixels."""


class Windowed(NamedTuple):
    """The box around a brain: where it lies in the volume, the brain (D, H, W) bool, and intensities from 0, black, to
    1, white."""

    frame: tuple[slice, slice, slice]
    brain: Mask
    scan: Array


def windowed(volume: Volume, frame_mm: float = 0.0) -> Windowed:
    """The box around the brain, with a frame.

    Args:
        volume: a masked volume.
        frame_mm: width of the frame.
    """
    low, high = np.percentile(volume.array[volume.brain], _WINDOW)
    d, h, w = (
        slice(max(0, int(i.min() - frame_mm / mm)), int(i.max() + frame_mm / mm) + 1)
        for i, mm in zip(np.nonzero(volume.brain), volume.spacing, strict=True)
    )
    scan = np.clip((volume.array[d, h, w] - low) / max(high - low, 1e-6), 0, 1)
    return Windowed((d, h, w), volume.brain[d, h, w], scan)


def lay_out(
    title: str, brain: Mask, spacing: tuple[float, float, float], at: tuple[int, int, int], draw: Draw
) -> tuple[Figure, Any]:
    """Three planes above, axial ones through the whole brain below, with the patient's right on the left.

    Args:
        title: above the planes.
        brain: (D, H, W).
        spacing: of its voxels, in mm.
        at: index along (D, H, W) of the planes above.
        draw: draws a plane.

    Returns:
        The figure, and its upper part with the three planes.
    """
    d, h, w = at
    depth, height, width = spacing
    planes = (
        ("axial", np.s_[d], height / width, "RL"),
        ("coronal", np.s_[:, h], depth / width, "RL"),
        ("sagittal", np.s_[:, :, w], depth / height, "AP"),
    )
    figure = Figure(figsize=(12, 10), facecolor="black", layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.45))
    for part in parts:
        part.set_facecolor("black")
    upper, lower = parts
    upper.suptitle(title, color="white", fontsize=11, parse_math=False)
    for axes, (name, index, aspect, marks) in zip(upper.subplots(1, 3), planes, strict=True):
        draw(axes, index, aspect)
        _mark_ends(axes, marks, 11)
        axes.set_title(name, color="0.7", fontsize=9)
    levels = np.flatnonzero(brain.any(axis=(1, 2)))
    tiles = lower.subplots(_ROWS, _COLUMNS)
    for axes, level in zip(tiles.flat, np.linspace(levels[0], levels[-1], tiles.size + 2)[1:-1].round(), strict=True):
        draw(axes, np.s_[int(level)], height / width)
        _mark_ends(axes, "RL", 7)
    return figure, upper


def show(axes: Axes, plane: Array, aspect: float, **look: Any) -> None:
    """One plane, rows upwards from low to high, columns from high to low: right and anterior are on the left.

    Args:
        axes: where.
        plane: (rows, columns).
        aspect: of its pixels.
        **look: of ``imshow``.
    """
    axes.imshow(plane[:, ::-1], origin="lower", aspect=aspect, **look)


def outline(axes: Axes, mask: Mask, **look: Any) -> None:
    """The outline of a region in a plane that :func:`show` has drawn."""
    if mask.any() and not mask.all():
        axes.contour(mask[:, ::-1], levels=[0.5], **look)


def _mark_ends(axes: Axes, marks: str, size: int) -> None:
    """Write which end of the patient lies on the left and on the right."""
    axes.set_axis_off()
    for x, mark, side in ((0.02, marks[0], "left"), (0.98, marks[1], "right")):
        axes.text(x, 0.5, mark, color="yellow", fontsize=size, ha=side, va="center", transform=axes.transAxes)
