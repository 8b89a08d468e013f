"""Saving a simulated case: NIfTI image and mask, and its line of the manifest."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from braingemma3d.files import new_file
from braingemma3d.simulate.anatomy import SPACING
from braingemma3d.simulate.case import Case


def save_case(root: Path, case: Case, native_spacing: bool = False) -> None:
    """Write image, mask and, last of all, the record that marks the case as complete."""
    image, mask, affine = case.image.astype(np.int16), case.mask, case.affine
    if native_spacing:
        image, mask, affine = at_slice_spacing(case)
    with new_file(root / "images" / f"{case.id}.nii.gz") as partial:
        partial.write_bytes(nifti_bytes(image, affine))
    with new_file(root / "masks" / f"{case.id}_seg.nii.gz") as partial:
        partial.write_bytes(nifti_bytes(mask, affine))
    with new_file(root / "records" / f"{case.id}.json") as partial:
        partial.write_bytes((json.dumps(record(case)) + "\n").encode())


def record(case: Case) -> dict[str, Any]:
    """A case's line of ``manifest.jsonl``; its paths are relative to the cohort's folder."""
    return {
        "id": case.id,
        "patient": case.id,
        "image": f"images/{case.id}.nii.gz",
        "mask": f"masks/{case.id}_seg.nii.gz",
        "report": case.report,
        "findings": case.findings.model_dump(mode="json"),
        "truth": case.truth.model_dump(mode="json"),
        "source": "simulated",
        "seed": case.seed,
        "index": case.index,
    }


def nifti_bytes(array: NDArray[np.generic], affine: NDArray[np.float64]) -> bytes:
    """A gzipped NIfTI file of ``array`` (D, H, W) whose ``affine`` maps (d, h, w) to RAS mm.

    NIfTI's own order is (x, y, z), so the array is turned round and the affine's columns with it.
    """
    turned = affine[:, [2, 1, 0, 3]]
    nifti = nib.Nifti1Image(np.ascontiguousarray(array.transpose(2, 1, 0)), turned)
    nifti.header.set_xyzt_units("mm")
    # No time stamp: the same case is the same file.
    return gzip.compress(nifti.to_bytes(), compresslevel=4, mtime=0)


def at_slice_spacing(case: Case) -> tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.float64]]:
    """Image, mask and affine with one sample per acquired slice, for slices thicker than the grid."""
    step = case.slice_mm / SPACING
    if step <= 1:
        return case.image.astype(np.int16), case.mask, case.affine
    axis = case.slice_axis
    size = case.image.shape[axis]
    centres = np.arange(0.5 * (step - 1), size - 1, step)
    low = centres.astype(int)
    bent = [1, 1, 1]
    bent[axis] = len(centres)
    weight = (centres - low).astype(np.float32).reshape(bent)
    below, above = np.take(case.image, low, axis), np.take(case.image, low + 1, axis)
    image = np.where((below > 0) & (above > 0), below * (1 - weight) + above * weight, 0)
    mask = np.take(case.mask, np.rint(centres).astype(int), axis) * (image > 0)
    affine = case.affine.copy()
    affine[:3, 3] += affine[:3, axis] * centres[0]
    affine[:3, axis] *= step
    return np.rint(image).astype(np.int16), mask.astype(np.uint8), affine
