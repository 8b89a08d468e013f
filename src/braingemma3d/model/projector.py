"""The projector: visual tokens into the language model's embedding space."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig


class Projector(nn.Module):
    """A two-layer MLP with GELU and a learned scale."""

    def __init__(self, config: BrainGemma3DConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(config.vision_width, config.text_width),
            nn.GELU(),
            nn.Linear(config.text_width, config.text_width),
        )
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, visual tokens, vision_dim) to (batch, visual tokens, text_dim)."""
        return self.layers(tokens) * self.scale
