"""How far long work has come, in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Progress = Callable[[Iterable[Item], int, str], Iterator[Item]]
"""Goes through so many items and may show how far it is, as :func:`paced` does."""
EVERY_S = 30
"""Seconds between two lines, at least."""


def paced(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """The items, one after the other, with lines in the log: how many are done, and about how long the rest takes.

    Args:
        items: each is done when the next one is asked for.
        total: how many there are.
        what: they are, such as ``scans``.
    """
    begun = said = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if done == total or now - said >= EVERY_S:
            said = now
            left = (now - begun) / done * (total - done) / 60
            logger.info("%s: %d of %d%s", what, done, total, f", about {left:.0f} min left" if done < total else "")
