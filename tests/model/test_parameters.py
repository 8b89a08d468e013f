"""The parameter table."""

from __future__ import annotations

import pytest

import small_models
from braingemma3d.model.parameters import parameter_table


def test_the_table_counts_what_a_built_model_has(backbone_folders):
    model = small_models.tiny_model(backbone_folders)
    model.add_lora()
    assert sum(parameter_table("tiny").values()) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("size", "vision", "language"), [("mini", 2.33e6, 268e6), ("medgemma", 412e6, 3.88e9)])
def test_the_sizes_are_those_of_the_published_backbones(size, vision, language):
    table = parameter_table(size)
    assert table["vision encoder"] == pytest.approx(vision, rel=0.05)
    assert table["language model"] == pytest.approx(language, rel=0.01)
    assert 0 < table["LoRA"] < 0.01 * table["language model"]
