"""Attention over the patches of a volume, for training on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

VOLUME_BY_VOLUME = "volume_by_volume"


def volume_by_volume(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it, one volume of the batch after the other where a gradient is wanted on a CPU.

    Torch's fused attention has a slow backward pass on CPUs, and all volumes' weights at once don't fit into its
    caches. Elsewhere this is torch's own.

    Args:
        module: that attends.
        query, key, value: (batch, heads, patches, head_dim).
        attention_mask: (batch, 1, patches, patches), added to the scores; None: nothing is.
        scaling: of the scores; head_dim to the power of -1/2 by default.
        **kwargs: for torch's own.

    Returns:
        (batch, patches, heads, head_dim), and no weights.
    """
    if query.device.type != "cpu" or not torch.is_grad_enabled():
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    query = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    masks = [None] * len(query) if attention_mask is None else attention_mask.split(1)
    volumes = zip(query.split(1), key.split(1), value.split(1), masks, strict=True)
    return torch.cat([_attended(*volume) for volume in volumes]).transpose(1, 2).contiguous(), None


def _attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    scores = query @ key.transpose(-1, -2)
    return (scores if mask is None else scores + mask).softmax(-1) @ value


ALL_ATTENTION_FUNCTIONS.register(VOLUME_BY_VOLUME, volume_by_volume)
