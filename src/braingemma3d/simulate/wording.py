"""A grammar that writes a report from the truth, in the four parts of TextBraTS.

Location and signal, edema, necrosis, ventricular compression (Shi et al., TextBraTS, MICCAI 2025): absent findings
are said to be absent, and nothing is said that the truth doesn't hold. A report has about 45 to 75 words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from braingemma3d.findings.schema import Grade, Lobe
from braingemma3d.simulate.truth import SHIFT_SEVERE, Truth

NAMED_LOBES: tuple[Lobe, ...] = ("frontal", "parietal", "temporal", "occipital")
FEWEST_WORDS, MOST_WORDS = 45, 75
DRAFTS = 40

DEGREES: dict[Grade, tuple[str, ...]] = {
    "mild": ("mild", "slight", "mild", "minor"),
    "moderate": ("moderate",),
    "severe": ("severe", "marked", "pronounced"),
}
DEGREES_OF_EDEMA: dict[Grade, tuple[str, ...]] = DEGREES | {"severe": ("severe", "marked", "extensive", "pronounced")}
ADVERBS: dict[Grade, tuple[str, ...]] = {
    "mild": ("mildly", "slightly"),
    "moderate": ("moderately",),
    "severe": ("severely", "markedly"),
}

DEEP = ("deep white matter", "deep brain structures", "deep periventricular white matter")
DEEP_CENTRE = ("basal ganglia and deep white matter", "deep brain structures", "deep white matter")


def write_report(truth: Truth, rng: np.random.Generator) -> str:
    """A report that says ``truth``; the same for the same state of ``rng``."""
    drafts: list[str] = []
    for _ in range(DRAFTS):
        drafts.append(_lesion_report(truth, rng) if truth.lesion else _healthy_report(rng))
        if FEWEST_WORDS <= len(drafts[-1].split()) <= MOST_WORDS:
            return drafts[-1]
    return max(drafts, key=lambda text: (len(text.split()) <= MOST_WORDS, len(text.split())))


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _lesion_report(truth: Truth, rng: np.random.Generator) -> str:
    parts = [_edema(truth, rng), _necrosis(truth, rng), _compression(truth, rng)]
    absent = [g == "none" for g in (truth.edema, truth.necrosis, truth.ventricular_compression)]
    if absent[0] and absent[1] and rng.random() < 0.3:
        parts[:2] = [
            _pick(
                rng,
                (
                    "neither edema nor necrosis is seen in or around the lesion",
                    "there is no surrounding edema, and no necrosis is seen",
                ),
            )
        ]
    elif absent[1] and absent[2] and rng.random() < 0.25:
        parts[1:] = [
            _pick(
                rng,
                (
                    "there is no necrosis and no compression of the ventricles",
                    "neither necrosis nor ventricular compression is present",
                ),
            )
        ]
    elif rng.random() < 0.25:
        parts[0], parts[1] = parts[1], parts[0]
    return " ".join(_sentence(p) for p in (*_location(truth, rng), *parts))


def _places(truth: Truth, rng: np.random.Generator, lobes: Sequence[Lobe]) -> list[str]:
    """Nouns for ``lobes``, to stand after 'the left', 'the right', 'both' or 'the'."""
    plural = truth.side == "bilateral"
    single = truth.side == "midline"
    named = [lobe for lobe in lobes if lobe in NAMED_LOBES]
    words: list[str] = []
    if named:
        words.append(_listed(named) + (" lobes" if plural or len(named) > 1 else " lobe"))
    for lobe in lobes:
        if lobe == "insula":
            words.append("insular cortex" if not plural and rng.random() < 0.3 else "insula")
        elif lobe == "cerebellum":
            halves = ("cerebellar hemispheres", "cerebellum") if plural else ("cerebellar hemisphere", "cerebellum")
            words.append("cerebellum" if single else _pick(rng, halves))
        elif lobe == "brainstem":
            words.append("brainstem")
        elif lobe == "deep":
            words.append(_pick(rng, DEEP_CENTRE if truth.main_lobe == "deep" and not single else DEEP))
    return words


def _location(truth: Truth, rng: np.random.Generator) -> list[str]:
    """One or two sentences: where the lesion is and how it looks on FLAIR."""
    many = truth.foci > 1
    noun = _pick(rng, ("lesions", "masses")) if many else _pick(rng, ("lesion", "mass"))
    article = "multiple" if many else "a"
    signal = _signal(truth, rng)
    lobes = truth.lobes
    main = [truth.main_lobe] if truth.main_lobe else list(lobes[:1])
    rest = [lobe for lobe in lobes if lobe not in main]
    everything = _listed(_places(truth, rng, lobes))
    is_are = "are" if many else "is"
    start = {
        "left": "in the left",
        "right": "in the right",
        "bilateral": "bilaterally in the",
        "midline": "in the midline, in the",
    }[truth.side]
    spread = f"{start} {everything}"
    if rest and not many and rng.random() < 0.6:
        first, further = _listed(_places(truth, rng, main)), _listed(_places(truth, rng, rest))
        centred = _pick(rng, ("mainly", "centered", "predominantly"))
        onward = _pick(rng, ("extending into", "with extension into", "also involving"))
        spread = f"{centred} {start} {first}, {onward} the {further}"
    if truth.side == "bilateral" and rng.random() < 0.35:
        spread = f"in both hemispheres, involving the {everything}"
    manner = int(rng.integers(4))
    if manner == 0:
        return [
            f"the lesion area is located {spread}" if not many else f"multiple {noun} are located {spread}",
            f"the FLAIR signal of the {noun} is {signal}",
        ]
    if manner == 1:
        return [f"{article} {noun} of {signal} signal {is_are} seen {spread} on FLAIR images"]
    if manner == 2:
        there = "there are" if many else "there is"
        verb = "show" if many else "shows"
        it = "they" if many else "it"
        return [f"{there} {article} {noun} {spread}", f"{it} {verb} {signal} signal on FLAIR"]
    return [
        f"FLAIR {_pick(rng, ('shows', 'demonstrates', 'reveals'))} {article} {noun} {spread}, "
        f"with {signal} signal {_pick(rng, ('compared with normal brain tissue', 'relative to normal brain'))}"
    ]


def _signal(truth: Truth, rng: np.random.Generator) -> str:
    if truth.necrosis == "present":
        return _pick(rng, ("heterogeneous", "mixed high and low", "heterogeneous, mixed high and low"))
    return _pick(rng, ("high", "hyperintense", "increased", "fairly homogeneous high"))


def _edema(truth: Truth, rng: np.random.Generator) -> str:
    it = "the lesions" if truth.foci > 1 else "the lesion"
    if truth.edema == "none":
        return _pick(
            rng,
            (
                f"no edema is seen around {it}",
                "there is no perilesional edema in the adjacent white matter",
                f"the tissue around {it} shows no edema",
                f"no significant edema surrounds {it}",
                f"edema around {it} is absent",
            ),
        )
    degree = _pick(rng, DEGREES_OF_EDEMA[truth.edema])
    a = "an" if degree[0] in "aeiou" else "a"
    return _pick(
        rng,
        (
            f"{degree} edema is {_pick(rng, ('seen', 'present', 'observed'))} around {it}",
            f"{it} {'are' if truth.foci > 1 else 'is'} surrounded by {degree} edema",
            f"there is {degree} perilesional edema in the adjacent white matter",
            f"the surrounding white matter shows {degree} edema, with high signal on FLAIR",
            f"edema around {it} is {degree} and spreads along the white matter",
            f"{a} {degree} degree of edema surrounds {it}",
        ),
    )


def _necrosis(truth: Truth, rng: np.random.Generator) -> str:
    it = "the lesions" if truth.foci > 1 else "the lesion"
    if truth.necrosis == "none":
        return _pick(
            rng,
            (
                f"no necrosis is seen within {it}",
                f"there is no evidence of necrosis inside {it}",
                f"{it} {'contain' if truth.foci > 1 else 'contains'} no necrosis",
                "necrosis is not observed",
                f"no necrotic area of low signal is identified within {it}",
            ),
        )
    return _pick(
        rng,
        (
            f"necrosis is present within {it}, with low signal in the center",
            f"a necrotic area of low signal is seen inside {it}",
            f"the core of {it} {_pick(rng, ('contains', 'shows'))} necrosis with lower signal",
            f"central low signal within {it} indicates necrosis",
            f"there is necrosis in {it}, seen as a darker center on FLAIR",
        ),
    )


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
    if truth.ventricular_compression == "none":
        return _pick(
            rng,
            (
                "no ventricular compression is seen",
                "there is no compression of the ventricles",
                "the ventricles are not compressed and there is no midline shift",
                "ventricular compression is absent, and the midline is not displaced",
                "the ventricular system shows no compression",
            ),
        )
    degree = _pick(rng, DEGREES[truth.ventricular_compression])
    ventricle = _ventricle(truth, rng)
    text = _pick(
        rng,
        (
            f"there is {degree} compression of {ventricle}",
            f"{ventricle} is {_pick(rng, ADVERBS[truth.ventricular_compression])} compressed",
            f"{degree} ventricular compression is {_pick(rng, ('seen', 'present', 'observed'))}, affecting {ventricle}",
            f"mass effect causes {degree} compression of {ventricle}",
            f"{ventricle} shows {degree} compression",
        ),
    )
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
