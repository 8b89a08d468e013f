"""Texts as the frozen language model sees them, for contrast with volumes."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import PartialState
from safetensors.torch import load_file, save_file
from torch import Tensor

from braingemma3d.files import new_file
from braingemma3d.model.backbones import load_language_model, load_tokenizer
from braingemma3d.model.loading import fast_dtype
from braingemma3d.pace import paced

logger = logging.getLogger(__name__)

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def sentences(report: str) -> list[str]:
    """The sentences of a report, with their full stops."""
    return [sentence for sentence in _SENTENCE_END.split(report.strip()) if sentence]


@torch.inference_mode()
def embed_sentences(texts: Sequence[str], language_source: str, batch: int = 64) -> Tensor:
    """Mean of the frozen language model's last hidden states over each text: (texts, text_dim) float32."""
    device = PartialState().device if torch.cuda.is_available() else torch.device("cpu")
    model = load_language_model(language_source, fast_dtype() if device.type == "cuda" else torch.float32).to(device)
    tokenizer = load_tokenizer(language_source)
    tokenizer.padding_side = "right"
    # Texts of one length together: padding would cost more than the texts.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    rows = torch.empty(len(texts), model.config.hidden_size)
    parts = [order[start : start + batch] for start in range(0, len(order), batch)]
    for chosen in paced(parts, len(parts), f"batches of {batch} texts embedded"):
        tokens = tokenizer([texts[i] for i in chosen], return_tensors="pt", padding=True)
        hidden = model.model(**tokens.to(device)).last_hidden_state.float().cpu()
        mask = tokens["attention_mask"][..., None].cpu()
        rows[chosen] = (hidden * mask).sum(1) / mask.sum(1)
    return rows


def embed_reports(reports: Sequence[str], language_source: str, cache: Path) -> Tensor:
    """Mean over each report's sentences, each embedded once however often it occurs: (reports, text_dim) float32.

    Args:
        reports: any number of texts.
        language_source: of the frozen language model.
        cache: folder in which embeddings are kept; the same reports are not embedded again, and by the first of
            several processes only.
    """
    digest = hashlib.sha256("\n".join([language_source, *reports]).encode()).hexdigest()
    known = cache / f"{digest[:16]}.safetensors"
    with PartialState().main_process_first():
        if not known.is_file():
            means = _embedded(reports, language_source)
            with new_file(known) as partial:
                save_file({"reports": means}, partial)
    return load_file(known)["reports"]


def _embedded(reports: Sequence[str], language_source: str) -> Tensor:
    split = [sentences(report) for report in reports]
    unique = sorted({sentence for report in split for sentence in report})
    place = {sentence: row for row, sentence in enumerate(unique)}
    logger.info("embedding %d texts with %d distinct sentences", len(reports), len(unique))
    embedded = embed_sentences(unique, language_source)
    return torch.stack([embedded[[place[sentence] for sentence in report]].mean(0) for report in split])
