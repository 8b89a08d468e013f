"""Which scans a user means: files and folders to a list of scans with distinct ids."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from braingemma3d.errors import InputError
from braingemma3d.imaging.nifti import is_nifti

SUMMARY = "summary.csv"
"""The list of a batch, beside the folders of its reports."""
LONGEST_ID = 200
"""Bytes of a name that becomes a folder's: file systems end at 255, and unfinished folders have longer names."""


def find_scans(inputs: Sequence[Path]) -> list[tuple[str, Path]]:
    """Resolve what was given on the command line.

    Args:
        inputs: NIfTI files, and folders that are searched with their subfolders and those that they link to; of a BIDS
            data set, its raw FLAIR scans are taken. A folder that may not be looked into counts as a scan that can't be
            read.

    Returns:
        (id, file) pairs in the order given, folders sorted by path. Ids are file names without suffix; where several
        files share one, their folders' names are put before it. Two ids that differ in their capitals only are one on
        many file systems, and so are shared.

    Raises:
        InputError: a folder is all that was given, and holds no NIfTI file. Beside others it counts as a scan that
            can't be read, so that the others are reported.
    """
    files: list[Path] = []
    for given in inputs:
        try:
            folder = given.is_dir()
        except OSError:
            # Reading it tells what is wrong, and costs the others nothing.
            folder = False
        if not folder:
            files.append(given)
            continue
        found = _below(given)
        if not found and len(inputs) == 1:
            wanted = (
                "no *_FLAIR.nii.gz in this BIDS data set"
                if _is_bids(given)
                else "no .nii or .nii.gz file in this folder"
            )
            raise InputError(f"{given}: {wanted}; give a scan, or convert DICOM with dcm2niix first", "no_scans")
        files += found or [given]
    files = list(dict.fromkeys(file.absolute() for file in files))
    return list(zip(_distinct_ids(files), files, strict=True))


def default_id(scan: Path) -> str:
    """The file's name without ``.nii`` or ``.nii.gz``, fit to name a folder: blanks and the like become ``_``.

    What is too long, or the name of a batch's list, ends in a hash.
    """
    stem = re.sub(r"(\.nii)?(\.gz)?$", "", scan.name, flags=re.IGNORECASE)
    return _short(re.sub(r"[^\w.-]+", "_", stem).lstrip(".") or "scan")


def _short(name: str) -> str:
    """An id that can name a folder: one that is too long, or the name of a batch's list, ends in a hash."""
    if len(name.encode()) <= LONGEST_ID and name.casefold() != SUMMARY:
        return name
    return f"{name.encode()[:LONGEST_ID].decode(errors='ignore')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _below(root: Path) -> list[Path]:
    """The scans of a folder, sorted by path. Links to files that are not there count: it has to be said."""
    found: list[Path] = []
    locked: list[OSError] = []
    known: set[str] = set()
    for parent, folders, names in os.walk(root, followlinks=True, onerror=locked.append):
        if os.path.realpath(parent) in known:
            folders.clear()
            continue
        known.add(os.path.realpath(parent))
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent) / name for name in names if is_nifti(Path(name)) and not name.startswith(".")]
    if _is_bids(root):
        raw = [path for path in found if "derivatives" not in path.relative_to(root).parts]
        found = [path for path in raw if default_id(path).endswith("_FLAIR")]
    # The pattern stands for whatever is in there.
    return sorted(found + [Path(error.filename) / "*.nii.gz" for error in locked])


def _is_bids(folder: Path) -> bool:
    return (folder / "dataset_description.json").is_file()


def _distinct_ids(files: Sequence[Path]) -> list[str]:
    # First a.nii and a.nii.gz in one folder, then equal names in different folders.
    names = [Path(stem).name for stem in _numbered([str(file.with_name(default_id(file))) for file in files])]
    folders = [[default_id(Path(part)) for part in file.parent.parts[1:]] for file in files]
    ids = names
    for depth in range(1, max((len(parts) for parts in folders), default=0) + 1):
        shared = {name for name, times in Counter(map(str.casefold, ids)).items() if times > 1}
        if not shared:
            break
        ids = [
            _short("_".join([*parts[-depth:], name])) if known.casefold() in shared else known
            for known, name, parts in zip(ids, names, folders, strict=True)
        ]
    return _numbered(ids)


def _numbered(ids: Sequence[str]) -> list[str]:
    """Where an id comes up again, it gets the first number that makes it one which nothing else has."""
    taken = set(map(str.casefold, ids))
    used: set[str] = set()
    distinct = []
    for name in ids:
        unique = name
        if name.casefold() in used:
            unique = next(numbered for n in count(2) if (numbered := f"{name}-{n}").casefold() not in taken)
            taken.add(unique.casefold())
        used.add(unique.casefold())
        distinct.append(unique)
    return distinct
