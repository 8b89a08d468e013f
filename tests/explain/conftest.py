"""A phantom on the tiny model's grid, a pipeline that writes a known report, and blocks in place of SLIC."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import phantom
from braingemma3d.explain.explanation import ExplainSettings, Explanation, explain
from braingemma3d.explain.lime import LimeSettings
from braingemma3d.explain.supervoxels import Supervoxels
from braingemma3d.imaging.grid import labels_to_grid, to_grid
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.imaging.volume import Volume
from braingemma3d.report.pipeline import Pipeline

TEXT = (
    "A mass of high signal is seen in the left frontal lobe on FLAIR images. Moderate edema is seen around the lesion. "
    "The FLAIR signal is mixed. No necrosis is seen within the lesion. "
    "There is mild compression of the left lateral ventricle."
)


@pytest.fixture
def report_text() -> str:
    return TEXT


class OnGrid(NamedTuple):
    """The phantom on a model's grid."""

    pixels: np.ndarray
    brain: np.ndarray
    lesion: np.ndarray
    spacing: tuple[float, float, float]


@pytest.fixture
def volume(brain_file: Path) -> Volume:
    return load_scan(brain_file)


@pytest.fixture
def outline(volume: Volume) -> np.ndarray:
    """The phantom's lesion, (D, H, W) on the volume's grid."""
    (x, y, z), _ = phantom.coordinates()
    a, b, c = phantom.LESION_RAS_MM
    return ((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < 15**2).transpose(2, 1, 0)


@pytest.fixture
def on_grid(volume: Volume, outline: np.ndarray) -> OnGrid:
    shape = (32, 48, 40)
    pixels, affine = to_grid(volume, shape)
    brain, lesion = (labels_to_grid(part.astype(np.uint8), volume, shape) > 0 for part in (volume.brain_mask, outline))
    return OnGrid(pixels, brain, lesion, tuple(np.linalg.norm(affine[:3, :3], axis=0).tolist()))


@pytest.fixture
def blocks() -> Supervoxels:
    """27 cubes of 2 x 2 x 2 voxels of 2 mm, with a rim of 1 voxel outside."""
    labels = np.zeros((8, 8, 8), np.int32)
    labels[1:7, 1:7, 1:7] = np.kron(np.arange(1, 28).reshape(3, 3, 3), np.ones((2, 2, 2), int))
    return Supervoxels(labels, (2.0, 2.0, 2.0))


@pytest.fixture
def pipeline(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A tiny model that claims to be trained and always writes :data:`TEXT`."""
    pipeline = Pipeline.from_pretrained(str(tiny_checkpoint))
    monkeypatch.setattr(pipeline, "write_and_check", lambda pixels: [TEXT] * 3)
    monkeypatch.setattr(pipeline.model.config, "trained_stage", "specialise")
    return pipeline


@pytest.fixture
def make_explanation(pipeline: Pipeline, volume: Volume) -> Callable[..., Explanation]:
    def make(**options: object) -> Explanation:
        settings = ExplainSettings(
            about=options.pop("about", None), supervoxels=12, lime=LimeSettings(samples=options.pop("samples", 24))
        )
        return explain(pipeline, volume, settings, **options)

    return make
