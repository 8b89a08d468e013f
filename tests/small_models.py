"""Small random models, saved by transformers in the key layouts of the published ones."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipModel,
    SiglipTextConfig,
)

from braingemma3d.model.backbones import load_language_model, load_tokenizer, load_vision_model
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor

TINY = BrainGemma3DConfig.of_size("tiny")


class BackboneFolders(NamedTuple):
    """Where the two tiny backbones lie."""

    vision: Path
    language: Path


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer with Gemma's special tokens at Gemma's ids: pad 0, eos 1, bos 2, unk 3, unused0 6."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "[multimodal]", "<unused0>"]
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TINY.text_config.vocab_size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    text = "The lesion is in the left frontal lobe with edema and necrosis, not on the right. Left, right, Right, left."
    backend.train_from_iterator([text], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    )


def save_backbones(folder: Path) -> BackboneFolders:
    """Save a SiglipModel (both towers, RGB) and a Gemma3ForConditionalGeneration (MedGemma's layout)."""
    torch.manual_seed(0)
    vision = TINY.vision_config.to_dict()
    text = SiglipTextConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4, vocab_size=64
    )
    SiglipModel(SiglipConfig(text_config=text.to_dict(), vision_config=vision)).save_pretrained(folder / "siglip")
    gemma = Gemma3Config(
        text_config=TINY.text_config.to_dict(),
        vision_config=vision,
        mm_tokens_per_image=4,
        image_token_index=5,
    )
    Gemma3ForConditionalGeneration(gemma).save_pretrained(folder / "gemma")
    tokenizer().save_pretrained(folder / "gemma")
    return BackboneFolders(folder / "siglip", folder / "gemma")


def tiny_model(folders: BackboneFolders, **changes: object) -> BrainGemma3DForConditionalGeneration:
    """An untrained tiny model around the saved backbones, through the loading code of the real ones."""
    config = BrainGemma3DConfig.of_size("tiny", **changes)
    return BrainGemma3DForConditionalGeneration.from_backbones(
        config, load_vision_model(folders.vision), load_language_model(folders.language)
    )


def save_tiny_checkpoint(folder: Path, folders: BackboneFolders, **changes: object) -> Path:
    """Save :func:`tiny_model` and its processor."""
    model = tiny_model(folders, **changes)
    model.save_pretrained(folder)
    BrainGemma3DProcessor.from_config(model.config, load_tokenizer(folders.language)).save_pretrained(folder)
    return folder
