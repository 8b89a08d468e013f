"""Which finding of a sentence each of its words of place belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from braingemma3d.findings.kinds import FINDINGS, GRADED, LESIONS, LINKS, NOUN_PHRASE, PLACES, Kind
from braingemma3d.findings.scope import is_normal, is_object
from braingemma3d.findings.sentence import REACH, Mention, Sentence, is_act, owner
from braingemma3d.findings.tokens import Token

# The side that a movement points to is not where anything is.
_MOVE = re.compile(r"shift|displac|deviat|push|herniat|dislocat")


class Place(NamedTuple):
    """A word of place and the mention it belongs to, if any in its sentence; ``near`` it, or else in it."""

    token: Token
    mention: Mention | None
    near: bool = False


def places(sentence: Sentence) -> Iterator[Place]:
    """The words of place of a sentence, without those that are free of anything."""
    for at, token in enumerate(sentence.tokens):
        if token.kind not in PLACES or _is_pointed_to(sentence, at):
            continue
        head = _modified(sentence, at)
        if head:
            head = owner(sentence, head)
            if not head.denied and head.kind in FINDINGS:
                yield Place(token, head)
            continue
        if is_normal(sentence, at) or _is_ruled(sentence, at, Kind.SPARED):
            continue
        head = _governor(sentence, at)
        if head and head.denied:
            affirmed = [mention for mention in sentence.found() if not mention.denied]
            if affirmed and head.kind not in LESIONS:
                yield Place(token, affirmed[0], near=True)
        elif at not in sentence.denied_places and (head is None or head.kind in FINDINGS):
            yield Place(token, head, near=_is_ruled(sentence, at, Kind.NEAR))


def _is_pointed_to(sentence: Sentence, at: int) -> bool:
    """'Shift to the right' is no place."""
    if sentence.kind(at) is not Kind.SIDE or sentence.kind(at + 1) is Kind.LOBE:
        return False
    before = [token.text for token in sentence.tokens[max(0, at - REACH) : at]]
    return any(word in ("to", "toward", "towards", "into") for word in before[-2:]) and any(map(_MOVE.search, before))


def _modified(sentence: Sentence, at: int) -> Mention | None:
    """The mention that this place is an adjective of: '*left frontal* mass'."""
    clause = sentence.clauses[at]
    transparent = PLACES | {Kind.WORD, Kind.MASK, Kind.MEASURE}
    found: Mention | None = None
    for after in range(at + 1, at + REACH + 1):
        kind = sentence.kind(after, clause)
        mention = sentence.mentions.get(after) if kind else None
        if mention:
            pressure = mention.kind is Kind.PRESSURE
            ends = found and not (pressure or mention.kind in LESIONS)
            if ends or (pressure and is_act(sentence.tokens[after])):
                break
            found = mention
            continue
        joins = kind is Kind.AND and sentence.kind(after + 1) is Kind.LOBE
        if found or not (kind in transparent or joins):
            break
    return found


def _is_ruled(sentence: Sentence, at: int, ruler: Kind) -> bool:
    """Whether the noun phrase of this place comes after a word of kind ``ruler``."""
    before = sentence.past(at, -1, NOUN_PHRASE | {Kind.DEFINITE, Kind.AND})
    return sentence.kind(before, sentence.clauses[at]) is ruler


def _set_off(sentence: Sentence, head: int, at: int) -> bool:
    """'Edema around the lesion, mainly in ...': a link before the first place after it."""
    kinds = [sentence.kind(k) for k in range(head + 1, at)]
    return next((kind for kind in kinds if kind in LINKS | PLACES), None) in LINKS


def _governor(sentence: Sentence, at: int) -> Mention | None:
    """The mention whose place this is, if it is not an adjective of one."""
    clause, mentions, found = sentence.clauses[at], list(sentence.mentions.values()), sentence.found()
    here = [mention for mention in mentions if mention.clause == clause]
    before = [mention for mention in here if mention.at < at]
    if before:
        head = before[-1]
        verbs = [k for k in range(head.at + 1, at) if sentence.kind(k) is Kind.SPREAD]
        subjects = [m for m in found if m.at < at and not m.denied and not is_object(sentence, m)]
        lesions = [m for m in subjects if m.kind in LESIONS]
        if lesions and any(sentence.kind(k - 1) in LINKS for k in verbs):
            # 'The lesion is surrounded by edema and extends into …' resumes the subject.
            head = lesions[0]
        elif (verbs or _set_off(sentence, head.at, at)) and head.kind in LESIONS and is_object(sentence, head):
            # So does 'edema around the lesion extends into …'.
            head = next((m for m in subjects if m.kind is Kind.EDEMA), head)
        elif not verbs and head.kind in GRADED and sentence.kind(head.start - 1) is Kind.WITH:
            # 'A mass with edema in the left lobe' is there itself, if it has no other place.
            bearer = sentence.mentions.get(head.start - 2)
            if bearer in lesions and not any(token.kind in PLACES for token in sentence.tokens[: head.start]):
                head = bearer
        return owner(sentence, head)
    earlier = [mention for mention in found if mention.clause < clause]
    earlier = [mention for mention in earlier if not is_object(sentence, mention)] or earlier
    lesions = [mention for mention in earlier if mention.kind in LESIONS]
    later = [mention for mention in mentions if mention.at > at]
    # 'Crosses the midline and involves both lobes, with edema' resumes the subject.
    spreads = any(sentence.kind(k, clause) is Kind.SPREAD for k in range(at))
    choice = (spreads and (lesions or earlier)) or here or lesions or earlier or later
    return owner(sentence, choice[0]) if choice else None
