"""Sides and lobes out of words of place."""

from __future__ import annotations

import pytest

from braingemma3d.findings.area import Area, read_area
from braingemma3d.findings.kinds import PLACES
from braingemma3d.findings.tokens import sentences


def read(text, known=()):
    return read_area([token for tokens in sentences(text) for token in tokens if token.kind in PLACES], known)


@pytest.mark.parametrize(
    ("text", "side", "lobes"),
    [
        ("left frontal and parietal", "left", "frontal parietal"),
        ("temporal and frontal on the right", "right", "frontal temporal"),
        ("left and right frontal", "bilateral", "frontal"),
        ("right frontal crossing the midline", "bilateral", "frontal"),
        ("corpus callosum", "midline", "deep"),
        ("corpus callosum and thalamus", "none", "deep"),
        ("left frontal and contralateral insula", "bilateral", "frontal insula"),
        ("left frontal and ipsilateral insula", "left", "frontal insula"),
        ("", "none", ""),
    ],
)
def test_side_and_lobes(text, side, lobes):
    area = read(text)
    assert area.side == side
    assert area.ordered_lobes == tuple(lobes.split())
    assert bool(area) is bool(text)


def test_contralateral_to_a_known_side():
    assert read("contralateral insula", {"left"}).side == "right"
    assert read("contralateral insula").side == "none"


def test_parts_lie_side_by_side():
    parts = read("left frontal, right parietal and right occipital").parts
    assert [(part.side, part.ordered_lobes) for part in parts] == [
        ("left", ("frontal",)),
        ("right", ("parietal",)),
        ("right", ("occipital",)),
    ]


def test_areas_add_up():
    area = Area(sides={"left"}, lobes={"deep"}, callosal=False)
    area.add(Area(sides={"right"}, lobes={"frontal"}))
    assert (area.side, area.ordered_lobes) == ("bilateral", ("frontal", "deep"))
