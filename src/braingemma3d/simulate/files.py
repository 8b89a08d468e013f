"""Saving a simulated case: NIfTI image and mask, and its line of the manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from braingemma3d.data.manifest import SIMULATED
from braingemma3d.files import new_file
from braingemma3d.imaging.orientation import nifti_bytes
from braingemma3d.simulate.case import Case


def save_case(root: Path, case: Case) -> None:
    """Write image, mask and, last of all, the record that marks the case as complete."""
    with new_file(root / "images" / f"{case.id}.nii.gz") as partial:
        partial.write_bytes(nifti_bytes(case.image.astype(np.int16), case.affine))
    with new_file(root / "masks" / f"{case.id}_seg.nii.gz") as partial:
        partial.write_bytes(nifti_bytes(case.mask, case.affine))
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
        "source": SIMULATED,
        "seed": case.seed,
        "index": case.index,
    }
