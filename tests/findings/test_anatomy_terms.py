"""Words of place stand for the lobes that an anatomist would say."""

from __future__ import annotations

import re

import pytest

from braingemma3d.findings.anatomy_terms import GLUED, REGIONS, SIDE_LETTER
from braingemma3d.findings.schema import LOBES


@pytest.mark.parametrize(
    ("word", "lobes"),
    [
        ("precentral", "frontal"),
        ("postcentral", "parietal"),
        ("anterior cingulate", "frontal"),
        ("posterior cingulate", "parietal"),
        ("pericentral", "frontal parietal"),
        ("cuneus", "occipital"),
        ("uncus", "temporal"),
        ("vermis", "cerebellum"),
        ("midbrain", "brainstem"),
        ("cerebellopontine", "cerebellum brainstem"),
        ("thalamus", "deep"),
        ("thalamo", "deep"),
        ("perisylvian", "insula"),
    ],
)
def test_regions(word, lobes):
    matching = [region.lobes for region in REGIONS if re.fullmatch(region.pattern, word)]
    assert matching == [tuple(lobes.split())]


def test_every_lobe_has_words():
    assert {lobe for region in REGIONS for lobe in region.lobes} == set(LOBES)


def test_compounds_are_set_apart():
    assert GLUED.sub(r"\1 ", "frontoparietal bifrontal biopsy") == "fronto parietal bi frontal biopsy"


@pytest.mark.parametrize(("text", "left"), [("lt. frontal", True), ("l hemisphere", True), ("r insula", False)])
def test_letters_for_sides(text, left):
    match = SIDE_LETTER.match(text)
    assert match
    assert bool(match[1]) is left


def test_other_letters_are_no_sides():
    assert not SIDE_LETTER.search("l 5 and r wave")
