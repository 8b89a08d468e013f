"""The compressor: all patches of a volume into a few visual tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig


class PerceiverLayer(nn.Module):
    """One layer of a Perceiver resampler (Alayrac et al. 2022): the queries attend to patches and to each other."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(width)
        self.patch_norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, queries: Tensor, patches: Tensor) -> Tensor:
        """(batch, tokens, dim) queries and (batch, patches, dim) patches to (batch, tokens, dim)."""
        normed = self.query_norm(queries)
        context = torch.cat([self.patch_norm(patches), normed], dim=1)
        queries = queries + self.attention(normed, context, context, need_weights=False)[0]
        return queries + self.mlp(self.mlp_norm(queries))


class PerceiverCompressor(nn.Module):
    """Learned queries that read every patch of the volume."""

    def __init__(self, config: BrainGemma3DConfig) -> None:
        super().__init__()
        width = config.vision_width
        self.queries = nn.Parameter(torch.empty(config.num_visual_tokens, width))
        self.layers = nn.ModuleList(
            PerceiverLayer(width, config.compressor_heads) for _ in range(config.compressor_layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, patches: Tensor) -> Tensor:
        """(batch, patches, vision_dim) to (batch, visual tokens, vision_dim)."""
        queries = self.queries.expand(patches.shape[0], -1, -1)
        for layer in self.layers:
            queries = layer(queries, patches)
        return self.norm(queries)


class AverageCompressor(nn.Module):
    """The reference code's: an average over runs of the flattened patches. For interop and ablation."""

    def __init__(self, config: BrainGemma3DConfig) -> None:
        super().__init__()
        self.num_tokens = config.num_visual_tokens

    def forward(self, patches: Tensor) -> Tensor:
        """(batch, patches, vision_dim) to (batch, visual tokens, vision_dim)."""
        return functional.adaptive_avg_pool1d(patches.transpose(1, 2), self.num_tokens).transpose(1, 2)
