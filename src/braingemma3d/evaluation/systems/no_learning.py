"""Systems that follow a fixed rule, with the scan or without: what can be had without any learning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from braingemma3d.errors import InputError, ModelError
from braingemma3d.evaluation.average_brain import GRID, average_lobes
from braingemma3d.evaluation.systems.system import Kind, Reference, describe
from braingemma3d.findings.schema import LOBES, Findings, Lobe, Side
from braingemma3d.imaging.grid import to_grid
from braingemma3d.imaging.volume import Volume

BLUR = 2.0
"""Voxels of the grid, about 4 mm: the brightest blob, not the brightest voxel."""
EDGE = 5
"""Voxels at the brain's rim that can't hold the blob: skin and vessels that a mask has left are bright."""


class Majority:
    """The commonest value of each finding among known cases, training cases or the test cases themselves."""

    kind: Kind = "no_learning"
    needs_scan = False
    name = "majority of each finding"

    def __init__(self, known: Sequence[Reference]) -> None:
        self.findings = majority(known)
        self.knows = self.findings.model_dump_json()

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """The same report for every scan."""
        return [describe(self.findings)] * len(ids)


class BrighterHemisphere(Majority):
    """The side whose half of the brain is brighter; everything else as in :class:`Majority`."""

    needs_scan = True
    name = "brighter hemisphere"

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """A lesion on the brighter side of every scan."""
        return [describe(self.findings.model_copy(update={"lesion": True, "side": _brighter(v)})) for v in volumes]


class BrightestBlob(Majority):
    """Side and lobe of the brightest blob by an average atlas; everything else as in :class:`Majority`."""

    needs_scan = True
    name = "brightest blob"

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """A lesion at the brightest blob of every scan."""
        texts = []
        for volume in volumes:
            side, lobe = _blob(volume)
            found = self.findings.model_copy(update={"lesion": True, "side": side, "lobes": (lobe,) if lobe else ()})
            texts.append(describe(found))
        return texts


def majority(known: Sequence[Reference]) -> Findings:
    """The commonest value of each finding; of side, lobes and grades among the cases with a lesion."""
    lesions = [case for case in known if case.findings.lesion]
    if 2 * len(lesions) < len(known) or not lesions:
        return Findings()

    def commonest(name: str) -> object:
        values = Counter(getattr(case.findings, name) for case in lesions if name in case.known)
        return values.most_common(1)[0][0] if values else getattr(Findings(), name)

    names = ("side", "lobes", "edema", "necrosis", "ventricular_compression")
    return Findings.model_validate({"lesion": True, **{name: commonest(name) for name in names}})


def _brighter(volume: Volume) -> Side:
    pixels, _ = to_grid(volume, GRID)
    half = GRID[2] // 2
    left, right = (float(part[part > 0].mean()) for part in (pixels[..., :half], pixels[..., half:]))
    return "left" if left > right else "right"


def _blob(volume: Volume) -> tuple[Side, Lobe | None]:
    pixels, _ = to_grid(volume, GRID)
    inside = ndimage.binary_erosion(pixels > 0, iterations=EDGE)
    blurred = np.where(inside, ndimage.gaussian_filter(pixels, BLUR), 0)
    place = np.unravel_index(int(blurred.argmax()), GRID)
    try:
        lobe = int(average_lobes()[place])
    except InputError as error:
        # Without the atlas every case would count as wrong, and what is held against this rule would gain by it.
        raise ModelError(str(error), error.code) from error
    return ("left" if place[2] < GRID[2] / 2 else "right"), (LOBES[lobe - 1] if lobe else None)
