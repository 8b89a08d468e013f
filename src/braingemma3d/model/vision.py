"""The 3D vision encoder: a SigLIP tower with an inflated patch embedding and positions in three dimensions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import SiglipVisionModel
from transformers.models.siglip.modeling_siglip import SiglipEncoder

from braingemma3d.model.attention import VOLUME_BY_VOLUME
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.inflation import inflate_patch_embedding
from braingemma3d.model.stem import Stem, patch_embedding


class VisionEncoder3D(nn.Module):
    """SigLIP over a volume: every patch attends to every other, in all three dimensions; with ``attention="slice"``, to
    those of its slice."""

    def __init__(self, config: BrainGemma3DConfig) -> None:
        super().__init__()
        self.config = config
        width = config.vision_width
        levels, rows, columns = config.patch_grid
        self.patch_embedding = self._inflated(patch_embedding(config.vision_config))
        if config.positions != "coordinates":
            self.plane_positions = nn.Parameter(torch.zeros(rows * columns, width))
        if config.positions == "learned":
            # Zero, so that inflation changes nothing; one value per channel, because LayerNorm removes a shared one.
            self.depth_positions = nn.Parameter(torch.zeros(levels, width))
        if config.vision_config._attn_implementation in (None, "sdpa"):
            # Torch's own, but for its slow backward pass on a CPU; none would mean the slow one everywhere.
            config.vision_config._attn_implementation = VOLUME_BY_VOLUME
        self.encoder = SiglipEncoder(config.vision_config)
        self.post_layernorm = nn.LayerNorm(width, eps=config.vision_config.layer_norm_eps)

    def positions(self) -> Tensor:
        """(patches, vision_dim): what is added to each patch."""
        if self.config.positions == "coordinates":
            # Anew each time: transformers leaves a buffer that is in no checkpoint unset when it loads one.
            return coordinate_positions(self.config.patch_grid, self.config.vision_width).to(self.post_layernorm.weight)
        levels = self.config.patch_grid[0]
        if self.config.positions == "plane":
            return self.plane_positions.repeat(levels, 1)
        return (self.depth_positions[:, None] + self.plane_positions).flatten(0, 1)

    def forward(self, pixel_values: Tensor, kept: Tensor | None = None) -> Tensor:
        """Encode volumes.

        Args:
            pixel_values: (batch, 1, D, H, W) in [0, 1], with (D, H, W) as in the configuration.
            kept: (batch, kept patches) indices of the patches that go into the encoder; None: all. Training on a part
                of them costs a fraction (FLIP, Li et al., CVPR 2023).

        Returns:
            (batch, patches, vision_dim), levels first, then rows, then columns, or in the order of ``kept``.

        Raises:
            ValueError: another shape.
        """
        expected = (1, *self.config.volume_shape)
        if tuple(pixel_values.shape[1:]) != expected:
            raise ValueError(
                f"pixel_values must have shape (batch, {', '.join(map(str, expected))}), "
                f"not {tuple(pixel_values.shape)}"
            )
        pixels = (pixel_values - self.config.pixel_mean) / self.config.pixel_std
        if self.config.tubelet_depth == 1:
            pixels = pixels[:, :, :: self.config.tubelet_stride]
        patches = self.patch_embedding(pixels.to(self.patch_embedding.weight.dtype)).flatten(2).transpose(1, 2)
        patches = patches + self.positions().to(patches.dtype)
        if kept is not None:
            patches = patches.gather(1, kept[..., None].expand(-1, -1, patches.shape[-1]))
        if self.config.attention == "volume":
            hidden = self.encoder(inputs_embeds=patches).last_hidden_state
        elif kept is None:
            slices = patches.unflatten(1, (self.config.patch_grid[0], -1))
            hidden = self.encoder(inputs_embeds=slices.flatten(0, 1)).last_hidden_state.reshape(patches.shape)
        else:
            mask = self._within_slices(kept).to(patches.dtype)
            hidden = self.encoder(inputs_embeds=patches, attention_mask=mask).last_hidden_state
        return self.post_layernorm(hidden)

    def _within_slices(self, kept: Tensor) -> Tensor:
        """(batch, 1, kept, kept) that is added to the scores of attention: minus infinity between slices."""
        _, rows, columns = self.config.patch_grid
        level = kept // (rows * columns)
        apart = level[:, None, :, None] != level[:, None, None, :]
        return torch.zeros(apart.shape, device=kept.device).masked_fill(apart, -torch.inf)

    def _inflated(self, embedding: nn.Conv2d | Stem) -> nn.Conv3d | Stem:
        config = self.config
        return inflate_patch_embedding(
            embedding,
            config.tubelet_depth,
            # Slices are picked before: a kernel of one that strides over them crashes torch 2.13 in channels-last.
            config.tubelet_stride if config.tubelet_depth > 1 else 1,
            config.depth_padding,
            config.inflation,
            config.channel_fold,
        )

    @torch.no_grad()
    def load_2d(self, siglip: SiglipVisionModel) -> None:
        """Take over a pretrained 2D tower: inflate its patch embedding, interpolate its positions, copy the rest."""
        config = self.config
        embeddings = siglip.embeddings
        embedding = embeddings.patch_embedding
        if not isinstance(embedding, nn.Conv2d | Stem):
            raise TypeError(f"a patch embedding is a convolution or a stem, not {type(embedding).__name__}")
        self.patch_embedding.load_state_dict(self._inflated(embedding).state_dict())
        if config.positions != "coordinates":
            self.plane_positions.copy_(
                interpolate_plane(embeddings.position_embedding.weight, config.patch_grid[1], config.patch_grid[2])
            )
        if config.positions == "learned":
            self.depth_positions.zero_()
        self.encoder.load_state_dict(siglip.encoder.state_dict())
        self.post_layernorm.load_state_dict(siglip.post_layernorm.state_dict())


def interpolate_plane(positions: Tensor, rows: int, columns: int) -> Tensor:
    """Interpolate square 2D positions (side * side, dim) to (rows * columns, dim), as SigLIP itself does."""
    side = int(positions.shape[0] ** 0.5)
    grid = positions.T.reshape(1, -1, side, side).float()
    if (rows, columns) != (side, side):
        grid = functional.interpolate(grid, (rows, columns), mode="bicubic", align_corners=False)
    return grid.reshape(positions.shape[1], -1).T.to(positions.dtype)


def coordinate_positions(patch_grid: tuple[int, int, int], width: int) -> Tensor:
    """The reference code's positions (patches, width): the level in every channel, row and column in one each.

    Kept for interop and ablation only: LayerNorm removes what every channel shares, so the level is invisible.
    """
    levels, rows, columns = (torch.linspace(-1, 1, n) for n in patch_grid)
    positions = levels[:, None, None, None].expand(*patch_grid, width).clone()
    positions[..., 0] += rows[None, :, None]
    positions[..., 1] += columns[None, None, :]
    return positions.flatten(0, 2)
