"""What a lesion is meant to be: place, size, grades and signal, drawn before it is grown.

Grades are drawn independently of size as far as anatomy permits. Size is drawn as the geometric mean of the volumes
of core and whole abnormality: so neither of the two gives the share of edema away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from braingemma3d.findings.schema import Grade, Lobe
from braingemma3d.simulate.fields import between
from braingemma3d.simulate.ranges import Ranges
from braingemma3d.simulate.truth import EDEMA_BANDS, EDEMA_LEAST_ML, NECROSIS_ML

Name = TypeVar("Name", bound=str)
Course = Literal["lateral", "midline", "butterfly"]

PLACES: dict[Lobe, float] = {
    "frontal": 0.23,
    "parietal": 0.16,
    "temporal": 0.18,
    "occipital": 0.11,
    "insula": 0.07,
    "cerebellum": 0.10,
    "brainstem": 0.05,
    "deep": 0.10,
}
"""How often a lesion is seeded in each lobe: the order of gliomas and metastases (Larjavaara et al., Neuro-Oncology
2007), the rare places raised so that they can be learned."""

WIDEST_MM: dict[Lobe, float] = {"insula": 42.0, "cerebellum": 42.0, "brainstem": 26.0, "deep": 48.0}
CORE_MM = (12.0, 64.0)
"""Diameter of a sphere with the size drawn."""
WHOLE_ML = 210.0
CORE_ML = (0.9, 140.0)
MULTIFOCAL, BUTTERFLY, MIDLINE = 0.14, 0.05, 0.06
"""Chances of several foci, of growth across the callosum, of a lesion centred on the midline."""

EDEMA_CHANCES: dict[Grade, float] = {"none": 0.24, "mild": 0.28, "moderate": 0.24, "severe": 0.24}
NECROSIS_CHANCE = 0.55
EDEMA_FADES = (0.1, 0.4)
"""Loss of edema's extra signal from the core to its outer edge."""
FAINTEST_EDEMA = 0.32
DARKER_CORE = 0.4
"""Chance of a solid core that is less bright than the edema around it, as cellular tumours are."""
FAINTEST_EDEMA_LEVEL = 1.36
FAINTEST_NECROSIS = 0.48
"""Differences in signal drawn, larger than those demanded of the final image, which blur and noise lower."""


@dataclass(frozen=True)
class Plan:
    """A lesion to grow. Shares as in :mod:`~.truth`; signals over brain intensity; lengths in mm."""

    lobe: Lobe
    course: Course
    foci: int
    core_ml: float
    edema_share: float
    necrosis_share: float
    compression: Grade
    ratio: float
    shift_mm: float
    fourth: float
    edema_signal: float
    core_signal: float
    necrosis_signal: float
    edema_fading: float

    @property
    def whole_ml(self) -> float:
        """Volume of core and edema."""
        return self.core_ml / (1 - self.edema_share)

    @property
    def infratentorial(self) -> bool:
        """The fourth ventricle, not the lateral ones, is what the lesion would compress."""
        return self.lobe in ("cerebellum", "brainstem")


def draw_plan(rng: np.random.Generator, ranges: Ranges) -> Plan:
    """A lesion's plan."""
    lobe = _choose(rng, PLACES)
    course: Course = "lateral"
    luck = rng.random()
    if lobe == "brainstem":
        course = "midline" if luck < 0.6 else "lateral"
    elif luck < BUTTERFLY:
        lobe, course = "deep", "butterfly"
    elif luck < BUTTERFLY + MIDLINE:
        lobe, course = ("cerebellum" if rng.random() < 0.4 else "deep"), "midline"
    foci = 1
    if course == "lateral" and lobe not in ("brainstem", "insula") and rng.random() < MULTIFOCAL:
        foci = 2 if rng.random() < 0.7 else 3

    share = between(rng, EDEMA_BANDS[_choose(rng, EDEMA_CHANCES)])
    widest = min(CORE_MM[1], WIDEST_MM.get(lobe, CORE_MM[1]))
    if course == "butterfly":
        size = np.pi / 6 * between(rng, (36.0, 58.0)) ** 3 / 1000
    elif course == "midline":
        size = np.pi / 6 * between(rng, (CORE_MM[0], min(widest, 34.0))) ** 3 / 1000
    else:
        size = np.pi / 6 * between(rng, (CORE_MM[0], widest)) ** 3 / 1000
    root = float(np.sqrt(1 - share))
    core_ml = float(np.clip(min(size * root, WHOLE_ML * root**2), *CORE_ML))
    if share > 0:
        # Less than this would be a rim that no thick slice shows.
        core_ml = max(core_ml, 1.15 * EDEMA_LEAST_ML * (1 - share) / share)
    necrosis = 0.0
    if core_ml > NECROSIS_ML / 0.6 and rng.random() < NECROSIS_CHANCE:
        necrosis = between(rng, (max(0.14, 1.25 * NECROSIS_ML / core_ml), 0.85))
    fading = between(rng, EDEMA_FADES)
    edema_signal, core_signal, necrosis_signal = _signals(rng, ranges, share > 0, fading)
    compression = _compression(rng, core_ml / root)
    ratio, shift, fourth = _compressed(rng, compression)
    return Plan(
        lobe=lobe,
        course=course,
        foci=foci,
        core_ml=core_ml,
        edema_share=share,
        necrosis_share=necrosis,
        compression=compression,
        ratio=ratio,
        shift_mm=shift if course == "lateral" else min(shift, 3.0),
        fourth=fourth,
        edema_signal=edema_signal,
        core_signal=core_signal,
        necrosis_signal=necrosis_signal,
        edema_fading=fading,
    )


def _choose(rng: np.random.Generator, chances: dict[Name, float]) -> Name:
    names = list(chances)
    weights = np.array([chances[name] for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def _compression(rng: np.random.Generator, effective_ml: float) -> Grade:
    """A grade of compression: what is out of reach of a small lesion is left out, the rest is as good as even."""
    if effective_ml < 1.5:
        chances: dict[Grade, float] = {"none": 0.75, "mild": 0.25}
    elif effective_ml < 6:
        chances = {"none": 0.45, "mild": 0.35, "severe": 0.20}
    else:
        chances = {"none": 0.34, "mild": 0.33, "severe": 0.33}
    return _choose(rng, chances)


def _compressed(rng: np.random.Generator, grade: Grade) -> tuple[float, float, float]:
    """Lateral ventricle ratio, midline shift in mm and share of the fourth ventricle left for a grade."""
    if grade == "none":
        return between(rng, (0.92, 1.0)), between(rng, (0.0, 2.0)), between(rng, (0.92, 1.25))
    if grade == "mild":
        return between(rng, (0.64, 0.78)), between(rng, (0.0, 3.8)), between(rng, (0.42, 0.56))
    return between(rng, (0.15, 0.53)), between(rng, (1.0, 12.0)), between(rng, (0.04, 0.22))


def _signals(rng: np.random.Generator, ranges: Ranges, edema: bool, fading: float) -> tuple[float, float, float]:
    """Signals of edema (at the core), solid core and necrosis that can be told apart."""
    darker = rng.random() < DARKER_CORE
    for _ in range(400):
        e, c = between(rng, ranges.edema_signal), between(rng, ranges.core_signal)
        n = between(rng, ranges.necrosis_signal)
        typical = 1 + (e - 1) * (1 - 0.6 * fading)
        told = min(abs(typical - c), abs(e - c)) >= FAINTEST_EDEMA and typical >= FAINTEST_EDEMA_LEVEL
        if (not edema or (told and (c < e) == darker)) and c - n >= FAINTEST_NECROSIS:
            return e, c, n
    return 2.1, 1.4, 0.7
