"""Loading pretrained backbones: the code that loads the real ones, on small checkpoints of the same layout."""

from __future__ import annotations

import errno
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Gemma3ForCausalLM, Gemma3ForConditionalGeneration, SiglipModel

from braingemma3d.errors import ModelError
from braingemma3d.model.backbones import (
    check_weights,
    load_language_model,
    load_tokenizer,
    load_vision_model,
    local_snapshot,
    readable,
    refuse_missing,
)


def test_the_small_checkpoints_have_the_published_key_layout(backbone_folders):
    """MedSigLIP and MedGemma name their weights like this on the hub."""
    siglip = load_file(backbone_folders.vision / "model.safetensors")
    gemma = load_file(backbone_folders.language / "model.safetensors")
    assert "vision_model.embeddings.patch_embedding.weight" in siglip
    assert "text_model.embeddings.token_embedding.weight" in siglip
    assert any(
        key.endswith("language_model.model.layers.0.self_attn.q_proj.weight")
        or key.endswith("language_model.layers.0.self_attn.q_proj.weight")
        for key in gemma
    )
    assert any("vision_tower" in key for key in gemma)


def test_the_text_tower_of_a_multimodal_checkpoint_speaks_like_the_whole(backbone_folders, capfd):
    whole = Gemma3ForConditionalGeneration.from_pretrained(backbone_folders.language).eval()
    text = load_language_model(backbone_folders.language)
    assert "UNEXPECTED" not in capfd.readouterr().err, "the vision half is left out on purpose"
    assert isinstance(text, Gemma3ForCausalLM)
    tokens = torch.tensor([[2, 40, 41, 42, 43]])
    with torch.inference_mode():
        torch.testing.assert_close(text(tokens).logits, whole(tokens).logits)
    assert not any(parameter.is_meta or parameter.requires_grad for parameter in text.parameters())


def test_a_text_checkpoint_loads_as_it_is(backbone_folders, tmp_path):
    text = load_language_model(backbone_folders.language)
    text.save_pretrained(tmp_path)
    tokens = torch.tensor([[2, 40, 41]])
    with torch.inference_mode():
        torch.testing.assert_close(load_language_model(tmp_path)(tokens).logits, text(tokens).logits)


def test_the_vision_half_of_a_whole_siglip_is_taken(backbone_folders):
    whole = SiglipModel.from_pretrained(backbone_folders.vision)
    vision = load_vision_model(backbone_folders.vision)
    for name, weight in vision.state_dict().items():
        torch.testing.assert_close(weight, whole.vision_model.state_dict()[name])


@pytest.mark.parametrize(("half", "load"), [("language", load_language_model), ("vision", load_vision_model)])
def test_missing_weights_are_refused_and_not_made_up(backbone_folders, tmp_path, half, load):
    folder = shutil.copytree(getattr(backbone_folders, half), tmp_path / half)
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layers.1.mlp" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="weights are missing"):
        load(folder)


def test_weights_arrive_in_the_type_asked_for(backbone_folders):
    assert load_language_model(backbone_folders.language, dtype=torch.bfloat16).dtype == torch.bfloat16
    assert load_vision_model(backbone_folders.vision, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_the_tokenizer_has_gemmas_special_tokens(backbone_folders):
    tokenizer = load_tokenizer(backbone_folders.language)
    ids = tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id
    assert ids == (0, 1, 2)
    assert tokenizer.convert_tokens_to_ids("<unused0>") == 6


@pytest.mark.parametrize("source", ["./absent", "/absent/folder", "absent", "google/medgemma-1.5-4b-it"])
def test_a_backbone_that_is_not_there_is_one_clear_line(source):
    with pytest.raises(ModelError) as caught:
        load_language_model(source)
    assert source in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_wrong_kind_of_backbone_is_refused(backbone_folders):
    with pytest.raises(ModelError, match="must be SigLIP"):
        load_vision_model(backbone_folders.language)
    with pytest.raises(ModelError, match="must be Gemma 3"):
        load_language_model(backbone_folders.vision)


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no_such_type"}))
    with pytest.raises(ModelError, match="config"):
        load_language_model(tmp_path)


def test_a_backbone_whose_weights_are_cut_off_is_one_clear_line(backbone_folders, tmp_path):
    for load, whole in ((load_language_model, backbone_folders.language), (load_vision_model, backbone_folders.vision)):
        folder = tmp_path / whole.name
        shutil.copytree(whole, folder)
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        with pytest.raises(ModelError, match="download it again") as caught:
            load(folder)
        assert "\n" not in str(caught.value)
        weights.unlink()
        with pytest.raises(ModelError, match="download it again"):
            load(folder)


def test_the_hub_is_asked_as_the_caller_says(monkeypatch, backbone_folders):
    asked = {}

    def snapshot(source, **options):
        asked.update(options, source=source)
        return str(backbone_folders.language)

    monkeypatch.setattr("braingemma3d.model.backbones.snapshot_download", snapshot)
    load_language_model("somebody/gemma", token="secret", cache_dir="there", local_files_only=True)
    assert asked["source"] == "somebody/gemma"
    assert (asked["token"], asked["cache_dir"], asked["local_files_only"]) == ("secret", "there", True)


def test_a_folder_is_its_own_snapshot(tmp_path):
    assert local_snapshot(tmp_path) == tmp_path


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no weights") as caught:
        check_weights(tmp_path)
    assert caught.value.code == "missing_model"
    (tmp_path / "model.safetensors").touch()
    check_weights(tmp_path)


@pytest.mark.parametrize("error", [ImportError("no\nflash_attn"), KeyError("rope"), OSError("torn"), AssertionError()])
def test_what_goes_wrong_in_a_repositorys_code_is_one_line(tmp_path, error):
    with pytest.raises(ModelError, match=r"can't be loaded .*; look at it") as caught, readable(tmp_path, "look at it"):
        raise error
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "error", [ModelError("said"), KeyboardInterrupt("said"), OSError(errno.ENOSPC, "said: no space left on device")]
)
def test_what_is_said_already_an_interruption_and_a_full_disk_pass(tmp_path, error):
    with pytest.raises(type(error), match="said") as caught, readable(tmp_path):
        raise error
    assert caught.value is error


def test_weights_that_are_not_in_the_files_are_counted(tmp_path):
    refuse_missing(tmp_path, [])
    with pytest.raises(ModelError, match=r"2 weights are missing, such as a\.weight") as caught:
        refuse_missing(tmp_path, ["b.weight", "a.weight"])
    assert caught.value.code == "bad_model"
