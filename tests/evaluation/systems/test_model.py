"""The model as a system, and the same model blindfolded."""

from __future__ import annotations

import pytest
import torch

from braingemma3d.evaluation.systems.model import BlankVolume, ModelSystem, OneView, ShuffledVoxels, shuffled_voxels
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.report.pipeline import Pipeline


@pytest.fixture(scope="module")
def pipeline(tiny_checkpoint):
    return Pipeline.from_pretrained(str(tiny_checkpoint))


@pytest.fixture
def scan(brain_file):
    return load_scan(brain_file)


@pytest.fixture
def seen(pipeline, monkeypatch):
    """The pixels that the pipeline was given; it answers with their number."""
    given = []

    def write(pixels):
        given.append(pixels)
        return [f"report {i}" for i in range(len(pixels))]

    monkeypatch.setattr(pipeline, "write", write)
    return given


def test_the_model_writes_what_the_pipeline_reports(pipeline, scan):
    assert ModelSystem(pipeline, "tiny").write(["a"], [scan]) == [pipeline(scan).text]


def test_reports_of_other_weights_are_of_another_origin(pipeline):
    assert ModelSystem(pipeline, "tiny").knows == ShuffledVoxels(pipeline).knows == pipeline.model_info.sha256


def test_one_view_is_the_same_model_without_the_mirror_image(pipeline, scan):
    system = OneView(pipeline, "tiny")
    assert (system.name, system.kind) == ("tiny, one view", "model")
    pixels = pipeline.processor([scan])["pixel_values"]
    assert system.write(["a"], [scan]) == pipeline.write_from_one_view(pixels)


def test_the_model_sees_every_scan_on_its_grid(pipeline, scan, seen):
    assert ModelSystem(pipeline, "tiny").write(["a", "b"], [scan, scan.mirrored()]) == ["report 0", "report 1"]
    (pixels,) = seen
    assert pixels.shape == (2, 1, *pipeline.processor.volume_shape)
    torch.testing.assert_close(pixels[1], pixels[0].flip(-1))
    assert pixels.std() > 0.05


def test_a_blank_volume_is_empty_and_written_on_once(pipeline, seen):
    assert BlankVolume(pipeline).write(["a", "b"], []) == ["report 0"] * 2
    (pixels,) = seen
    assert pixels.shape == (1, 1, *pipeline.processor.volume_shape)
    assert not pixels.any()


def test_shuffled_voxels_are_the_same_voxels_elsewhere(pipeline, scan, seen):
    ModelSystem(pipeline, "tiny").write(["a"], [scan])
    shuffled = ShuffledVoxels(pipeline)
    shuffled.write(["a"], [scan])
    shuffled.write(["a"], [scan])
    whole, mixed, again = seen
    torch.testing.assert_close(mixed.flatten().sort().values, whole.flatten().sort().values)
    torch.testing.assert_close(again, mixed)
    moved = (mixed != whole).float().mean()
    assert moved > 0.3
    neighbours = torch.corrcoef(torch.stack([mixed[..., 1:].flatten(), mixed[..., :-1].flatten()]))[0, 1]
    assert neighbours.abs() < 0.1, "nothing of the anatomy is left"


def test_every_volume_is_shuffled_by_itself(pipeline):
    pixels = torch.rand(2, 1, 4, 4, 4)
    mixed = shuffled_voxels(pixels)
    for before, after in zip(pixels, mixed, strict=True):
        torch.testing.assert_close(after.flatten().sort().values, before.flatten().sort().values)


def test_kinds(pipeline):
    kinds = [system.kind for system in (ModelSystem(pipeline, "x"), BlankVolume(pipeline), ShuffledVoxels(pipeline))]
    assert kinds == ["model", "blind", "blind"]
