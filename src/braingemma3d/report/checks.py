"""What the program can find out about a text without knowing the truth."""

from __future__ import annotations

import re
from collections import Counter

from braingemma3d.findings.extract import denies_lesion, extract
from braingemma3d.findings.schema import Findings

_SENTENCE = re.compile(r"\S.*?(?:[.!?]+(?=\s|$)|$)", re.DOTALL)
_WORDS = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
_SEVERAL = re.compile(r"\b(?:lesions|masses|tumou?rs|foci|both|bilateral|bilaterally|multiple|second|another)\b", re.I)
REPEATED_WORDS = 6
"""Words of a sentence that, said twice, are a repeat: no report of the grammar or of TextBraTS needs as many."""


def flaws(text: str, findings: Findings) -> list[str]:
    """What is degenerate or contradictory in a report, each in a few words; empty for a sound one.

    Looked for: nothing said, an unfinished last sentence, the same sentence or run of words twice, a lesion that is
    denied and described, one lesion with two sides, and findings without a lesion.
    """
    found = []
    parts = [" ".join(_WORDS.findall(part.lower())) for part in _SENTENCE.findall(text)]
    parts = [part for part in parts if part]
    if not parts:
        return ["empty"]
    if text.rstrip()[-1] not in ".!?":
        found.append("unfinished sentence")
    words = [part.split() for part in parts]
    runs = Counter(tuple(w[i : i + REPEATED_WORDS]) for w in words for i in range(len(w) - REPEATED_WORDS + 1))
    if max(Counter(parts).values()) > 1 or (runs and max(runs.values()) > 1):
        found.append("repeats itself")
    if findings.lesion and denies_lesion(text):
        found.append("denies and describes a lesion")
    if not findings.lesion and findings != Findings():
        found.append("findings without a lesion")
    sides = {extract(sentence).side for sentence in _SENTENCE.findall(text)}
    if {"left", "right"} <= sides and not _SEVERAL.search(text):
        found.append("two sides for one lesion")
    return found
