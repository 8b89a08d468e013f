"""A contact sheet: real scans given by path beside simulated ones of each kind, in radiological display.

    python benchmarks/simulate_contact_sheet.py OUT.png [--real SCAN.nii.gz ...] [--seed 0] [--shift]

Radiological display: the patient's right is on the left of the picture. Slices are axial, through the lesion where
there is one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib
import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from braingemma3d.simulate.case import Case, draw_case
from braingemma3d.simulate.truth import Truth

matplotlib.use("Agg")
import matplotlib.pyplot as plt

KINDS: dict[str, Callable[[Truth], bool]] = {
    "healthy": lambda t: not t.lesion,
    "no edema, no necrosis": lambda t: t.lesion and t.edema == "none" and t.necrosis == "none",
    "mild edema": lambda t: t.edema == "mild",
    "moderate edema": lambda t: t.edema == "moderate",
    "severe edema": lambda t: t.edema == "severe",
    "necrosis": lambda t: t.necrosis == "present",
    "no compression": lambda t: t.lesion and t.ventricular_compression == "none",
    "mild compression": lambda t: t.ventricular_compression == "mild" and t.ventricle_measure == "lateral",
    "severe compression": lambda t: t.ventricular_compression == "severe" and t.ventricle_measure == "lateral",
    "several foci": lambda t: t.foci > 1,
    "bilateral or midline": lambda t: t.side in ("bilateral", "midline"),
    "cerebellum, brainstem": lambda t: t.ventricle_measure == "fourth",
}
SEARCHED = 220


def read(path: Path) -> tuple[NDArray[np.float32], tuple[float, float, float]]:
    """A scan as (D, H, W) in RAS order with its spacing in the same order."""
    image = nib.as_closest_canonical(nib.load(path))
    x, y, z = (float(v) for v in image.header.get_zooms()[:3])
    return np.asarray(image.dataobj, np.float32).transpose(2, 1, 0), (z, y, x)


def show(axes: plt.Axes, image: NDArray[np.float32], level: int, aspect: float, title: str) -> None:
    """One axial slice in radiological display with R and L marks."""
    top = float(np.percentile(image[image > 0], 99.7)) * 1.05
    # Columns run right to left, rows front to back.
    axes.imshow(image[level, ::-1, ::-1], cmap="gray", vmin=0, vmax=top, aspect=aspect)
    axes.set_title(title, fontsize=6)
    axes.text(0.02, 0.5, "R", color="yellow", fontsize=7, transform=axes.transAxes)
    axes.text(0.93, 0.5, "L", color="yellow", fontsize=7, transform=axes.transAxes)
    axes.axis("off")


def lesion_level(case: Case) -> int:
    """The axial slice with the largest core; the middle of the ventricles without a lesion."""
    core = (case.mask == 4) | (case.mask == 1)
    if core.any():
        return int(core.sum(axis=(1, 2)).argmax())
    return int((case.tissue == 2).sum(axis=(1, 2)).argmax())


def caption(truth: Truth) -> str:
    """Two lines of truth."""
    if not truth.lesion:
        return f"healthy, ratio {truth.ventricle_ratio:.2f}"
    return (
        f"{truth.side} {'/'.join(truth.lobes)}\n{truth.edema} edema, necrosis {truth.necrosis},"
        f"\n{truth.ventricular_compression} compr. ({truth.ventricle_ratio:.2f}, {truth.midline_shift_mm:.0f} mm)"
    )


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--real", type=Path, nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shift", action="store_true")
    parser.add_argument("--columns", type=int, default=6, help="pictures per kind and per real scan")
    arguments = parser.parse_args()

    rows = len(arguments.real) + len(KINDS)
    size = (2.3 * arguments.columns, 2.7 * rows)
    figure, grid = plt.subplots(rows, arguments.columns, figsize=size, squeeze=False)
    for line, path in zip(grid, arguments.real, strict=False):
        image, spacing = read(path)
        filled = np.flatnonzero((image > 0).any(axis=(1, 2)))
        for column, axes in enumerate(line):
            level = int(np.interp((column + 1.5) / (arguments.columns + 2), (0, 1), (filled[0], filled[-1])))
            show(axes, image, level, spacing[1] / spacing[2], f"REAL {path.name.split('.')[0]} {level}")
    found: dict[str, list[Case]] = {kind: [] for kind in KINDS}
    for index in range(SEARCHED):
        case = draw_case(arguments.seed, index, shift=arguments.shift)
        # Every case goes to one kind only, the emptiest that it fits.
        fitting = [kind for kind, test in KINDS.items() if test(case.truth)]
        kind = min(fitting, key=lambda k: len(found[k]))
        if len(found[kind]) < arguments.columns:
            found[kind].append(case)
        if all(len(cases) == arguments.columns for cases in found.values()):
            break
    for line, (kind, cases) in zip(grid[len(arguments.real) :], found.items(), strict=True):
        for axes in line:
            axes.axis("off")
        for axes, case in zip(line, cases, strict=False):
            show(axes, case.image, lesion_level(case), 1.0, f"{kind.upper()}\n{caption(case.truth)}")
    figure.tight_layout()
    figure.savefig(arguments.out, dpi=80)


if __name__ == "__main__":
    main()
