"""Where the brain is: as delivered when the scan is already skull-stripped, by deepbet when it is not."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from braingemma3d.errors import InputError
from braingemma3d.imaging.orientation import dhw_to_ras_image
from braingemma3d.imaging.quality import BRAIN_ML
from braingemma3d.imaging.volume import Mask, QualityWarning, Volume

BrainMaskMethod = Literal["auto", "deepbet", "none"]
"""``auto`` decides from the image whether the skull is still there, ``none`` says that it is not."""

_FOREGROUND = 0.02
_STRIPPED_BACKGROUND = 0.25
_STRIPPED_ML = 2300.0
_SURELY_BRAIN_ML = 1600.0
_BRAIN_SHARE = 0.85
"""Of the foreground, by deepbet: 0.98 to 1.00 in real and simulated stripped brains, 0.50 to 0.65 in a real head of any
size whose air was set to 0."""
_PART_SHARE = 0.05
"""Of the largest part: what is smaller is a speck outside the brain."""
_RIM_MM = 6.0
_MAX_RIM = 0.9
"""Around a brain lie dark CSF and bone. Noise, or a body part that deepbet cuts out blindly, gives 0.97 or more; the
real head at hand 0.72."""


def find_brain(volume: Volume, method: BrainMaskMethod = "auto") -> tuple[Mask, list[QualityWarning]]:
    """Find the brain.

    Args:
        volume: an oriented scan, with or without skull.
        method: see :data:`BrainMaskMethod`.

    Returns:
        The mask (D, H, W), and an ``already_stripped`` warning where it applies.

    Raises:
        InputError: nothing brain-sized was found.
    """
    stripped, mask = skull_removed(volume) if method == "auto" else (method == "none", None)
    if mask is None:
        mask = _whole_brain(_foreground(volume)) if stripped else _deepbet(volume)
    brain_ml = mask.sum() * volume.voxel_ml
    if not stripped and _rim_brightness(volume, mask) > _MAX_RIM:
        raise InputError(
            f"{volume.source.path}: no brain found (nothing sets the region apart from what is around it); give a "
            "whole-brain scan, or --brain-mask none if it is skull-stripped",
            "no_brain",
        )
    if method == "none" and brain_ml > BRAIN_ML[1]:
        raise InputError(
            f"{volume.source.path}: {brain_ml:.0f} ml are no brain alone, the skull is still there; leave --brain-mask "
            "none out",
            "no_brain",
        )
    if not BRAIN_ML[0] <= brain_ml <= BRAIN_ML[1]:
        raise InputError(
            f"{volume.source.path}: no brain found ({brain_ml:.0f} ml of brain-like tissue); give a whole-brain scan, "
            "or set --brain-mask if this one is unusual",
            "no_brain",
        )
    note = QualityWarning("already_stripped", "The skull had been removed before; the brain was taken as delivered.")
    return mask, [note] if stripped else []


def skull_removed(volume: Volume) -> tuple[bool, Mask | None]:
    """Whether the skull has been removed already, and the brain (D, H, W), where telling that took finding it.

    A stripped scan has one exact background value around a compact region of brain size. A head with its skull is
    larger than any brain, or its air is noise. Where its air was set to 0, a small head, or a part of one, may have the
    size of a large brain: deepbet then tells, which finds nearly all of it to be brain, or about half.
    """
    background = _background(volume)
    exact = float(np.mean(volume.array == background))
    if exact < _STRIPPED_BACKGROUND:
        return False, None
    foreground = _whole_brain(_foreground(volume))
    foreground_ml = foreground.sum() * volume.voxel_ml
    if foreground_ml > _STRIPPED_ML:
        return False, None
    if foreground_ml <= _SURELY_BRAIN_ML:
        return True, foreground
    try:
        brain = _deepbet(volume)
    except InputError:
        return True, foreground
    stripped = bool((brain & foreground).sum() >= _BRAIN_SHARE * foreground.sum())
    return stripped, foreground if stripped else brain


def _rim_brightness(volume: Volume, mask: Mask) -> float:
    """Median brightness over the air's of the first millimetres outside the mask, relative to the inside."""
    air = float(np.percentile(volume.array, 1))
    outside = ndimage.distance_transform_edt(~mask, sampling=volume.spacing)
    rim = volume.array[(outside > 0) & (outside <= _RIM_MM)]
    return float((np.median(rim) - air) / (np.median(volume.array[mask]) - air)) if rim.size else 1.0


def _background(volume: Volume) -> float:
    array = volume.array
    faces = np.concatenate([np.take(array, i, axis=axis).ravel() for axis in range(3) for i in (0, -1)])
    values, counts = np.unique(faces, return_counts=True)
    return float(values[counts.argmax()])


def _foreground(volume: Volume) -> Mask:
    distance = np.abs(volume.array - _background(volume))
    return np.asarray(distance > _FOREGROUND * np.percentile(distance[distance > 0], 99), dtype=bool)


def _whole_brain(mask: Mask) -> Mask:
    """The parts of a mask that are no specks, with their holes filled: a blank slice parts a brain in two."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept = (sizes >= _PART_SHARE * sizes.max())[labels]
    return np.asarray(ndimage.binary_fill_holes(ndimage.binary_closing(kept, iterations=2) | kept), dtype=bool)


@cache
def _extractor() -> Any:
    from deepbet.bet import BrainExtraction

    return BrainExtraction(no_gpu=True)


def _deepbet(volume: Volume) -> Mask:
    # It looks at the whole image at one size, so that a head with much padding around it would be small and distorted.
    [box] = ndimage.find_objects(volume.array != _background(volume), max_label=1)
    try:
        _, found, _ = _extractor().run(dhw_to_ras_image(volume.array[box], volume.affine))
    except (AssertionError, ValueError) as error:
        # deepbet has no error of its own for an empty first guess: it asserts, or takes argmax of nothing.
        raise InputError(
            f"{volume.source.path}: no brain found; give a brain MRI, or --brain-mask none if it is skull-stripped",
            "no_brain",
        ) from error
    mask = np.zeros(volume.array.shape, dtype=bool)
    mask[box] = np.asarray(found.dataobj).transpose(2, 1, 0)
    return mask
