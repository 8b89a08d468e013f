"""A stem: strided convolutions in place of SigLIP's one patch embedding, in the plane and inflated.

A small vision transformer learns faster from it (Xiao et al., NeurIPS 2021, https://arxiv.org/abs/2106.14881).
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import SiglipVisionConfig, SiglipVisionModel


class PlaneNorm(nn.GroupNorm):
    """Normalises every plane by itself over its channels, rows and columns, alone or within a volume."""

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (batch, channels, H, W) or (batch, channels, levels, H, W)."""
        if x.ndim == 4:
            return super().forward(x)
        planes = super().forward(x.transpose(1, 2).flatten(0, 1))
        return planes.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)


class Stem(nn.Sequential):
    """Convolutions of stride 2, each with a norm and GELU, and a patch embedding of what they give."""

    @property
    def weight(self) -> Tensor:
        """The first kernel; SigLIP asks its patch embedding for its type."""
        return self.get_parameter("0.weight")


class StemmedSiglip(SiglipVisionModel):
    """SigLIP's vision tower with a :class:`Stem`, of the ``stem_channels`` in its configuration."""

    def __init__(self, config: SiglipVisionConfig) -> None:
        super().__init__(config)
        self.embeddings.patch_embedding = patch_embedding(config)
        self.post_init()


def siglip_class(config: SiglipVisionConfig) -> type[SiglipVisionModel]:
    """The class of a tower with this configuration: transformers' own, but for one with a stem."""
    return StemmedSiglip if stem_channels(config) else SiglipVisionModel


def stem_channels(config: Any) -> list[int]:
    """Channels of the stem's convolutions; none for SigLIP as published."""
    return getattr(config, "stem_channels", None) or []


def patch_embedding(config: SiglipVisionConfig) -> nn.Conv2d | Stem:
    """From (batch, channels, H, W) to (batch, vision_dim, rows, columns)."""
    channels = stem_channels(config)
    layers: list[nn.Module] = []
    before = config.num_channels
    for width in channels:
        layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), PlaneNorm(width), nn.GELU()]
        before = width
    left = config.patch_size // 2 ** len(channels)
    last = nn.Conv2d(before, config.hidden_size, left, stride=left)
    return Stem(*layers, last) if layers else last
