"""One simulated patient, drawn from a seed and an index."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braingemma3d.errors import InputError
from braingemma3d.findings.schema import Findings
from braingemma3d.simulate.anatomy import Anatomy, Head, draw_head, grid_affine, label
from braingemma3d.simulate.appearance import paint
from braingemma3d.simulate.degrade import Scanner, acquire, draw_scanner
from braingemma3d.simulate.fields import Array
from braingemma3d.simulate.plan import draw_plan
from braingemma3d.simulate.ranges import Ranges, ranges_for
from braingemma3d.simulate.truth import LEAST_KEPT, Truth, measure
from braingemma3d.simulate.tumour import Lesion, grow
from braingemma3d.simulate.wording import write_report

HEALTHY_SHARE = 0.25
ATTEMPTS = 600
"""Lesions tried on a head. Another head is never tried: heads of patients would then differ from healthy ones."""


@dataclass(frozen=True)
class Case:
    """A simulated patient. Arrays are (D, H, W) on a 2 mm grid, RAS: low W is the patient's left.

    Attributes:
        id: name of the case.
        image: float32, whole numbers, skull-stripped: background is 0 and only background is.
        mask: uint8, 1 necrosis, 2 edema, 4 solid core, as in BraTS.
        affine: (4, 4) from voxel (d, h, w) to RAS mm.
        truth: measured on image and masks.
        report: the text that says it.
        anatomy: labels of the deformed head as vectors over ``anatomy.head.inside``.
        seed, index: with ``healthy`` and ``shift`` they give the same case again.
    """

    id: str
    image: Array
    mask: NDArray[np.uint8]
    affine: NDArray[np.float64]
    truth: Truth
    report: str
    anatomy: Anatomy
    seed: int
    index: int

    @cached_property
    def tissue(self) -> NDArray[np.uint8]:
        """(D, H, W) tissue classes, :data:`~.atlas.TISSUES`; 0 outside the brain's hull."""
        return self._in_hull(self.anatomy.tissue)

    @cached_property
    def lobe(self) -> NDArray[np.uint8]:
        """(D, H, W) lobes, :data:`~.atlas.LOBE_INDEX`; 0 outside the brain's hull."""
        return self._in_hull(self.anatomy.lobe)

    @cached_property
    def side(self) -> NDArray[np.int8]:
        """(D, H, W), -1 patient's left, +1 right, 0 outside the brain's hull."""
        return self._in_hull(self.anatomy.side)

    @property
    def findings(self) -> Findings:
        """The truth in the vocabulary of reports."""
        return self.truth.findings()

    def _in_hull(self, values: NDArray[Any]) -> NDArray[Any]:
        head = self.anatomy.head
        return head.on_grid(values * (head.hull < 0))


def case_id(seed: int, index: int) -> str:
    """Name of a case."""
    return f"sim{seed}-{index:06d}"


def draw_case(seed: int, index: int, healthy: float = HEALTHY_SHARE, shift: bool = False) -> Case:
    """The case of ``(seed, index)``; the same in every process.

    Args:
        seed: seed of the cohort.
        index: number of the case within it.
        healthy: chance of a case without a lesion. With 1 and with 0 the same seed and index give the same head,
            contrast and degradation, without and with a lesion.
        shift: draw some properties from ranges that training never sees, see :mod:`~.ranges`.

    Raises:
        ValueError: ``healthy`` is not a probability, or seed or index is negative.
        InputError: no lesion fits into the head.
    """
    if not 0 <= healthy <= 1:
        raise ValueError(f"healthy must be a probability, not {healthy}")
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must not be negative, not {seed} and {index}")
    streams = np.random.SeedSequence([seed, index]).spawn(7)
    ranges = ranges_for(shift, np.random.default_rng(streams[6]))
    is_healthy = np.random.default_rng(streams[0]).random() < healthy
    heads, scanners, lesions, words = (np.random.default_rng(s) for s in (*streams[1:4], streams[5]))
    head = draw_head(heads, ranges)
    scanner = draw_scanner(scanners, ranges, head)
    if is_healthy:
        drawn = _finish(streams[4], ranges, head, scanner, None)
    else:
        drawn = _with_lesion(lesions, streams[4], ranges, head, scanner)
    if drawn is None:
        raise InputError(
            f"no lesion fits into the head of seed {seed}, index {index}; choose another seed", "no_lesion"
        )
    image, mask, truth, anatomy = drawn
    return Case(
        id=case_id(seed, index),
        image=image,
        mask=mask,
        affine=grid_affine(),
        truth=truth,
        report=write_report(truth, words),
        anatomy=anatomy,
        seed=seed,
        index=index,
    )


Drawn = tuple[Array, NDArray[np.uint8], Truth, Anatomy]


def _with_lesion(
    rng: np.random.Generator, look: np.random.SeedSequence, ranges: Ranges, head: Head, scanner: Scanner
) -> Drawn | None:
    """Lesions are tried until one fits and all its findings are clear of the gaps; head and scanner stay."""
    for _ in range(ATTEMPTS):
        lesion = grow(rng, head, draw_plan(rng, ranges), scanner.visible)
        if lesion is None or not _kept(lesion, scanner.visible):
            continue
        drawn = _finish(look, ranges, head, scanner, lesion)
        if drawn is not None:
            return drawn
    return None


def _kept(lesion: Lesion, visible: NDArray[np.bool_]) -> bool:
    """Whether mask and field of view leave enough of every part."""
    parts = [lesion.mask == value for value in np.unique(lesion.mask[lesion.mask > 0])]
    return all(float(visible[part].mean()) >= LEAST_KEPT for part in parts)


def _finish(
    look: np.random.SeedSequence, ranges: Ranges, head: Head, scanner: Scanner, lesion: Lesion | None
) -> Drawn | None:
    """Image, mask and truth; ``None`` if a finding of the final image lies in a gap."""
    anatomy = label(head) if lesion is None else lesion.anatomy
    image = acquire(scanner, head, paint(np.random.default_rng(look), ranges, anatomy, lesion))
    values = image.ravel()[head.inside]
    mask = np.zeros(head.inside.size, np.uint8) if lesion is None else lesion.mask * (values > 0)
    reference = float(np.median(values[(values > 0) & (mask == 0) & (head.hull < 0)]))
    truth = measure(anatomy, mask, values, reference, 0 if lesion is None else lesion.plan.foci)
    if truth is None or truth.lesion != (lesion is not None):
        return None
    return image, head.on_grid(mask), truth, anatomy
