"""What a stretch of a report's text does in its sentence, and the rules that tell it."""

from __future__ import annotations

from enum import Enum, auto
from typing import Literal, NamedTuple

from braingemma3d.findings.schema import Grade, Lobe


class Kind(Enum):
    """What a stretch of text does in a sentence."""

    MASK = auto()  # words that look like a cue and are none
    SIDE = auto()
    LOBE = auto()
    RELATION = auto()  # contralateral, ipsilateral
    LESION = auto()
    SIGNAL = auto()  # an abnormal signal: a lesion only where the text gives it a place
    ANOTHER = auto()  # announces a further lesion
    EDEMA = auto()
    NECROSIS = auto()
    VENTRICLE = auto()
    PRESSURE = auto()  # compression, once it is said of a ventricle
    BENIGN = auto()
    NORMAL = auto()
    NEGATION = auto()  # denies what follows
    DENIAL = auto()  # denies what came before
    HEDGE = auto()  # doubts what follows
    WEAK_HEDGE = auto()  # doubts what follows, unless that has a degree
    DOUBT = auto()  # doubts what came before
    MODAL = auto()  # doubts what follows, and what came before if its verb is one of existence
    DEGREE = auto()
    MEASURE = auto()  # 'amount of', 'areas of': transparent between a degree and its finding
    NEAR = auto()  # makes the place that follows a neighbor of the lesion, not its place
    SPARED = auto()  # makes the place that follows free of the lesion
    BREAK = auto()
    COMMA = auto()
    COLON = auto()
    AND = auto()
    WITH = auto()
    VERB = auto()
    SPREAD = auto()  # a verb that carries the subject to a place: extends, involves
    PREPOSITION = auto()
    DEFINITE = auto()
    INDEFINITE = auto()
    BOTH = auto()
    PRONOUN = auto()
    WORD = auto()


LESIONS = frozenset({Kind.LESION, Kind.SIGNAL, Kind.ANOTHER})
"""Words that may stand for a lesion."""

GRADED = frozenset({Kind.EDEMA, Kind.NECROSIS, Kind.PRESSURE})
"""Words for what has a degree."""

FINDINGS = LESIONS | GRADED
"""Words that cues act on."""

PLACES = frozenset({Kind.SIDE, Kind.LOBE, Kind.RELATION})
TELLING = FINDINGS | PLACES | {Kind.VENTRICLE, Kind.DEGREE, Kind.NEGATION, Kind.DENIAL, Kind.NORMAL}
"""Words that tell what is found, where, and how much of it."""

LINKS = frozenset({Kind.COMMA, Kind.AND})
FINITE = frozenset({Kind.VERB, Kind.SPREAD, Kind.MODAL})

NOUN_PHRASE = PLACES | {Kind.WORD, Kind.DEGREE, Kind.MEASURE, Kind.MASK, Kind.HEDGE, Kind.BOTH}
"""What may stand between a determiner and its noun."""

Value = Literal[
    "",
    "left",
    "right",
    "bilateral",
    "midline",
    "crossing",
    "same",
    "other",
    "subordinate",
    "next",
    "degree",
    "past",
    "asked",
]
"""Which one of its kind: a side, the side that a relation points to, a break that opens a subordinate clause, a
negation of only the ``next`` finding ('non-necrotic'), of only its ``degree`` ('not severe') or of what was in the
``past`` ('history of'), or a word that tells nothing of what is only ``asked`` ('to determine whether')."""


class Rule(NamedTuple):
    """One kind of words: the pattern they match and what they stand for."""

    kind: Kind
    pattern: str
    value: Value = ""
    degree: Grade = "present"
    lobes: tuple[Lobe, ...] = ()


def rule(
    kind: Kind, *patterns: str, value: Value = "", degree: Grade = "present", lobes: tuple[Lobe, ...] = ()
) -> Rule:
    """A rule for words that match any of ``patterns``."""
    return Rule(kind, "|".join(patterns), value, degree, lobes)


def words(text: str) -> frozenset[str]:
    """A set of words, written as one string."""
    return frozenset(text.split())
