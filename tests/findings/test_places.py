"""Which finding a word of place belongs to."""

from __future__ import annotations

import pytest

from braingemma3d.findings.places import places
from braingemma3d.findings.scope import apply_cues
from braingemma3d.findings.sentence import parse
from braingemma3d.findings.tokens import sentences


def read(text):
    (tokens,) = sentences(text)
    sentence = parse(tokens)
    apply_cues(sentence)
    found = []
    for token, mention, near in places(sentence):
        owner = tokens[mention.at].text if mention else ""
        found.append((token.text, "near " + owner if near else owner))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("left mass", [("left", "mass")]),
        ("a mass in the insula with edema of the thalamus", [("insula", "mass"), ("thalamus", "edema")]),
        ("the mass is surrounded by edema and extends into the insula", [("insula", "mass")]),
        ("it extends into the insula", [("insula", "")]),
        ("a mass near the insula", [("insula", "near mass")]),
        ("a mass sparing the insula", []),
        ("no mass in the insula", []),
        ("a mass with midline shift to the left", []),
        ("compression of the left lateral ventricle", []),
        ("the insula is normal", []),
    ],
)
def test_places(text, expected):
    assert read(text) == expected
