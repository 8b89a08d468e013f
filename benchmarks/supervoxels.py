"""How well supervoxels follow lesions, on simulated tumour patients; no model takes part.

``python benchmarks/supervoxels.py [-n 30]``; the cases are of a seed that nothing else uses.
"""

from __future__ import annotations

import argparse

import numpy as np

from braingemma3d.explain.supervoxels import COMPACTNESS, COUNT, make_supervoxels
from braingemma3d.imaging.grid import labels_to_grid
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from explain import on_grid, patient

SEED = 60_606
WAYS = ((64, COMPACTNESS), (COUNT, COMPACTNESS), (128, COMPACTNESS), (COUNT, COMPACTNESS / 2), (COUNT, 0.07))
"""Counts and compactnesses that are compared."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=30, help="cases")
    shape = BrainGemma3DConfig.of_size("mini").volume_shape
    cases = []
    for index in range(parser.parse_args().n):
        volume, _, outline = patient(index, SEED)
        cases.append((*on_grid(volume, shape), labels_to_grid(outline.astype(np.uint8), volume, shape) > 0))
    print("| asked for | compactness | are there | median ml | a centre in the lesion | lesion in pieces of lesion |")
    print("|---|" + "---:|" * 5)
    for count, compactness in WAYS:
        centred, held, numbers, sizes = [], [], [], []
        for pixels, brain, spacing, lesion in cases:
            pieces = make_supervoxels(pixels, brain, spacing, count, compactness)
            mostly = np.flatnonzero(pieces.share_inside(lesion) > 0.5) + 1
            centred.append(lesion[tuple(pieces.centres.T)].any())
            held.append(np.isin(pieces.labels[lesion], mostly).mean())
            numbers.append(pieces.count)
            sizes.append(np.median(pieces.millilitres))
        print(
            f"| {count} | {compactness:g} | {np.mean(numbers):.0f} | {np.mean(sizes):.1f} | "
            f"{sum(centred)} of {len(cases)} | {np.mean(held):.2f} |",
            flush=True,
        )
    print("\nA piece is of lesion if more than half of it lies in the outline. Means over the cases.")


if __name__ == "__main__":
    main()
