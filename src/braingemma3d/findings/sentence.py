"""A sentence as its clauses and the findings that it mentions."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from braingemma3d.findings.kinds import FINDINGS, FINITE, GRADED, LESIONS, LINKS, NOUN_PHRASE, PLACES, Kind, words
from braingemma3d.findings.schema import Grade
from braingemma3d.findings.tokens import Token

REACH = 14
"""How many tokens a phrase is followed; longer than any noun phrase in practice."""

PRESSURE_VERBS = words(
    "compresses effaces deforms distorts displaces narrows indents squeezes pushes presses obliterates flattens"
)

_MENTIONED = FINDINGS | {Kind.VENTRICLE, Kind.BENIGN}
_BEFORE_NOUN = NOUN_PHRASE | {Kind.VENTRICLE, Kind.SIGNAL, Kind.NECROSIS, Kind.BENIGN}
# Words that make more than a label of what stands before a colon: 'left frontal mass:'.
_STATING = PLACES | FINITE | {Kind.INDEFINITE, Kind.DEGREE, Kind.NEGATION}
_ORDINALS = words("second third fourth another additional further separate satellite other new")
_PLURAL = re.compile(r"^(?!mass$|metastasis|gliomatosis)\w+s\b")

# Words that explain a signal named before by a benign cause named after.
_BENIGN_LINKS = words(
    "consistent compatible likely probably keeping related due representing reflecting attributable suggestive "
    "suggesting nonspecific possibly"
)
_WHOLLY_BENIGN = re.compile(
    "white matter|caps|halo|rim|spaces|virchow|atroph|leuko|disease|changes|foci|spots|hyperintens"
)
_NEVER_BENIGN = re.compile("mass|tumou?r|neoplas|glio|blastoma|cytoma|metasta|malignan|meningioma|lymphoma")


@dataclass(slots=True, eq=False)
class Mention:
    """One finding word in a sentence: ``at`` is its token, ``start`` that of the first word of its noun phrase.

    The last four fields are for the cues in whose scope it is; ``degree`` is ``present`` where no degree is said.
    """

    kind: Kind
    at: int
    clause: int
    start: int
    definite: bool
    indefinite: bool
    plural: bool
    another: bool
    denied: bool = False
    doubted: bool = False
    weakly: bool = False
    degree: Grade = "present"


@dataclass(slots=True)
class Sentence:
    """Tokens with the number of the clause of each, the mentions by their token, and the places said to be free."""

    tokens: Sequence[Token]
    clauses: Sequence[int]
    mentions: dict[int, Mention] = field(default_factory=dict)
    denied_places: set[int] = field(default_factory=set)

    def has(self, at: int, clause: int) -> bool:
        """Whether there is a token at ``at``, in this clause."""
        return 0 <= at < len(self.tokens) and self.clauses[at] == clause

    def kind(self, at: int, clause: int | None = None) -> Kind | None:
        """The kind of the token at ``at``; ``None`` outside the sentence, or outside ``clause`` if that is given."""
        inside = 0 <= at < len(self.tokens) and clause in (None, self.clauses[at])
        return self.tokens[at].kind if inside else None

    def past(self, at: int, step: int, kinds: Collection[Kind]) -> int:
        """Walk from ``at`` by ``step`` over tokens of ``kinds`` in its clause, to the first one that is none."""
        where = at + step
        while abs(where - at) <= REACH and self.kind(where, self.clauses[at]) in kinds:
            where += step
        return where

    def found(self) -> list[Mention]:
        """The mentions of findings, without ventricles and benign bystanders, in the order of the text."""
        return [mention for mention in self.mentions.values() if mention.kind in FINDINGS]


def parse(tokens: Sequence[Token]) -> Sentence:
    """Find the clauses and mentions; what the cues do to the mentions is :mod:`braingemma3d.findings.scope`'s."""
    sentence = Sentence(tokens, _clauses(tokens))
    for at, token in enumerate(tokens):
        if token.kind in _MENTIONED:
            sentence.mentions[at] = _mention(sentence, at)
    _drop_labels(sentence)
    _settle_benign(sentence)
    return sentence


def owner(sentence: Sentence, mention: Mention) -> Mention:
    """What a mention is about: a signal that describes something named before it is not a finding of its own."""
    if mention.kind is Kind.SIGNAL:
        for earlier in sentence.found():
            named = earlier.kind not in (Kind.SIGNAL, Kind.PRESSURE)
            if named and not earlier.denied and earlier.at < mention.at:
                return earlier
    return mention


def label(sentence: Sentence) -> Mention | None:
    """The graded finding that a sentence begins with: '*Edema* is mild', 'Ventricular *compression* is mild'."""
    first = sentence.mentions.get(1 if sentence.kind(0) is Kind.VENTRICLE else 0)
    return first if first is not None and first.kind in GRADED else None


def is_act(token: Token) -> bool:
    """Whether a word of pressure is what a lesion does to its neighbors: 'mass *compressing* the right midbrain'."""
    return token.text in PRESSURE_VERBS or token.text.endswith("ing")


def _is_finite(token: Token) -> bool:
    return token.kind in FINITE or token.kind is Kind.DENIAL or token.text in PRESSURE_VERBS


def _clauses(tokens: Sequence[Token]) -> list[int]:
    """Number the clauses. A comma or 'and' parts two clauses if there is a finite verb on both sides of it."""
    finite_ahead = [False] * (len(tokens) + 1)
    for at in range(len(tokens) - 1, -1, -1):
        # 'No edema or necrosis is seen' is one clause, whatever stands before it.
        ends = (tokens[at].kind in LINKS and tokens[at].text != "or") or tokens[at].kind is Kind.BREAK
        finite_ahead[at] = not ends and (_is_finite(tokens[at]) or finite_ahead[at + 1])
    commas = [at for at, token in enumerate(tokens) if token.kind is Kind.COMMA]
    main_clause = commas[-1] if commas and tokens[0].rule.value == "subordinate" else None
    clauses: list[int] = []
    clause, verb = 0, False
    for at, token in enumerate(tokens):
        after = at + 1
        while after < len(tokens) and tokens[after].kind in LINKS:
            after += 1
        parts = token.kind in LINKS and verb and finite_ahead[after]
        if token.kind is Kind.BREAK or parts or at == main_clause:
            clause, verb = clause + 1, False
        verb = verb or _is_finite(token)
        clauses.append(clause)
    return clauses


def _mention(sentence: Sentence, at: int) -> Mention:
    token, clause = sentence.tokens[at], sentence.clauses[at]
    start = sentence.past(at, -1, _BEFORE_NOUN) + 1
    determiner = sentence.kind(start - 1, clause)
    before = sentence.mentions.get(start - 1)  # 'no other *mass lesion*'
    return Mention(
        kind=token.kind,
        at=at,
        clause=clause,
        start=start,
        definite=determiner is Kind.DEFINITE,
        indefinite=determiner is Kind.INDEFINITE,
        plural=bool(_PLURAL.search(token.text)),
        another=token.kind is Kind.ANOTHER
        or any(word.text in _ORDINALS for word in sentence.tokens[start:at])
        or (before is not None and before.kind in LESIONS and before.another),
    )


def _drop_labels(sentence: Sentence) -> None:
    """'*Edema*: no edema is seen' mentions edema once: what is before the colon is a label of what comes after it.

    A label without an answer mentions nothing.
    """
    for mention in sentence.found():
        same = [other for other in sentence.found() if other.at > mention.at and other.kind is mention.kind]
        said = {token.kind for token in sentence.tokens[: mention.at]} & _STATING
        empty = mention.at + 2 == len(sentence.tokens) and not said
        if (same or empty) and sentence.kind(mention.at + 1) is Kind.COLON:
            del sentence.mentions[mention.at]


def _settle_benign(sentence: Sentence) -> None:
    """Turn the signals that are age-related spots into bystanders: those that a benign word modifies or explains."""
    for mention in sentence.mentions.values():
        if mention.kind is not Kind.BENIGN:
            continue
        spot = None
        if not _WHOLLY_BENIGN.search(sentence.tokens[mention.at].text):
            spot = sentence.mentions.get(sentence.past(mention.at, 1, NOUN_PHRASE))
        if spot is None:
            earlier = [other for other in sentence.found() if other.at < mention.at and other.kind in LESIONS]
            between = sentence.tokens[earlier[-1].at : mention.at] if earlier else []
            # 'Hyperintense foci – ischemic changes', but 'left frontal lesion – old infarct' are two.
            dash = any(token.text == "–" for token in between) and earlier[-1].kind is Kind.SIGNAL
            if dash or any(token.text in _BENIGN_LINKS or token.kind is Kind.WEAK_HEDGE for token in between):
                spot = earlier[-1]
        # 'Possibly an infarct or a glioma' explains nothing.
        others = [other for other in sentence.found() if other is spot or other.at > mention.at]
        if any(_NEVER_BENIGN.search(sentence.tokens[other.at].text) for other in others):
            continue
        if spot and spot.kind in LESIONS:
            spot.kind = Kind.BENIGN
