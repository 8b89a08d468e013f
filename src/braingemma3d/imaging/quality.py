"""Quality checks: what makes a scan unusable, and what its reader has to be warned of."""

from __future__ import annotations

import numpy as np

from braingemma3d.errors import InputError
from braingemma3d.imaging.volume import Array, QualityWarning, Volume

MIN_SLICES = 8
MIN_EXTENT_MM = 60.0
MAX_LABELS = 16
MAX_ATLAS_LABELS = 1000
FLAT_SHARE = 0.6
"""Of the neighbours in a row that have one value: in maps of 100 to 200 regions .90, in FLAIRs .02 to .20, .37 in one
that is cut down to 64 levels."""
CT_AIR_HU = -500.0
THICK_SLICE_MM = 4.0
BRAIN_ML = (500.0, 3300.0)
"""Outside of this no brain was found; a part of a brain may be small, a generous mask large."""
ADULT_BRAIN_ML = (800.0, 2200.0)
"""Adult intracranial contents are 1100-1700 ml; outside of this range, which leaves room, the mask is suspect."""
COVERAGE_MM = 85.0
EDGE_SHARE = 0.4
"""Of the brain's largest slice, that a slice at the bottom or top of the image may have; whole heads have up to .18."""
SIDE_SHARE = 0.15
"""The same for the other borders: whole heads have 0 there, and deepbet rounds a brain off that is cut (.26 to .34)."""


def refuse_unusable(volume: Volume) -> None:
    """Refuse what can't be a brain MRI, before any costly step.

    Raises:
        InputError: NaN or infinite voxels, a constant image, a label map, a localiser, a CT, or too small a field.
    """
    array, path = volume.array, volume.source.path
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise InputError(f"{path}: {bad} voxels are NaN or infinite; replace them (for instance by 0)", "not_finite")
    low, high = float(array.min()), float(array.max())
    if low == high:
        raise InputError(f"{path}: every voxel is {low:g}; the image holds no scan", "constant")
    if min(array.shape) < MIN_SLICES:
        raise InputError(
            f"{path}: only {min(array.shape)} slices, a localiser or a cut-out; give the whole 3D series "
            f"(at least {MIN_SLICES} slices)",
            "too_few_slices",
        )
    extent = [n * s for n, s in zip(array.shape, volume.spacing, strict=True)]
    if min(extent) < MIN_EXTENT_MM:
        raise InputError(
            f"{path}: the field of view is {min(extent):.0f} mm at its narrowest, too small for a brain; "
            "give the whole head",
            "too_small",
        )
    if np.mean(array < CT_AIR_HU) > 0.01:
        raise InputError(
            f"{path}: values down to {low:g} look like CT in Hounsfield units; give an MRI FLAIR scan", "ct"
        )
    sample = array[:: max(1, array.shape[0] // 32)]
    levels, counts = np.unique(sample, return_counts=True)
    whole = len(levels) <= MAX_ATLAS_LABELS and np.array_equal(levels, np.round(levels))
    if whole and (len(levels) <= MAX_LABELS or _flat_share(sample, levels[counts.argmax()]) > FLAT_SHARE):
        raise InputError(
            f"{path}: only {len(levels)} distinct values, a segmentation and not a scan; give the FLAIR image",
            "label_map",
        )


def _flat_share(array: Array, background: float) -> float:
    """The share of voxels, those of the background left out, whose neighbour in the row has the same value."""
    shown = array[..., 1:] != background
    return float((array[..., 1:] == array[..., :-1])[shown].mean())


def quality_warnings(volume: Volume) -> list[QualityWarning]:
    """Look at a masked volume for what limits its report.

    Returns:
        Warnings with the codes ``thick_slices``, ``partial_coverage`` and ``brain_volume``.
    """
    warnings = []
    thickest = max(volume.spacing)
    if thickest >= THICK_SLICE_MM:
        warnings.append(
            QualityWarning("thick_slices", f"Slices are {thickest:.1f} mm apart; small lesions may be missed.")
        )
    warnings += _coverage(volume)
    if not ADULT_BRAIN_ML[0] <= volume.brain_ml <= ADULT_BRAIN_ML[1]:
        warnings.append(
            QualityWarning("brain_volume", f"The brain mask holds {volume.brain_ml:.0f} ml, unusual for an adult.")
        )
    return warnings


def _coverage(volume: Volume) -> list[QualityWarning]:
    mask = volume.brain
    cut = []
    for axis, (low_name, high_name) in enumerate([("bottom", "top"), ("back", "front"), ("left", "right")]):
        area = mask.sum(axis=tuple(a for a in range(3) if a != axis))
        most = (EDGE_SHARE if axis == 0 else SIDE_SHARE) * area.max()
        cut += [name for name, edge in ((low_name, area[0]), (high_name, area[-1])) if edge > most]
    height = (np.ptp(np.flatnonzero(mask.any(axis=(1, 2)))) + 1) * volume.spacing[0]
    if cut:
        what = f"The brain is cut off at the {' and '.join(cut)} of the image."
    elif height < COVERAGE_MM:
        what = f"Only {height:.0f} mm of the brain's height are in the image."
    else:
        return []
    # Tissues are known by an average brain, which a part of one does not fit.
    return [QualityWarning("partial_coverage", f"{what} So it was not checked whether this is a FLAIR.")]
