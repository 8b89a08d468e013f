"""Clauses, mentions and benign bystanders."""

from __future__ import annotations

import pytest

from braingemma3d.findings.kinds import Kind
from braingemma3d.findings.sentence import owner, parse
from braingemma3d.findings.tokens import sentences


def read(text):
    (tokens,) = sentences(text)
    return parse(tokens)


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("edema is present and necrosis is absent", 2),
        ("edema and necrosis are absent", 1),
        ("no edema but severe necrosis", 2),
        ("although no edema is seen, the ventricle is compressed", 2),
    ],
)
def test_clauses(text, clauses):
    assert len(set(read(text).clauses)) == clauses


def test_a_mention_knows_its_noun_phrase():
    mention = next(iter(read("a second large mass").mentions.values()))
    assert (mention.kind, mention.at, mention.start) == (Kind.LESION, 3, 1)
    assert mention.indefinite
    assert mention.another
    assert not mention.definite
    assert not mention.plural


@pytest.mark.parametrize(("text", "count"), [("mass", 0), ("masses", 1), ("metastasis", 0), ("metastases", 1)])
def test_plural(text, count):
    assert sum(mention.plural for mention in read(text).found()) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("punctate hyperintensities", 0),
        ("hyperintensities consistent with small vessel disease", 0),
        ("a mass consistent with small vessel disease", 1),
        ("hyperintensities and small vessel disease", 1),
    ],
)
def test_spots_are_no_findings(text, count):
    assert len(read(text).found()) == count


def test_a_signal_belongs_to_what_is_named_before():
    sentence = read("a mass with high signal")
    mass, signal = sentence.found()
    assert owner(sentence, signal) is mass
    assert owner(sentence, mass) is mass
