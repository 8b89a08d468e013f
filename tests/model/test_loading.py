"""From a name to a model."""

from __future__ import annotations

import pytest
import torch

from braingemma3d.errors import ModelError
from braingemma3d.model.loading import fast_dtype, load_model, random_vision, weights_sha256


def test_a_folder_is_loaded_with_its_processor(tiny_checkpoint):
    model, processor = load_model(str(tiny_checkpoint), dtype=torch.float32)
    assert processor.volume_shape == model.config.volume_shape
    assert not model.training
    assert model.dtype == torch.float32


def test_the_type_is_one_that_the_machine_has(tiny_checkpoint):
    assert load_model(str(tiny_checkpoint))[0].dtype == fast_dtype()


def test_a_model_that_is_nowhere_is_one_clear_line():
    with pytest.raises(ModelError, match="no such model folder"):
        load_model("./nowhere")


def test_medgemma_without_its_weights_says_what_to_do():
    with pytest.raises(ModelError, match="accept its licence"):
        load_model("medgemma")


def test_the_hash_covers_what_trains(tiny_checkpoint):
    model, _ = load_model(str(tiny_checkpoint))
    before = weights_sha256(model)
    assert before == weights_sha256(load_model(str(tiny_checkpoint))[0])
    with torch.no_grad():
        next(model.language_model.parameters()).add_(1)
    assert weights_sha256(model) == before
    with torch.no_grad():
        model.projector.scale.add_(1)
    assert weights_sha256(model) != before


def test_a_random_vision_tower_is_the_same_every_time(tiny_checkpoint):
    config = load_model(str(tiny_checkpoint))[0].config
    one, two = random_vision(config), random_vision(config)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
