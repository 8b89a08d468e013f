"""The feature cache: what it holds is what the encoder gives."""

from __future__ import annotations

import numpy as np
import torch

import small_models
from braingemma3d.training.features import cache_features
from braingemma3d.training.grids import open_shard


def test_cached_features_are_the_encoders_straight_and_mirrored(drawn_shards, backbone_folders, tmp_path):
    encoder = small_models.tiny_model(backbone_folders).vision_encoder
    paths = cache_features(encoder, drawn_shards, tmp_path / "features", flips=True)
    bits = np.load(paths[1])
    assert bits.shape == (4, 2, small_models.TINY.num_patches, small_models.TINY.vision_width)
    pixels = torch.from_numpy(open_shard(drawn_shards[1]).pixels[2].astype(np.float32) / 255)[None, None]
    with torch.inference_mode():
        for view, volume in enumerate((pixels, pixels.flip(-1))):
            expected = encoder(volume)[0].to(torch.bfloat16)
            torch.testing.assert_close(torch.from_numpy(bits[2, view]).view(torch.bfloat16), expected)


def test_another_encoder_has_another_cache_and_the_same_one_is_kept(drawn_shards, backbone_folders, tmp_path):
    encoder = small_models.tiny_model(backbone_folders).vision_encoder
    first = cache_features(encoder, drawn_shards, tmp_path, flips=False)
    written = first[0].stat().st_mtime_ns
    assert cache_features(encoder, drawn_shards, tmp_path, flips=False) == first
    assert first[0].stat().st_mtime_ns == written
    with torch.no_grad():
        encoder.depth_positions.add_(0.1)
    assert cache_features(encoder, drawn_shards, tmp_path, flips=False)[0] != first[0]


def test_a_share_of_the_cached_views_is_flattened(drawn_shards, backbone_folders, tmp_path):
    encoder = small_models.tiny_model(backbone_folders).vision_encoder
    plain, some, all_of_them = (
        np.concatenate([np.load(path) for path in cache_features(encoder, drawn_shards, tmp_path, True, share)])
        for share in (0.0, 0.5, 1.0)
    )
    changed = [(array != plain).any(axis=(2, 3)).mean() for array in (some, all_of_them)]
    assert 0 < changed[0] < changed[1]
    assert changed[1] > 0.7
