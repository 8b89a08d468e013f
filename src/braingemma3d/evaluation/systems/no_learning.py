"""Systems that look at the scan by a fixed rule: what can be had without any learning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from braingemma3d.evaluation.systems.system import Kind, Reference, System, describe
from braingemma3d.findings.schema import LOBES, Findings, Lobe, Side
from braingemma3d.imaging.grid import labels_to_grid, to_grid
from braingemma3d.imaging.volume import ScanGrid, Volume

GRID = (64, 96, 80)
BLUR = 2.0
"""Voxels of the grid, about 4 mm: the brightest blob, not the brightest voxel."""
EDGE = 5
"""Voxels at the brain's rim that can't hold the blob: skin and vessels that a mask has left are bright."""


class Majority:
    """The commonest value of each finding among known cases, for every scan."""

    kind: Kind = "no_learning"
    name = "majority of each finding"

    def __init__(self, known: Sequence[Reference]) -> None:
        self.findings = majority(known)

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """The same report for every scan."""
        return [describe(self.findings)] * len(ids)


class BrighterHemisphere(Majority):
    """The side whose half of the brain is brighter; everything else as in :class:`Majority`."""

    name = "brighter hemisphere"

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """A lesion on the brighter side of every scan."""
        return [describe(self.findings.model_copy(update={"lesion": True, "side": _brighter(v)})) for v in volumes]


class BrightestBlob(Majority):
    """Side and lobe of the brightest blob by an average atlas; everything else as in :class:`Majority`."""

    name = "brightest blob"

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """A lesion at the brightest blob of every scan."""
        texts = []
        for volume in volumes:
            side, lobe = _blob(volume)
            found = self.findings.model_copy(update={"lesion": True, "side": side, "lobes": (lobe,) if lobe else ()})
            texts.append(describe(found))
        return texts


def looking_rules(known: Sequence[Reference]) -> list[System]:
    """The two that need the scan; ``known`` are cases for the majority, training cases or the test cases themselves."""
    return [BrighterHemisphere(known), BrightestBlob(known)]


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
    lobe = int(average_lobes()[place])
    return ("left" if place[2] < GRID[2] / 2 else "right"), (LOBES[lobe - 1] if lobe else None)


@lru_cache
def average_lobes() -> NDArray[np.uint8]:
    """Lobes of the average brain, stretched over the model's grid as every brain is: (D, H, W), 0 outside.

    Values are the places in :data:`~braingemma3d.findings.schema.LOBES`, from 1.
    """
    from braingemma3d.simulate.atlas import load_atlas

    atlas = load_atlas()
    inside = atlas.hull < 0
    grid = ScanGrid(Path("the average brain"), (inside.shape[2], inside.shape[1], inside.shape[0]), np.eye(4), "RAS")
    brain = Volume(inside.astype(np.float32), np.eye(4), grid, brain_mask=inside)
    return labels_to_grid(np.where(inside, atlas.lobe, 0).astype(np.uint8), brain, GRID)
