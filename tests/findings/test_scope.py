"""What the cues of one sentence make of its mentions."""

from __future__ import annotations

import pytest

from braingemma3d.findings.kinds import Kind
from braingemma3d.findings.scope import apply_cues, grade, is_normal, strongest
from braingemma3d.findings.sentence import parse
from braingemma3d.findings.tokens import sentences


def read(text):
    (tokens,) = sentences(text)
    sentence = parse(tokens)
    apply_cues(sentence)
    return sentence


@pytest.mark.parametrize(
    ("text", "grades"),
    [
        ("edema and necrosis", "present present"),
        ("no edema or necrosis", "none none"),
        ("no edema but necrosis", "none present"),
        ("no edema around the mass", "none present"),
        ("edema and necrosis are not seen", "none none"),
        ("a non-necrotic mass", "none present"),
        ("possible edema with necrosis", "possible present"),
        ("edema may be present", "possible"),
        ("edema can be seen", "present"),
        ("suggesting edema", "possible"),
        ("suggesting mild edema", "mild"),
        ("mild edema and necrosis", "mild mild"),
        ("mild edema and ventricular compression", "mild mild"),
        ("mild edema, necrosis", "mild present"),
        ("edema is moderate", "moderate"),
        ("edema is not very severe", "present"),
        ("severe possible edema", "possible"),
    ],
)
def test_grades(text, grades):
    assert " ".join(grade(mention) for mention in read(text).found()) == grades


def test_negation_frees_the_places_in_its_scope():
    sentence = read("no extension to the left insula")
    assert sentence.denied_places == {at for at, t in enumerate(sentence.tokens) if t.kind in (Kind.SIDE, Kind.LOBE)}


def test_strongest():
    assert strongest([]) == "none"
    assert strongest(["possible", "none"]) == "possible"
    assert strongest(["present", "mild", "possible"]) == "mild"


@pytest.mark.parametrize(("text", "normal"), [("the insula is normal", True), ("mass of the insula", False)])
def test_is_normal(text, normal):
    sentence = read(text)
    (at,) = [at for at, token in enumerate(sentence.tokens) if token.kind is Kind.LOBE]
    assert is_normal(sentence, at) is normal
