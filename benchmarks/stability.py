"""How a report changes when its scan is turned, scaled, made noisy or cut, and when its lesion is taken out of it.

``python benchmarks/stability.py SCAN ...`` reports on each scan as it is and altered in 18 ways, from file to findings,
and prints how often each finding was said. At last the half of the head with the lesion becomes the mirror image of the
other: a head that is real but for its symmetry, and healthy.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
from monai.transforms import AdjustContrast, GaussianSmooth, RandBiasField
from nibabel.affines import from_matvec
from nibabel.processing import resample_from_to, resample_to_output
from nibabel.spatialimages import SpatialImage
from scipy import ndimage
from scipy.spatial.transform import Rotation

from braingemma3d.findings.schema import Findings
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.report.pipeline import Pipeline

FIELDS = ("side", "lobes", "edema", "necrosis", "ventricular_compression")


def altered(scan: SpatialImage) -> Iterator[tuple[str, SpatialImage]]:
    """A name and an image for each alteration; the background stays as it is, but for resampling."""
    image = nib.as_closest_canonical(scan)
    array = np.asarray(image.dataobj, dtype=np.float32)
    background = array.min()
    inside = array > background
    centre = image.affine @ [*np.argwhere(inside).mean(axis=0), 1]

    def of(values: np.ndarray) -> SpatialImage:
        return nib.Nifti1Image(np.where(inside, values, background).astype(np.float32), image.affine)

    yield "as it is", image
    for axis in "xyz":
        for degrees in (-10, 10):
            turn = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
            moved = from_matvec(turn, centre[:3] - turn @ centre[:3]) @ image.affine
            turned = nib.Nifti1Image(array, moved)
            yield f"turned {degrees:+d} degrees about {axis}", resample_from_to(turned, image, order=1, cval=background)
    for gamma in (0.75, 1.35):
        yield f"gamma {gamma}", of(np.asarray(AdjustContrast(gamma)(array)))
    for seed in (0, 1):
        yield f"bias field {seed}", of(np.asarray(RandBiasField(prob=1).set_random_state(seed)(array[None])[0]))
    noise = np.random.default_rng(0).normal(0, 0.08 * np.median(array[inside]), array.shape)
    yield "noise of 8 % of the median", of(np.maximum(array + noise, np.nextafter(background, np.inf)))
    yield "smoothed by 1.3 voxels", of(np.asarray(GaussianSmooth(1.3)(array)))
    yield "axial slices of 5 mm", nib.as_closest_canonical(resample_to_output(image, (1, 1, 5), order=1))
    yield "sagittal slices of 5 mm", nib.as_closest_canonical(resample_to_output(image, (5, 1, 1), order=1))
    for scale in (0.88, 1.12):
        yield f"{scale} times as large", nib.Nifti1Image(array, image.affine @ np.diag([scale, scale, scale, 1]))
    eroded = ndimage.binary_erosion(inside, iterations=3)
    yield "its outermost 3 voxels removed", of(np.where(eroded, array, background))
    levels = np.flatnonzero(inside.any(axis=(0, 1)))
    cut = array.copy()
    cut[..., : levels[0] + len(levels) // 5] = background
    yield "its lowest fifth removed", of(cut)


def without_lesion(path: Path, side: str) -> SpatialImage:
    """The half of the head on a side becomes the mirror image of the other, about the brain's best sagittal plane."""
    image = nib.as_closest_canonical(nib.load(path))
    array = np.asarray(image.dataobj, dtype=np.float32)
    brain = np.moveaxis(load_scan(path).brain_mask, 2, 0)
    places = np.arange(len(array))

    def unlike(total: int) -> float:
        across = total - places
        there = (across >= 0) & (across < len(array))
        return float(np.mean(brain[places[there]] != brain[across[there]]))

    total = min(range(int(0.8 * len(array)), int(1.2 * len(array))), key=unlike)
    across = np.clip(total - places, 0, len(array) - 1)
    replaced = 2 * places < total if side == "left" else 2 * places > total
    return nib.Nifti1Image(np.where(replaced[:, None, None], array[across], array), image.affine)


def main(scans: list[Path]) -> None:
    """Report on all, and print a table."""
    pipeline = Pipeline.from_pretrained("mini")
    print("| scan | of | " + " | ".join(FIELDS) + " |\n|---|---|" + "---|" * len(FIELDS))
    with tempfile.TemporaryDirectory() as folder:
        for path in scans:
            said: dict[str, Findings] = {}

            def read(name: str, image: SpatialImage, said: dict[str, Findings] = said) -> None:
                file = Path(folder) / "scan.nii.gz"
                nib.save(image, file)
                said[name] = pipeline(load_scan(file)).findings
                print(f"{name}: {said[name].model_dump(include=set(FIELDS))}", file=sys.stderr)

            for name, image in altered(nib.load(path)):
                read(name, image)
            row(path.name, list(said.values()))
            if (side := said["as it is"].side) in ("left", "right"):
                read("without lesion", without_lesion(path, side))
                row(f"{path.name}, {side} half from the other", [said["without lesion"]])


def row(name: str, findings: list[Findings]) -> None:
    """One line of the table: each value of a finding, and how often it was said."""
    cells = []
    for field in FIELDS:
        values = (getattr(one, field) for one in findings)
        counts = Counter(" and ".join(v) if isinstance(v, tuple) else str(v) for v in values)
        cells.append(", ".join(f"{value or 'none'} {count}" for value, count in counts.most_common()))
    print(f"| {name} | {len(findings)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
