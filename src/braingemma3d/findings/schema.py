"""What a report says, as data: the vocabulary that truth, reports and metrics share."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

Side = Literal["left", "right", "bilateral", "midline", "none"]
Lobe = Literal["frontal", "parietal", "temporal", "occipital", "insula", "cerebellum", "brainstem", "deep"]
Grade = Literal["none", "possible", "mild", "moderate", "severe", "present"]

DEGREES: tuple[Grade, ...] = ("mild", "moderate", "severe")
LOBES: tuple[Lobe, ...] = get_args(Lobe)
"""Every lobe in the order in which lists of lobes are kept. ``deep``: basal ganglia, thalamus, corpus callosum,
capsules, periventricular and other deep white matter."""


class Finding(BaseModel):
    """One lesion: where it is.

    ``side`` is ``none`` where the text gives no side; ``lobes`` is in the order of :data:`LOBES`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: Side = "none"
    lobes: tuple[Lobe, ...] = ()


class Findings(BaseModel):
    """Everything a report says, over all of its lesions.

    ``side`` and ``lobes`` join those of ``lesions``: left and right together are ``bilateral``. A grade is ``none``
    where the finding is absent or not mentioned, ``possible`` where the text hedges, ``present`` where it is there
    without a degree.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lesion: bool = False
    side: Side = "none"
    lobes: tuple[Lobe, ...] = ()
    edema: Grade = "none"
    necrosis: Grade = "none"
    ventricular_compression: Grade = "none"
    lesions: tuple[Finding, ...] = ()

    @property
    def places(self) -> frozenset[tuple[Side, Lobe]]:
        """Each lobe that a lesion is in, with the lesion's side; both sides of a bilateral one.

        What several lesions say together, however many sentences tell it: two frontal lesions, left and right, are one
        bilateral frontal lesion, but left frontal and right temporal is not right frontal and left temporal.
        """
        both: dict[Side, tuple[Side, ...]] = {"bilateral": ("left", "right")}
        return frozenset(
            (side, lobe) for one in self.lesions for side in both.get(one.side, (one.side,)) for lobe in one.lobes
        )
