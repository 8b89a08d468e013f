"""What the command prints beside its results: error lines and progress, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from braingemma3d.pace import paced

T = TypeVar("T")


def print_error(message: str) -> None:
    """Print one error line on stderr."""
    print(f"braingemma3d: error: {' '.join(message.split())}", file=sys.stderr)


def with_progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Go through so many items with a bar and the time left, or with lines where there is no terminal; not for one."""
    if total < 2:
        yield from items
        return
    if not sys.stderr.isatty():
        yield from paced(items, total, what)
        return
    with progress_bar(what) as told:
        told(0, total)
        for done, item in enumerate(items, 1):
            yield item
            told(done, total)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with a count and the time left, on stderr, which is told how many of how many are done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
