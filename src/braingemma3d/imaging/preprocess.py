"""The one ordered recipe from a file to a volume that is ready for the model's grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from braingemma3d.imaging.brain_mask import BrainMaskMethod, find_brain
from braingemma3d.imaging.contrast import contrast_warnings
from braingemma3d.imaging.nifti import read_nifti
from braingemma3d.imaging.quality import quality_warnings, refuse_unusable
from braingemma3d.imaging.volume import Volume


def load_scan(path: str | Path, brain_mask: BrainMaskMethod = "auto") -> Volume:
    """Read, orient, check and mask one scan.

    Args:
        path: a NIfTI file.
        brain_mask: how the brain is found.

    Raises:
        InputError: the file can't be read, or is not a usable brain MRI.
    """
    volume = read_nifti(Path(path))
    refuse_unusable(volume)
    mask, notes = find_brain(volume, brain_mask)
    volume = replace(volume, brain_mask=mask)
    notes += quality_warnings(volume)
    if all(note.code != "partial_coverage" for note in notes):
        notes += contrast_warnings(volume)
    return replace(volume, warnings=(*volume.warnings, *notes))
