"""A folder of simulated patients: images, masks and a manifest with the exact truth.

``cohort.json`` names the settings, ``records/<id>.json`` marks a case as complete, and ``manifest.jsonl`` is put
together from the records: a run that was interrupted, in whatever way, goes on where it stopped.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field

from braingemma3d.errors import InputError
from braingemma3d.files import claim, new_file, remove_left_behind
from braingemma3d.pace import Progress, paced
from braingemma3d.simulate.case import HEALTHY_SHARE, case_id, draw_case
from braingemma3d.simulate.files import save_case

VERSION = 3
"""Raised whenever the same seed and index would give another case."""
QUEUED_PER_WORKER = 4

Item = TypeVar("Item")
Done = TypeVar("Done")

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
    progress: Progress[int] = paced,
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


def cores() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def in_processes(work: Callable[[Item], Done], items: Sequence[Item], workers: int | None = None) -> Iterator[Done]:
    """Work on ``items`` in processes of their own, or in this one; yield each result as it comes.

    Args:
        work: on one item; it must be possible to pickle both.
        items: in any order.
        workers: processes; ``None`` for one for each core that this one may use. One is this process.

    Raises:
        InputError: a process was ended from outside.
    """
    workers = min(workers or cores(), len(items))
    if workers <= 1:
        yield from map(work, items)
        return
    # Spawned, not forked: a forked child of a process that has used torch's threads can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=prepare_worker) as pool:
        waiting = iter(items)
        running: set[Future[Done]] = set()
        try:
            while True:
                for item in waiting:
                    running.add(pool.submit(work, item))
                    if len(running) >= QUEUED_PER_WORKER * workers:
                        break
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise InputError(
                "a process that draws was ended, perhaps for want of memory; the same command goes on", "worker_ended"
            ) from error
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                _log.info("interrupted; what is in hand is finished first, which may take a minute or two")
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def prepare_worker() -> None:
    """Start of a process that draws cases: one thread, no Ctrl-C, and an end with its parent's, however that comes."""
    # Ctrl-C is for the parent, which lets the cases in hand be finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=[parent], daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def draw_and_save(root: Path, cohort: Cohort, index: int) -> int:
    """Draw one case and write its files, the record last."""
    case = draw_case(cohort.seed, index, cohort.healthy, cohort.shift)
    save_case(root, case)
    return index


def _write_manifest(root: Path, manifest: Path, cohort: Cohort, n: int) -> None:
    names = (case_id(cohort.seed, index) for index in range(n))
    lines = [(root / "records" / f"{name}.json").read_text().strip() for name in names if _complete(root, name)]
    with new_file(manifest) as partial:
        partial.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
