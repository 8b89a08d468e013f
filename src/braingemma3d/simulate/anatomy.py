"""A random head: the atlas rotated, scaled, bent and flipped onto a 2 mm grid, with ventricles of its own size.

Arrays are (D, H, W) = (inferior to superior, posterior to anterior, left to right): low W is the patient's left.
Per-voxel maps are kept only where there is head, as vectors over :attr:`Head.inside`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braingemma3d.simulate.atlas import LATERAL_REACH, SMALL_REACH, TISSUE, load_atlas
from braingemma3d.simulate.fields import (
    Array,
    Shape,
    between,
    log_between,
    nearest_index,
    sample,
    sample_within,
    smooth_noise,
    upsample,
)
from braingemma3d.simulate.ranges import Ranges

SHAPE: Shape = (88, 112, 96)
SPACING = 2.0
"""Grid of every simulated head: (D, H, W) voxels of this many mm."""
VOXEL_ML = SPACING**3 / 1000
CENTRE = (4.0, -18.0, 0.0)
"""RAS mm (z, y, x) of the atlas brain's centre; it falls on the centre of the grid."""
COARSE = 2
HULL_MARGIN_MM = 4.0
REACH_MM = 18.0
"""A growing or shrinking ventricle moves tissue up to this far from its wall."""
SOFT_MM = 1.8
"""Width over which fluid fades into tissue at a wall: the partial volume of a 2 mm voxel."""
ATLAS_HULL_ML = 1749.0
ATLAS_FOURTH_ML = 1.6

LEFT, RIGHT = -1, 1


@dataclass(frozen=True)
class Head:
    """Geometry of one person without mass effect.

    Attributes:
        inside: (N,) flat indices of the grid's voxels in or near the brain hull.
        position: (3, N) patient mm (z, y, x) about the grid's centre.
        atlas_point: (3, N) atlas voxel of each.
        matrix: (3, 3) linear part from patient mm to atlas mm, rows and columns (z, y, x).
        midplane: unit normal (3,) and offset in mm of the head's median plane, ``normal . position + offset``;
            positive on the patient's right.
        flipped: the atlas is mirrored, so that its left hemisphere is the patient's right.
        hull: (N,) signed distance to the brain's surface, mm, negative inside.
        lateral_ml: native volume of the (left, right) lateral ventricle.
        third_ml, fourth_ml: native volumes.
        sulcus: by how many mm each bank of a sulcus stands closer than in the atlas.
    """

    inside: NDArray[np.int64]
    position: Array
    atlas_point: Array
    matrix: NDArray[np.float64]
    midplane: tuple[Array, float]
    flipped: bool
    hull: Array
    lateral_ml: tuple[float, float]
    third_ml: float
    fourth_ml: float
    sulcus: float

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """(D, H, W) where each voxel stands in :attr:`inside`; -1 where it does not."""
        return self.on_grid(np.arange(self.inside.size), outside=-1)

    def on_grid(self, values: NDArray[Any], outside: float = 0) -> NDArray[Any]:
        """(D, H, W) of the type of ``values`` (N,), which stand where :attr:`inside` says; elsewhere ``outside``."""
        grid = np.full(SHAPE, outside, values.dtype)
        grid.ravel()[self.inside] = values
        return grid

    @property
    def hull_ml(self) -> float:
        """Volume inside the brain's surface."""
        return float((self.hull < 0).sum()) * VOXEL_ML

    @property
    def nominal_fourth_ml(self) -> float:
        """Fourth ventricle that a head of this size has in the atlas."""
        return ATLAS_FOURTH_ML * self.hull_ml / ATLAS_HULL_ML


@dataclass(frozen=True)
class Anatomy:
    """Labels of a head, after mass effect if there is any; vectors (N,) over ``head.inside``.

    Attributes:
        tissue: uint8, :data:`~.atlas.TISSUES`.
        lobe: uint8, :data:`~.atlas.LOBE_INDEX`.
        side: int8, -1 patient's left, +1 right, by the deformed median plane.
        midline_mm: deformed distance to the median plane, negative on the left.
        fluid: partial volume of ventricles and sulci in [0, 1].
        ventricle_distance: mm to the wall of the lateral ventricles, negative inside.
        atlas_point: (3, N) atlas voxel of each point, for sampling atlas maps.
    """

    head: Head
    tissue: NDArray[np.uint8]
    lobe: NDArray[np.uint8]
    side: NDArray[np.int8]
    midline_mm: Array
    fluid: Array
    ventricle_distance: Array
    atlas_point: Array

    def ventricle_ml(self) -> tuple[float, float]:
        """Volume in ml of the (left, right) lateral ventricle, choroid plexus included."""
        ventricle = (self.tissue == TISSUE["lateral_ventricle"]) | (self.tissue == TISSUE["choroid_plexus"])
        return (
            float((ventricle & (self.side < 0)).sum()) * VOXEL_ML,
            float((ventricle & (self.side > 0)).sum()) * VOXEL_ML,
        )

    def fourth_ml(self) -> float:
        """Volume in ml of the fourth ventricle."""
        return float((self.tissue == TISSUE["fourth_ventricle"]).sum()) * VOXEL_ML


def coarse_grid() -> Shape:
    """Shape of a grid with every :data:`COARSE`-th voxel of the full one and one more."""
    return SHAPE[0] // COARSE + 1, SHAPE[1] // COARSE + 1, SHAPE[2] // COARSE + 1


def grid_affine() -> NDArray[np.float64]:
    """(4, 4) from voxel (d, h, w) to RAS mm (x, y, z)."""
    affine = np.zeros((4, 4))
    for row, axis in ((0, 2), (1, 1), (2, 0)):
        affine[row, axis] = SPACING
        affine[row, 3] = CENTRE[axis] - SPACING * (SHAPE[axis] - 1) / 2
    affine[3, 3] = 1
    return affine


def draw_head(rng: np.random.Generator, ranges: Ranges) -> Head:
    """A head with random pose, size, shape, ventricles and handedness."""
    atlas = load_atlas()
    matrix = _linear(rng, ranges)
    flipped = bool(rng.random() < 0.5)
    translation = rng.uniform(*ranges.translation, size=3)

    coarse_shape = coarse_grid()
    axes = [(COARSE * np.arange(c) - (n - 1) / 2) * SPACING for c, n in zip(coarse_shape, SHAPE, strict=True)]
    z, y, x = (a.astype(np.float32) for a in np.meshgrid(*axes, indexing="ij", sparse=True))
    linear = [
        np.float32(m[0]) * z + np.float32(m[1]) * y + np.float32(m[2]) * x + np.float32(t)
        for m, t in zip(matrix, translation, strict=True)
    ]
    amplitude = between(rng, ranges.bend)
    step = between(rng, ranges.bend_scale) / (COARSE * SPACING)
    bend = [amplitude * smooth_noise(rng, coarse_shape, step) for _ in range(3)]
    # Real falces are nearly straight: without this, bending alone would pass for a midline shift.
    bend[2] *= np.clip(np.abs(linear[2]) / 25.0, 0.08, 1.0)
    sign = -1.0 if flipped else 1.0
    point = np.stack(
        [
            linear[0] + bend[0] + (CENTRE[0] - atlas.origin[0]),
            linear[1] + bend[1] + (CENTRE[1] - atlas.origin[1]),
            sign * (linear[2] + bend[2]) - atlas.origin[2],
        ]
    ).astype(np.float32)
    flat = point.reshape(3, -1)
    hull_coarse = sample(atlas.hull, flat).reshape(1, *coarse_shape)

    fine = upsample(np.concatenate([point, hull_coarse]), COARSE).reshape(4, -1)
    inside = np.flatnonzero(fine[3] < HULL_MARGIN_MM)
    index = np.stack(np.unravel_index(inside, SHAPE)).astype(np.float32)
    centre = (np.array(SHAPE, np.float32)[:, None] - 1) / 2
    position = ((index - centre) * np.float32(SPACING)).astype(np.float32)

    length = float(np.linalg.norm(matrix[2]))
    larger = log_between(rng, ranges.ventricle_ml)
    pair = (larger, larger * between(rng, ranges.native_ratio))
    hull = fine[3, inside]
    size = float((hull < 0).sum()) * VOXEL_ML / ATLAS_HULL_ML
    return Head(
        inside=inside,
        position=position,
        atlas_point=np.ascontiguousarray(fine[:3, inside]),
        matrix=matrix * np.array([[1.0], [1.0], [sign]]),
        midplane=((matrix[2] / length).astype(np.float32), float(translation[2]) / length),
        flipped=flipped,
        hull=hull,
        lateral_ml=pair if rng.random() < 0.5 else (pair[1], pair[0]),
        third_ml=0.5 + 0.07 * larger * float(rng.uniform(0.7, 1.3)),
        fourth_ml=ATLAS_FOURTH_ML * size * float(rng.uniform(0.9, 1.3)),
        sulcus=between(rng, ranges.sulcus),
    )


def _linear(rng: np.random.Generator, ranges: Ranges) -> NDArray[np.float64]:
    """Rotation, shear and inverse scale, (z, y, x) to (z, y, x)."""
    a, b, c = (np.deg2rad(between(rng, ranges.rotation, signed=ranges.rotation[0] > 0)) for _ in range(3))
    ca, sa, cb, sb, cc, sc = np.cos(a), np.sin(a), np.cos(b), np.sin(b), np.cos(c), np.sin(c)
    pitch = np.array([[ca, -sa, 0], [sa, ca, 0], [0, 0, 1]])
    yaw = np.array([[1, 0, 0], [0, cb, -sb], [0, sb, cb]])
    roll = np.array([[cc, 0, -sc], [0, 1, 0], [sc, 0, cc]])
    shear = np.eye(3)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        shear[i, j] = between(rng, ranges.shear, signed=ranges.shear[0] > 0)
    scales = (between(rng, ranges.scale) * rng.uniform(0.98, 1.02, size=3)).clip(*ranges.scale)
    scale = np.diag(1 / scales)
    return np.asarray(scale @ shear @ pitch @ yaw @ roll)


def label(
    head: Head,
    push: Array | None = None,
    narrowing: tuple[float, float] = (1.0, 1.0),
    fourth: float = 1.0,
    squeeze: Array | float = 0.0,
) -> Anatomy:
    """Labels of ``head``.

    Args:
        head: the person.
        push: (3, N) mm by which mass effect has moved the tissue that is now at each point; ``None`` for nobody.
        narrowing: what is left of the (left, right) lateral ventricle. A displacement alone does not empty
            ventricles, so their volume is set by moving their wall.
        fourth: what is left of the fourth ventricle.
        squeeze: mm by which mass effect closes the sulci further, per point or everywhere.
    """
    atlas = load_atlas()
    point = head.atlas_point
    if push is not None:
        matrix = head.matrix.astype(np.float32)
        point = point - np.stack([m[0] * push[0] + m[1] * push[1] + m[2] * push[2] for m in matrix])
    sign = -1.0 if head.flipped else 1.0
    midline = (sign * (point[2] + atlas.origin[2])).astype(np.float32)
    side = np.where(midline < 0, LEFT, RIGHT).astype(np.int8)

    distance = sample_within(atlas.lateral, point, atlas.boxes["lateral"], LATERAL_REACH)
    wall = np.empty_like(distance)
    for which, volume, left_over in zip((LEFT, RIGHT), head.lateral_ml, narrowing, strict=True):
        half = side == which
        wall[half] = _level(distance[half], volume * left_over)
    beyond = distance - wall
    near = np.flatnonzero(beyond < REACH_MM)
    moved = point.copy()
    travel = wall[near] * np.clip(1 - beyond[near] / REACH_MM, 0, 1)
    moved[:, near] -= sample(atlas.lateral_normal, np.ascontiguousarray(point[:, near])) * travel

    index = nearest_index(atlas.hull.shape, moved)
    tissue = atlas.tissue[atlas.structure.ravel()[index]]
    fluid_distance = [beyond]
    for name, field, box, volume in (
        ("third_ventricle", atlas.third, atlas.boxes["third"], head.third_ml),
        ("fourth_ventricle", atlas.fourth, atlas.boxes["fourth"], head.fourth_ml * fourth),
    ):
        value = sample_within(field, moved, box, SMALL_REACH)
        value -= _level(value, volume)
        tissue[value < 0] = TISSUE[name]
        fluid_distance.append(value)
    sulcal = sample(atlas.sulcal, moved) - np.float32(head.sulcus) - squeeze
    tissue[(sulcal > 0) & (head.hull < HULL_MARGIN_MM)] = TISSUE["sulcal_csf"]
    tissue[beyond < 0] = TISSUE["lateral_ventricle"]
    plexus = atlas.choroid.ravel()[nearest_index(atlas.hull.shape, point)]
    tissue[(beyond < 0) & plexus] = TISSUE["choroid_plexus"]

    fluid = np.clip(0.5 - np.minimum.reduce(fluid_distance) / SOFT_MM, 0, 1)
    fluid = np.maximum(fluid, np.clip(0.5 + sulcal / SOFT_MM, 0, 1)).astype(np.float32)
    return Anatomy(
        head=head,
        tissue=tissue,
        lobe=atlas.lobe.ravel()[index],
        side=side,
        midline_mm=midline,
        fluid=fluid,
        ventricle_distance=beyond.astype(np.float32),
        atlas_point=moved,
    )


def _level(distance: Array, volume_ml: float) -> float:
    """The distance below which ``volume_ml`` of voxels lie."""
    count = int(np.clip(round(volume_ml / VOXEL_ML), 1, distance.size - 1))
    return float(np.partition(distance, count)[count])
