"""The language model in 4 bits, as MedGemma is loaded on a GPU."""

from __future__ import annotations

import pytest
import torch

from braingemma3d.errors import ModelError
from braingemma3d.model import loading
from braingemma3d.model.backbones import load_language_model
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.loading import four_bit
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor

MEDGEMMA = BrainGemma3DConfig.of_size("medgemma")


def in_four_bits(folder):
    model = BrainGemma3DForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, quantization_config=four_bit(MEDGEMMA)
    )
    for layer in four_bit_layers(model):
        # For a processor with AVX512-BF16 bitsandbytes packs weights anew, which it can't do with so narrow ones.
        layer.support_avx512bf16_for_cpu = False
    return model


def four_bit_layers(module):
    return [part for part in module.modules() if type(part).__name__ == "Linear4bit"]


def test_only_a_large_language_model_is_quantized(tiny_checkpoint):
    assert four_bit(BrainGemma3DConfig.of_size("mini")) is None
    model = in_four_bits(tiny_checkpoint)
    assert len(four_bit_layers(model.language_model)) == 7 * model.config.text_config.num_hidden_layers
    for part in (model.vision_encoder, model.compressor, model.projector):
        assert not four_bit_layers(part)


def test_medgemmas_layout_keeps_its_4_bits(backbone_folders):
    text = load_language_model(backbone_folders.language, torch.float32, four_bit(MEDGEMMA))
    assert text.is_loaded_in_4bit, "PEFT chooses its layers, and saving its format, by this"
    assert len(four_bit_layers(text)) == 7 * text.config.num_hidden_layers


def test_it_learns_by_lora_writes_and_is_saved(tiny_checkpoint, tmp_path):
    model = in_four_bits(tiny_checkpoint)
    processor = BrainGemma3DProcessor.from_pretrained(tiny_checkpoint)
    model.add_lora()
    volume = torch.rand(1, 1, *model.config.volume_shape, generator=torch.Generator().manual_seed(0))
    batch = processor(volume, reports=["A lesion lies in the left frontal lobe."])
    model(**batch).loss.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.lora_parameters())
    for parameter in model.lora_parameters():
        torch.nn.init.normal_(parameter.data, std=0.3)
    asked = processor(volume)
    written = model.eval().generate(**asked, max_new_tokens=12)
    assert written.shape[1] > asked["input_ids"].shape[1]
    model.save_pretrained(tmp_path)
    with torch.inference_mode():
        untrained, learned, reloaded = (
            m(**asked).logits for m in (in_four_bits(tiny_checkpoint), model, in_four_bits(tmp_path))
        )
    # Frozen adapters have the 4-bit layers' bfloat16.
    assert (reloaded - learned).abs().max() < 0.1 * (untrained - learned).abs().max()


def test_without_its_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(loading, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'braingemma3d\[quantized\]'"):
        four_bit(MEDGEMMA)
