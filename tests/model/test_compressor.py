"""The compressors."""

from __future__ import annotations

import torch

import small_models
from braingemma3d.model.compressor import AverageCompressor, PerceiverCompressor


def test_every_patch_reaches_every_visual_token():
    torch.manual_seed(0)
    compressor = PerceiverCompressor(small_models.TINY)
    torch.nn.init.normal_(compressor.queries, std=0.02)
    patches = torch.randn(1, 48, 32, requires_grad=True)
    tokens = compressor(patches)
    assert tokens.shape == (1, 16, 32)
    (tokens[0, 3] ** 3).sum().backward()
    assert (patches.grad.abs().sum(dim=-1) > 0).all()


def test_visual_tokens_differ_from_each_other():
    torch.manual_seed(0)
    compressor = PerceiverCompressor(small_models.TINY)
    torch.nn.init.normal_(compressor.queries)
    tokens = compressor(torch.randn(1, 48, 32))[0]
    assert torch.cdist(tokens, tokens)[~torch.eye(16, dtype=torch.bool)].min() > 0.1


def test_average_takes_runs_of_patches():
    patches = torch.arange(48.0)[None, :, None].expand(1, 48, 32)
    torch.testing.assert_close(AverageCompressor(small_models.TINY)(patches)[0, :, 0], torch.arange(16.0) * 3 + 1)
