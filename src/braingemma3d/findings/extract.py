"""Read :class:`~braingemma3d.findings.schema.Findings` out of the text of a brain-MRI report.

A rule-based reader in the manner of NegEx (Chapman et al., 2001) and ConText (Harkema et al., 2009): the text is cut
into sentences, the sentences into clauses, and every finding that a clause mentions gets a polarity from the cues
whose scope it is in, a degree from the degree word that belongs to it, and the places that are said of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from braingemma3d.findings.lexicon import (
    BENIGN_LINKS,
    DEGREE_GRADES,
    EXISTENCE,
    GLUED,
    MEASURES,
    MOVE,
    POSITIONAL,
    RULES,
    SCANNER,
    SIDE_LETTER,
    SKIPPED_SECTION,
    Kind,
    Value,
    words,
)
from braingemma3d.findings.schema import LOBES, Finding, Findings, Grade, Lobe, Side

_LONGEST_SENTENCE = 120  # tokens; keeps the time linear for text without full stops
_REACH = 14  # tokens; longer than any noun phrase in practice
_SHORT_LINE = 60  # characters; a line that ends earlier was ended on purpose, not wrapped

_NOISE = re.compile(r"[*_#`~\"“”()\[\]]")
_BULLET = re.compile(r"\n[ \t]*(?:[-•–]|\d{1,2}[.)])[ \t]+")
_DASH = re.compile(r"(?<=\s)[-–—]+(?=\s)|[–—]+")
_QUERY = re.compile(r"(?:(?<=\s)|^)\?+\s*(?=[a-z])")
_HEADING = re.compile(r"[a-z ]{1,40}:")
_STOP = re.compile(r"\n|(?<!\bapprox)(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bca)[.!?]+(?=\s|$)")
_CALLOSAL = re.compile("callos|splenium|genu")
_PLURAL = re.compile(r"^(?!mass$|metastasis|gliomatosis)\w+s\b")
_STRONG = re.compile("mass|tumou?r|neoplas|glio|blastoma|cytoma|metasta|malignan|meningioma|lymphoma")
_COMPLETE = re.compile("white matter|caps|halo|rim|spaces|virchow|atroph|leuko|disease|changes")
_PRESSURE_VERBS = words(
    "compresses effaces deforms distorts displaces narrows indents squeezes pushes presses obliterates flattens"
)
_WITNESSED = words("seen observed identified noted found visualized visualised appreciated")
_ORDINALS = words("second third fourth another additional further separate satellite other")

_FINDINGS = frozenset({Kind.LESION, Kind.SIGNAL, Kind.ANOTHER, Kind.EDEMA, Kind.NECROSIS, Kind.PRESSURE})
_HEADS = _FINDINGS | {Kind.VENTRICLE, Kind.BENIGN}
_LESIONS = frozenset({Kind.LESION, Kind.SIGNAL, Kind.ANOTHER})
_PLACES = frozenset({Kind.SIDE, Kind.LOBE, Kind.RELATION})
_FINITE = frozenset({Kind.VERB, Kind.SPREAD, Kind.MODAL})
_LINKS = frozenset({Kind.COMMA, Kind.AND})
_NOUN_PHRASE = frozenset({Kind.WORD, Kind.DEGREE, Kind.MEASURE, Kind.MASK, Kind.HEDGE, Kind.BOTH}) | _PLACES


def extract(text: str) -> Findings:
    """Read what ``text`` says about lesion, edema, necrosis and ventricular compression. Never raises on any string.

    How it decides where reports leave room:

    - **Places.** The places of the lesions are those said of a lesion. Places of edema, necrosis or pressure, and
      places the lesion is only next to, become the lesion's only where no lesion has a place of its own; a side
      alone is taken over from them where no lesion has a side. The side of a ventricle, of a midline shift or of a
      normal region is never the lesion's.
    - **Side.** Crossing the midline is ``bilateral``. ``midline`` is said, or inferred for a lesion whose only place
      is the corpus callosum. A lesion on one side that also reaches the midline keeps its side.
    - **Several lesions** are told apart by words ('a second', 'one in … and one in …'), by an indefinite mention
      with a place of its own, or by a plural spread over places of different sides. One lesion over several lobes
      is one :class:`Finding`.
    - **Lesion** is named, or is an abnormal signal, edema or necrosis with a place, unless the text denies a lesion.
      A doubtful lesion counts as one; a doubtful edema does not make one.
    - **Ventricular compression** needs a ventricle or one of its horns. Mass effect, midline shift or effaced sulci
      alone do not state it, and wide ventricles are none.
    - **Grades.** The most severe definite mention counts. A doubtful one is ``possible`` even with a degree, except
      after 'suggesting' and 'seems', where a degree word wins. 'Appears' is no doubt, only a manner of speaking.
      'No significant edema' is ``none``, 'not severe' is ``present``. A range takes its upper end.
    - **Bystanders.** White-matter spots, periventricular caps, perivascular spaces and atrophy are no lesions. A
      section of history, indication or technique is not read.
    """
    reader = _Reader()
    for sentence in _sentences(text):
        reader.read(sentence)
    return reader.findings()


class _Token(NamedTuple):
    kind: Kind
    value: Value
    text: str


@dataclass(slots=True, eq=False)
class _Mention:
    """One finding word in a sentence: ``at`` is its token, ``start`` that of the first word of its noun phrase."""

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
    degree: int | None = None


@dataclass(slots=True)
class _Area:
    """Where something is: side words and lobes, and ``parts`` as the text lists them, side by side."""

    sides: set[str] = field(default_factory=set)
    lobes: set[Lobe] = field(default_factory=set)
    callosal: bool = True
    parts: list[_Area] = field(default_factory=list)

    def add(self, other: _Area) -> None:
        self.sides |= other.sides
        self.lobes |= other.lobes
        self.callosal = self.callosal and other.callosal

    @property
    def side(self) -> Side:
        if self.sides & {"bilateral", "crossing"} or {"left", "right"} <= self.sides:
            return "bilateral"
        for side in ("left", "right"):
            if side in self.sides:
                return cast(Side, side)
        return "midline" if "midline" in self.sides or (self.lobes and self.callosal) else "none"

    def __bool__(self) -> bool:
        return bool(self.sides or self.lobes)


def _ordered(lobes: set[Lobe]) -> tuple[Lobe, ...]:
    return tuple(lobe for lobe in LOBES if lobe in lobes)


def _area(tokens: Sequence[_Token], known: set[str]) -> _Area:
    """The area that place words spell out; ``known`` are the sides that 'contralateral' may refer to."""
    whole = _Area()
    part = _Area()
    side_came_last = False
    for token in tokens:
        if token.kind is Kind.LOBE:
            if part.sides and part.lobes and side_came_last:
                whole.parts.append(part)
                part = _Area()
            lobes = set(cast(tuple[Lobe, ...], token.value))
            part.add(_Area(lobes=lobes, callosal=bool(_CALLOSAL.search(token.text))))
            side_came_last = False
            continue
        side = str(token.value)
        if token.kind is Kind.RELATION:
            here = (whole.sides | part.sides or known) & {"left", "right"}
            if len(here) != 1 or side == "same":
                continue
            side = "right" if here == {"left"} else "left"
        if side == "crossing":
            whole.sides.add(side)
            continue
        if part.sides and part.lobes:
            whole.parts.append(part)
            part = _Area()
        part.sides.add(side)
        side_came_last = bool(part.lobes)
    whole.parts.append(part)
    for each in whole.parts:
        whole.add(each)
    return whole


def _sentences(text: str) -> Iterator[list[_Token]]:
    """Cut the text into sentences, each as tokens."""
    clean = _NOISE.sub("", text.lower().replace("w/o", "without")).replace("’", "'")
    clean = _BULLET.sub("\n\n", clean)
    clean = _DASH.sub(" : ", clean)
    clean = _QUERY.sub(" questionable ", clean)
    clean = re.sub(r"['‐‑‒/-]", " ", clean)
    clean = GLUED.sub(r"\1 ", clean)
    lines = [re.sub(r"\s+", " ", line).strip() for line in clean.split("\n")]
    pieces: list[str] = []
    for line in lines:
        wrapped = bool(pieces) and len(pieces[-1]) >= _SHORT_LINE and not _HEADING.match(line) and bool(line)
        if wrapped:
            pieces[-1] += " "
            pieces.append(line)
        else:
            pieces += ["\n", line]
    joined = SIDE_LETTER.sub(lambda match: "left" if match[1] else "right", "".join(pieces))
    for sentence in _STOP.split(joined):
        if not sentence or SKIPPED_SECTION.match(sentence.strip()):
            continue
        tokens: list[_Token] = []
        for match in SCANNER.finditer(sentence):
            rule = RULES[int(str(match.lastgroup)[1:])]
            tokens.append(_Token(rule.kind, rule.value, match[0]))
            if len(tokens) == _LONGEST_SENTENCE:
                yield tokens
                tokens = []
        if tokens:
            yield tokens


class _Sentence:
    """One sentence: its clauses, and its mentions with polarity, degree and places."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.clauses = self._cut()
        self.mentions = [self._mention(at) for at, token in enumerate(tokens) if token.kind in _HEADS]
        self.by_token = {mention.at: mention for mention in self.mentions}
        self.denied_places: set[int] = set()
        self._settle_benign()
        for at, token in enumerate(tokens):
            self._apply(at, token)
        for at, token in enumerate(tokens):
            if token.kind is Kind.DEGREE:
                self._grade(at, int(cast(int, token.value)))

    def _kind(self, at: int) -> Kind | None:
        return self.tokens[at].kind if 0 <= at < len(self.tokens) else None

    def _same(self, at: int, clause: int) -> bool:
        return 0 <= at < len(self.tokens) and self.clauses[at] == clause

    def _finite(self, token: _Token) -> bool:
        return token.kind in _FINITE or token.kind is Kind.DENIAL or token.text in _PRESSURE_VERBS

    def _cut(self) -> list[int]:
        """Number the clauses. A comma or 'and' parts two clauses if there is a finite verb on both sides of it."""
        tokens = self.tokens
        finite_ahead = [False] * (len(tokens) + 1)
        for at in range(len(tokens) - 1, -1, -1):
            ends = tokens[at].kind in _LINKS or tokens[at].kind is Kind.BREAK
            finite_ahead[at] = not ends and (self._finite(tokens[at]) or finite_ahead[at + 1])
        commas = [at for at, token in enumerate(tokens) if token.kind is Kind.COMMA]
        main_clause = commas[-1] if commas and tokens[0].value == "subordinate" else None
        clauses: list[int] = []
        clause, verb = 0, False
        for at, token in enumerate(tokens):
            after = at + 1
            while after < len(tokens) and tokens[after].kind in _LINKS:
                after += 1
            parts = token.kind in _LINKS and verb and finite_ahead[after]
            if token.kind is Kind.BREAK or parts or at == main_clause:
                clause, verb = clause + 1, False
            verb = verb or self._finite(token)
            clauses.append(clause)
        return clauses

    def _mention(self, at: int) -> _Mention:
        token, clause, start = self.tokens[at], self.clauses[at], at
        before = _NOUN_PHRASE | {Kind.VENTRICLE, Kind.SIGNAL, Kind.NECROSIS, Kind.BENIGN}
        while self._same(start - 1, clause) and self.tokens[start - 1].kind in before:
            start -= 1
        phrase = self.tokens[start:at]
        determiner = self._kind(start - 1) if self._same(start - 1, clause) else None
        return _Mention(
            kind=token.kind,
            at=at,
            clause=clause,
            start=start,
            definite=determiner is Kind.DEFINITE,
            indefinite=determiner is Kind.INDEFINITE,
            plural=bool(_PLURAL.search(token.text)),
            another=token.kind is Kind.ANOTHER or any(word.text in _ORDINALS for word in phrase),
        )

    def _is_object(self, mention: _Mention) -> bool:
        """Whether the mention is what a preposition rules: 'edema around *the lesion*'."""
        ruler = mention.start - 2 if mention.definite or mention.indefinite else mention.start - 1
        return self._same(ruler, mention.clause) and (
            self.tokens[ruler].text in POSITIONAL or self.tokens[ruler].kind is Kind.NEAR
        )

    def _presupposed(self, mention: _Mention) -> bool:
        """'No edema around the lesion' takes the lesion for granted."""
        ruler = self._kind(mention.start - 2)
        if mention.definite and mention.kind is not Kind.PRESSURE:
            return mention.start >= 2 and ruler not in (Kind.NEGATION, Kind.HEDGE, Kind.MODAL)
        before = self.tokens[mention.start - 1].text if mention.start else ""
        return mention.kind is Kind.LESION and before in {"around", "surrounding", "within", "inside", "by"}

    def _settle_benign(self) -> None:
        """Turn the signals that are age-related spots into bystanders."""
        for mention in self.mentions:
            if mention.kind is not Kind.BENIGN:
                continue
            ahead = mention.at + 1
            while self._same(ahead, mention.clause) and self._kind(ahead) in _NOUN_PHRASE:
                ahead += 1
            complete = _COMPLETE.search(self.tokens[mention.at].text)
            found = None if complete else self.by_token.get(ahead)
            if found is None:
                earlier = [other for other in self.mentions if other.at < mention.at and other.kind in _LESIONS]
                between = self.tokens[earlier[-1].at : mention.at] if earlier else []
                if any(token.text in BENIGN_LINKS or token.kind is Kind.WEAK_HEDGE for token in between):
                    found = earlier[-1]
            if found and found.kind in _LESIONS and not _STRONG.search(self.tokens[found.at].text):
                found.kind = Kind.BENIGN

    def _apply(self, at: int, token: _Token) -> None:
        """Let one cue act on the mentions in its scope."""
        if token.kind is Kind.NEGATION:
            self._deny_ahead(at, only_next=token.value == 1)
        elif token.kind is Kind.DENIAL:
            follows = self.by_token.get(at + 1)
            subjects = self._subjects(at)
            if follows and not subjects:
                self._deny_ahead(at)
            for mention in subjects:
                mention.denied = True
        elif token.kind is Kind.DOUBT:
            for mention in self._subjects(at):
                mention.doubted = True
        elif token.kind in (Kind.HEDGE, Kind.WEAK_HEDGE):
            self._doubt_ahead(at, weakly=token.kind is Kind.WEAK_HEDGE)
        elif token.kind is Kind.MODAL:
            ahead = [word.text for word in self.tokens[at + 1 : at + 4] if word.text not in ("be", "also", "have")]
            if token.text in ("can", "could") and ahead[:1] and ahead[0] in _WITNESSED:
                return
            if not ahead or ahead[0] in EXISTENCE or ahead[0] in (",", "but"):
                for mention in self._subjects(at):
                    mention.doubted = True
            self._doubt_ahead(at, weakly=False)

    def _deny_ahead(self, cue: int, only_next: bool = False) -> None:
        clause, captured, listed = self.clauses[cue], False, False
        shared_lobe = self._kind(cue - 1) is Kind.SIDE  # 'the right rather than the left frontal lobe'
        for at in range(cue + 1, len(self.tokens)):
            kind = self._kind(at)
            if not self._same(at, clause) or kind is Kind.COLON:
                return
            if kind in _LINKS:
                if self._kind(at + 1) in _LINKS:
                    continue
                fresh = {Kind.DEGREE, Kind.WITH, Kind.PRONOUN} | ({Kind.INDEFINITE} if captured else set())
                alternative = self.tokens[at].text == "or"
                if not alternative and self._kind(at + 1) in fresh:
                    return
                if self.tokens[at].text == "and" and not captured and not listed:
                    return
                listed = listed or kind is Kind.COMMA
            elif kind is Kind.WITH and captured and self._kind(at + 1) is Kind.DEGREE:
                return
            elif kind in _PLACES:
                if not (shared_lobe and kind is Kind.LOBE):
                    self.denied_places.add(at)
            elif kind in _FINDINGS:
                mention = self.by_token[at]
                if only_next or not self._presupposed(mention):
                    mention.denied = True
                    captured = True
            if only_next and (captured or at > cue + 1):
                return

    def _doubt_ahead(self, cue: int, weakly: bool) -> None:
        clause, captured = self.clauses[cue], False
        for at in range(cue + 1, len(self.tokens)):
            kind = self._kind(at)
            if not self._same(at, clause) or kind in (Kind.COMMA, Kind.WITH):
                return
            if captured and (
                kind is Kind.PREPOSITION
                or (kind is Kind.AND and self._kind(at + 1) in (Kind.DEGREE, Kind.DEFINITE, Kind.INDEFINITE))
            ):
                return
            mention = self.by_token.get(at)
            if mention and not self._presupposed(mention):
                mention.weakly = mention.weakly or weakly
                mention.doubted = mention.doubted or not weakly
                captured = captured or mention.kind in _FINDINGS

    def _subjects(self, cue: int) -> list[_Mention]:
        """The mentions that a cue after them speaks of: the clause's subject, or the one carried over from before."""
        clause, found, joined = self.clauses[cue], list[_Mention](), False
        at = cue - 1
        while self._same(at, clause):
            kind = self._kind(at)
            joined = joined or kind is Kind.AND
            if kind is Kind.COMMA and (not joined or not self._plain_item(at - 1, clause)):
                break
            if kind is Kind.WITH and found:
                break
            mention = self.by_token.get(at)
            if mention and mention.kind in _FINDINGS and not (self._presupposed(mention) and self._is_object(mention)):
                found.append(mention)
            at -= 1
        if found or clause == 0:
            return found
        if any(mention.clause == clause for mention in self.mentions):
            return []
        return [m for m in self.mentions if m.clause == clause - 1 and m.kind in _FINDINGS][-1:]

    def _plain_item(self, at: int, clause: int) -> bool:
        """Whether the list item that ends here is a bare noun phrase."""
        while self._same(at, clause) and self._kind(at) is not Kind.COMMA:
            if self._kind(at) in _PLACES | _FINITE | {Kind.WITH, Kind.NEGATION}:
                return False
            at -= 1
        return True

    def _grade(self, cue: int, degree: int) -> None:
        """Give a degree word to the finding it stands before, or else to the one it is said of."""
        clause, at = self.clauses[cue], cue + 1
        while self._same(at, clause):
            token = self.tokens[at]
            if token.kind in _FINDINGS:
                self._raise(self.by_token[at], degree)
                self._share(at, degree)
                return
            of_measure = token.text == "of" and self.tokens[at - 1].text in MEASURES
            adjective = token.text == "surrounding" and self._kind(at + 1) is not Kind.DEFINITE
            if of_measure or adjective:
                at += 1
                continue
            if token.kind not in (Kind.WORD, Kind.VENTRICLE, Kind.MEASURE, Kind.MASK, *_PLACES):
                break
            at += 1
        following = self.tokens[cue + 1 : at]
        predicate = cue > 0 and self.tokens[cue - 1].text in ("is", "are", "was", "were", "appears", "remains")
        if following and not predicate and following[0].text not in MEASURES | {"severity", "intensity"}:
            return
        earlier = [m for m in self.mentions if m.at < cue and m.kind in _FINDINGS and clause - m.clause <= 1]
        here = [m for m in earlier if m.clause == clause] or earlier
        subjects = [m for m in here if not self._is_object(m)] or here
        if subjects:
            self._raise(subjects[-1], degree)
            leading = self.tokens[max(0, cue - 2) : cue]
            if any(token.kind is Kind.MASK and token.value == 1 for token in leading):  # 'not (very) severe'
                subjects[-1].degree = None

    def _raise(self, mention: _Mention, degree: int) -> None:
        mention.degree = degree if mention.degree is None else max(mention.degree, degree)

    def _share(self, at: int, degree: int) -> None:
        """'Mild edema and necrosis': a bare noun after 'and' has the same degree."""
        after = at + 2
        if self._kind(at + 1) is not Kind.AND:
            return
        if self._kind(after) is Kind.VENTRICLE:
            after += 1
        mention = self.by_token.get(after)
        if mention and mention.kind in _FINDINGS:
            self._raise(mention, degree)

    def compressed(self, inherited: bool) -> list[_Mention]:
        """The pressure mentions that are said of a ventricle; ``inherited``: the sentence before spoke of one."""
        found = []
        for mention in self.mentions:
            if mention.kind is Kind.PRESSURE and self._presses_ventricle(mention, inherited):
                found.append(mention)
        return found

    def _presses_ventricle(self, mention: _Mention, inherited: bool) -> bool:
        tokens, clause, at = self.tokens, mention.clause, mention.at
        ventricles = [m.at for m in self.mentions if m.kind is Kind.VENTRICLE and not self._is_normal(m.at)]
        if any(at - 3 <= where < at and self._same(where, clause) for where in ventricles):
            between = tokens[max(w for w in ventricles if w < at) + 1 : at]
            if all(token.kind in _NOUN_PHRASE | {Kind.VERB, Kind.NEGATION, Kind.WEAK_HEDGE} for token in between):
                return True
        after = at + 1
        transitive = tokens[at].text in _PRESSURE_VERBS or tokens[at].text.endswith("ing")
        of = self._same(after, clause) and tokens[after].text in ("of", "on", "upon", "against", "to", "in")
        noun = "mass effect" in tokens[at].text or tokens[at].text == "pressure"
        while self._same(after, clause) and tokens[after].kind not in _FINITE | {Kind.WITH}:
            if after in ventricles and (of or not noun):
                return True
            if tokens[after].kind in _LINKS and not (of or transitive):
                break
            after += 1
        if of and tokens[at + 1].text != "in":
            return False
        before = at - 1
        verb = False
        while self._same(before, clause) and tokens[before].kind is not Kind.WITH:
            if before in ventricles:
                return True
            verb = verb or tokens[before].kind in (Kind.VERB, Kind.PRONOUN)
            before -= 1
        lone = not any(token.kind in (Kind.WORD, *_LESIONS) for token in tokens[before + 1 : at])
        earlier = inherited or any(m.kind is Kind.VENTRICLE and m.clause < clause for m in self.mentions)
        return lone and verb and earlier

    def _is_normal(self, at: int) -> bool:
        """Whether the words right around say that the region at this token is normal."""
        clause = self.clauses[at]
        for step in (-1, 1):
            where = at + step
            phrase = _NOUN_PHRASE | {Kind.VERB, Kind.WEAK_HEDGE}
            while abs(where - at) <= _REACH and self._same(where, clause) and self._kind(where) in phrase:
                where += step
            if self._same(where, clause) and self._kind(where) is Kind.NORMAL:
                return True
        return False

    def places(self) -> Iterator[tuple[_Token, _Mention | None, str]]:
        """Each word of place, the mention it belongs to (``None``: none in this sentence), and how.

        How is ``in``, ``near`` or ``loose``; places that are free of anything are left out.
        """
        for at, token in enumerate(self.tokens):
            if token.kind not in _PLACES or self._points_away(at):
                continue
            head = self._modified(at)
            if head:
                if head.denied or head.kind is Kind.BENIGN or head.kind is Kind.VENTRICLE:
                    continue
                yield token, head, "in"
                continue
            if self._is_normal(at) or self._ruled(at, Kind.SPARED):
                continue
            head = self._governor(at)
            if at in self.denied_places or (head and head.denied):
                affirmed = [m for m in self.mentions if m.kind in _FINDINGS and not m.denied]
                if head and head.denied and affirmed and head.kind not in _LESIONS:
                    yield token, affirmed[0], "near"
                continue
            if head and head.kind in (Kind.BENIGN, Kind.VENTRICLE):
                continue
            yield token, head, "near" if self._ruled(at, Kind.NEAR) else "in" if head else "loose"

    def _points_away(self, at: int) -> bool:
        """'Shift to the right' is no place."""
        if self.tokens[at].kind is not Kind.SIDE or self._kind(at + 1) is Kind.LOBE:
            return False
        before = [token.text for token in self.tokens[max(0, at - 2) : at]]
        if not {"to", "toward", "towards", "into"} & set(before):
            return False
        return any(MOVE.search(token.text) for token in self.tokens[max(0, at - 14) : at])

    def _modified(self, at: int) -> _Mention | None:
        """The mention that this place is an adjective of: '*left frontal* mass'."""
        clause, after = self.clauses[at], at + 1
        skip = _PLACES | {Kind.WORD, Kind.MASK, Kind.MEASURE}
        found: _Mention | None = None
        while self._same(after, clause) and after <= at + _REACH:
            mention = self.by_token.get(after)
            joins = self._kind(after) is Kind.AND and self._kind(after + 1) is Kind.LOBE
            if mention:
                if found and mention.kind not in _LESIONS | {Kind.PRESSURE}:
                    break
                found = mention
            elif found or not (self._kind(after) in skip or joins):
                break
            after += 1
        return found

    def _ruled(self, at: int, ruler: Kind) -> bool:
        clause, before = self.clauses[at], at - 1
        phrase = _NOUN_PHRASE | {Kind.DEFINITE, Kind.AND}
        while before >= at - _REACH and self._same(before, clause) and self._kind(before) in phrase:
            before -= 1
        return self._same(before, clause) and self._kind(before) is ruler

    def _lesion_before(self, at: int) -> _Mention | None:
        earlier = [m for m in self.mentions if m.at < at and m.kind in _LESIONS and not m.denied]
        return earlier[0] if earlier else None

    def _governor(self, at: int) -> _Mention | None:
        """The mention whose place this is, if it is not an adjective of one."""
        clause = self.clauses[at]
        here = [m for m in self.mentions if m.clause == clause]
        before = [m for m in here if m.at < at]
        if before:
            head = before[-1]
            resumed = any(self._kind(k) is Kind.SPREAD and self._kind(k - 1) in _LINKS for k in range(head.at + 1, at))
            if resumed:
                head = self._lesion_before(at) or head
        else:
            others = [m for m in self.mentions if m.clause < clause and m.kind in _FINDINGS]
            lesions = [m for m in others if m.kind in _LESIONS]
            later = [m for m in self.mentions if m.at > at]
            choice = [m for m in here if m.at > at] or lesions[:1] or others[:1] or later
            if not choice:
                return None
            head = choice[0]
        return self.owner(head)

    def owner(self, mention: _Mention) -> _Mention:
        """A signal that describes something named before it is not a finding of its own."""
        if mention.kind is Kind.SIGNAL:
            for earlier in self.mentions:
                named = earlier.kind in (Kind.LESION, Kind.ANOTHER, Kind.EDEMA, Kind.NECROSIS)
                if named and not earlier.denied and earlier.at < mention.at:
                    return earlier
        return mention


class _Reader:
    """Gathers what the sentences say."""

    def __init__(self) -> None:
        self.areas: list[_Area] = []
        self.grades: dict[Kind, set[Grade]] = {Kind.EDEMA: set(), Kind.NECROSIS: set(), Kind.PRESSURE: set()}
        self.lesion_denied = False
        self.topic: Kind | None = None
        self.topic_ventricle = False
        self.near = _Area()
        self.around = _Area()
        self.loose = _Area()

    def read(self, tokens: list[_Token]) -> None:
        sentence = _Sentence(tokens)
        said: dict[int, list[_Token]] = {}
        for token, mention, how in sentence.places():
            if mention is None:
                carries = any(word.kind in (Kind.SPREAD, Kind.PRONOUN) for word in tokens)
                pool = self.around if self.topic in (Kind.EDEMA, Kind.NECROSIS) else self.loose
                if carries and self.topic in _LESIONS:
                    said.setdefault(-1, []).append(token)
                else:
                    pool.add(_area([token], self._known()))
            elif how == "near":
                self.near.add(_area([token], self._known()))
            else:
                said.setdefault(mention.at, []).append(token)
        if -1 in said:
            self._place(_area(said[-1], self._known()), None)
        pressed = sentence.compressed(self.topic_ventricle)
        for mention in sentence.mentions:
            area = _area(said.get(mention.at, []), self._known())
            if mention.kind in _LESIONS:
                self._lesion(sentence, mention, area)
            elif mention.kind in (Kind.EDEMA, Kind.NECROSIS) or mention in pressed:
                self.grades[mention.kind].add(_grade_of(mention))
            if mention.kind in (Kind.EDEMA, Kind.NECROSIS) and not mention.denied:
                (self.loose if mention.doubted else self.around).add(area)
            elif mention.kind is Kind.PRESSURE and not mention.denied:
                self.loose.add(area)
        named = [m.kind for m in sentence.mentions if m.kind in _FINDINGS and m.kind is not Kind.PRESSURE]
        self.topic = named[0] if named else self.topic
        self.topic_ventricle = any(m.kind is Kind.VENTRICLE for m in sentence.mentions)

    def _known(self) -> set[str]:
        return set(self.areas[-1].sides) if self.areas else set()

    def _lesion(self, sentence: _Sentence, mention: _Mention, area: _Area) -> None:
        if mention.denied:
            self.lesion_denied = self.lesion_denied or not mention.another
        elif mention.kind is Kind.SIGNAL:
            if sentence.owner(mention) is mention and (area or "abnormal" in sentence.tokens[mention.at].text):
                self._place(area, mention)
        else:
            self._place(area, mention)

    def _place(self, area: _Area, mention: _Mention | None) -> None:
        parts = [part for part in area.parts if part.lobes and part.side in ("left", "right")]
        if mention and mention.plural and len({part.side for part in parts}) > 1 and len(parts) == len(area.parts):
            for part in parts:
                self._join(part, apart=True, another=False)
            return
        indefinite = mention is not None and mention.indefinite and mention.kind is Kind.LESION
        self._join(area, apart=indefinite, another=mention is not None and mention.another, mention=mention)

    def _join(self, area: _Area, apart: bool, another: bool, mention: _Mention | None = None) -> None:
        """Add to a known lesion, or open a new one if the text sets it apart."""
        if not self.areas:
            self.areas.append(_Area())
        last = self.areas[-1]
        if not last or not area:
            last.add(area)
            return
        for known in self.areas:
            if known.side == area.side and area.lobes <= known.lobes and not another:
                return
        opposite = {last.side, area.side} == {"left", "right"}
        elsewhere = bool(area.lobes and last.lobes) and not area.lobes & last.lobes
        free = mention is None or not mention.definite
        if another or (apart and (opposite or elsewhere)) or (mention and free and opposite):
            self.areas.append(_Area())
            last = self.areas[-1]
        elif opposite:
            last = next((known for known in self.areas if known.side == area.side), last)
        last.add(area)

    def findings(self) -> Findings:
        if not self.areas and self.around and not self.lesion_denied:
            self.areas.append(_Area())
        if self.areas:
            pools = [pool for pool in (self.near, self.around, self.loose) if pool]
            if not any(self.areas):
                self.areas[0].add(pools[0] if pools else _Area())
            if all(not area.sides for area in self.areas):
                sided = [pool for pool in pools if pool.sides]
                self.areas[0].sides |= sided[0].sides if sided else set()
        whole = _Area()
        for area in self.areas:
            whole.add(area)
        lesions = tuple(dict.fromkeys(Finding(side=a.side, lobes=_ordered(a.lobes)) for a in self.areas))
        sides = {lesion.side for lesion in lesions}
        return Findings(
            lesion=bool(self.areas),
            side=next(iter(sides)) if len(sides) == 1 else whole.side,
            lobes=_ordered(whole.lobes),
            edema=_strongest(self.grades[Kind.EDEMA]),
            necrosis=_strongest(self.grades[Kind.NECROSIS]),
            ventricular_compression=_strongest(self.grades[Kind.PRESSURE]),
            lesions=lesions,
        )


def _grade_of(mention: _Mention) -> Grade:
    if mention.denied:
        return "none"
    if mention.doubted or (mention.weakly and mention.degree is None):
        return "possible"
    return "present" if mention.degree is None else DEGREE_GRADES[mention.degree]


def _strongest(grades: set[Grade]) -> Grade:
    order: tuple[Grade, ...] = ("severe", "moderate", "mild", "present", "possible")
    return next((grade for grade in order if grade in grades), "none")
