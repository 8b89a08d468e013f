"""Feed the command bad input and write its answers to ``docs/errors.md``: ``python scripts/make_error_table.py``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from braingemma3d.errors import InputError
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.report.scans import find_scans

SHAPE = (56, 68, 52)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
RNG = np.random.default_rng(0)


def save(array: np.ndarray) -> Callable[[Path], None]:
    return lambda path: nib.save(nib.Nifti1Image(array, AFFINE), path)


def truncated(path: Path) -> None:
    save(RNG.random(SHAPE))(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def with_nan() -> np.ndarray:
    array = RNG.random(SHAPE)
    array[20:23, 30, 30] = np.nan
    return array


def computed_tomography() -> np.ndarray:
    array = np.full(SHAPE, -1000.0)
    array[10:46, 10:58, 10:42] = 35 + RNG.random((36, 48, 32))
    return array


def code(path: Path) -> str:
    try:
        for _, scan in find_scans([path]):
            load_scan(scan)
    except InputError as error:
        return error.code
    raise SystemExit(f"{path} can be read")


CASES: dict[str, tuple[str, Callable[[Path], object] | None]] = {
    "missing file": ("absent.nii.gz", None),
    "empty file": ("empty.nii.gz", Path.touch),
    "truncated gzip": ("truncated.nii.gz", truncated),
    "text renamed to `.nii`": ("notes.nii", lambda path: path.write_text("Patient was seen today.\n" * 30)),
    "4D series": ("bold.nii.gz", save(RNG.random((20, 20, 20, 6)))),
    "NaN voxels": ("nan.nii.gz", save(with_nan())),
    "constant image": ("constant.nii.gz", save(np.full(SHAPE, 7, np.int16))),
    "3-slice localiser": ("localiser.nii.gz", save(RNG.random((256, 256, 3)).astype(np.float32))),
    "CT in Hounsfield units": ("ct.nii.gz", save(computed_tomography())),
    "segmentation": ("seg.nii.gz", save(RNG.integers(0, 5, SHAPE).astype(np.uint8))),
    "no brain (noise)": ("noise.nii.gz", save(RNG.random(SHAPE).astype(np.float32))),
    "directory without scans": ("folder", Path.mkdir),
}

rows = []
with tempfile.TemporaryDirectory() as folder:
    for what, (name, make) in CASES.items():
        path = Path(folder) / name
        if make is not None:
            make(path)
        command = [str(Path(sys.executable).parent / "braingemma3d"), "report", name, "-o", "out"]
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        line = answer.stderr.strip().removeprefix("braingemma3d: error: ").replace(f"{folder}/", "")
        if answer.stderr.count("\n") != 1 or answer.stdout or answer.returncode != 2:
            raise SystemExit(f"{what}: not one line but\n{answer.stdout}{answer.stderr}")
        rows.append(f"| {what} | {answer.returncode} | `{code(path)}` | {line} |")
        print(rows[-1])

page = Path(__file__).parent.parent / "docs" / "errors.md"
page.write_text(
    "# What bad input gets\n\n"
    "Each is one line on stderr, after `braingemma3d: error: `, without a traceback. It begins with the file's whole\n"
    "path, of which the page shows the end, or with the folder as it was given. In a batch the other scans are still\n"
    "reported, the line and its code go into `summary.csv` too, and the exit code is 1 unless none could be reported.\n"
    "This page is written by `python scripts/make_error_table.py`, which runs the command on each.\n\n"
    "| input | exit code | code | what the command says |\n|---|---:|---|---|\n" + "\n".join(rows) + "\n",
    encoding="utf-8",
)
