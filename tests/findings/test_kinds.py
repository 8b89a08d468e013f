"""The groups of kinds are consistent, and rules hold what they are given."""

from __future__ import annotations

from braingemma3d.findings.kinds import FINDINGS, LESIONS, NOUN_PHRASE, PLACES, Kind, Rule, rule, words


def test_groups_contain_each_other():
    assert LESIONS < FINDINGS
    assert PLACES < NOUN_PHRASE
    assert not FINDINGS & NOUN_PHRASE


def test_a_rule_joins_its_patterns():
    assert rule(Kind.SIDE, "left", "lt", value="left") == Rule(Kind.SIDE, "left|lt", value="left")


def test_words():
    assert words("of on") == {"of", "on"}
