"""What is true of a case, measured on its final image and masks, and the grades that follow from it.

Grades are read off what anyone with the image and the masks could measure again; nothing that was only drawn (a
radius, the ventricle before the tumour) enters. Between two grades lies a gap in which no case is kept, so that a
grade is a visible fact and not a matter of the last voxel.

Sources
    Edema: VASARI feature F14, proportion of the abnormal volume that is edema, with its cut points at 5, 33 and
    67 % (TCGA VASARI research project, wiki.cancerimagingarchive.net; Gutman et al., Radiology 2013;267:560).
    Necrosis: VASARI F7, proportion of the tumour that is necrotic; its lowest class is below 5 %. Here it counts
    from 10 % and 2 ml on, and only where it is darker than the solid part by 0.3 of brain intensity.
    Compression: asymmetry of the lateral ventricles and shift of the septum pellucidum. 5 mm is the limit of the
    Marshall CT classification (J. Neurosurg. 1991;75:S14) and of the Brain Trauma Foundation's surgical guidelines
    (Bullock et al., Neurosurgery 2006;58:S2). The ratio's limits, .9 and .6, are this project's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from braingemma3d.findings.schema import LOBES, Finding, Findings, Grade, Lobe, Side
from braingemma3d.simulate.anatomy import SPACING, VOXEL_ML, Anatomy, Head
from braingemma3d.simulate.atlas import LOBE_INDEX, load_atlas
from braingemma3d.simulate.fields import Array, nearest_index

NECROSIS, EDEMA, CORE = 1, 2, 4
"""Mask values, as in BraTS: necrotic or cystic part, edema, solid core."""

LOBE_SHARE = 0.12
"""A lobe is named from this share of the tumour core on (solid and necrotic part together)."""
LOBE_GAP = (0.10, 0.14)
SIDE_SHARE = 0.88
"""One side from this share of the core on."""
BILATERAL_SHARE, MIDLINE_SHARE = 0.25, 0.33
"""Both sides from the first share on each, unless the lesion is a midline one, which has the second on each."""
MIDLINE_CENTRE_MM, MIDLINE_REACH_MM, BILATERAL_REACH_MM = 4.0, 14.0, 17.0
"""A single lesion on both sides is ``midline`` if its centroid lies within the first distance of the median plane and
90 % of it within the second; ``bilateral`` if 90 % do not lie within the third."""

EDEMA_BANDS: dict[Grade, tuple[float, float]] = {
    "none": (0.0, 0.0),
    "mild": (0.14, 0.28),
    "moderate": (0.41, 0.57),
    "severe": (0.73, 0.88),
}
"""Edema over the whole abnormality (core and edema). VASARI's 5-33 %, 34-67 % and above, less the gaps."""
EDEMA_LEAST_ML = 1.6

NECROSIS_SHARE, NECROSIS_ML, NECROSIS_CONTRAST = 0.10, 2.0, 0.30
CORE_CONTRAST, EDEMA_CONTRAST, EDEMA_OVER_BRAIN = 0.15, 0.20, 0.20
"""The solid core differs from the brain, edema from the solid core, and edema from the brain by at least these shares
of brain intensity: else nobody could see their extent."""

RATIO_NONE, RATIO_MILD, RATIO_SEVERE = 0.90, (0.62, 0.80), 0.55
SHIFT_NONE, SHIFT_MILD, SHIFT_SEVERE = 2.5, 4.5, 5.0
FOURTH_NONE, FOURTH_MILD, FOURTH_SEVERE = 0.80, (0.38, 0.60), 0.25
LEAST_KEPT = 0.9
"""Share of the core, and of the edema, that must survive the field of view and the brain mask."""


class _Common(TypedDict):
    lateral_ventricles_ml: tuple[float, float]
    fourth_ventricle_ml: float
    midline_shift_mm: float


class Truth(BaseModel):
    """The truth of one case.

    ``core_ml`` is the whole tumour core, solid and necrotic; ``ventricle_ratio`` is of the kind that
    ``ventricle_measure`` names: same-side to other-side lateral ventricle for lateral lesions above the tentorium,
    smaller to larger for midline and bilateral ones and for healthy brains, fourth ventricle to that of an average
    head of this size for lesions of the cerebellum and brainstem. Contrasts are in units of brain intensity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lesion: bool
    side: Side = "none"
    main_lobe: Lobe | None = None
    lobes: tuple[Lobe, ...] = ()
    lobe_shares: dict[str, float] = {}
    foci: int = 0
    edema: Grade = "none"
    necrosis: Grade = "none"
    ventricular_compression: Grade = "none"
    core_ml: float = 0.0
    necrosis_ml: float = 0.0
    edema_ml: float = 0.0
    left_share: float = 0.0
    edema_share: float = 0.0
    necrosis_share: float = 0.0
    core_contrast: float = 0.0
    edema_contrast: float = 0.0
    edema_over_brain: float = 0.0
    necrosis_contrast: float = 0.0
    midline_shift_mm: float = 0.0
    ventricle_ratio: float = 1.0
    ventricle_measure: Literal["lateral", "fourth"] = "lateral"
    lateral_ventricles_ml: tuple[float, float] = (0.0, 0.0)
    fourth_ventricle_ml: float = 0.0

    def findings(self) -> Findings:
        """The truth in the vocabulary of reports."""
        if not self.lesion:
            return Findings()
        return Findings(
            lesion=True,
            side=self.side,
            lobes=self.lobes,
            edema=self.edema,
            necrosis=self.necrosis,
            ventricular_compression=self.ventricular_compression,
            lesions=(Finding(side=self.side, lobes=self.lobes),),
        )


def lobe_shares(lobe: NDArray[np.uint8], core: NDArray[np.bool_]) -> dict[Lobe, float]:
    """Share of the core's voxels in each lobe, largest first; lobes without any are left out."""
    counts = np.bincount(lobe[core], minlength=len(LOBES) + 1)
    shares = {name: counts[LOBE_INDEX[name]] / max(counts.sum(), 1) for name in LOBES}
    return dict(sorted(((k, float(v)) for k, v in shares.items() if v > 0), key=lambda item: -item[1]))


def lobes_from(shares: Mapping[Lobe, float]) -> tuple[Lobe, ...] | None:
    """The lobes to name, in the order of :data:`LOBES`; ``None`` if a share falls into the gap."""
    if any(LOBE_GAP[0] < share < LOBE_GAP[1] for share in shares.values()):
        return None
    return tuple(lobe for lobe in LOBES if shares.get(lobe, 0.0) >= LOBE_SHARE)


def side_from(midline_mm: Array, foci: int) -> Side | None:
    """Side of a core whose voxels lie at ``midline_mm`` from the median plane (negative left); ``None`` in a gap."""
    left = float((midline_mm < 0).mean())
    if left >= SIDE_SHARE:
        return "left"
    if left <= 1 - SIDE_SHARE:
        return "right"
    if min(left, 1 - left) < BILATERAL_SHARE:
        return None
    reach = float(np.percentile(np.abs(midline_mm), 90))
    centred = abs(float(midline_mm.mean())) <= MIDLINE_CENTRE_MM and min(left, 1 - left) >= MIDLINE_SHARE
    if foci == 1 and reach <= MIDLINE_REACH_MM and centred:
        return "midline"
    return "bilateral" if reach >= BILATERAL_REACH_MM else None


def edema_from(share: float, volume_ml: float) -> Grade | None:
    """Grade of edema by its share of the abnormal volume; ``None`` in a gap."""
    if share == 0:
        return "none"
    for grade, (low, high) in EDEMA_BANDS.items():
        if low <= share <= high and volume_ml >= EDEMA_LEAST_ML:
            return grade
    return None


def necrosis_from(volume_ml: float, share: float, contrast: float) -> Grade | None:
    """``present`` or ``none``; ``None`` for a necrosis that is there but too small or too faint to be told."""
    if volume_ml == 0:
        return "none"
    enough = volume_ml >= NECROSIS_ML and share >= NECROSIS_SHARE and contrast >= NECROSIS_CONTRAST
    return "present" if enough else None


def compression_from(ratio: float, shift_mm: float, measure: Literal["lateral", "fourth"]) -> Grade | None:
    """Grade of ventricular compression; ``None`` in a gap.

    Lateral: ``none`` above .9 with the septum within 2.5 mm of the midline, ``mild`` at .62-.80 with less than 4.5 mm
    of shift, ``severe`` below .55, or below .80 with a shift of 5 mm and more. Fourth: by its volume alone.
    """
    if measure == "fourth":
        if ratio >= FOURTH_NONE:
            return "none"
        if FOURTH_MILD[0] <= ratio <= FOURTH_MILD[1]:
            return "mild"
        return "severe" if ratio <= FOURTH_SEVERE else None
    if ratio >= RATIO_NONE:
        return "none" if shift_mm <= SHIFT_NONE else None
    if ratio <= RATIO_SEVERE or (ratio <= RATIO_MILD[1] and shift_mm >= SHIFT_SEVERE):
        return "severe"
    return "mild" if RATIO_MILD[0] <= ratio <= RATIO_MILD[1] and shift_mm <= SHIFT_MILD else None


def septum_points(place: Anatomy | Head) -> NDArray[np.int64]:
    """Indices of the points on the septum pellucidum, third ventricle and callosum, with or without mass effect."""
    atlas = load_atlas()
    head = place if isinstance(place, Head) else place.head
    septum = atlas.septum.ravel()[nearest_index(atlas.hull.shape, place.atlas_point)]
    return np.flatnonzero(septum & (head.hull < 0))


def midline_shift(position: Array, midplane: tuple[Array, float]) -> float:
    """Largest displacement, mm, of septal points (3, N) from the head's median plane; positive to the right.

    Points are averaged per coronal plane and over three neighbouring planes, and the plane that deviates most
    counts, as one measures at the level of the septum's largest deviation.
    """
    if position.shape[1] == 0:
        return 0.0
    normal, offset = midplane
    deviation = sum(n * p for n, p in zip(normal, position, strict=True)) + offset
    plane = np.round((position[1] - position[1].min()) / SPACING).astype(int)
    total = np.convolve(np.bincount(plane, deviation), (1, 1, 1), "same")
    count = np.convolve(np.bincount(plane), (1, 1, 1), "same")
    mean = total[count >= 12] / count[count >= 12]
    return float(mean[np.argmax(np.abs(mean))]) if mean.size else 0.0


def measure(anatomy: Anatomy, mask: NDArray[np.uint8], image: Array, reference: float, foci: int) -> Truth | None:
    """The truth of a finished case, or ``None`` if any of its findings lies in a gap.

    Args:
        anatomy: final labels.
        mask: (N,) lesion mask over ``anatomy.head.inside``, as far as the image still shows it.
        image: (N,) final intensities.
        reference: median intensity of the brain outside the lesion.
        foci: number of separate lesions, 0 for a healthy brain.
    """
    ventricles = anatomy.ventricle_ml()
    head = anatomy.head
    shift_mm = abs(midline_shift(head.position[:, septum_points(anatomy)], head.midplane))
    common = _Common(
        lateral_ventricles_ml=(round(ventricles[0], 2), round(ventricles[1], 2)),
        fourth_ventricle_ml=round(anatomy.fourth_ml(), 2),
        midline_shift_mm=round(shift_mm, 2),
    )
    core = (mask == CORE) | (mask == NECROSIS)
    if not core.any():
        return Truth(lesion=False, ventricle_ratio=round(min(ventricles) / max(ventricles), 3), **common)
    necrosis_ml = float((mask == NECROSIS).sum()) * VOXEL_ML
    core_ml = float(core.sum()) * VOXEL_ML
    edema_ml = float((mask == EDEMA).sum()) * VOXEL_ML
    solid = float(image[mask == CORE].mean()) if (mask == CORE).any() else 0.0
    necrotic = float(image[mask == NECROSIS].mean()) if necrosis_ml else solid
    edematous = float(image[mask == EDEMA].mean()) if edema_ml else solid

    shares = lobe_shares(anatomy.lobe, core)
    side = side_from(anatomy.midline_mm[core], foci)
    main = next(iter(shares))
    kind: Literal["lateral", "fourth"] = "fourth" if main in ("cerebellum", "brainstem") else "lateral"
    if kind == "fourth":
        ratio = anatomy.fourth_ml() / anatomy.head.nominal_fourth_ml
    elif side in ("left", "right"):
        same, other = ventricles if side == "left" else ventricles[::-1]
        ratio = same / other
    else:
        ratio = min(ventricles) / max(ventricles)
    share = edema_ml / (edema_ml + core_ml)
    contrast = (solid - necrotic) / reference
    lobes = lobes_from(shares)
    edema = edema_from(share, edema_ml)
    necrosis = necrosis_from(necrosis_ml, necrosis_ml / core_ml, contrast)
    compression = compression_from(ratio, shift_mm, kind)
    core_contrast, edema_contrast = (solid - reference) / reference, (edematous - solid) / reference
    over_brain = (edematous - reference) / reference if edema_ml else 0.0
    faint_edema = edema_ml > 0 and (abs(edema_contrast) < EDEMA_CONTRAST or over_brain < EDEMA_OVER_BRAIN)
    if abs(core_contrast) < CORE_CONTRAST or faint_edema:
        return None
    if side is None or not lobes or edema is None or necrosis is None or compression is None:
        return None
    return Truth(
        lesion=True,
        side=side,
        main_lobe=main,
        lobes=lobes,
        lobe_shares={k: round(v, 3) for k, v in shares.items()},
        foci=foci,
        edema=edema,
        necrosis=necrosis,
        ventricular_compression=compression,
        core_ml=round(core_ml, 2),
        necrosis_ml=round(necrosis_ml, 2),
        edema_ml=round(edema_ml, 2),
        left_share=round(float((anatomy.side[core] < 0).mean()), 3),
        edema_share=round(share, 3),
        necrosis_share=round(necrosis_ml / core_ml, 3),
        core_contrast=round(core_contrast, 3),
        edema_contrast=round(edema_contrast, 3),
        edema_over_brain=round(over_brain, 3),
        necrosis_contrast=round(contrast, 3),
        ventricle_ratio=round(ratio, 3),
        ventricle_measure=kind,
        **common,
    )
