"""Where something is: the sides and lobes that words of place spell out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from braingemma3d.findings.kinds import Kind
from braingemma3d.findings.schema import LOBES, Lobe, Side
from braingemma3d.findings.tokens import Token

_CALLOSAL = re.compile("callos|splenium|genu")


@dataclass(slots=True)
class Area:
    """Side words and lobes, and ``parts`` as the text lists them, side by side.

    ``callosal`` holds as long as all of the lobes stand for the corpus callosum.
    """

    sides: set[str] = field(default_factory=set)
    lobes: set[Lobe] = field(default_factory=set)
    callosal: bool = True
    parts: list[Area] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.sides or self.lobes)

    def add(self, other: Area) -> None:
        """Take in the sides and lobes of another area."""
        self.sides |= other.sides
        self.lobes |= other.lobes
        self.callosal = self.callosal and other.callosal

    @property
    def side(self) -> Side:
        """The one side that all the side words make together."""
        if self.sides & {"bilateral", "crossing"} or {"left", "right"} <= self.sides:
            return "bilateral"
        if "left" in self.sides:
            return "left"
        if "right" in self.sides:
            return "right"
        return "midline" if "midline" in self.sides or (self.lobes and self.callosal) else "none"

    @property
    def ordered_lobes(self) -> tuple[Lobe, ...]:
        """The lobes in the order of :data:`~braingemma3d.findings.schema.LOBES`."""
        return tuple(lobe for lobe in LOBES if lobe in self.lobes)


def read_area(tokens: Iterable[Token], known: Collection[str] = ()) -> Area:
    """The area that words of place spell out; ``known`` are the sides that 'contralateral' may refer to."""
    whole, part = Area(), Area()
    side_came_last = False
    for token in tokens:
        side: str = token.rule.value
        if token.kind is Kind.LOBE:
            if part.sides and part.lobes and side_came_last:
                whole.parts.append(part)
                part = Area()
            part.add(Area(lobes=set(token.rule.lobes), callosal=bool(_CALLOSAL.search(token.text))))
            side_came_last = False
            continue
        if token.kind is Kind.RELATION:
            here = set(part.sides or known) & {"left", "right"}
            if len(here) != 1 or side == "same":
                continue
            side = "right" if here == {"left"} else "left"
        if side == "crossing":
            whole.sides.add(side)
            continue
        if part.sides and part.lobes:
            whole.parts.append(part)
            part = Area()
        part.sides.add(side)
        side_came_last = bool(part.lobes)
    whole.parts.append(part)
    for each in whole.parts:
        whole.add(each)
    return whole
