"""A published snapshot gives the reference code's numbers.

The reference's forward pass is written out here from its description, independently of the package.
"""

from __future__ import annotations

import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import Gemma3ForConditionalGeneration, SiglipVisionModel

from braingemma3d.errors import ModelError
from braingemma3d.model.interop import is_published_snapshot, load_published
from braingemma3d.model.loading import load_model

SMALL = {"volume_shape": (6, 32, 24), "num_visual_tokens": 8, "compressor_heads": 4}


@pytest.fixture
def snapshot(backbone_folders, tmp_path):
    shutil.copytree(backbone_folders.vision, tmp_path / "vision_model")
    shutil.copytree(backbone_folders.language, tmp_path / "language_model")
    torch.manual_seed(1)
    projector = torch.nn.Sequential(torch.nn.Linear(32, 48), torch.nn.GELU(), torch.nn.Linear(48, 48))
    torch.save({"vision_projector": projector.state_dict(), "vis_scale": 1.7}, tmp_path / "projector_vis_scale.pt")
    return tmp_path


def reference_visual_tokens(snapshot, volume):
    siglip = SiglipVisionModel.from_pretrained(snapshot / "vision_model")
    conv = siglip.embeddings.patch_embedding
    kernel = (conv.weight[:, :, None].repeat(1, 1, 2, 1, 1) / 2).mean(1, keepdim=True)
    x = functional.conv3d(volume, kernel, conv.bias, stride=(1, 8, 8), padding=(1, 0, 0))
    depth, rows, columns = x.shape[2:]
    x = x.flatten(2).transpose(1, 2)
    position = torch.zeros(depth, rows, columns, x.shape[-1])
    position += torch.linspace(-1, 1, depth)[:, None, None, None]
    position[..., 0] += torch.linspace(-1, 1, rows)[:, None]
    position[..., 1] += torch.linspace(-1, 1, columns)
    x = x + position.reshape(1, -1, x.shape[-1])
    x = siglip.post_layernorm(siglip.encoder(inputs_embeds=x).last_hidden_state)
    x = functional.adaptive_avg_pool1d(x.transpose(1, 2), 8).transpose(1, 2)
    saved = torch.load(snapshot / "projector_vis_scale.pt", weights_only=True)
    weights = saved["vision_projector"]
    x = functional.gelu(functional.linear(x, weights["0.weight"], weights["0.bias"]))
    return functional.linear(x, weights["2.weight"], weights["2.bias"]) * saved["vis_scale"]


def reference_logits(snapshot, whole, volume, tokenizer, prompt):
    """Visual tokens, then BOS and prompt, into the multimodal model as input embeddings."""
    ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer.encode(prompt)]])
    embeds = whole.get_input_embeddings()(ids)
    visual = reference_visual_tokens(snapshot, volume)
    return whole(inputs_embeds=torch.cat([visual, embeds], dim=1)).logits


@pytest.fixture
def volume():
    return torch.rand(1, 1, 6, 32, 24, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_logits_are_the_references(snapshot, volume):
    model, processor = load_published(snapshot, **SMALL)
    whole = Gemma3ForConditionalGeneration.from_pretrained(snapshot / "language_model").eval()
    expected = reference_logits(snapshot, whole, volume, processor.tokenizer, processor.prompt)
    torch.testing.assert_close(model(**processor(volume)).logits, expected, atol=1e-5, rtol=1e-4)
    assert model.config.patch_grid == (7, 4, 3)


@torch.inference_mode()
def test_once_saved_it_needs_the_snapshot_no_more(snapshot, volume, tmp_path_factory):
    model, processor = load_published(snapshot, **SMALL)
    expected = model(**processor(volume)).logits
    saved = tmp_path_factory.mktemp("saved")
    for part in (model, processor):
        part.save_pretrained(saved)
    shutil.rmtree(snapshot)
    assert [file for file in saved.rglob("*.json") if str(snapshot) in file.read_text()] == []
    again, reader = load_model(str(saved), torch.float32)
    torch.testing.assert_close(again(**reader(volume)).logits, expected, atol=1e-5, rtol=1e-4)


def test_lora_adapters_of_the_multimodal_model_are_put_on_the_text_tower(snapshot, volume):
    whole = Gemma3ForConditionalGeneration.from_pretrained(snapshot / "language_model").eval()
    adapted = get_peft_model(whole, LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    adapted.save_pretrained(snapshot / "lora_adapters")
    model, processor = load_published(snapshot, **SMALL)
    with torch.inference_mode():
        expected = reference_logits(snapshot, adapted.eval(), volume, processor.tokenizer, processor.prompt)
        torch.testing.assert_close(model(**processor(volume)).logits, expected, atol=1e-5, rtol=1e-4)


def test_a_folder_for_adapters_that_were_never_trained_holds_none(snapshot):
    (snapshot / "lora_adapters").mkdir()
    assert not load_published(snapshot, **SMALL)[0].has_lora


def test_lora_adapters_that_fit_nowhere_are_refused(snapshot):
    whole = Gemma3ForConditionalGeneration.from_pretrained(snapshot / "language_model").eval()
    get_peft_model(whole, LoraConfig(r=4, target_modules=["q_proj", "v_proj"])).save_pretrained(
        snapshot / "lora_adapters"
    )
    file = snapshot / "lora_adapters" / "adapter_model.safetensors"
    save_file({f"elsewhere.{name}": value for name, value in load_file(file).items()}, file)
    with pytest.raises(ModelError, match="weights of its LoRA are missing"):
        load_published(snapshot, **SMALL)


def test_an_incomplete_snapshot_is_one_clear_line(snapshot):
    (snapshot / "projector_vis_scale.pt").unlink()
    assert not is_published_snapshot(snapshot)
    with pytest.raises(ModelError, match="not a published BrainGemma3D snapshot"):
        load_published(snapshot)


@pytest.mark.parametrize("half", ["vision_model", "language_model"])
def test_a_truncated_half_is_one_clear_line(snapshot, half):
    weights = snapshot / half / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"can't be loaded .*download it again"):
        load_model(str(snapshot))


def test_a_projector_of_another_size_is_one_clear_line(snapshot):
    torch.save({"vision_projector": {}}, snapshot / "projector_vis_scale.pt")
    with pytest.raises(ModelError, match="does not fit"):
        load_published(snapshot, **SMALL)


def test_pickled_code_is_not_run(snapshot):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("code in a pickle was run",))

    torch.save({"vision_projector": Bomb()}, snapshot / "projector_vis_scale.pt")
    with pytest.raises(ModelError, match="refused"):
        load_published(snapshot, **SMALL)
