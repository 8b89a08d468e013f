"""Findings from the outline of a tumour and an atlas: truth for a real scan that has a segmentation and no report.

Shares and grades are those of :mod:`braingemma3d.simulate.truth`. What a mask does not tell is unknown, and nothing
unknown is scored:

- Ventricular compression is never known, nor is a midline shift: neither ventricles nor the midline are in the mask.
- Edema and necrosis are unknown where the mask is binary, one value for the whole lesion.
- Necrosis is known to be there only where its voxels are also darker than the solid part: the label is that of
  non-enhancing tumour, too, which is neither dark nor necrotic.
- An edema or a necrosis that falls between two grades is unknown: readers of the same scan would differ.
- So is a side between two, and one that would be another if the median plane lay a few millimetres aside: the plane
  comes from the brain's outline. A lesion that sits on it, ``midline`` or beside it, so mostly has no known side.

On 124 simulated patients with a lesion, against their exact truth: edema and necrosis right in all, side known in 106
and right in 103 of them (without the margin in 121 and 115; the three are midline lesions called bilateral), lobe F1
.88.

Lobes have no such gap. They come from an average brain that is stretched over this one, and its error is larger than
the gap, so a lobe is named from the plain share on.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from braingemma3d.errors import InputError
from braingemma3d.evaluation.average_brain import GRID, average_lobes
from braingemma3d.findings.compare import ALL_FINDINGS
from braingemma3d.findings.schema import LOBES, Finding, Findings, Grade, Lobe, Side
from braingemma3d.imaging.grid import labels_to_grid
from braingemma3d.imaging.nifti import read_nifti
from braingemma3d.imaging.orientation import corner_gap_mm
from braingemma3d.imaging.volume import Array, Mask, Volume
from braingemma3d.simulate.truth import (
    CORE,
    EDEMA,
    EDEMA_BANDS,
    LOBE_SHARE,
    NECROSIS,
    edema_from,
    lobe_shares,
    necrosis_from,
    side_from,
)

Labels = NDArray[np.uint8]

ENHANCING = 3
"""What BraTS has called the solid core since 2023; read as :data:`~braingemma3d.simulate.truth.CORE`."""
PLANE_ERROR_MM = 3.0
"""How far the median plane may lie from the outline's; the value is measured, see above."""
SURFACE_MM, MOST_GAP_MM = 3.0, 10.0
"""How finely the brain's surface is looked at, and the distance from which on a mirrored point is simply off it."""
GRID_TOLERANCE = 0.5
"""Of a voxel: how far a mask's grid may lie from the scan's."""
FOCUS_SHARE = 0.1
"""A connected part of the core with at least this share of it is a lesion of its own."""
LEAST_INSIDE = 0.5
"""Share of the lesion that must lie in the brain."""


class MaskTruth(NamedTuple):
    """What a mask tells of a case.

    Attributes:
        findings: with the values of an absent finding where nothing is known.
        known: the fields of ``findings`` that are known.
        core_ml, necrosis_ml, edema_ml: volumes; ``core_ml`` is solid and necrotic part together, or of a mask without
            them the whole lesion. None of the others in a binary mask.
        left_share: share of the core on the left of the brain's median plane.
        lobe_shares: share of the core in each lobe, largest first.
    """

    findings: Findings
    known: frozenset[str]
    core_ml: float = 0.0
    necrosis_ml: float | None = 0.0
    edema_ml: float | None = 0.0
    left_share: float = 0.0
    lobe_shares: dict[Lobe, float] = {}  # noqa: RUF012

    @property
    def measured(self) -> dict[str, float]:
        """Volumes and shares by their names, each lobe's too: ``frontal_share``."""
        names = ("core_ml", "necrosis_ml", "edema_ml", "left_share")
        told = {name: value for name in names if (value := getattr(self, name)) is not None}
        return told | {f"{lobe}_share": share for lobe, share in self.lobe_shares.items()}


def read_mask(path: Path, scan: Volume) -> Labels:
    """Read a tumour mask that lies on a scan's grid.

    Args:
        path: NIfTI, in any orientation; 0 background, 1 necrosis or non-enhancing core, 2 edema, 3 or 4 solid core; or
            0 and 1 only, 1 the whole lesion.
        scan: the oriented scan.

    Returns:
        (D, H, W) in the scan's orientation, with 4 for the solid core.

    Raises:
        InputError: the file can't be read, lies on another grid, or has other values.
    """
    mask = read_nifti(path)
    same_shape = mask.array.shape == scan.array.shape
    if not same_shape or corner_gap_mm(mask.affine, scan.affine, scan.array.shape) > GRID_TOLERANCE * min(scan.spacing):
        raise InputError(
            f"{path}: the mask does not lie on the grid of {scan.source.path}; resample it to the scan, by nearest "
            "neighbour",
            "other_grid",
        )
    values = np.unique(mask.array)
    if not np.isin(values, (0, NECROSIS, EDEMA, ENHANCING, CORE)).all():
        found = ", ".join(f"{value:g}" for value in values[:6])
        raise InputError(
            f"{path}: the mask has the values {found}; give one with 1, 2 and 3 or 4 as in BraTS, or with 1 only",
            "bad_mask",
        )
    if ENHANCING in values and CORE in values:
        raise InputError(
            f"{path}: the mask has the values 3 and 4, of which only one can be the solid core; set a resection "
            "cavity to 0",
            "bad_mask",
        )
    labels = mask.array.astype(np.uint8)
    labels[labels == ENHANCING] = CORE
    return labels


def findings_from_mask(labels: Labels, scan: Volume) -> MaskTruth:
    """What the mask of a scan tells.

    Args:
        labels: (D, H, W) of :func:`read_mask`.
        scan: the scan with its brain mask.

    Raises:
        InputError: most of the lesion lies outside the brain.
    """
    lesion = labels > 0
    if not lesion.any():
        return MaskTruth(Findings(), ALL_FINDINGS - {"ventricular_compression"})
    if scan.brain[lesion].mean() < LEAST_INSIDE:
        raise InputError(
            f"{scan.source.path}: most of the lesion in its mask lies outside the brain; check that they belong "
            "together",
            "bad_mask",
        )
    core = lesion & (labels != EDEMA)
    if not core.any():
        core = lesion
    core_ml = float(core.sum()) * scan.voxel_ml
    necrosis_ml, edema_ml = (float((labels == value).sum()) * scan.voxel_ml for value in (NECROSIS, EDEMA))
    binary = not (labels > NECROSIS).any()

    midline_mm = _midline_mm(scan.brain, scan.spacing)[core]
    side = _side(midline_mm, _foci(core))
    shares = _lobe_shares(core, scan)
    lobes = tuple(lobe for lobe in LOBES if shares.get(lobe, 0.0) >= LOBE_SHARE)
    share = edema_ml / (float(lesion.sum()) * scan.voxel_ml)
    # The cohort's cases end with that band, but more edema is no less severe; of edema alone there is no share.
    edema = None if binary or share == 1 else edema_from(min(share, EDEMA_BANDS["severe"][1]), edema_ml)
    necrosis = None if binary else _necrosis(labels, scan, necrosis_ml, core_ml)

    told = {"side": side, "lobes": lobes or None, "edema": edema, "necrosis": necrosis}
    told = {name: value for name, value in told.items() if value is not None}
    place = Finding.model_validate({name: told[name] for name in ("side", "lobes") if name in told})
    return MaskTruth(
        findings=Findings.model_validate({"lesion": True, "lesions": (place,), **told}),
        known=frozenset({"lesion", *told}),
        core_ml=round(core_ml, 2),
        necrosis_ml=None if binary else round(necrosis_ml, 2),
        edema_ml=None if binary else round(edema_ml, 2),
        left_share=round(float((midline_mm < 0).mean()), 3),
        lobe_shares={lobe: round(share, 3) for lobe, share in shares.items()},
    )


def _midline_mm(brain: Mask, spacing: tuple[float, float, float]) -> Array:
    """Distance in mm of every voxel from the brain's median plane, negative on the left: (D, H, W).

    The plane is the one in which the brain's surface is most like its own mirror image: each surface point, mirrored,
    should lie on the surface. It follows a head that is turned or tilted, and a mass that shifts what is inside does
    not move it.
    """
    step = [max(1, round(SURFACE_MM / one)) for one in spacing]
    coarse = brain[:: step[0], :: step[1], :: step[2]]
    size = np.array(spacing) * step
    surface = coarse & ~ndimage.binary_erosion(coarse)
    to_surface = ndimage.distance_transform_edt(~surface, sampling=size)
    centre = np.argwhere(coarse).mean(axis=0) * size
    points = np.argwhere(surface) * size - centre

    def normal(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        across = np.array([plane[0], plane[1], 1.0])
        return across / np.linalg.norm(across)

    def asymmetry(plane: NDArray[np.float64]) -> float:
        across = normal(plane)
        mirrored = points - 2 * ((points @ across) - plane[2])[:, None] * across
        gap = ndimage.map_coordinates(to_surface, ((mirrored + centre) / size).T, order=1, mode="nearest")
        # Capped, or what a mask has lost on one side would outweigh the rest.
        return float(np.minimum(gap, MOST_GAP_MM).mean())

    # Two slopes and an offset in mm; the first steps are about 9 degrees and 5 mm.
    start = np.array([[0.0, 0.0, 0.0], [0.15, 0.0, 0.0], [0.0, 0.15, 0.0], [0.0, 0.0, 5.0]])
    options = {"initial_simplex": start, "xatol": 1e-3, "fatol": 1e-4}
    plane = optimize.minimize(asymmetry, start[0], method="Nelder-Mead", options=options).x
    across = normal(plane)
    axes = np.ogrid[tuple(slice(n) for n in brain.shape)]
    distance = sum(n * (axis * mm - c) for n, axis, mm, c in zip(across, axes, spacing, centre, strict=True))
    return np.asarray(distance - plane[2], dtype=np.float32)


def _side(midline_mm: Array, foci: int) -> Side | None:
    possible = {side_from(midline_mm + np.float32(error), foci) for error in (-PLANE_ERROR_MM, 0.0, PLANE_ERROR_MM)}
    return possible.pop() if len(possible) == 1 else None


def _foci(core: Mask) -> int:
    parts, _ = ndimage.label(core, ndimage.generate_binary_structure(3, 3))
    sizes = np.bincount(parts[core])
    return int((sizes >= FOCUS_SHARE * sizes.sum()).sum())


def _lobe_shares(core: Mask, scan: Volume) -> dict[Lobe, float]:
    """Shares of the core by an average brain stretched over this one; what lies outside of it does not count."""
    lobes = average_lobes()
    return lobe_shares(lobes, (labels_to_grid(core.astype(np.uint8), scan, GRID) > 0) & (lobes > 0))


def _necrosis(labels: Labels, scan: Volume, necrosis_ml: float, core_ml: float) -> Grade | None:
    necrotic, solid = labels == NECROSIS, labels == CORE
    if not necrotic.any():
        # Without a core there is nothing that could be necrotic; edema alone does not tell of it.
        return "none" if solid.any() else None
    if not solid.any():
        return None
    healthy = scan.brain & (labels == 0)
    if not healthy.any():
        return None
    low, brain = np.percentile(scan.array[healthy], [1, 50])
    # Where intensities are centred on zero, zero is no darkness: the darkest tissue has to stand in for it.
    contrast = float(scan.array[solid].mean() - scan.array[necrotic].mean()) / float(brain - min(low, 0))
    return necrosis_from(necrosis_ml, necrosis_ml / core_ml, contrast)
