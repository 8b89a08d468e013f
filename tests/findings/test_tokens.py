"""Where sentences end, and what is no sentence of the findings."""

from __future__ import annotations

import pytest

from braingemma3d.findings.kinds import Kind
from braingemma3d.findings.tokens import sentences, telling_spans


def read(text):
    return [" ".join(token.text for token in tokens) for tokens in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No mass. No edema!", ["no mass", "no edema"]),
        ("A 4.2 cm mass, approx. round.", ["a 4.2 cm mass , approx. round"]),
        ("Findings:\n- a mass\n- no edema", ["findings :", "a mass", "no edema"]),
        ("**Edema** is (very) mild", ["edema is very mild"]),
        ("L frontal mass", ["left frontal mass"]),
        ("Left frontoparietal mass w/o edema", ["left fronto parietal mass without edema"]),
        ("Edema - mild", ["edema – mild"]),
        ("Examination shows a mass – left", ["examination shows a mass – left"]),
        ("Mass, ?necrosis", ["mass , questionable necrosis"]),
        ("History: breast cancer. A mass.", ["a mass"]),
        ("HISTORY:\n\nLeft glioma.\nSeizures.\nFINDINGS\nA mass.", ["findings", "a mass"]),
        ("Clinical history\nLeft glioma.\n\nA mass.", ["a mass"]),
        ("", []),
    ],
)
def test_sentences(text, expected):
    assert read(text) == expected


def test_only_long_lines_are_wrapped():
    long = "the lesion is seen in the deep white matter and the basal ganglia on the"
    assert len(read(f"{long}\nleft side")) == 1
    assert len(read("a mass\nleft side")) == 2


def test_endless_sentences_are_cut():
    lengths = [len(tokens) for tokens in sentences("edema " * 300)]
    assert sum(lengths) == 300
    assert len(lengths) > 1


def test_tokens_know_what_they_do():
    (tokens,) = sentences("no mass in the left insula")
    assert [token.kind for token in tokens] == [
        Kind.NEGATION,
        Kind.LESION,
        Kind.PREPOSITION,
        Kind.DEFINITE,
        Kind.SIDE,
        Kind.LOBE,
    ]


def test_telling_spans_are_places_in_the_text_as_it_stands():
    text = "A well-defined lesion in the LEFT temporal lobe; no necrosis."
    assert [text[start:stop] for start, stop in telling_spans(text)] == [
        "lesion",
        "LEFT",
        "temporal lobe;",
        "no",
        "necrosis",
    ]
