"""What scanner, slices, brain mask and field of view do to an image: the same for healthy and tumour cases.

Everything here is drawn before there is a lesion, and nothing is drawn again because of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from braingemma3d.simulate.anatomy import HULL_MARGIN_MM, SHAPE, SPACING, Head
from braingemma3d.simulate.fields import Array, Shape, between, blur, log_between, smooth_noise
from braingemma3d.simulate.ranges import Ranges

THROUGH_PLANE = (0.84, 0.08, 0.08)
"""Chance that slices are axial, coronal, sagittal."""
THIN_CHANCE = 0.3
"""Chance of a 3D acquisition with slices no thicker than a voxel, where the ranges allow it."""
BITE_MM = (4.0, 11.0)
LEAST_VALUE = 1.0
"""Stored values of the brain start here, so that 0 is background and nothing else."""


@dataclass(frozen=True)
class Scanner:
    """One acquisition's degradation, drawn once per case.

    Attributes:
        visible: (N,) voxels that brain mask and field of view leave.
        axis: through-plane axis, 0 for axial slices.
        thickness: slice thickness and spacing, mm.
        seed: of the noise and the bias field.
    """

    visible: NDArray[np.bool_]
    axis: int
    thickness: float
    blur_mm: float
    bias: float
    noise: float
    gamma: float
    intensity: float
    seed: int


def draw_scanner(rng: np.random.Generator, ranges: Ranges, head: Head) -> Scanner:
    """Random degradation for ``head``."""
    axis = int(rng.choice(3, p=THROUGH_PLANE))
    thickness = between(rng, ranges.slice_thickness)
    if rng.random() < THIN_CHANCE and ranges.slice_thickness[0] <= SPACING:
        thickness = min(thickness, SPACING)
    return Scanner(
        visible=_visible(rng, ranges, head),
        axis=axis,
        thickness=thickness,
        blur_mm=between(rng, ranges.blur),
        bias=between(rng, ranges.bias),
        noise=between(rng, ranges.noise),
        gamma=between(rng, ranges.gamma),
        intensity=log_between(rng, ranges.intensity),
        seed=int(rng.integers(2**31)),
    )


def _visible(rng: np.random.Generator, ranges: Ranges, head: Head) -> NDArray[np.bool_]:
    """Brain mask with its errors, within the field of view."""
    margin = between(rng, ranges.mask_margin)
    wobble = 0.8 * smooth_noise(rng, SHAPE, 14.0).ravel()[head.inside]
    visible = head.hull < np.minimum(margin + wobble, HULL_MARGIN_MM - 0.5)
    surface = np.flatnonzero(np.abs(head.hull) < 1.5)
    for _ in range(round(between(rng, ranges.bites))):
        centre = head.position[:, [int(rng.choice(surface))]]
        radius = between(rng, BITE_MM)
        near = np.sqrt(((head.position - centre) ** 2).sum(axis=0))
        visible &= near > radius * (1 + 0.3 * wobble)
    if rng.random() < ranges.crop_probability:
        z = head.position[0]
        cut = between(rng, ranges.crop)
        brain = z[head.hull < 0]
        visible &= z > brain.min() + cut if rng.random() < 0.6 else z < brain.max() - 0.6 * cut
    return np.asarray(visible)


def acquire(scanner: Scanner, head: Head, signal: Array) -> Array:
    """The image (D, H, W) that ``scanner`` makes of ``signal`` (N,): whole numbers, background 0."""
    rng = np.random.default_rng(scanner.seed)
    bias = np.exp(scanner.bias * smooth_noise(rng, SHAPE, 30.0).ravel()[head.inside])
    [part] = ndimage.find_objects(head.place >= 0, max_label=1)
    image = blur(head.on_grid(signal**scanner.gamma * bias)[part], scanner.blur_mm / SPACING)
    image = _slices(rng, image, scanner)
    out = np.zeros(SHAPE, np.float32)
    out[part] = np.maximum(np.rint(image * scanner.intensity), LEAST_VALUE)
    out[~head.on_grid(scanner.visible)] = 0
    return np.minimum(out, 32767)


def _slices(rng: np.random.Generator, image: Array, scanner: Scanner) -> Array:
    """Average into slices of the scanner's thickness, add Rician noise there, interpolate back.

    The averages are differences of the running integral along the axis, so any thickness works.
    """
    step = scanner.thickness / SPACING
    moved = np.moveaxis(image, scanner.axis, 0)
    size = moved.shape[0]
    count = int(np.ceil(size / step)) + 1
    start = -float(rng.random()) * step
    if step > 1:
        edges = np.clip(start + step * np.arange(count + 1), 0, size)
        total = np.concatenate([np.zeros((1, *moved.shape[1:])), np.cumsum(moved, axis=0, dtype=np.float64)])
        low = np.minimum(edges.astype(int), size - 1)
        weight = (edges - low)[:, None, None]
        integral = total[low] * (1 - weight) + total[low + 1] * weight
        stack = (np.diff(integral, axis=0) / step).astype(np.float32)
    else:
        stack = moved
    shape: Shape = (stack.shape[0], stack.shape[1], stack.shape[2])
    # A thin slice has less signal, and its noise shrinks again when it is read on the coarser grid.
    real = stack + scanner.noise * rng.standard_normal(shape, dtype=np.float32)
    stack = np.sqrt(real**2 + (scanner.noise * rng.standard_normal(shape, dtype=np.float32)) ** 2)
    if scanner.thickness <= SPACING:
        return np.moveaxis(stack, 0, scanner.axis)
    position = np.clip((np.arange(size) + 0.5 - start) / step - 0.5, 0, shape[0] - 1)
    low = np.minimum(position.astype(int), shape[0] - 2)
    weight = (position - low).astype(np.float32)[:, None, None]
    return np.moveaxis(stack[low] * (1 - weight) + stack[low + 1] * weight, 0, scanner.axis)
