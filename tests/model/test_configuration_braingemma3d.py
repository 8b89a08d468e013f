"""The configuration: sizes that fit, wrong values refused by name."""

from __future__ import annotations

import pytest

from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig


@pytest.mark.parametrize(("size", "grid"), [("tiny", (4, 4, 3)), ("mini", (16, 12, 10)), ("medgemma", (32, 9, 9))])
def test_patch_grids(size, grid):
    config = BrainGemma3DConfig.of_size(size)
    assert config.patch_grid == grid
    assert config.num_patches == grid[0] * grid[1] * grid[2]


def test_tubelets_halve_the_references_levels():
    reference = BrainGemma3DConfig.of_size("medgemma", tubelet_stride=1, depth_padding=1)
    assert reference.patch_grid[0] == 65
    assert BrainGemma3DConfig.of_size("medgemma").patch_grid[0] == 32


@pytest.mark.parametrize(
    ("changes", "offending"),
    [
        ({"tubelet_depth": 0}, "tubelet_depth must be at least 1, not 0"),
        ({"compressor_heads": 5}, "compressor_heads 5"),
        ({"compressor_heads": 0}, "compressor_heads must be at least 1, not 0"),
        ({"depth_padding": -1}, "depth_padding must not be negative"),
        ({"tubelet_depth": 1, "depth_padding": 1}, "or as deep as tubelet_depth, but is 1"),
        ({"report_tokens": []}, "report_tokens must be some"),
        ({"report_tokens": [1, 99999]}, "has none number 99999"),
        ({"visual_token_id": -1}, "has none number -1"),
        ({"volume_shape": (8, 4, 24)}, r"\(8, 4, 24\)"),
        ({"pixel_std": 0.0}, "pixel_std"),
        ({"report_tokens": [1, 5, 3]}, "3 after 5"),
        ({"inflation": "median"}, "median"),
        ({"vision_config": {"patch_size": 8, "stem_channels": [4, 8, 16, 32]}}, "a patch of 8 pixels can't be halved"),
    ],
)
def test_a_wrong_value_is_refused_with_the_value(changes, offending):
    with pytest.raises(Exception, match=offending):
        BrainGemma3DConfig.of_size("tiny", **changes)


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="no model size 'giant'"):
        BrainGemma3DConfig.of_size("giant")


def test_saved_and_loaded_it_is_the_same(tmp_path):
    config = BrainGemma3DConfig.of_size("mini", trained_stage="ground")
    config.save_pretrained(tmp_path)
    loaded = BrainGemma3DConfig.from_pretrained(tmp_path)
    assert loaded.to_dict() == config.to_dict()
    assert loaded.volume_shape == (64, 96, 80)
    assert loaded.text_config.hidden_size == 640
