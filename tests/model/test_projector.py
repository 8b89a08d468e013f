"""The projector."""

from __future__ import annotations

import torch

import small_models
from braingemma3d.model.projector import Projector


def test_the_scale_multiplies_the_tokens():
    torch.manual_seed(0)
    projector = Projector(small_models.TINY)
    tokens = torch.randn(2, 8, 32)
    before = projector(tokens)
    assert before.shape == (2, 8, 48)
    with torch.no_grad():
        projector.scale.fill_(3.0)
    torch.testing.assert_close(projector(tokens), 3 * before)
