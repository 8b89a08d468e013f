"""A folder of simulated patients: images, masks and a manifest with the exact truth.

``cohort.json`` names the settings, ``records/<id>.json`` marks a case as complete, and ``manifest.jsonl`` is put
together from the records: a run that was interrupted, in whatever way, goes on where it stopped.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from braingemma3d.errors import InputError
from braingemma3d.files import claim, new_text, remove_left_behind
from braingemma3d.pace import Progress, paced
from braingemma3d.simulate.case import HEALTHY_SHARE, case_id, draw_case
from braingemma3d.simulate.files import save_case
from braingemma3d.simulate.workers import in_processes

VERSION = 3
"""Raised whenever the same seed and index would give another case."""

_log = logging.getLogger(__name__)


class Cohort(BaseModel):
    """Settings of a cohort; one folder holds one of them.

    Attributes:
        seed: seed of the cohort; with a case's index it fixes the case.
        healthy: chance of a case without a lesion.
        shift: draw from the ranges that training never sees.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=0)
    healthy: float = Field(default=HEALTHY_SHARE, ge=0, le=1)
    shift: bool = False
    version: int = VERSION


def write_cohort(
    directory: str | os.PathLike[str],
    n: int,
    seed: int = 0,
    healthy: float = HEALTHY_SHARE,
    shift: bool = False,
    workers: int | None = None,
    progress: Progress[None] = paced,
) -> Path:
    """Write cases 0 to ``n`` - 1 of a cohort; complete cases that are already there are kept.

    Args:
        directory: gets ``images/<id>.nii.gz`` (int16, RAS, skull-stripped, background 0), ``masks/<id>_seg.nii.gz``
            (1 necrosis, 2 edema, 4 solid core), ``records/``, ``cohort.json`` and ``manifest.jsonl``, whose paths
            are relative to it.
        n: number of cases.
        seed, healthy, shift: see :class:`Cohort`.
        workers: processes; ``None`` for one for each core that this one may use. Each takes up to 0.9 GB.
        progress: goes through so many cases that are simulated, and may show how far it is.

    Returns:
        The path of the manifest.

    Raises:
        InputError: the folder holds a cohort of other settings, or ``n`` is below 1.
        KeyboardInterrupt: as usual; the manifest then lists the cases that are complete.
    """
    if n < 1:
        raise InputError(f"a cohort needs at least one case, not {n}", code="bad_count")
    cohort = Cohort(seed=seed, healthy=healthy, shift=shift)
    root = Path(directory)
    _claim(root, cohort)
    missing = [index for index in range(n) if not _complete(root, case_id(seed, index))]
    if len(missing) < n:
        _log.info("%d of %d cases are already there", n - len(missing), n)
    manifest = root / "manifest.jsonl"
    try:
        drawn = in_processes(partial(draw_and_save, root, cohort), missing, workers)
        for _ in progress(drawn, len(missing), "Simulating"):
            pass
    finally:
        _write_manifest(root, manifest, cohort, n)
    return manifest


def _claim(root: Path, cohort: Cohort) -> None:
    if not claim(root / "cohort.json", cohort.model_dump_json(indent=2) + "\n"):
        raise InputError(f"{root}: holds a cohort of other settings; choose another folder", "other_cohort")
    for name in ("images", "masks", "records"):
        (root / name).mkdir(parents=True, exist_ok=True)
        remove_left_behind(root / name)


def _complete(root: Path, name: str) -> bool:
    paths = (
        root / "records" / f"{name}.json",
        root / "images" / f"{name}.nii.gz",
        root / "masks" / f"{name}_seg.nii.gz",
    )
    return all(path.exists() for path in paths)


def draw_and_save(root: Path, cohort: Cohort, index: int) -> None:
    """Draw one case and write its files, the record last."""
    save_case(root, draw_case(cohort.seed, index, cohort.healthy, cohort.shift))


def _write_manifest(root: Path, manifest: Path, cohort: Cohort, n: int) -> None:
    names = (case_id(cohort.seed, index) for index in range(n))
    lines = [(root / "records" / f"{name}.json").read_text().strip() for name in names if _complete(root, name)]
    new_text(manifest, "".join(line + "\n" for line in lines))
