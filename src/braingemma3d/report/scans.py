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
    names = [""] * len(files)
    for folder in {file.parent for file in files}:
        here = [number for number, file in enumerate(files) if file.parent == folder]
        for number, name in zip(here, _numbered([default_id(files[n]) for n in here]), strict=True):
            names[number] = name
    folders = [[default_id(Path(part)) for part in file.parent.parts[1:]] for file in files]
    ids = names
    for depth in range(1, max((len(parts) for parts in folders), default=0) + 1):
        shared = {name for name, count in Counter(ids).items() if count > 1}
        ids = [
            "_".join([*parts[-depth:], name]) if known in shared else known
            for known, name, parts in zip(ids, names, folders, strict=True)
        ]
    return _numbered(ids)


def _numbered(ids: Sequence[str]) -> list[str]:
    """What is shared, as by ``a.nii`` and ``a.nii.gz`` in one folder, gets a number that no other name has."""
    taken = set(ids)
    seen: Counter[str] = Counter()
    numbered = []
    for name in ids:
        seen[name] += 1
        unique = name
        while seen[name] > 1 and unique in taken:
            unique = f"{name}-{seen[name]}"
            seen[name] += unique in taken
        taken.add(unique)
        numbered.append(unique)
    return numbered
