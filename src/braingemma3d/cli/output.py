"""What the command prints beside its results: error lines and progress, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def print_error(message: str) -> None:
    """Print one error line on stderr."""
    print(f"braingemma3d: error: {' '.join(message.split())}", file=sys.stderr)


def with_progress(items: Sequence[T], what: str) -> Iterator[T]:
    """Go through the items with a bar, a count and the time left; without a bar for a single item."""
    if len(items) < 2:
        yield from items
        return
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
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(items)
