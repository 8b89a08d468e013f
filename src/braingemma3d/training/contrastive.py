"""Contrastive objectives: images and texts in one space."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from braingemma3d.training.processes import gather

ContrastiveLoss = Literal["infonce", "sigmoid"]


def contrastive_loss(
    volumes: Tensor, texts: Tensor, scale: Tensor, bias: Tensor | None = None, kind: ContrastiveLoss = "infonce"
) -> Tensor:
    """Loss of a batch of matching pairs; the other texts of the batch, on all processes, are negatives.

    Texts that are the same are not each other's negatives: for ``sigmoid`` they are positives, InfoNCE leaves them out.

    Args:
        volumes: (batch, dim) embeddings; they are normalised here.
        texts: (batch, dim), the text of each volume.
        scale: factor of the cosine similarity, the inverse temperature.
        bias: added to it; for ``sigmoid`` only.
        kind: ``infonce``, symmetric (CLIP, Radford et al. 2021), or ``sigmoid`` (SigLIP, Zhai et al. 2023).

    Raises:
        ValueError: fewer than two pairs over all processes: one pair alone has no negative, its loss is 0 and teaches
            nothing.
    """
    volumes = gather(functional.normalize(volumes.float(), dim=-1))
    texts = gather(functional.normalize(texts.float(), dim=-1))
    if len(volumes) < 2:
        raise ValueError(f"a contrastive batch needs at least 2 pairs, not {len(volumes)}")
    # Under autocast the cosine would be in bfloat16, too coarse for texts that differ in a word.
    with torch.autocast(volumes.device.type, enabled=False):
        logits = volumes @ texts.T * scale
        # The text of another volume that says the same is right for this one, too.
        same = texts @ texts.T > 1 - 1e-5
    if kind == "sigmoid":
        match = 2 * same.float() - 1
        return -functional.logsigmoid(match * (logits + (0 if bias is None else bias))).sum(-1).mean()
    targets = torch.arange(len(logits), device=logits.device)
    logits = logits.masked_fill(same.fill_diagonal_(False), -torch.inf)
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)) / 2
