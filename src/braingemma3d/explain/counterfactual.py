"""Counterfactual sentences: what the report would have said if one finding were otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, get_args

from braingemma3d.findings.extract import extract
from braingemma3d.findings.kinds import LESIONS, Kind
from braingemma3d.findings.mirror import swap_sides
from braingemma3d.findings.schema import DEGREES, Grade, Lobe
from braingemma3d.findings.sentence import parse
from braingemma3d.findings.tokens import sentences as tokenized

About = Literal["side", "lobe", "edema", "necrosis", "compression", "lesion"]
ABOUT: tuple[About, ...] = get_args(About)
"""The findings that a map can be about."""

_SENTENCE = re.compile(r"\S.*?(?:[.!?]+(?=\s|$)|$)", re.DOTALL | re.MULTILINE)


class Span(NamedTuple):
    """A sentence of a text, by the places of its characters."""

    start: int
    end: int
    text: str


class Contrast(NamedTuple):
    """A sentence of the report, and sentences that say the contrary of one of its findings.

    Attributes:
        about: the finding.
        sentence: its number in the report.
        alternatives: what could stand in the sentence's place; the model's own choice among them is contrasted.
    """

    about: About
    sentence: int
    alternatives: tuple[str, ...]


def split_sentences(text: str) -> list[Span]:
    """The sentences of a text; nothing but blanks lies between them."""
    return [Span(match.start(), match.end(), match[0]) for match in _SENTENCE.finditer(text)]


def contrasts(text: str) -> dict[About, Contrast]:
    """The findings that a report states, each with the first sentence that does and its counterfactuals.

    A finding that the report says nothing of is left out. A finding that is said to be absent is contrasted with its
    presence.
    """
    spans = split_sentences(text)
    kinds = [_mentioned(span.text) for span in spans]
    read = [extract(span.text) for span in spans]
    whole = extract(text)
    found: dict[About, Contrast] = {}

    def add(about: About, number: int | None, alternatives: Iterable[str]) -> None:
        if number is None:
            return
        chosen = tuple(dict.fromkeys(other for other in alternatives if other != spans[number].text))
        if chosen:
            found[about] = Contrast(about, number, chosen)

    def first(holds: Iterable[bool]) -> int | None:
        return next((number for number, one in enumerate(holds) if one), None)

    placed = first(one.lesion and one.side != "none" for one in read)
    if placed is not None:
        add("side", placed, other_side(spans[placed].text))
    placed = first(one.lesion and bool(one.lobes) for one in read)
    if placed is not None:
        add("lobe", placed, other_lobe(spans[placed].text, whole.lobes))
    grades: tuple[tuple[About, Kind, Grade], ...] = (
        ("edema", Kind.EDEMA, whole.edema),
        ("necrosis", Kind.NECROSIS, whole.necrosis),
        ("compression", Kind.PRESSURE, whole.ventricular_compression),
    )
    for about, kind, grade in grades:
        needed = {kind, Kind.VENTRICLE} if kind is Kind.PRESSURE else {kind}
        number = first(needed <= one for one in kinds)
        if number is not None:
            edited = _without_degree(spans[number].text, about) if grade != "none" else iter(())
            stock = _PRESENT[about] if grade == "none" else _ABSENT[about]
            add(about, number, [*edited, *stock])
    number = first(bool(one & LESIONS) for one in kinds)
    add("lesion", number, _ABSENT["lesion"] if whole.lesion else _PRESENT["lesion"])
    return found


def _mentioned(sentence: str) -> set[Kind]:
    """What a sentence speaks of, whether it affirms or denies it."""
    return {mention.kind for tokens in tokenized(sentence) for mention in parse(tokens).mentions.values()}


# How a lesion on both sides or in the middle is put, and the same for one on one side.
_ONE_SIDED = (
    (r"\bin the midline, in the\b", "in the {side}"),
    (r"\bbilaterally in the\b", "in the {side}"),
    (r"\bin both hemispheres\b", "in the {side} hemisphere"),
    (r"\bon both sides\b", "on the {side} side"),
    (r"\bboth (?:the )?", "the {side} "),
    (r"\bbilateral\b", "{side}"),
    (r"\bin the midline\b(?=[.,;]|$)", "in the {side} hemisphere"),
    (r"\bmidline\b", "{side}"),
)


def other_side(sentence: str) -> list[str]:
    """The sentence with its lesion on the other side; on either side, if it is on both or in the middle."""
    side = extract(sentence).side
    if side in ("left", "right"):
        swapped = swap_sides(sentence)
        return (
            [swapped] if extract(swapped).side not in (side, "none") else [_on("left" if side == "right" else "right")]
        )
    return [_edited_side(sentence, wanted) for wanted in ("left", "right")]


def _edited_side(sentence: str, side: str) -> str:
    for pattern, replacement in _ONE_SIDED:
        edited = re.sub(pattern, replacement.format(side=side), sentence, count=1, flags=re.IGNORECASE)
        if extract(edited).side == side:
            return edited
    return _on(side)


def _on(side: str) -> str:
    return f"There is a lesion in the {side} cerebral hemisphere."


_NAMED: tuple[Lobe, ...] = ("frontal", "parietal", "temporal", "occipital")
_ADJECTIVE = re.compile(r"\b(frontal|parietal|temporal|occipital)\b", re.IGNORECASE)
_OTHER_PLACE = re.compile(
    r"\b(?:insular cortex|insula|cerebellar hemispheres?|cerebellum|brain ?stem"
    r"|(?:basal ganglia and )?deep (?:periventricular )?white matter|deep brain structures|basal ganglia|thalamus"
    r"|corpus callosum)\b",
    re.IGNORECASE,
)


def other_lobe(sentence: str, named: Iterable[Lobe] = ()) -> list[str]:
    """The sentence with the first of its lobes replaced by each of the four large lobes that are not ``named``."""
    before = extract(sentence)
    used = {*named, *before.lobes}
    edited = []
    for lobe in _NAMED:
        if lobe in used:
            continue
        # The insula and its like are nouns, the four large lobes adjectives: the phrase goes with the word.
        candidates = (
            _ADJECTIVE.sub(lobe, sentence, count=1),
            _OTHER_PLACE.sub(f"{lobe} lobe", sentence, count=1),
        )
        for candidate in candidates:
            after = extract(candidate)
            if lobe in after.lobes and after.side == before.side and set(after.lobes) != set(before.lobes):
                edited.append(candidate)
                break
        else:
            side = f"{before.side} " if before.side in ("left", "right") else ""
            edited.append(f"There is a lesion in the {side}{lobe} lobe.")
    return edited


_DEGREE = re.compile(
    r"\b(?:an? )?(?:mild|slight|minor|moderate|severe|marked|extensive|pronounced)(?: degree of)? "
    r"(?=(?:\w+ )?(?:edema|oedema|compression))",
    re.IGNORECASE,
)
_ADVERB = re.compile(r"\b(?:mildly|slightly|moderately|severely|markedly) (?=compressed)", re.IGNORECASE)


_FIELD: dict[About, str] = {"edema": "edema", "necrosis": "necrosis", "compression": "ventricular_compression"}


def _without_degree(sentence: str, about: About) -> Iterator[str]:
    """The sentence with its degree turned into a denial, where that denies the finding and no other."""
    before = extract(sentence).model_dump(include=set(_FIELD.values()))
    for pattern, denial in ((_DEGREE, "no "), (_ADVERB, "not ")):
        edited = pattern.sub(denial, sentence, count=1)
        edited = edited[:1].upper() + edited[1:]
        after = extract(edited).model_dump(include=set(_FIELD.values()))
        if edited != sentence and after == before | {_FIELD[about]: "none"}:
            yield edited


_ABSENT: dict[About, tuple[str, ...]] = {
    "edema": (
        "No edema is seen around the lesion.",
        "There is no perilesional edema in the adjacent white matter.",
        "There is no edema.",
    ),
    "necrosis": (
        "No necrosis is seen within the lesion.",
        "There is no necrosis in the lesion.",
        "Necrosis is not observed.",
    ),
    "compression": (
        "There is no compression of the ventricles.",
        "No ventricular compression is seen.",
        "The ventricles are not compressed.",
    ),
    "lesion": (
        "No lesion is seen in the brain.",
        "There is no evidence of a tumor or other focal lesion in the cerebrum, cerebellum or brainstem.",
        "The brain parenchyma shows normal signal on FLAIR, and no focal lesion is identified.",
    ),
}
_PRESENT: dict[About, tuple[str, ...]] = {
    "edema": tuple(f"{degree.capitalize()} edema is seen around the lesion." for degree in DEGREES),
    "necrosis": (
        "Necrosis is seen within the lesion, with low signal in the center.",
        "The core of the lesion shows necrosis with lower signal.",
        "There is necrosis in the lesion.",
    ),
    "compression": tuple(
        f"There is {degree} compression of the {ventricle}."
        for degree in DEGREES
        for ventricle in ("left lateral ventricle", "right lateral ventricle", "fourth ventricle")
    ),
    "lesion": (
        "There is a lesion in the brain.",
        *(f"There is a lesion in the {side} {lobe} lobe." for side in ("left", "right") for lobe in _NAMED),
    ),
}
"""Stock sentences in the style of the reports that the models learn; the likeliest is the counterfactual."""
