"""What the program can find out about a text without knowing the truth."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from braingemma3d.findings.extract import read
from braingemma3d.findings.schema import Findings

_SENTENCE = re.compile(r"\S.*?(?:[.!?]+(?=\s|$)|$)", re.DOTALL)
_SUMMARY = re.compile(r"^[^\w\n]*(?:impression|conclusion|summary|opinion)s?\b", re.IGNORECASE | re.MULTILINE)
_ITEM = re.compile(r"\s*(?:[-*•–|]|\d{1,2}[.)]\s|[*_]*(?:\w{1,2}[.)] )?[^.!?:=\n]{1,40}(?:[:=]| [-–] ))[^.!?]*$")
_END = re.compile(r"[.!?}][\s*_`\"'”)\]]*$")
_SAYS = re.compile(r"(?!(?:a )?(?:yes|no)$).*[a-z]")
"""A sentence that may not be said twice: no number of a list, and no bare answer."""
_STUTTER = re.compile(r"\b([a-z]+)(?: \1){2,}\b")
_WORDS = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
_SEVERAL = re.compile(r"\b(?:lesions|masses|tumou?rs|foci|both|bilateral|bilaterally|multiple|second|another)\b", re.I)
REPEATED_WORDS = 6
"""Words that, said twice in one sentence, are a repeat."""
ITEM_WORDS = 12
"""Words that the last item of a list may have without a full stop; a longer one was cut off."""


def flaws(text: str) -> list[str]:
    """What is degenerate or contradictory in a report, each in a few words; empty for a sound one.

    Looked for: nothing said, or nothing of a lesion, be it that there is none, an unfinished last sentence, a sentence
    twice, or in it a run of words, a lesion or finding that is denied and described, one lesion with two sides, and
    findings without a lesion. An impression may repeat what was found, and an item of a list, or an answer after its
    label, needs no full stop.
    """
    reading, found = read(text), []
    findings = reading.findings()
    sections = [[*_said(section)] for section in _SUMMARY.split(text)]
    if not any(sections):
        return ["empty"]
    if not _END.search(text) and not _is_list(text):
        found.append("unfinished sentence")
    told = (Counter(filter(_SAYS.match, said)) for said in sections)
    if any(max(said.values(), default=0) > 1 for said in told) or any(map(_loops, chain(*sections))):
        found.append("repeats itself")
    if findings.lesion and reading.none_seen:
        found.append("denies and describes a lesion")
    if not _SEVERAL.search(text):
        found += [f"denies and describes {finding.replace('_', ' ')}" for finding in reading.contradicted()]
    if not findings.lesion and findings != Findings():
        found.append("findings without a lesion")
    elif "lesion" not in reading.mentioned():
        found.append("says nothing of a lesion")
    sides = {read(sentence).lesion_side() for sentence in _SENTENCE.findall(text)}
    if {"left", "right"} <= sides and len(findings.lesions) < 2 and not _SEVERAL.search(text):
        found.append("two sides for one lesion")
    return found


def _said(section: str) -> Iterator[str]:
    """The words of each sentence."""
    for sentence in _SENTENCE.findall(section):
        if words := _WORDS.findall(sentence.lower()):
            yield " ".join(words)


def _is_list(text: str) -> bool:
    """Whether a text ends in an item, as at least half of its lines are."""
    lines = [line for line in text.splitlines() if line.strip()]
    items = [bool(_ITEM.match(line)) and len(line.split()) <= ITEM_WORDS for line in lines]
    return items[-1] and 2 * sum(items) >= len(items)


def _loops(sentence: str) -> bool:
    words = sentence.split()
    runs = [tuple(words[at : at + REPEATED_WORDS]) for at in range(len(words) - REPEATED_WORDS + 1)]
    return len(set(runs)) < len(runs) or bool(_STUTTER.search(sentence))
