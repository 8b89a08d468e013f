"""A tumour grown into a head: solid core, necrosis, edema, and what its mass does to the brain around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from braingemma3d.simulate.anatomy import LEFT, RIGHT, SHAPE, SPACING, VOXEL_ML, Anatomy, Head, label
from braingemma3d.simulate.atlas import LOBE_INDEX, TISSUE, load_atlas
from braingemma3d.simulate.fields import Array, Shape, between, nearest_index, smooth_noise, smoothstep
from braingemma3d.simulate.plan import Plan
from braingemma3d.simulate.truth import (
    CORE,
    EDEMA,
    NECROSIS,
    NECROSIS_ML,
    lobe_shares,
    lobes_from,
    midline_shift,
    septum_points,
    side_from,
)

Value = TypeVar("Value", bound=np.generic)

PUSH_REACH_MM = (22.0, 45.0)
PUSH_MOST_MM = 16.0
SKULL_MM = 16.0
"""Tissue closer than this to the skull moves less, at the skull not at all."""
EDEMA_MARGIN = 20
"""Voxels around the core in which edema may grow."""
FURTHEST_EDEMA = 55.0
LOOSEST_CORE = 2.1
"""A core that had to reach further than this many radii to find its volume is no longer a lump."""

FLUIDS = tuple(
    TISSUE[n] for n in ("background", "lateral_ventricle", "third_ventricle", "fourth_ventricle", "choroid_plexus")
)
INFRATENTORIAL = (LOBE_INDEX["cerebellum"], LOBE_INDEX["brainstem"])
RESISTANCE: dict[str, float] = {
    "cortex": 9.0,
    "limbic_cortex": 9.0,
    "thalamus": 6.0,
    "caudate": 7.0,
    "putamen": 6.0,
    "pallidum": 5.0,
    "hippocampus": 8.0,
    "callosum": 5.0,
    "cerebellar_cortex": 2.0,
}
"""Vasogenic edema spreads in white matter and spares grey; mm of white matter that entering a tissue is worth."""


@dataclass(frozen=True)
class Lesion:
    """A grown tumour; vectors (N,) over ``anatomy.head.inside``.

    Attributes:
        plan: what was asked for.
        anatomy: labels with mass effect.
        mask: uint8, 1 necrosis, 2 edema, 4 solid core.
        edema, core, necrosis: partial volumes in [0, 1]; ``core`` includes the necrosis.
        fading: edema's signal falls with this, 0 at the core to 1 at its outer edge.
    """

    plan: Plan
    anatomy: Anatomy
    mask: NDArray[np.uint8]
    edema: Array
    core: Array
    necrosis: Array
    fading: Array


@dataclass(frozen=True)
class _Box:
    """A part of the grid as an array: its shape, and which of ``inside`` fall into it."""

    shape: Shape
    members: NDArray[np.int64]
    flat: NDArray[np.int64]

    def fill(self, values: NDArray[np.generic], default: float) -> NDArray[np.generic]:
        out = np.full(int(np.prod(self.shape)), default, values.dtype)
        out[self.flat] = values[self.members]
        return out.reshape(self.shape)


def grow(rng: np.random.Generator, head: Head, plan: Plan, visible: NDArray[np.bool_]) -> Lesion | None:
    """Grow ``plan`` into ``head``; ``None`` if it doesn't fit or a location falls between two names.

    Args:
        rng: source of randomness.
        head: the person.
        plan: the lesion to grow.
        visible: (N,) voxels that the field of view and the brain mask leave in the image.
    """
    atlas = load_atlas()
    nearest = nearest_index(atlas.hull.shape, head.atlas_point)
    lobe = atlas.lobe.ravel()[nearest]
    midline = (-1.0 if head.flipped else 1.0) * (head.atlas_point[2] + atlas.origin[2])
    solid = (atlas.sulcal.ravel()[nearest] < 0) & (atlas.lateral.ravel()[nearest] > 1) & (head.hull < -3) & visible
    centres = _centres(rng, plan, head, lobe, midline, solid)
    if centres is None:
        return None
    push, shift_per_mm = _unit_push(rng, head, plan, centres[0], lobe)
    away = 1.0 if midline[centres[0]] < 0 else -1.0
    most = min(PUSH_MOST_MM, 2.5 + 0.6 * _radius(plan.whole_ml))
    needed = plan.shift_mm / (shift_per_mm * away) if shift_per_mm * away > 0.02 else most
    strength = most * float(rng.uniform(0.3, 1)) if plan.infratentorial else min(needed, most)

    narrowing, fourth, squeeze = _narrowing(head, plan, midline[centres[0]])
    near = np.sqrt((push**2).sum(axis=0))
    anatomy = label(head, push * np.float32(strength), narrowing, fourth, near * np.float32(squeeze))
    core = _core(rng, plan, anatomy, centres)
    if core is None:
        return None
    side = side_from(anatomy.midline_mm[core], plan.foci)
    shares = lobe_shares(anatomy.lobe, core)
    if side is None or lobes_from(shares) is None:
        return None
    if (next(iter(shares)) in ("cerebellum", "brainstem")) != plan.infratentorial:
        return None
    return _parts(rng, plan, anatomy, core)


def _radius(volume_ml: float) -> float:
    return float((volume_ml * 1000 * 3 / (4 * np.pi)) ** (1 / 3))


def _centres(
    rng: np.random.Generator,
    plan: Plan,
    head: Head,
    lobe: NDArray[np.uint8],
    midline: Array,
    solid: NDArray[np.bool_],
) -> list[int] | None:
    """Indices of the voxels where the foci sit, largest focus first."""
    here = solid & (lobe == LOBE_INDEX[plan.lobe])
    radius = _radius(plan.core_ml / plan.foci)
    if plan.course == "lateral":
        side = LEFT if rng.random() < 0.5 else RIGHT
        # A lump of this size needs room on its own side of the falx.
        room = 0.55 * radius if plan.lobe not in ("brainstem", "deep") else 0.8 * radius
        here &= (midline * side > min(room, 24.0)) & (head.hull < -min(0.35 * radius, 10.0))
    elif plan.course == "midline":
        here &= np.abs(midline) < 2.5
    else:
        atlas = load_atlas()
        structure = atlas.tissue[atlas.structure.ravel()[nearest_index(atlas.hull.shape, head.atlas_point)]]
        here &= (np.abs(midline) < 3) & (structure == TISSUE["callosum"])
    candidates = np.flatnonzero(here)
    if candidates.size == 0:
        return None
    first = int(rng.choice(candidates))
    chosen = [first]
    for _ in range(plan.foci - 1):
        gap = np.linalg.norm(head.position - head.position[:, [first]], axis=0)
        supratentorial = ~np.isin(lobe, INFRATENTORIAL)
        apart = solid & (supratentorial == (not plan.infratentorial)) & (gap > 2.6 * radius + 8) & (head.hull < -5)
        # Most further foci lie on the same side; some make the disease bilateral.
        apart &= (midline * midline[first] > 0) if rng.random() < 0.6 else (midline * midline[first] < -20)
        options = np.flatnonzero(apart)
        if options.size == 0:
            return None
        chosen.append(int(rng.choice(options)))
    return chosen


def _unit_push(
    rng: np.random.Generator, head: Head, plan: Plan, centre: int, lobe: NDArray[np.uint8]
) -> tuple[Array, float]:
    """Displacement (3, N) in mm per mm of strength, and the midline shift it makes."""
    radius = _radius(plan.whole_ml)
    offset = head.position - head.position[:, [centre]]
    distance = np.sqrt(offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2)
    reach = between(rng, PUSH_REACH_MM)
    size = np.where(distance < radius, distance / radius, np.exp(-(distance - radius) / reach))
    size *= smoothstep(-head.hull, 0, SKULL_MM)
    # The tentorium parts the two compartments.
    size *= np.where(np.isin(lobe, INFRATENTORIAL) == plan.infratentorial, 1.0, 0.15)
    push = (offset / np.maximum(distance, 1e-3) * size).astype(np.float32)
    septum = septum_points(head)
    before = midline_shift(head.position[:, septum], head.midplane)
    after = midline_shift(head.position[:, septum] + 6 * push[:, septum], head.midplane)
    return push, (after - before) / 6


def _narrowing(head: Head, plan: Plan, midline: float) -> tuple[tuple[float, float], float, float]:
    """What is left of the (left, right) lateral and of the fourth ventricle, and how much sulci close nearby, mm."""
    squeeze = {"none": 0.3, "mild": 0.9}.get(plan.compression, 1.6)
    if plan.infratentorial:
        return (1.0, 1.0), plan.fourth * head.nominal_fourth_ml / head.fourth_ml, squeeze
    left, right = head.lateral_ml
    same, other = (left, right) if midline < 0 else (right, left)
    keep = plan.ratio * other / same
    if keep > 1:
        return (1.0, 1.0), 1.0, squeeze
    return ((keep, 1.0) if midline < 0 else (1.0, keep)), 1.0, squeeze


def _box(head: Head, members: NDArray[np.int64], margin: int) -> _Box:
    """The grid around ``members``, indices into ``head.inside``, with a margin in voxels."""
    voxels = np.unravel_index(head.inside[members], SHAPE)
    place = head.place[tuple(slice(max(v.min() - margin, 0), v.max() + margin + 1) for v in voxels)]
    flat = np.flatnonzero(place >= 0)
    return _Box(place.shape, place.ravel()[flat], flat)


def _core(rng: np.random.Generator, plan: Plan, anatomy: Anatomy, centres: list[int]) -> NDArray[np.bool_] | None:
    """(N,) voxels of solid core and necrosis: irregular lumps of the volume asked for, clear of the ventricles."""
    head = anatomy.head
    weights = np.array([1.0] + [float(rng.uniform(0.35, 1.0)) for _ in centres[1:]])
    radii = [_radius(plan.core_ml * w / weights.sum()) for w in weights]
    order = np.full(head.position.shape[1], np.inf, np.float32)
    rough, fine = between(rng, (0.10, 0.26)), between(rng, (0.02, 0.09))
    for centre, radius in zip(centres, radii, strict=True):
        offset = head.position - head.position[:, [centre]]
        near = np.flatnonzero((np.abs(offset) < 2.4 * radius + 4).all(axis=0))
        ellipse = _ellipse(rng, plan, offset[:, near]) / radius
        box = _box(head, near, 0)
        noise = rough * smooth_noise(rng, box.shape, max(0.55 * radius / SPACING, 1.5))
        noise += fine * smooth_noise(rng, box.shape, 2.0)
        spread = np.zeros(order.size, np.float32)
        spread[box.members] = noise.ravel()[box.flat]
        order[near] = np.minimum(order[near], ellipse + spread[near])
    order[~_open_to_core(plan, anatomy, centres)] = np.inf
    count = round(plan.core_ml / VOXEL_ML)
    if int(np.isfinite(order).sum()) <= count:
        return None
    limit = float(np.partition(order, count)[count])
    if limit > LOOSEST_CORE:
        return None
    core = order < limit
    box = _box(head, np.flatnonzero(core), 1)
    parts, found = ndimage.label(box.fill(core, False))
    sizes = np.bincount(parts.ravel())[1:]
    if found < plan.foci or np.sort(sizes)[-plan.foci] < 0.12 * count:
        return None
    keep = np.isin(parts, 1 + np.argsort(sizes)[-plan.foci :]).ravel()
    core[box.members] &= keep[box.flat]
    return core


def _ellipse(rng: np.random.Generator, plan: Plan, offset: Array) -> Array:
    """Distance from the centre in an ellipsoidal metric of the volume of a sphere, mm."""
    axes = rng.uniform(0.75, 1.3, size=3)
    if plan.course == "butterfly":
        axes = np.array([0.75, 0.8, 1.65]) * rng.uniform(0.93, 1.07, size=3)
        frame = np.eye(3)
    else:
        frame, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    if plan.course == "midline":
        axes = axes.clip(0.85, 1.15)
    axes /= np.prod(axes) ** (1 / 3)
    total = np.zeros(offset.shape[1], np.float32)
    for row, length in zip(frame, axes, strict=True):
        total += (sum(np.float32(r) * o for r, o in zip(row, offset, strict=True)) / np.float32(length)) ** 2
    return np.sqrt(total)


def _open_to_core(plan: Plan, anatomy: Anatomy, centres: list[int]) -> NDArray[np.bool_]:
    """Where a core may grow: not in ventricles, not through the falx or the tentorium, not outside the brain."""
    head = anatomy.head
    free = ~np.isin(anatomy.tissue, FLUIDS) & (head.hull < -1)
    if plan.foci == 1:
        free &= np.isin(anatomy.lobe, INFRATENTORIAL) == plan.infratentorial
    if plan.course == "lateral" and plan.foci == 1:
        crossing = np.isin(anatomy.lobe, (*INFRATENTORIAL, LOBE_INDEX["deep"]))
        free &= crossing | (anatomy.midline_mm * anatomy.midline_mm[centres[0]] > 0)
    return np.asarray(free)


def _parts(rng: np.random.Generator, plan: Plan, anatomy: Anatomy, core: NDArray[np.bool_]) -> Lesion | None:
    """Edema around the core and necrosis within it, with soft edges."""
    box = _box(anatomy.head, np.flatnonzero(core), EDEMA_MARGIN)
    solid = np.asarray(box.fill(core, False), bool)
    mask = np.where(solid, CORE, 0).astype(np.uint8)
    fading = np.zeros(box.shape, np.float32)
    count = int(solid.sum())
    if plan.edema_share > 0:
        order = _edema_order(rng, plan, anatomy, box, solid)
        wanted = round(count * plan.edema_share / (1 - plan.edema_share))
        if int((order < FURTHEST_EDEMA).sum()) <= wanted:
            return None
        limit = float(np.partition(order.ravel(), wanted)[wanted])
        mask[(order < limit) & ~solid] = EDEMA
        fading = np.clip(order / max(limit, 1e-3), 0, 1)
    if plan.necrosis_share > 0:
        depth = np.asarray(ndimage.distance_transform_edt(solid), np.float32)
        deepest = float(depth.max())
        lumps = smooth_noise(rng, box.shape, max(0.4 * deepest, 2.0))
        depth += between(rng, (0.05, 0.4)) * deepest * lumps
        depth[~ndimage.binary_erosion(solid)] = -np.inf
        wanted = min(round(count * plan.necrosis_share), int(0.95 * np.isfinite(depth).sum()))
        if wanted * VOXEL_ML < NECROSIS_ML:
            return None
        mask[depth >= -np.partition(-depth.ravel(), wanted - 1)[wanted - 1]] = NECROSIS
    soft_edema, soft_core = between(rng, (0.5, 1.0)), between(rng, (0.3, 0.7))
    size = core.size
    tumour = (mask == CORE) | (mask == NECROSIS)
    return Lesion(
        plan=plan,
        anatomy=anatomy,
        mask=_scatter(box, mask, size),
        edema=_scatter(box, _edema_volume(mask, soft_edema), size),
        core=_scatter(box, _soften(tumour, soft_core), size),
        necrosis=_scatter(box, _soften(mask == NECROSIS, soft_core), size),
        fading=_scatter(box, fading, size),
    )


def _edema_order(rng: np.random.Generator, plan: Plan, anatomy: Anatomy, box: _Box, core: NDArray[np.bool_]) -> Array:
    """When edema reaches each voxel: distance from the core, stretched by direction, with tissue's resistance."""
    distance = np.asarray(ndimage.distance_transform_edt(~core), np.float32) * SPACING
    # A little edema is a plume on one side, not a shell too thin to see.
    uneven = between(rng, (0.6, 1.1) if plan.edema_share < 0.35 else (0.4, 0.8))
    distance *= np.exp(uneven * smooth_noise(rng, box.shape, between(rng, (7.0, 12.0))))
    table = np.zeros(64, np.float32)
    for name, value in RESISTANCE.items():
        table[TISSUE[name]] = value
    table[[*FLUIDS, TISSUE["sulcal_csf"]]] = np.inf
    resistance = table[anatomy.tissue]
    resistance[anatomy.head.hull > -2] = np.inf
    core_side = float(anatomy.midline_mm[box.members][core.ravel()[box.flat]].mean())
    if abs(core_side) > 6:
        resistance[anatomy.midline_mm * core_side < 0] += 15.0
    resistance[np.isin(anatomy.lobe, INFRATENTORIAL) != plan.infratentorial] += 20.0
    order = distance + np.asarray(box.fill(resistance, np.inf), np.float32)
    order[core] = np.inf
    return order


def _edema_volume(mask: NDArray[np.uint8], sigma: float) -> Array:
    """Partial volume of edema, also under the core's soft edge; none where the core borders on healthy brain."""
    beside = ndimage.binary_dilation(mask == EDEMA, iterations=2)
    return np.minimum(_soften(mask > 0, sigma), _soften(beside, sigma))


def _soften(mask: NDArray[np.bool_], sigma: float) -> Array:
    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), sigma, truncate=2.5), np.float32)


def _scatter(box: _Box, values: NDArray[Value], size: int) -> NDArray[Value]:
    out = np.zeros(size, values.dtype)
    out[box.members] = values.ravel()[box.flat]
    return out
