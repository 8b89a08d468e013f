"""From a model's name to a model and its processor."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import SiglipVisionModel

from braingemma3d.errors import ModelError
from braingemma3d.model.backbones import (
    checkpoint_config,
    load_language_model,
    load_tokenizer,
    load_vision_model,
    local_snapshot,
    readable,
)
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.interop import is_published_snapshot, load_published
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor
from braingemma3d.model.stem import siglip_class

SIZES = ("mini", "medgemma")
"""Names that mean no folder, even where there is one; ``./mini`` does."""


def load_model(
    name: str = "mini", dtype: torch.dtype | None = None
) -> tuple[BrainGemma3DForConditionalGeneration, BrainGemma3DProcessor]:
    """Load a model by name.

    Args:
        name: ``mini`` or ``medgemma``, a checkpoint folder, or a hub id. A named size without trained weights in the
            package is built untrained around its pretrained backbones.
        dtype: of the weights; the fastest that the machine has by default.

    Returns:
        The model in evaluation mode, on the GPU if there is one, and its processor.

    Raises:
        InputError: a backbone or checkpoint can't be had.
    """
    dtype = dtype or fast_dtype()
    if folder := trained_folder(name):
        model, processor = _load_checkpoint(folder, dtype)
    else:
        config = BrainGemma3DConfig.of_size(name)
        source = str(config.language_source)
        language = load_language_model(source, dtype, **placement(config, _device()))
        vision = load_vision_model(config.vision_source, dtype) if config.vision_source else random_vision(config)
        model = BrainGemma3DForConditionalGeneration.from_backbones(config, vision, language)
        processor = BrainGemma3DProcessor.from_config(config, load_tokenizer(source))
    place_visual(model, _device(), dtype)
    return model, processor


def place_visual(model: BrainGemma3DForConditionalGeneration, device: torch.device | str, dtype: torch.dtype) -> None:
    """Move all but the language model, in the layout in which convolutions over volumes take a third of the time on a
    CPU."""
    # torch's own declaration of ``to`` does not know of layouts.
    parts: tuple[Any, ...] = (model.vision_encoder, model.compressor, model.projector)
    for part in parts:
        part.to(device=device, dtype=dtype, memory_format=torch.channels_last_3d)


def trained_folder(name: str) -> Path | None:
    """Where the trained weights of a model lie; None for a named size of which this package has none.

    Raises:
        ModelError: neither a named size, nor a folder, nor on the hub.
    """
    if name not in SIZES:
        return local_snapshot(name)
    return packaged_weights(name) if packaged_weights(name).is_dir() else None


def trained_config(folder: Path) -> BrainGemma3DConfig:
    """The configuration of a checkpoint.

    Raises:
        ModelError: there is none, or it is of another model.
    """
    config = checkpoint_config(folder)
    if not isinstance(config, BrainGemma3DConfig):
        raise ModelError(f"{folder}: a {config.model_type} model, not BrainGemma3D; give another folder or hub id")
    return config


def _load_checkpoint(
    folder: Path, dtype: torch.dtype
) -> tuple[BrainGemma3DForConditionalGeneration, BrainGemma3DProcessor]:
    with readable(folder):
        if is_published_snapshot(folder):
            model, processor = load_published(folder, dtype)
            return model.to(_device()), processor
        config = trained_config(folder)
        processor = BrainGemma3DProcessor.from_pretrained(folder)
        model = BrainGemma3DForConditionalGeneration.from_pretrained(
            folder, dtype=dtype, **placement(config, _device())
        )
    return model, processor


def _device() -> str:
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def placement(config: BrainGemma3DConfig, device: torch.device | str) -> dict[str, Any]:
    """Where a model goes and how its language model is quantized, for ``from_pretrained``: NF4 if large, on a GPU."""
    if not torch.cuda.is_available():
        return {}
    return {"device_map": {"": device}, "quantization_config": four_bit(config)}


def packaged_weights(size: str) -> Path:
    """The folder of a size's trained weights in this package; it may not exist."""
    return Path(str(files("braingemma3d"))) / "weights" / size


def random_vision(config: BrainGemma3DConfig, seed: int = 0) -> SiglipVisionModel:
    """A 2D vision tower at its random start, for sizes that have no pretrained one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return siglip_class(config.vision_config)(config.vision_config).eval()


def fast_dtype() -> torch.dtype:
    """bfloat16 where the processor multiplies it in hardware, else float32."""
    if torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return torch.float32


def four_bit(config: BrainGemma3DConfig) -> Any:
    """NF4 quantization for a large language model, None for one that fits as it is."""
    if config.text_width < 2048:
        return None
    from transformers import BitsAndBytesConfig

    if find_spec("bitsandbytes") is None:
        raise ModelError("a language model of this size is loaded in 4 bits; pip install 'braingemma3d[quantized]'")
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def weights_sha256(model: BrainGemma3DForConditionalGeneration) -> str:
    """SHA-256 over names and values of everything that trains: all but the frozen language model's own weights."""
    state = model.state_dict()
    return state_sha256({n: v for n, v in state.items() if not n.startswith("language_model.") or "lora_" in n})


def state_sha256(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over names and values, in the type they have, whatever their order."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
