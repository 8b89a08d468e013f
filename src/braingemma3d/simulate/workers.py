"""Processes of their own for the drawing of cases."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import TypeVar

import torch

from braingemma3d.errors import InputError

QUEUED_PER_WORKER = 4

Item = TypeVar("Item")
Done = TypeVar("Done")

logger = logging.getLogger(__name__)


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
                logger.info("interrupted; what is in hand is finished first, which may take a minute or two")
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


def cores() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
