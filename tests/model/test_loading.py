"""From a name to a model."""

from __future__ import annotations

import errno
import shutil
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from braingemma3d.errors import ModelError
from braingemma3d.model import backbones
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.loading import (
    fast_dtype,
    load_model,
    packaged_weights,
    place_visual,
    random_vision,
    weights_sha256,
)
from braingemma3d.model.vision import VisionEncoder3D
from braingemma3d.report.pipeline import Pipeline


def test_a_folder_is_loaded_with_its_processor(tiny_checkpoint):
    model, processor = load_model(str(tiny_checkpoint), dtype=torch.float32)
    assert processor.volume_shape == model.config.volume_shape
    assert not model.training
    assert model.dtype == torch.float32


def test_the_type_is_one_that_the_machine_has(tiny_checkpoint):
    assert load_model(str(tiny_checkpoint))[0].dtype == fast_dtype()


@pytest.mark.parametrize("model", [{}, {"tubelet_depth": 1, "attention": "slice"}], ids=["volumes", "slices"])
def test_placed_for_training_the_encoder_computes_the_same(model):
    """Kernels of one slice with a stride in depth corrupt memory in the layout that is the fastest for volumes."""
    config = BrainGemma3DConfig.of_size("mini", **model)
    encoder = VisionEncoder3D(config).eval()
    pixels = torch.rand(8, 1, *config.volume_shape)
    with torch.no_grad():
        before = encoder(pixels)
        other = torch.nn.Identity()
        parts = SimpleNamespace(config=config, vision_encoder=encoder, compressor=other, projector=other)
        place_visual(parts, "cpu", torch.float32)
        torch.testing.assert_close(encoder(pixels), before, rtol=1e-3, atol=1e-3)


def test_a_model_that_is_nowhere_is_one_clear_line():
    with pytest.raises(ModelError, match="no such model folder"):
        load_model("./nowhere")


def test_a_truncated_checkpoint_is_one_clear_line(tiny_checkpoint, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(tiny_checkpoint, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="can't be loaded") as caught:
        load_model(str(folder))
    assert "\n" not in str(caught.value)


def test_missing_weights_are_refused_and_not_made_up(tiny_checkpoint, tmp_path):
    folder = tmp_path / "partial"
    shutil.copytree(tiny_checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if "projector" not in k}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(ModelError, match="5 weights are missing"):
        load_model(str(folder))


def test_a_checkpoint_of_another_model_is_refused(backbone_folders):
    with pytest.raises(ModelError, match="a siglip model, not BrainGemma3D"):
        load_model(str(backbone_folders.vision))


def test_an_empty_folder_is_one_clear_line(tmp_path):
    with pytest.raises(ModelError, match=r"no usable config\.json"):
        load_model(str(tmp_path))


def test_medgemma_without_its_weights_says_what_to_do():
    with pytest.raises(ModelError, match="accept its licence"):
        load_model("medgemma")


def test_a_full_disk_is_no_matter_of_a_licence(monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "blobs")

    monkeypatch.setattr(backbones, "snapshot_download", full)
    with pytest.raises(OSError, match="No space left"):
        load_model("medgemma")


def test_the_hash_covers_what_trains(tiny_checkpoint):
    model, _ = load_model(str(tiny_checkpoint))
    before = weights_sha256(model)
    assert before == weights_sha256(load_model(str(tiny_checkpoint))[0])
    with torch.no_grad():
        next(model.language_model.parameters()).add_(1)
    assert weights_sha256(model) == before
    with torch.no_grad():
        model.projector.scale.add_(1)
    assert weights_sha256(model) != before
    model.add_lora()
    adapted = weights_sha256(model)
    with torch.no_grad():
        next(p for n, p in model.named_parameters() if "lora_B" in n).add_(1)
    assert weights_sha256(model) != adapted


def test_a_random_vision_tower_is_the_same_every_time(tiny_checkpoint):
    config = load_model(str(tiny_checkpoint))[0].config
    one, two = random_vision(config), random_vision(config)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_packaged_weights_are_small_and_in_bfloat16():
    folder = packaged_weights("mini")
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 40e6
    tensors = {name: value for path in folder.rglob("*.safetensors") for name, value in load_file(path).items()}
    assert {value.dtype for value in tensors.values()} == {torch.bfloat16}


def test_a_users_folder_is_not_taken_for_the_packaged_model(tiny_checkpoint, tmp_path, monkeypatch):
    shutil.copytree(tiny_checkpoint, tmp_path / "mini")
    monkeypatch.chdir(tmp_path)
    assert load_model("./mini")[0].config.volume_shape == load_model(str(tiny_checkpoint))[0].config.volume_shape
    monkeypatch.chdir(tmp_path / "mini")
    assert Pipeline.from_pretrained(".").model_info.name == "mini"
