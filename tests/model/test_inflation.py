"""Inflation leaves the pretrained tower's view of a slice unchanged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from transformers import SiglipImageProcessor

import small_models
from braingemma3d.model.backbones import load_vision_model
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.inflation import inflate_conv, inflate_patch_embedding
from braingemma3d.model.loading import random_vision
from braingemma3d.model.stem import StemmedSiglip
from braingemma3d.model.vision import VisionEncoder3D


@pytest.fixture
def conv() -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(3, 16, 8, stride=8)


@pytest.mark.parametrize("mode", ["center", "mean"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_stack_of_equal_slices_is_seen_as_the_slice(conv, mode, depth):
    grey = torch.rand(2, 1, 24, 16)
    expected = conv(grey.expand(-1, 3, -1, -1))
    stack = grey[:, :, None].expand(-1, -1, 3 * depth, -1, -1)
    response = inflate_conv(conv, depth, depth, mode=mode)(stack)
    assert response.shape == (2, 16, 3, 3, 2)
    for level in range(3):
        torch.testing.assert_close(response[:, :, level], expected, atol=1e-5, rtol=1e-5)


def test_center_looks_at_the_middle_slice_only(conv):
    stack = torch.rand(1, 1, 3, 8, 8)
    inflated = inflate_conv(conv, 3, 3)
    other = stack.clone()
    other[:, :, [0, 2]] = 5.0
    torch.testing.assert_close(inflated(stack), inflated(other))


def test_channel_mean_is_a_third_of_the_response(conv):
    grey = torch.rand(1, 1, 2, 8, 8)
    summed = inflate_conv(conv, 2, 2)(grey) - conv.bias[:, None, None, None]
    averaged = inflate_conv(conv, 2, 2, channel_fold="mean")(grey) - conv.bias[:, None, None, None]
    torch.testing.assert_close(averaged * 3, summed)


@pytest.mark.parametrize("inflation", ["center", "mean"])
def test_the_inflated_tower_gives_the_2d_towers_tokens(backbone_folders, inflation):
    """Through the image processor of SigLIP on one side, and [0, 1] pixels on the other."""
    config = BrainGemma3DConfig.of_size("tiny", inflation=inflation, volume_shape=(8, 32, 32))
    siglip = load_vision_model(backbone_folders.vision)
    encoder = VisionEncoder3D(config).eval()
    encoder.load_2d(siglip)
    image = np.random.default_rng(0).integers(0, 256, (32, 32)).astype(np.uint8)
    rgb = SiglipImageProcessor(size={"height": 32, "width": 32}, do_resize=False)(
        np.repeat(image[..., None], 3, axis=2), return_tensors="pt"
    )["pixel_values"]
    volume = torch.from_numpy(image / np.float32(255))[None, None, None].expand(1, 1, 8, 32, 32)
    with torch.inference_mode():
        expected = siglip(rgb).last_hidden_state
        tokens = encoder(volume).unflatten(1, (4, 16))
    for level in range(4):
        torch.testing.assert_close(tokens[:, level], expected, atol=1e-5, rtol=1e-4)


def test_the_bias_and_type_are_kept():
    conv = nn.Conv2d(3, 4, 2, stride=2, bias=False, dtype=torch.bfloat16)
    inflated = inflate_conv(conv, 2, 1, padding=1)
    assert inflated.bias is None
    assert inflated.weight.dtype == torch.bfloat16
    assert inflated.stride == (1, 2, 2)
    assert inflated.padding == (1, 0, 0)


def test_sizes_match_the_tiny_backbone(backbone_folders):
    assert load_vision_model(backbone_folders.vision).config.hidden_size == small_models.TINY.vision_width


def test_on_another_plane_too_with_siglips_own_interpolation(backbone_folders):
    siglip = load_vision_model(backbone_folders.vision)
    encoder = VisionEncoder3D(BrainGemma3DConfig.of_size("tiny", volume_shape=(4, 48, 24))).eval()
    encoder.load_2d(siglip)
    grey = torch.rand(1, 1, 48, 24)
    with torch.inference_mode():
        expected = siglip((grey.expand(-1, 3, -1, -1) - 0.5) / 0.5, interpolate_pos_encoding=True).last_hidden_state
        tokens = encoder(grey[:, :, None].expand(-1, -1, 4, -1, -1)).unflatten(1, (2, 18))
    torch.testing.assert_close(tokens[:, 1], expected, atol=1e-5, rtol=1e-4)


@pytest.fixture
def stemmed() -> BrainGemma3DConfig:
    tower = BrainGemma3DConfig.of_size("tiny").vision_config.to_dict() | {"stem_channels": [4, 8], "num_channels": 1}
    return BrainGemma3DConfig.of_size("tiny", vision_config=tower, volume_shape=(8, 32, 32))


def test_a_tower_with_a_stem_gives_the_2d_towers_tokens_too(stemmed, tmp_path):
    """Saved and loaded in between, as the pretraining's tower is."""
    random_vision(stemmed).save_pretrained(tmp_path)
    siglip = load_vision_model(tmp_path)
    assert isinstance(siglip, StemmedSiglip)
    encoder = VisionEncoder3D(stemmed).eval()
    encoder.load_2d(siglip)
    grey = torch.rand(2, 1, 32, 32)
    with torch.inference_mode():
        expected = siglip((grey - 0.5) / 0.5).last_hidden_state
        tokens = encoder(grey[:, :, None].expand(-1, -1, 8, -1, -1)).unflatten(1, (4, 16))
    for level in range(4):
        torch.testing.assert_close(tokens[:, level], expected, atol=1e-5, rtol=1e-4)


def test_the_levels_of_a_stem_do_not_mix(stemmed):
    embedding = inflate_patch_embedding(random_vision(stemmed).embeddings.patch_embedding, 2, 2)
    stack = torch.rand(1, 1, 8, 32, 32)
    other = stack.clone()
    other[:, :, 4:] = 0
    torch.testing.assert_close(embedding(stack)[:, :, :2], embedding(other)[:, :, :2])
