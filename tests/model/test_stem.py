from __future__ import annotations

import torch
from torch import nn
from transformers import SiglipVisionConfig, SiglipVisionModel

from braingemma3d.model.stem import PlaneNorm, StemmedSiglip, patch_embedding, siglip_class

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
SMALL |= {"image_size": 32, "patch_size": 8, "num_channels": 1}


def test_a_plane_of_a_volume_is_normalised_as_if_it_were_alone() -> None:
    norm = PlaneNorm(6)
    nn.init.normal_(norm.weight)
    volume = torch.randn(2, 6, 3, 8, 10) * torch.tensor([1.0, 5.0, 20.0])[:, None, None]
    together = norm(volume)
    for level in range(3):
        torch.testing.assert_close(together[:, :, level], norm(volume[:, :, level]))


def test_a_stem_gives_as_many_patches_as_siglips_own_embedding() -> None:
    pixels = torch.randn(1, 1, 32, 24)
    plain, stemmed = (patch_embedding(SiglipVisionConfig(**SMALL, **more)) for more in ({}, {"stem_channels": [4, 8]}))
    assert isinstance(plain, nn.Conv2d)
    assert plain(pixels).shape == stemmed(pixels).shape == (1, 16, 4, 3)
    assert stemmed.weight.shape == (4, 1, 3, 3)


def test_only_a_configuration_with_channels_has_a_stem(tmp_path) -> None:
    assert siglip_class(SiglipVisionConfig(**SMALL)) is SiglipVisionModel
    config = SiglipVisionConfig(**SMALL, stem_channels=[4, 8])
    assert siglip_class(config) is StemmedSiglip
    tower = StemmedSiglip(config)
    tower.save_pretrained(tmp_path)
    again = StemmedSiglip.from_pretrained(tmp_path)
    pixels = torch.randn(1, 1, 32, 32)
    torch.testing.assert_close(again(pixels).last_hidden_state, tower(pixels).last_hidden_state)
