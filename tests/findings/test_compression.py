"""Which pressure is on a ventricle."""

from __future__ import annotations

import pytest

from braingemma3d.findings.compression import compressions
from braingemma3d.findings.sentence import parse
from braingemma3d.findings.tokens import sentences


def count(text, inherited=False):
    (tokens,) = sentences(text)
    return len(compressions(parse(tokens), inherited))


@pytest.mark.parametrize(
    "text",
    [
        "ventricular compression",
        "compression of the left lateral ventricle",
        "the tumor compresses the ventricle",
        "the ventricle is slightly compressed",
        "mass effect on the ventricles",
        "the ventricles are pushed by the mass",
    ],
)
def test_on_a_ventricle(text):
    assert count(text) == 1


@pytest.mark.parametrize(
    "text", ["mass effect", "compression of the sulci", "midline shift", "effaced sulci with preserved ventricles"]
)
def test_on_something_else(text):
    assert count(text) == 0


def test_a_pronoun_stands_for_the_ventricle_of_the_sentence_before():
    assert count("it is compressed", inherited=True) == 1
    assert count("it is compressed", inherited=False) == 0
