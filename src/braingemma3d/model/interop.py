"""Interop: published BrainGemma3D snapshots, read as the reference code reads them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig
from safetensors.torch import load_file

from braingemma3d.errors import ModelError
from braingemma3d.model.backbones import load_language_model, load_tokenizer, load_vision_model
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.modeling_braingemma3d import (
    LANGUAGE_FOLDER,
    LORA_FOLDER,
    BrainGemma3DForConditionalGeneration,
    load_lora,
)
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor

VISION_FOLDER = "vision_model"
PROJECTOR_FILE = "projector_vis_scale.pt"

REFERENCE_COMPONENTS: dict[str, Any] = {
    "inflation": "mean",
    "channel_fold": "mean",
    "pixel_mean": 0.0,
    "pixel_std": 1.0,
    "positions": "coordinates",
    "compressor": "average",
    "visual_placement": "before_bos",
}
"""The reference code's components, which differ from this package's; they go with any size and grid."""
REFERENCE_CHOICES: dict[str, Any] = {
    "volume_shape": (64, 128, 128),
    "tubelet_depth": 2,
    "tubelet_stride": 1,
    "depth_padding": 1,
    "num_visual_tokens": 32,
    **REFERENCE_COMPONENTS,
}
"""All choices of the reference code, its grid included."""


def is_published_snapshot(folder: Path) -> bool:
    """Whether a folder has the layout of a published BrainGemma3D snapshot."""
    return (folder / PROJECTOR_FILE).is_file() and (folder / VISION_FOLDER).is_dir()


def load_published(
    folder: Path, dtype: torch.dtype | str = "auto", **choices: Any
) -> tuple[BrainGemma3DForConditionalGeneration, BrainGemma3DProcessor]:
    """Load a snapshot: ``vision_model/``, ``language_model/``, ``projector_vis_scale.pt``, maybe ``lora_adapters/``.

    The reference does not save the inflated patch embedding, so it is inflated anew, as the reference does.

    Args:
        folder: the snapshot.
        dtype: of the weights.
        **choices: fields of the configuration that differ from :data:`REFERENCE_CHOICES`.

    Raises:
        ModelError: a part is missing or does not fit.
    """
    if not is_published_snapshot(folder):
        raise ModelError(
            f"{folder}: not a published BrainGemma3D snapshot ({VISION_FOLDER}/ or {PROJECTOR_FILE} is missing); "
            "download it again",
            "missing_model",
        )
    vision = load_vision_model(folder / VISION_FOLDER, dtype)
    language = load_language_model(folder / LANGUAGE_FOLDER, dtype)
    # Where they were loaded from is nobody else's business.
    of_vision, of_language = (part.config.to_dict() | {"_name_or_path": ""} for part in (vision, language))
    config = BrainGemma3DConfig(
        vision_config=of_vision,
        text_config=of_language,
        trained_stage="published",
        **{**REFERENCE_CHOICES, **choices},
    )
    model = BrainGemma3DForConditionalGeneration.from_backbones(config, vision, language).to(language.dtype)
    _load_projector(model, folder / PROJECTOR_FILE)
    # The reference makes the folder before it has adapters.
    if (folder / LORA_FOLDER / "adapter_config.json").is_file():
        _load_lora(model, folder / LORA_FOLDER)
    return model, BrainGemma3DProcessor.from_config(config, load_tokenizer(folder / LANGUAGE_FOLDER))


def _safe_load(file: Path) -> Any:
    if not file.is_file():
        raise ModelError(f"{file}: not there; give a folder that has it, or adapters as safetensors", "wrong_weights")
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError, OSError) as error:
        raise ModelError(
            f"{file}: refused, it holds more than tensors or is damaged; download it again", "wrong_weights"
        ) from error


@torch.no_grad()
def _load_projector(model: BrainGemma3DForConditionalGeneration, file: Path) -> None:
    saved = _safe_load(file)
    try:
        model.projector.layers.load_state_dict(saved["vision_projector"])
    except (KeyError, RuntimeError) as error:
        raise ModelError(
            f"{file}: its projector does not fit this model; download it again", "wrong_weights"
        ) from error
    if saved.get("vis_scale") is not None:
        model.projector.scale.fill_(float(saved["vis_scale"]))


def _load_lora(model: BrainGemma3DForConditionalGeneration, folder: Path) -> None:
    """The reference adapts the whole multimodal model; here only its text tower exists, under shorter names."""
    file = folder / "adapter_model.safetensors"
    state = load_file(file) if file.is_file() else _safe_load(folder / "adapter_model.bin")
    text = {
        key.removeprefix("base_model.model.").replace("language_model.", ""): value
        for key, value in state.items()
        if "vision_tower" not in key and "multi_modal_projector" not in key
    }
    text = {key if key.startswith("model.") else f"model.{key}": value for key, value in text.items()}
    adapter = PeftConfig.from_pretrained(folder)
    load_lora(model.attached_language(), folder, peft_config=adapter, adapter_state_dict=text)
