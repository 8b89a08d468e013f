"""Which scans a user means: files and folders to a list of scans with distinct ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from braingemma3d.errors import InputError
from braingemma3d.imaging.nifti import is_nifti
from braingemma3d.report.pipeline import default_id


def find_scans(inputs: Sequence[Path]) -> list[tuple[str, Path]]:
    """Resolve what was given on the command line.

    Args:
        inputs: NIfTI files, and folders that are searched with their subfolders.

    Returns:
        (id, file) pairs in the order given, folders sorted by path. Ids are file names without suffix; where several
        files share one, their folders' names are put before it.

    Raises:
        InputError: a folder holds no NIfTI file.
    """
    files: list[Path] = []
    for given in inputs:
        if not given.is_dir():
            files.append(given)
            continue
        found = sorted(p for p in given.rglob("*") if is_nifti(p) and p.is_file() and not p.name.startswith("."))
        if not found:
            raise InputError(
                f"{given}: no .nii or .nii.gz file in this folder; give a scan, or convert DICOM with dcm2niix first",
                "no_scans",
            )
        files += found
    files = list(dict.fromkeys(file.absolute() for file in files))
    return list(zip(_distinct_ids(files), files, strict=True))


def _distinct_ids(files: Sequence[Path]) -> list[str]:
    seen: Counter[Path] = Counter()
    stems = []
    for file in files:
        stem = file.with_name(default_id(file))
        seen[stem] += 1
        # a.nii and a.nii.gz in one folder
        stems.append(stem if seen[stem] == 1 else stem.with_name(f"{stem.name}-{seen[stem]}"))
    ids = [stem.name for stem in stems]
    depth = 1
    while shared := {name for name, count in Counter(ids).items() if count > 1}:
        depth += 1
        ids = ["_".join(s.parts[-depth:]) if name in shared else name for name, s in zip(ids, stems, strict=True)]
    return ids
