"""The scanner and its rules belong together, and phrases disarm the words in them."""

from __future__ import annotations

import re

import pytest

from braingemma3d.findings.kinds import Kind
from braingemma3d.findings.lexicon import RULES, SCANNER


def first_rule(text):
    match = SCANNER.match(text)
    assert match
    return RULES[match.lastindex - 1]


def test_one_group_per_rule():
    assert SCANNER.groups == len(RULES)
    assert all(re.compile(rule.pattern).groups == 0 for rule in RULES)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("frontal", Kind.LOBE),
        ("frontal horn", Kind.VENTRICLE),
        ("frontal sinus", Kind.MASK),
        ("no", Kind.NEGATION),
        ("no change in", Kind.MASK),
        ("not seen", Kind.DENIAL),
        ("cannot be excluded", Kind.DOUBT),
        ("left", Kind.SIDE),
        ("left arm", Kind.MASK),
        ("mass", Kind.LESION),
        ("mass effect", Kind.PRESSURE),
        ("white matter changes", Kind.BENIGN),
        (",", Kind.COMMA),
        ("unheard", Kind.WORD),
    ],
)
def test_the_first_rule_wins(text, kind):
    assert first_rule(text).kind is kind


@pytest.mark.parametrize(
    ("text", "degree"),
    [("slight", "mild"), ("mild to moderate", "moderate"), ("moderate to severe", "severe"), ("little or no", "mild")],
)
def test_degrees(text, degree):
    assert first_rule(text).degree == degree
