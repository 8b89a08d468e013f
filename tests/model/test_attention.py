"""Attention volume by volume: torch's own numbers."""

from __future__ import annotations

import pytest
import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from braingemma3d.model.attention import VOLUME_BY_VOLUME, volume_by_volume
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.vision import VisionEncoder3D


@pytest.mark.parametrize("scaling", [None, 0.3])
@pytest.mark.parametrize("masked", [False, True])
def test_values_and_gradients_are_those_of_torch(scaling, masked):
    torch.manual_seed(0)
    inputs = torch.randn(3, 2, 4, 10, 8)
    mask = torch.zeros(2, 1, 10, 10).masked_fill(torch.rand(2, 1, 10, 10) < 0.4, -torch.inf) if masked else None
    found = []
    for attend in (volume_by_volume, sdpa_attention_forward):
        query, key, value = (x.clone().requires_grad_() for x in inputs)
        module = torch.nn.Module()
        module.is_causal = False
        out, _ = attend(module, query, key, value, mask, scaling=scaling)
        out.square().sum().backward()
        found.append([out, query.grad, key.grad, value.grad])
    for ours, torchs in zip(*found, strict=True):
        torch.testing.assert_close(ours, torchs)


def test_the_encoder_uses_it():
    config = BrainGemma3DConfig.of_size("tiny")
    encoder = VisionEncoder3D(config)
    assert {layer.self_attn.config._attn_implementation for layer in encoder.encoder.layers} == {VOLUME_BY_VOLUME}
