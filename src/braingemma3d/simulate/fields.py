"""Numerical tools on grids (D, H, W): smooth random fields, sampling at points, blur.

All of them give the same numbers whatever the number of threads: no BLAS, no parallel reduction.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float32]
Shape = tuple[int, int, int]


@lru_cache(maxsize=256)
def _spline_weights(count: int, step: float) -> Array:
    """Matrix (count, control points) of the cubic B-spline with control points ``step`` samples apart."""
    position = np.arange(count) / step
    base = np.floor(position).astype(int)
    t = position - base
    weights = np.zeros((count, int(base[-1]) + 4), np.float32)
    rows = np.arange(count)
    for offset, value in enumerate(
        ((1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6)
    ):
        weights[rows, base + offset] = value
    return weights


def smooth_noise(rng: np.random.Generator, shape: Shape, step: float) -> Array:
    """A smooth random field of ``shape`` with mean 0 and standard deviation about 1.

    Args:
        rng: source of randomness.
        shape: (D, H, W).
        step: samples between control points; detail is about twice that size.
    """
    weights = [_spline_weights(n, max(step, 1.0)) for n in shape]
    field = rng.standard_normal(tuple(w.shape[1] for w in weights), dtype=np.float32)
    # A cubic B-spline of white noise keeps 151/315 of the variance per axis.
    field *= np.float32((315 / 151) ** 1.5)
    field = np.einsum("ia,abc->ibc", weights[0], field, optimize=False)
    field = np.einsum("jb,ibc->ijc", weights[1], field, optimize=False)
    return np.einsum("kc,ijc->ijk", weights[2], field, optimize=False).astype(np.float32)


def upsample(coarse: Array, factor: int) -> Array:
    """Linear interpolation of ``coarse`` (…, d + 1, h + 1, w + 1) to ``factor`` times d, h and w samples."""
    out = coarse
    for axis in (-3, -2, -1):
        low, step = np.delete(out, -1, axis), np.diff(out, axis=axis)
        between_two = [low + step * np.float32(part / factor) for part in range(factor)]
        size = [*low.shape]
        size[axis] *= factor
        out = np.stack(between_two, axis=low.ndim + axis + 1).reshape(size)
    return out


def sample(volume: NDArray[np.float32], points: Array) -> Array:
    """Trilinear values of ``volume`` (D, H, W) or (C, D, H, W) at ``points`` (3, N), in voxels (z, y, x).

    Outside the volume its border value holds. Returns (N,) or (C, N).
    """
    channels = volume if volume.ndim == 4 else volume[None]
    unit = np.empty((points.shape[1], 3), np.float32)
    for axis, size in enumerate(channels.shape[1:]):
        unit[:, 2 - axis] = 2 * points[axis] / np.float32(size - 1) - 1
    with torch.no_grad():
        out = torch.nn.functional.grid_sample(
            torch.from_numpy(channels)[None],
            torch.from_numpy(unit)[None, None, None],
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        )
    values = out.numpy()[0, :, 0, 0]
    return values if volume.ndim == 4 else values[0]


def sample_within(volume: Array, points: Array, box: tuple[slice, slice, slice], outside: float) -> Array:
    """:func:`sample` of ``volume`` (D, H, W) where ``points`` lie in ``box``; ``outside`` elsewhere."""
    inside = np.ones(points.shape[1], bool)
    for axis, part in zip(points, box, strict=True):
        inside &= (axis > part.start) & (axis < part.stop - 1)
    index = np.flatnonzero(inside)
    out = np.full(points.shape[1], outside, np.float32)
    out[index] = sample(volume, points[:, index])
    return out


def nearest_index(shape: Shape, points: Array) -> NDArray[np.int64]:
    """Flat index (N,) of the voxel nearest to each of ``points`` (3, N), clipped to the volume."""
    index = np.zeros(points.shape[1], np.int64)
    for axis, size in enumerate(shape):
        np.multiply(index, size, out=index)
        index += np.clip(np.rint(points[axis]), 0, size - 1).astype(np.int64)
    return index


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur with ``sigma`` in voxels."""
    return np.asarray(ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=3.0), np.float32)


def smoothstep(value: Array, low: float, high: float) -> Array:
    """0 below ``low``, 1 above ``high``, smooth in between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def between(rng: np.random.Generator, limits: tuple[float, float], signed: bool = False) -> float:
    """A uniform draw from ``limits``; ``signed`` gives it a random sign."""
    value = float(rng.uniform(*limits))
    return value * float(rng.choice((-1.0, 1.0))) if signed else value


def log_between(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """A log-uniform draw from ``limits``."""
    return float(np.exp(rng.uniform(*np.log(limits))))
