"""Cases on the model's grid, drawn or read once and kept on disk for fast random access."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from braingemma3d.data.manifest import read_manifest, scan_hash, training_cases
from braingemma3d.errors import InputError
from braingemma3d.files import new_file, new_text, remove_left_behind, sha256
from braingemma3d.imaging.grid import labels_to_grid, to_grid
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.imaging.volume import ScanGrid, Shape, Volume
from braingemma3d.pace import paced
from braingemma3d.simulate.atlas import LOBE_INDEX, TISSUE
from braingemma3d.simulate.case import Case, draw_case
from braingemma3d.simulate.cohort import VERSION, Cohort
from braingemma3d.simulate.truth import CORE, EDEMA, NECROSIS
from braingemma3d.simulate.workers import in_processes

logger = logging.getLogger(__name__)

SHARD = 64
"""Cases a file holds: what an interruption can cost."""
MAPS_VERSION = 2
"""Raised whenever maps are made of a case in another way; files of another version are not used."""
NECROSIS_CLASS, EDEMA_CLASS, CORE_CLASS = 1, 2, 3
LESION_CLASSES = {0: 0, NECROSIS: NECROSIS_CLASS, EDEMA: EDEMA_CLASS, CORE: CORE_CLASS}
"""BraTS values to the classes healthy, necrosis, edema, solid core."""
VENTRICLE_CLASS = 9
"""In ``anatomy`` maps, after the lobes' 1 to 8 and 0 outside the brain; the same on the right plus :data:`RIGHT`."""
RIGHT = 9
AROUND_FLUID = [LOBE_INDEX[lobe] + side for lobe in ("cerebellum", "brainstem", "deep") for side in (0, RIGHT)]
"""Places in which fluid is that of the third and fourth ventricle."""
PIECES, STEP = 64, 4
FLAT_SHARE = (0.05, 0.35)
"""A brain is cut into this many pieces, with borders on every ``STEP``-th voxel, and this share of them flattened."""


@dataclass(frozen=True)
class GridShard:
    """One file of cases on the grid; all arrays are (case, D, H, W) uint8, memory-mapped.

    Attributes:
        pixels: intensities, 255 for 1.
        lesion: :data:`LESION_CLASSES`; None where nobody has outlined it.
        anatomy: lobes and lateral ventricles, each by its side; likewise.
        records: id and report of each case; of a simulated one, findings and truth, too.
    """

    pixels: NDArray[np.uint8]
    lesion: NDArray[np.uint8] | None
    anatomy: NDArray[np.uint8] | None
    records: list[dict]

    def maps(self, *at: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Lesion and anatomy of cases that have them: of all, of the case ``at``, or of one of its levels."""
        if self.lesion is None or self.anatomy is None:
            raise ValueError("these cases have no maps")
        return self.lesion[at], self.anatomy[at]


def as_volume(case: Case) -> Volume:
    """A simulated case as the imaging package would load it from its file."""
    grid = ScanGrid(Path(f"{case.id}.nii.gz"), case.image.shape, case.affine, "RAS")
    return Volume(case.image.astype(np.float32), case.affine, grid, brain_mask=case.image > 0)


def on_grid(case: Case, shape: Shape) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels, lesion classes and anatomy of a case on the model's grid (D, H, W)."""
    volume = as_volume(case)
    pixels, _ = to_grid(volume, shape)
    lesion = np.zeros(5, np.uint8)
    for value, index in LESION_CLASSES.items():
        lesion[value] = index
    # As in the truth, the choroid plexus belongs to the ventricle that it lies in.
    ventricle = np.isin(case.tissue, (TISSUE["lateral_ventricle"], TISSUE["choroid_plexus"]))
    anatomy = np.where(ventricle, VENTRICLE_CLASS, case.lobe).astype(np.uint8)
    anatomy[(anatomy > 0) & (case.side > 0)] += RIGHT
    return (
        np.rint(pixels * 255).astype(np.uint8),
        labels_to_grid(lesion[case.mask], volume, shape),
        labels_to_grid(anatomy, volume, shape),
    )


def mirrored_anatomy(anatomy: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Anatomy (..., W) of the mirrored brain: places and sides swap."""
    swapped = np.where(anatomy > RIGHT, anatomy - RIGHT, np.where(anatomy > 0, anatomy + RIGHT, 0))
    return swapped[..., ::-1].astype(np.uint8)


def draw_grids(folder: Path, cases: int, cohort: Cohort, shape: Shape, workers: int | None = None) -> list[Path]:
    """Draw the first ``cases`` of a cohort onto the grid; shards that are already there are kept.

    Args:
        folder: gets a folder for each cohort and shape.
        cases: their number.
        cohort: its settings.
        shape: (D, H, W) of the grid.
        workers: processes; ``None`` for one for each core that this one may use.

    Returns:
        The shards' folders, in order.
    """
    settings = f"seed{cohort.seed}-healthy{cohort.healthy:g}{'-shift' if cohort.shift else ''}"
    root = folder / f"v{VERSION}-maps{MAPS_VERSION}-{settings}-{'x'.join(map(str, shape))}"
    shards, missing = _shards(root, cases)
    logger.info("%d of %d grid shards are there", len(shards) - len(missing), len(shards))
    drawn = in_processes(partial(_draw_shard, cohort=cohort, shape=shape), missing, workers)
    for _ in paced(drawn, len(missing), f"shards of {SHARD} patients drawn"):
        pass
    return shards


def _shards(root: Path, cases: int) -> tuple[list[Path], list[Path]]:
    """The folders that hold so many cases, and those of them that are not there yet."""
    shards = [root / f"{start:06d}-{min(start + SHARD, cases):06d}" for start in range(0, cases, SHARD)]
    missing = [shard for shard in shards if not (shard / "records.json").is_file()]
    for shard in missing:
        remove_left_behind(shard)
    return shards, missing


def _span(shard: Path) -> tuple[int, int]:
    """The first case of a shard, and the first of the next one."""
    start, stop = map(int, shard.name.split("-"))
    return start, stop


def _draw_shard(shard: Path, cohort: Cohort, shape: Shape) -> None:
    start, stop = _span(shard)
    arrays = {key: np.zeros((stop - start, *shape), np.uint8) for key in ("pixels", "lesion", "anatomy")}
    records = []
    for offset in range(stop - start):
        case = draw_case(cohort.seed, start + offset, cohort.healthy, cohort.shift)
        arrays["pixels"][offset], arrays["lesion"][offset], arrays["anatomy"][offset] = on_grid(case, shape)
        records.append(
            {
                "id": case.id,
                "report": case.report,
                "findings": case.findings.model_dump(mode="json"),
                "truth": case.truth.model_dump(mode="json"),
            }
        )
    _write_shard(shard, arrays, records)


def _write_shard(shard: Path, arrays: dict[str, NDArray[np.uint8]], records: list[dict]) -> None:
    shard.mkdir(parents=True, exist_ok=True)
    for key, array in arrays.items():
        with new_file(shard / f"{key}.npy") as partial, partial.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    # The records come last: they mark the shard as complete.
    new_text(shard / "records.json", json.dumps(records))


def read_grids(folder: Path, manifest: Path, shape: Shape) -> list[Path]:
    """Put the training cases of a manifest onto the grid; shards that are already there are kept.

    They have no maps. If the manifest or a file of its scans changes, all are read anew.

    Returns:
        The shards' folders, in order.

    Raises:
        InputError: the manifest can't be read or has no such case, or scans can't be used; each is logged.
    """
    cases = training_cases(read_manifest(manifest))
    if not cases:
        raise InputError(f"{manifest}: no case with a report for training; set split to train, or leave it out")
    digest = hashlib.sha256("\n".join([sha256(manifest), *map(scan_hash, cases)]).encode())
    root = folder / f"{digest.hexdigest()[:16]}-{'x'.join(map(str, shape))}"
    shards, missing = _shards(root, len(cases))
    failed = 0
    for shard in paced(missing, len(missing), f"shards of {SHARD} scans read"):
        start, stop = _span(shard)
        part = cases[start:stop]
        pixels = np.zeros((len(part), *shape), np.uint8)
        for row, case in enumerate(part):
            try:
                pixels[row] = np.rint(to_grid(load_scan(case.image), shape)[0] * 255)
            except InputError as error:
                logger.error("%s", error)
                failed += 1
            except Exception:
                # A scan that nobody foresaw must not hide what is wrong with the others.
                logger.exception("%s could not be read", case.image)
                failed += 1
        if not failed:
            _write_shard(shard, {"pixels": pixels}, [{"id": case.id, "report": case.report} for case in part])
    if failed:
        raise InputError(f"{manifest}: {failed} of {len(cases)} scans can't be used; correct them or take them out")
    return shards


def open_shard(shard: Path) -> GridShard:
    """Map a shard's arrays into memory."""
    pixels = np.load(shard / "pixels.npy", mmap_mode="r", allow_pickle=False)
    lesion, anatomy = (
        np.load(path, mmap_mode="r", allow_pickle=False) if path.is_file() else None
        for path in (shard / "lesion.npy", shard / "anatomy.npy")
    )
    records = json.loads((shard / "records.json").read_text(encoding="utf-8"))
    return GridShard(pixels=pixels, lesion=lesion, anatomy=anatomy, records=records)


def flattened(
    pixels: NDArray[np.uint8], lesion: NDArray[np.uint8], anatomy: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Pixels (D, H, W) with random pieces of the healthy brain replaced by its median; lesion and ventricles stay.

    The report stays true, so the model learns to find nothing in such pieces. Explanations switch pieces off in this
    way, and what they learn of a model that never saw one is how strange it finds it.

    Args:
        pixels: 0 outside the brain.
        lesion, anatomy: (D, H, W), as in :class:`GridShard`.
        rng: draws pieces and level.
    """
    brain = pixels > 0
    level = float(np.median(pixels[brain]))
    fluid = np.isin(anatomy, (VENTRICLE_CLASS, VENTRICLE_CLASS + RIGHT))
    fluid |= (pixels < 0.5 * level) & np.isin(anatomy, AROUND_FLUID)
    coarse = brain[::STEP, ::STEP, ::STEP]
    seeds = rng.permutation(np.argwhere(coarse))[:PIECES]
    owner = KDTree(seeds).query(np.argwhere(np.ones_like(coarse)))[1].reshape(coarse.shape)
    off = (rng.random(PIECES) < rng.uniform(*FLAT_SHARE))[owner]
    for axis, size in enumerate(pixels.shape):
        off = off.repeat(STEP, axis).take(np.arange(size), axis)
    level *= float(np.exp(rng.normal(0, 0.05)))
    return np.where(off & brain & ~fluid & (lesion == 0), np.uint8(min(max(round(level), 1), 255)), pixels)


def jittered(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Pixels in [0, 1] with a random gamma (spread .15) and gain (.08): scanners differ."""
    values = np.linspace(0, 1, 256, dtype=np.float32) ** np.float32(np.exp(rng.normal(0, 0.15)))
    return np.clip(values * np.float32(np.exp(rng.normal(0, 0.08))), 0, 1)[pixels]
