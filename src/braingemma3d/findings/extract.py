"""Read :class:`~braingemma3d.findings.schema.Findings` out of the text of a brain-MRI report.

A rule-based reader: the text is cut into sentences, the sentences into clauses, and every finding that a clause
mentions gets a polarity from the cues whose scope it is in, a degree from the degree word that belongs to it, and the
places that are said of it. Here, the sentences are joined.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from braingemma3d.findings.area import Area, read_area
from braingemma3d.findings.compression import compressions
from braingemma3d.findings.kinds import GRADED, LESIONS, PLACES, Kind, words
from braingemma3d.findings.places import places
from braingemma3d.findings.schema import Finding, Findings, Grade, Side
from braingemma3d.findings.scope import apply_cues, grade, strongest
from braingemma3d.findings.sentence import Mention, Sentence, owner, parse
from braingemma3d.findings.tokens import Token, sentences

_ELSEWHERE = words("elsewhere otherwise remaining remainder rest distant extra infratentorial supratentorial posterior")
"""Words of a denial that leave room for a lesion: 'no mass is seen *elsewhere*', 'no *extra*-axial mass'."""

_BESIDE_NORMAL = words("not relative compared than from into side")
"""Words that make the normal brain what something else is held against: 'high signal *relative* to normal brain'."""

_PLACE_LABELS = words(
    "epicenter epicentre location localization localisation site side laterality hemisphere lobe lobes region"
)
"""Labels of a structured report, whose answer is the lesion's place: '*Location*: left frontal lobe'."""

_SCAN = r"(?:brain|cerebrum|head|mri?|scan|study|exam(?:ination)?|imaging|images?|parenchyma)"
_FINE = r"(?:normal|unremarkable|healthy|expected (?:signal|appearance))"
_ALL_NORMAL = re.compile(
    rf"\b{_FINE} (?:\w+ ){{0,3}}{_SCAN}\b|\b{_SCAN} (?:[:=] )?(?:\w+ ){{0,4}}(?:within )?{_FINE}\b"
    rf"|\bnegative {_SCAN}$|\b{_SCAN} is clear$|\bage appropriate (?:\w+ ){{0,3}}{_SCAN}\b"
    r"|\b(?:no|without) (?:\w+ ){0,3}"
    r"(?:(?:abnormal|pathologic(?:al)?|significant|relevant) (?:\w+ )?findings?|pathology|pathologic(?:al)? signal)\b"
    r"|\bno (?:signs?|evidence) of disease\b|\bnothing (?:abnormal|pathological|to report)\b"
    r"|^(?:all structures are|everything is|appearances? (?:is|are)|grossly) (?:normal|unremarkable)\b"
    r"|^(?:normal|unremarkable) flair$"
    r"|^(?:(?:findings?|impression|conclusion|result|mri) :? ?)?(?:(?:within )?normal(?: limits)?|unremarkable|nad)$"
)
"""A scan without anything abnormal: 'Normal MRI of the brain'."""

_EXCEPT = re.compile("except|apart|other|aside|besides|with")
"""Words that take something from a denial: 'no edema *except* around the lesion'."""

_ONE_VENTRICLE = re.compile(r"third|fourth|3rd|4th|horn|atri|trigon")

_HALVES = re.compile("hemispher|side|half|brain|cerebr|location|lateral")
_TISSUE = (Kind.EDEMA, Kind.NECROSIS)
_KINDS = {"edema": Kind.EDEMA, "necrosis": Kind.NECROSIS, "ventricular_compression": Kind.PRESSURE}


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
    return read(text).findings()


def findings_if_told(text: str) -> Findings | None:
    """What a report says; None where it neither tells of a lesion nor denies one, and would pass for a healthy one."""
    reading = read(text)
    return reading.findings() if "lesion" in reading.mentioned() else None


def read(text: str) -> Reading:
    """Read ``text`` once for all that can be asked of it. Never raises on any string."""
    reading = Reading()
    for tokens in sentences(text):
        reading.take_in(tokens)
    return reading


def _leaves_room(sentence: Sentence, mention: Mention) -> bool:
    """Whether what is denied here is denied for some place only."""

    def clause(number: int) -> list[Token]:
        return [token for token, of in zip(sentence.tokens, sentence.clauses, strict=True) if of == number]

    if any(token.kind is Kind.BREAK and _EXCEPT.match(token.text) for token in sentence.tokens):
        return True
    said = clause(mention.clause)
    if mention.kind is Kind.PRESSURE and not any(token.kind is Kind.VENTRICLE for token in said):
        said += clause(mention.clause - 1)  # 'the left ventricle is wide, but shows *no deformation*'
    return any(token.kind in PLACES or token.text in _ELSEWHERE or _ONE_VENTRICLE.search(token.text) for token in said)


def _tells_all_is_normal(sentence: Sentence) -> bool:
    said = " ".join(token.text for token in sentence.tokens)
    return bool(_ALL_NORMAL.search(said)) and not (_ELSEWHERE | _BESIDE_NORMAL).intersection(said.split())


def _is_place_label(sentence: Sentence) -> bool:
    colon = 2 if sentence.kind(1) is not Kind.COLON and sentence.kind(0) in (Kind.WORD, Kind.SPREAD) else 1
    return sentence.kind(colon) is Kind.COLON and sentence.tokens[colon - 1].text in _PLACE_LABELS


def _announces_list(sentence: Sentence) -> bool:
    """'Multiple *lesions* as follows*:*'."""
    lesions = [mention for mention in sentence.found() if mention.kind in LESIONS]
    ends = sentence.kind(len(sentence.tokens) - 1) is Kind.COLON
    return ends and any(mention.plural and not mention.denied for mention in lesions)


def _places_of_item(sentence: Sentence) -> list[Token]:
    """The words of place that an item of a list begins with: '*Left frontal lobe*, 12 mm', '9 mm *right pons*'."""
    leading = list(takewhile(lambda token: token.kind in PLACES | {Kind.WORD, Kind.AND}, sentence.tokens))
    named = any(token.kind is Kind.LOBE for token in leading)
    return [token for token in leading if named and token.kind in PLACES]


def _together(areas: Sequence[Area]) -> Area:
    whole = Area()
    for area in areas:
        whole.add(area)
    return whole


def _denies_finding(sentence: Sentence) -> bool:
    return any(mention.kind in GRADED and mention.denied for mention in sentence.found())


def _of_something_else(sentence: Sentence, side: Token) -> bool:
    """Whether a side is that of a thing that is no place of the brain: 'The right vertebral artery is dominant.'"""
    after = next((b for a, b in pairwise(sentence.tokens) if a is side), None)
    if side.kind is not Kind.SIDE or after is None or after.kind is not Kind.WORD:
        return False
    return not any(token.kind is Kind.LOBE or _HALVES.search(token.text) for token in sentence.tokens)


@dataclass(slots=True)
class Reading:
    """What the sentences of a text have said.

    The lesions have the ``areas`` that are said of them. The places that are ``near`` a lesion, of the tissue
    ``around`` it, or ``loose`` stand in where they have none. With ``none_seen``, a lesion is denied by name, and not
    only abnormal signal, another one, or one in some place. What is ``denied`` is so everywhere, not in some place.
    """

    areas: list[Area] = field(default_factory=list)
    near: Area = field(default_factory=Area)
    around: Area = field(default_factory=Area)
    loose: Area = field(default_factory=Area)
    grades: dict[Kind, list[Grade]] = field(default_factory=lambda: {kind: [] for kind in GRADED})
    lesion_denied: bool = False
    none_seen: bool = False
    all_normal: bool = False
    denied: set[Kind] = field(default_factory=set)
    topic: Kind | None = None
    topic_ventricle: bool = False
    listing: bool = False

    def take_in(self, tokens: Sequence[Token]) -> None:
        """Take in one more sentence."""
        sentence = parse(tokens)
        apply_cues(sentence)
        said = self._sort_places(sentence)
        pressed = compressions(sentence, self.topic_ventricle)
        for mention in sentence.found():
            area = read_area(said.get(mention.at, []), self._known_sides())
            if mention.kind in LESIONS:
                self._add_lesion(sentence, mention, area)
                continue
            if mention.kind in _TISSUE or mention in pressed:
                self.grades[mention.kind].append(grade(mention))
                # 'No massive edema' denies a degree.
                if mention.denied and mention.degree == "present" and not _leaves_room(sentence, mention):
                    self.denied.add(mention.kind)
            if not mention.denied:
                certain = mention.kind in _TISSUE and not mention.doubted
                (self.around if certain else self.loose).add(area)
        topics = [mention.kind for mention in sentence.found() if mention.kind is not Kind.PRESSURE]
        self.topic = topics[0] if topics else self.topic
        self.all_normal = self.all_normal or _tells_all_is_normal(sentence)
        self.listing = _announces_list(sentence) or (self.listing and bool(_places_of_item(sentence)))
        self.topic_ventricle = any(mention.kind is Kind.VENTRICLE for mention in sentence.mentions.values())

    def _sort_places(self, sentence: Sentence) -> dict[int, list[Token]]:
        """Keep the places that are not in a mention of the sentence; return the others by mention."""
        said: dict[int, list[Token]] = {}
        resumed: list[Token] = []
        # 'There is' begins something new.
        anaphoric = (t for t in sentence.tokens if t.kind in (Kind.SPREAD, Kind.PRONOUN) and t.text != "there")
        resumes = self.topic in LESIONS and any(anaphoric)
        resumes = resumes or (not self.lesion_denied and _is_place_label(sentence))
        names = any(token.kind in LESIONS | {Kind.NORMAL} for token in sentence.tokens)
        item = _places_of_item(sentence) if self.listing and not names else []
        resumed += item
        for token, mention, near in places(sentence):
            if any(token is leading for leading in item):
                continue
            if mention and not near:
                said.setdefault(mention.at, []).append(token)
            elif resumes and not mention:
                resumed.append(token)
            else:
                if not mention and _of_something_else(sentence, token):
                    continue
                pool = self.near if mention else self.around if self.topic in _TISSUE else self.loose
                pool.add(read_area([token], self._known_sides()))
        if resumed:
            self._join(read_area(resumed, self._known_sides()), own=bool(item), introduced=bool(item))
        return said

    def _known_sides(self) -> set[str]:
        return self.areas[-1].sides if self.areas else set()

    def _add_lesion(self, sentence: Sentence, mention: Mention, area: Area) -> None:
        if mention.denied:
            if not mention.another:
                self.lesion_denied = True
                whole = mention.kind is Kind.LESION and not _leaves_room(sentence, mention)
                self.none_seen = self.none_seen or whole
            return
        if mention.kind is Kind.SIGNAL:
            counts = area or "abnormal" in sentence.tokens[mention.at].text
            if not counts or owner(sentence, mention) is not mention:
                return
        unknown = mention.definite and self.lesion_denied and not self.areas
        if unknown and _denies_finding(sentence) and not _leaves_room(sentence, mention):
            return  # 'No lesion in either hemisphere. No necrosis within the lesion.'
        parts = [part for part in area.parts if part.lobes and part.side in ("left", "right")]
        if mention.plural and len({part.side for part in parts}) > 1 and len(parts) == len(area.parts):
            for part in parts:
                self._join(part, own=True, introduced=True)
        else:
            introduced = mention.indefinite and mention.kind is Kind.LESION
            self._join(area, own=not mention.definite, introduced=introduced, another=mention.another)

    def _join(self, area: Area, *, own: bool = False, introduced: bool = False, another: bool = False) -> None:
        """Add to a known lesion, or open a new one if the text sets it apart.

        A lesion is set apart by ``another``, by its ``own`` mention if that is on the opposite side, and if it is
        ``introduced`` as new also by other lobes.
        """
        if not self.areas:
            self.areas.append(Area())
        last = self.areas[-1]
        if not last or not area:
            last.add(area)
            return
        told = area.parts if len(area.parts) > 1 else [area]
        if not another and all(map(self._knows, told)):
            return
        opposite = {last.side, area.side} == {"left", "right"}
        elsewhere = bool(area.lobes and last.lobes) and not area.lobes & last.lobes
        if another or (own and opposite) or (introduced and elsewhere):
            last = Area()
            self.areas.append(last)
        elif opposite:
            last = next((known for known in self.areas if known.side == area.side), last)
        last.add(area)

    def _knows(self, area: Area) -> bool:
        """Whether the place of a lesion is that of a known one, as far as it is told."""
        known = [one for one in self.areas if one and area.side in (one.side, "none")]
        return any(area.lobes <= one.lobes for one in known)

    def findings(self) -> Findings:
        """What all the sentences say together."""
        areas = [_together([area]) for area in self.areas]
        if not areas and self.around and not self.lesion_denied:
            areas = [Area()]
        if areas:
            pools = [pool for pool in (self.near, self.around, self.loose) if pool]
            if pools and not any(areas):
                areas[0].add(pools[0])
            if not any(area.sides for area in areas):
                areas[0].sides |= next((pool.sides for pool in pools if pool.sides), set())
        whole = _together(areas)
        lesions = tuple(dict.fromkeys(Finding(side=area.side, lobes=area.ordered_lobes) for area in areas))
        sides = {lesion.side for lesion in lesions}
        return Findings(
            lesion=bool(areas),
            side=sides.pop() if len(sides) == 1 else whole.side,
            lobes=whole.ordered_lobes,
            edema=strongest(self.grades[Kind.EDEMA]),
            necrosis=strongest(self.grades[Kind.NECROSIS]),
            ventricular_compression=strongest(self.grades[Kind.PRESSURE]),
            lesions=lesions,
        )

    def mentioned(self) -> frozenset[str]:
        """The fields of :meth:`findings` that the text says something of, be it "no".

        The findings have ``none`` for what is absent and for what is not mentioned; this tells them apart. Where a
        lesion is denied, or the whole scan is normal, it has neither side nor lobes, and that is said with it.
        """
        found = self.findings()
        fields = {field for field, kind in _KINDS.items() if self.grades[kind]}
        if not found.lesion:
            none = self.lesion_denied or self.all_normal
            return frozenset(fields | ({"lesion", "side", "lobes"} if none else set()))
        placed = {name for name, value in (("side", found.side != "none"), ("lobes", bool(found.lobes))) if value}
        return frozenset(fields | {"lesion"} | placed)

    def contradicted(self) -> list[str]:
        """The graded findings that are both seen and denied; what is denied in some place only is not denied."""
        seen = {kind for kind, grades in self.grades.items() if strongest(grades) not in ("none", "possible")}
        return [name for name, kind in _KINDS.items() if kind in seen & self.denied]

    def lesion_side(self) -> Side:
        """The side of the lesions that are named; places of edema alone give none."""
        return _together(self.areas).side
