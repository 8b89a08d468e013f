"""A grammar that writes a report from the truth, in the four parts of TextBraTS.

Location and signal, edema, necrosis, ventricular compression (Shi et al., TextBraTS, MICCAI 2025): absent findings
are said to be absent, and nothing is said that the truth doesn't hold. A report has about 35 to 70 words.

**A wording gives no value away.** Sentences and their order are chosen whatever the finding's value, and the value is
one word. So a model that writes the likeliest next word says the likeliest value. Were "mild" also "slight" and
"minor", and "moderate" always "moderate", it would write "moderate" where "mild" is likelier; were a second lobe
announced by "mainly", "centered" or "predominantly", each would be less likely than beginning without, and second
lobes be left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from braingemma3d.findings.schema import Grade, Lobe
from braingemma3d.simulate.truth import SHIFT_SEVERE, Truth

NAMED_LOBES: tuple[Lobe, ...] = ("frontal", "parietal", "temporal", "occipital")

NO_OR_DEGREE: dict[Grade, str] = {"none": "no", "mild": "mild", "moderate": "moderate", "severe": "severe"}
NO_OR_MARKED: dict[Grade, str] = {"none": "no", "mild": "slight", "moderate": "moderate", "severe": "marked"}
ABSENT_OR_DEGREE: dict[Grade, str] = {"none": "absent", "mild": "mild", "moderate": "moderate", "severe": "pronounced"}

Option = TypeVar("Option")
Frame = tuple[str, dict[Grade, str]]
"""A sentence with a gap for the ``{degree}``, and the word for each grade."""

EDEMA: tuple[Frame, ...] = (
    ("{degree} edema is seen around {it}", NO_OR_DEGREE),
    ("{it} {is_are} surrounded by {degree} edema", NO_OR_MARKED),
    ("there is {degree} perilesional edema in the adjacent white matter", NO_OR_DEGREE),
    ("the white matter around {it} shows {degree} edema", NO_OR_MARKED),
    ("edema around {it} is {degree}", ABSENT_OR_DEGREE),
)
COMPRESSION: tuple[Frame, ...] = (
    ("there is {degree} compression of {ventricle}", NO_OR_DEGREE),
    ("{degree} ventricular compression is seen", NO_OR_DEGREE),
    ("the ventricular system shows {degree} compression", NO_OR_MARKED),
    ("ventricular compression is {degree}", ABSENT_OR_DEGREE),
    ("mass effect causes {degree} compression of {ventricle}", NO_OR_MARKED),
)
NECROSIS: tuple[tuple[str, str], ...] = (
    ("no necrosis is seen within {it}", "necrosis is seen within {it}, with low signal in the center"),
    ("there is no necrosis in {it}", "there is necrosis in {it}, seen as a darker center on FLAIR"),
    ("{it} {contains} no necrosis or area of low signal", "{it} {contains} necrosis with low signal in the center"),
    ("inside {it} there is no necrosis", "inside {it} there is necrosis, with lower signal"),
    ("the core of {it} shows no necrosis", "the core of {it} shows necrosis with lower signal"),
)
"""Sentences in pairs: without necrosis, and with it."""

DEEP = ("deep structures", "deep brain structures")


def write_report(truth: Truth, rng: np.random.Generator) -> str:
    """A report that says ``truth``; the same for the same state of ``rng``."""
    return _lesion_report(truth, rng) if truth.lesion else _healthy_report(rng)


def _pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    return options[int(rng.integers(len(options)))]


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _lesion_report(truth: Truth, rng: np.random.Generator) -> str:
    signal_first = rng.random() < 0.25
    location = _signal_and_place(truth, rng) if signal_first else _place_and_signal(truth, rng)
    edema, necrosis, compression = _edema(truth, rng), _necrosis(truth, rng), _compression(truth, rng)
    parts = (necrosis, edema, compression) if signal_first else (edema, necrosis, compression)
    return " ".join(_sentence(p) for p in (*location, *parts))


def _places(truth: Truth, rng: np.random.Generator, lobes: Sequence[Lobe]) -> str:
    """Nouns for ``lobes``, to stand after 'the left', 'the right', 'the bilateral', 'the midline' or 'the'."""
    named = [lobe for lobe in lobes if lobe in NAMED_LOBES]
    both = truth.side == "bilateral" and truth.foci == 1
    words = [_listed(named) + (" lobes" if both or len(named) > 1 else " lobe")] if named else []
    words += [_pick(rng, DEEP) if lobe == "deep" else lobe for lobe in lobes if lobe not in named]
    return _listed(words)


def _spread(truth: Truth, rng: np.random.Generator) -> str:
    """Where the lesion is, the lobe with most of it first."""
    main = [truth.main_lobe] if truth.main_lobe else list(truth.lobes[:1])
    rest = [lobe for lobe in truth.lobes if lobe not in main]
    spread = f"in the {truth.side} {_places(truth, rng, main)}"
    if truth.side == "bilateral" and truth.foci > 1:
        # Lesions on both sides are seldom in the same lobes of both.
        where = "posterior fossa" if main[0] in ("cerebellum", "brainstem") else "cerebral hemispheres"
        spread = f"in the bilateral {where}, in the {_places(truth, rng, main)}"
    if rest:
        onward = _pick(rng, ("extending into", "with extension into", "also involving"))
        spread += f", {'and in' if truth.foci > 1 else onward} the {_places(truth, rng, rest)}"
    return spread


def _noun(truth: Truth, rng: np.random.Generator) -> str:
    return _pick(rng, ("lesions", "masses") if truth.foci > 1 else ("lesion", "mass"))


def _signal_and_place(truth: Truth, rng: np.random.Generator) -> list[str]:
    """One sentence: how the lesion looks on FLAIR and where it is."""
    noun, signal, spread = _noun(truth, rng), _signal(truth, rng), _spread(truth, rng)
    subject = f"multiple {noun} of {signal} signal are" if truth.foci > 1 else f"a {noun} of {signal} signal is"
    return [f"{subject} seen {spread} on FLAIR images"]


def _place_and_signal(truth: Truth, rng: np.random.Generator) -> list[str]:
    """Two sentences: where the lesion is, and how it looks on FLAIR."""
    many = truth.foci > 1
    noun, signal, spread = _noun(truth, rng), _signal(truth, rng), _spread(truth, rng)
    subject = f"multiple {noun}" if many else f"a {noun}"
    first = (
        f"multiple {noun} are located" if many else "the lesion area is located",
        f"there are {subject}" if many else f"there is {subject}",
        f"FLAIR {_pick(rng, ('shows', 'demonstrates', 'reveals'))} {subject}",
    )
    second = (
        f"the FLAIR signal of the {noun} is {signal}",
        f"{'they show' if many else 'it shows'} {signal} signal on FLAIR",
        f"the signal is {signal} {_pick(rng, ('compared with normal brain tissue', 'relative to normal brain'))}",
    )
    return [f"{_pick(rng, first)} {spread}", _pick(rng, second)]


def _signal(truth: Truth, rng: np.random.Generator) -> str:
    if truth.necrosis == "present":
        return _pick(rng, ("heterogeneous", "mixed high and low"))
    return _pick(rng, ("high", "increased"))


def _agreeing(truth: Truth) -> dict[str, str]:
    """The lesion, and verbs that agree with it in number."""
    if truth.foci > 1:
        return {"it": "the lesions", "is_are": "are", "contains": "contain"}
    return {"it": "the lesion", "is_are": "is", "contains": "contains"}


def _edema(truth: Truth, rng: np.random.Generator) -> str:
    sentence, words = _pick(rng, EDEMA)
    text = sentence.format(degree=words[truth.edema], **_agreeing(truth))
    if truth.edema != "none":
        text += _pick(rng, ("", ", with high signal on FLAIR"))
    return text


def _necrosis(truth: Truth, rng: np.random.Generator) -> str:
    without, present = _pick(rng, NECROSIS)
    return (present if truth.necrosis == "present" else without).format(**_agreeing(truth))


def _ventricle(truth: Truth, rng: np.random.Generator) -> str:
    """The ventricle that is compressed, as a noun phrase."""
    if truth.ventricle_measure == "fourth":
        return "the fourth ventricle"
    left, right = truth.lateral_ventricles_ml
    narrow = "left" if left < right else "right"
    if truth.side in ("left", "right") and rng.random() < 0.35:
        return "the ipsilateral lateral ventricle"
    return f"the {narrow} lateral ventricle"


def _compression(truth: Truth, rng: np.random.Generator) -> str:
    sentence, words = _pick(rng, COMPRESSION)
    grade = truth.ventricular_compression
    ventricle = "the ventricles" if grade == "none" else _ventricle(truth, rng)
    text = sentence.format(degree=words[grade], ventricle=ventricle)
    if grade == "none":
        return text + _pick(rng, ("", ", and the midline is not displaced", ", and there is no midline shift"))
    if "{ventricle}" not in sentence:
        text += f", affecting {ventricle}"
    if truth.midline_shift_mm >= SHIFT_SEVERE:
        text += _pick(rng, (", with midline shift", " with shift of the midline structures"))
    return text


def _healthy_report(rng: np.random.Generator) -> str:
    first = _pick(
        rng,
        (
            "no lesion or abnormal mass is seen in either cerebral hemisphere, the cerebellum or the brainstem, and "
            "the FLAIR signal of the brain is normal",
            "the brain parenchyma shows normal signal on FLAIR, and no focal lesion is identified in the cerebral "
            "hemispheres, the deep structures, the cerebellum or the brainstem",
            "FLAIR images show no mass or focal lesion, and the signal of the gray and white matter is normal on both "
            "sides of the brain",
            "there is no evidence of a tumor or other focal lesion in the cerebrum, cerebellum or brainstem, and the "
            "brain tissue has normal FLAIR signal",
        ),
    )
    edema = _pick(
        rng,
        (
            "no edema is seen in the white matter",
            "there is no edema",
            "the white matter shows no edema or swelling",
            "edema is absent",
        ),
    )
    necrosis = _pick(
        rng,
        (
            "no necrosis is seen",
            "there is no evidence of necrosis",
            "necrosis is not observed",
            "no necrotic area of low signal is identified",
        ),
    )
    ventricles = _pick(
        rng,
        (
            "the ventricles are not compressed, and the midline structures are in place",
            "there is no ventricular compression or midline shift, and the ventricles are symmetric",
            "no compression of the ventricles is present, and the midline is not displaced",
            "the ventricular system is symmetric, without compression or midline shift",
        ),
    )
    if rng.random() < 0.3:
        joined = _pick(
            rng,
            (
                "neither edema nor necrosis is present in the brain",
                "there is no edema and no necrosis in the brain",
            ),
        )
        return " ".join(_sentence(p) for p in (first, joined, ventricles))
    if rng.random() < 0.25:
        edema, necrosis = necrosis, edema
    return " ".join(_sentence(p) for p in (first, edema, necrosis, ventricles))
