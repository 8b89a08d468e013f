"""Lesions painted into heads that are not the simulation's, to see whether a model knows the lobes of other heads.

``python benchmarks/other_heads.py OUT HEAD ...`` takes skull-stripped T1 heads, gives each the contrast of a FLAIR by
its three tissues, paints one lesion at a time in the middle of five lobes of either side, and writes a manifest for
``braingemma3d evaluate --model mini --data OUT/manifest.jsonl -o RESULTS``. A painted ball pushes nothing aside, so
that ventricular compression is not asked for, and it is the brightest thing in the head, so that the rule "brightest
blob" is hard to beat: what is asked is whether places and parts are named right in another anatomy.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
from monai.transforms import KeepLargestConnectedComponent
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_multiotsu

from braingemma3d.findings.schema import Findings, Lobe
from braingemma3d.simulate.truth import EDEMA_BANDS, edema_from

Array = NDArray[np.float32]

SITES: dict[Lobe, tuple[float, float, float]] = {
    "frontal": (0.29, 0.79, 0.63),
    "parietal": (0.26, 0.31, 0.77),
    "temporal": (0.15, 0.48, 0.35),
    "occipital": (0.35, 0.12, 0.49),
    "cerebellum": (0.32, 0.25, 0.23),
}
"""Middles of the left lobes as shares of the brain's box, from left to right, posterior to anterior, inferior to
superior; the right ones are their mirror images."""
DRAWS = 3
"""Lesions at each site."""
HEALTHY = 10
"""Heads without one, of each head."""


def flair_like(path: Path) -> tuple[Array, Array]:
    """A skull-stripped T1 as (X, Y, Z) in RAS, fluid dark and cortex brighter than white matter; and its affine."""
    image = nib.as_closest_canonical(nib.load(path))
    t1 = np.asarray(image.dataobj, dtype=np.float32).squeeze()
    largest = KeepLargestConnectedComponent(connectivity=1)((t1 > 0)[None])[0]
    brain = ndimage.binary_fill_holes(np.asarray(largest))
    low, high = threshold_multiotsu(t1[brain], 3)
    inside = t1[brain]
    fluid, cortex, white = (
        np.median(inside[part]) for part in (inside < low, (inside >= low) & (inside < high), inside >= high)
    )
    levels = [0, fluid, (fluid + cortex) / 2, cortex, white, 1.15 * white]
    flair = np.interp(t1, levels, [0.15, 0.2, 0.6, 1.0, 0.82, 0.78])
    return np.where(brain, flair, 0).astype(np.float32), image.affine


def scanned(flair: Array, rng: np.random.Generator) -> NDArray[np.int16]:
    """The head with a soft edge, a bias field and noise; the background is 0."""
    across = [np.linspace(-1, 1, size, dtype=np.float32) for size in flair.shape]
    x, y, z = np.meshgrid(*across, indexing="ij", sparse=True)
    a, b, c = rng.uniform(-0.1, 0.1, 3)
    values = ndimage.gaussian_filter(flair, 0.7) * (1 + a * x + b * y + c * z)
    values += rng.normal(0, rng.uniform(0.02, 0.05), flair.shape)
    return np.where(flair > 0, np.maximum(600 * values, 1), 0).astype(np.int16)


def painted(flair: Array, affine: Array, lobe: Lobe, right: bool, rng: np.random.Generator) -> tuple[Array, Findings]:
    """The head with a lesion, and its findings; an edema that lies between two grades is left out of them."""
    voxels = np.argwhere(flair > 0)
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    share = np.array(SITES[lobe])
    if right:
        share[0] = 1 - share[0]
    centre = low + share * (high - low)
    size = np.linalg.norm(affine[:3, :3], axis=0)
    offsets = [(np.arange(n) - c) * s for n, c, s in zip(flair.shape, centre, size, strict=True)]
    x, y, z = np.meshgrid(*offsets, indexing="ij", sparse=True)
    lumps = ndimage.gaussian_filter(rng.normal(size=flair.shape), 6 / size)
    distance = np.sqrt(x**2 + y**2 + z**2) + 2.5 * lumps / lumps.std()

    radius = rng.uniform(11, 17)
    bands = list(EDEMA_BANDS.values())
    aim = np.mean(bands[rng.integers(len(bands))])
    core = (distance < radius) & (flair > 0)
    edema = (distance < radius / (1 - aim) ** (1 / 3)) & (flair > 0.5) & ~core
    necrosis = core & (distance < rng.uniform(0.55, 0.7) * radius) & bool(rng.random() < 0.5)
    out = flair.copy()
    out[edema] = rng.uniform(1.25, 1.45)
    out[core] = rng.uniform(1.6, 1.9)
    out[necrosis] = rng.uniform(0.2, 0.5)

    found: dict[str, object] = {
        "lesion": True,
        "side": "right" if right else "left",
        "lobes": [lobe],
        "necrosis": "present" if necrosis.any() else "none",
    }
    whole = edema.sum() + core.sum()
    grade = edema_from(float(edema.sum() / whole), float(whole * size.prod() / 1000))
    return out, Findings.model_validate(found | ({"edema": grade} if grade else {}))


def drawn(path: Path, number: int) -> Iterator[tuple[str, NDArray[np.int16], Array, Findings]]:
    """A name, scan, affine and findings for every case of the head, which is the ``number``-th."""
    flair, affine = flair_like(path)
    for draw in range(HEALTHY):
        yield f"healthy-{draw}", scanned(flair, np.random.default_rng([number, draw])), affine, Findings(lesion=False)
    for site, lobe in enumerate(SITES):
        for right in (False, True):
            for draw in range(DRAWS):
                rng = np.random.default_rng([number, site, int(right), draw])
                image, found = painted(flair, affine, lobe, right, rng)
                yield f"{lobe}-{found.side}-{draw}", scanned(image, rng), affine, found


def main(out: Path, heads: list[Path]) -> None:
    """Paint all, and write images and manifest."""
    (out / "images").mkdir(parents=True)
    with open(out / "manifest.jsonl", "w", encoding="utf-8") as manifest:
        for number, path in enumerate(heads):
            for name, image, affine, found in drawn(path, number):
                case = f"{path.name.split('.')[0]}-{name}"
                nib.save(nib.Nifti1Image(image, affine), out / "images" / f"{case}.nii.gz")
                line = {
                    "id": case,
                    "patient": case,
                    "source": "painted",
                    "image": f"images/{case}.nii.gz",
                    "findings": found.model_dump(mode="json", exclude_unset=True),
                }
                manifest.write(json.dumps(line) + "\n")
            print(f"{path}: {HEALTHY} healthy, {len(SITES) * 2 * DRAWS} with a lesion", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("heads", type=Path, nargs="+")
    arguments = parser.parse_args()
    main(arguments.out, arguments.heads)
