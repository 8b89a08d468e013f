"""Grounding: what the items hold, and that chunks change nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import small_models
from braingemma3d.model.backbones import load_tokenizer
from braingemma3d.training.config import Stage
from braingemma3d.training.features import CachedFeatures, cache_features
from braingemma3d.training.grids import RIGHT
from braingemma3d.training.grounding import Grounding, VolumeDataset, drawn_patches, in_turn
from braingemma3d.training.maps import mirrored_amounts
from braingemma3d.training.words import QUESTIONS, UNTOLD, WORDS

WEIGHTS = {"report": 1.0, "findings": 1.0, "words": 1.0, "lesion": 4.0, "anatomy": 1.0}


def stage(**changes):
    settings = {"name": "ground", "rates": {"encoder": 1e-3}, "weights": WEIGHTS}
    return Stage(**{**settings, "steps": 4, "batch": 4, **changes})


@pytest.fixture
def data(drawn_shards, backbone_folders, tmp_path):
    return VolumeDataset(drawn_shards, stage(), small_models.TINY, str(backbone_folders.language), tmp_path)


def batch_of(data, size=4):
    items = [data[i] for i in range(size)]
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}


def said(item):
    return {
        (question.field, WORDS[one])
        for question, one in zip(QUESTIONS, item["told"].tolist(), strict=True)
        if one != UNTOLD
    }


def item_of(data, case, flipped):
    return next(data[i] for i in range(16) if in_turn(i, 8, data.stage) == (case, flipped))


def test_every_case_comes_once_a_turn_and_mirrored_the_next(data):
    turns = [[in_turn(i, 8, data.stage) for i in range(start, start + 8)] for start in (0, 8, 16)]
    assert all(sorted(case for case, _ in turn) == list(range(8)) for turn in turns)
    assert {(case, not flipped) for case, flipped in turns[0]} == set(turns[1])
    assert [case for case, _ in turns[0]] != [case for case, _ in turns[2]]
    assert [case for case, _ in turns[0]] != [in_turn(i, 8, stage(seed=1))[0] for i in range(8)]


def test_a_mirrored_case_has_mirrored_pixels_maps_and_words(data):
    assert len(data) == 16
    straight, mirrored = item_of(data, 0, False), item_of(data, 0, True)
    assert ("side", "left") in said(straight)
    assert ("side", "right") in said(mirrored)
    assert said(straight) - said(mirrored) == {("side", "left")}
    assert straight["pixel_values"][..., 4:10].mean() > straight["pixel_values"][..., -10:-4].mean()
    assert mirrored["pixel_values"][..., 4:10].mean() < mirrored["pixel_values"][..., -10:-4].mean()
    assert not torch.equal(straight["report"], mirrored["report"])
    ill = mirrored["lesion"][..., 1:].sum((-2, -1)).reshape(-1, 4, 3).sum((0, 1))
    assert ill[2] > ill[0] == 0
    for item in (straight, mirrored):
        by_column = item["anatomy"].reshape(-1, 4, 3, *item["anatomy"].shape[1:]).sum((0, 1, 3))
        assert by_column[0, 1 : RIGHT + 1].sum() > by_column[0, RIGHT + 1 :].sum() == 0
        assert by_column[2, RIGHT + 1 :].sum() > by_column[2, 1 : RIGHT + 1].sum() == 0
    torch.testing.assert_close(mirrored["amounts"], mirrored_amounts(straight["amounts"]))
    assert not torch.equal(mirrored["amounts"], straight["amounts"])


def test_cached_patches_of_a_mirrored_case_are_those_of_its_mirror_image(drawn_shards, backbone_folders, tmp_path):
    encoder = small_models.tiny_model(backbone_folders).vision_encoder
    features = cache_features(encoder, drawn_shards, tmp_path / "features", flips=True)
    some, language = stage(weights={"findings": 1.0, "amounts": 1.0}), str(backbone_folders.language)
    data = VolumeDataset(drawn_shards, some, small_models.TINY, language, tmp_path, features)
    straight, mirrored = item_of(data, 0, False), item_of(data, 0, True)
    assert straight["patches"].equal(CachedFeatures(features)(0, False))
    assert mirrored["patches"].equal(CachedFeatures(features)(0, True))
    assert not mirrored["patches"].equal(straight["patches"])
    assert mirrored["amounts"].equal(mirrored_amounts(straight["amounts"]))
    assert not mirrored["amounts"].equal(straight["amounts"])
    assert ("side", "right") in said(mirrored)


def test_a_part_of_the_patches_shows_brain_and_has_its_own_maps(data, drawn_shards, backbone_folders, tmp_path):
    some = stage(keep=10, whole=0.25)
    part = VolumeDataset(drawn_shards, some, small_models.TINY, str(backbone_folders.language), tmp_path)
    item = part[0]
    assert len(set(item["kept"].tolist())) == 10
    assert torch.equal(item["lesion"], data[0]["lesion"][item["kept"]])
    assert torch.equal(item["anatomy"], data[0]["anatomy"][item["kept"]])
    seen = [part[i] for i in range(12)]
    for one in seen:
        ill = one["lesion"][..., 1:].sum() / one["lesion"].shape[1] * one["anatomy"].shape[1]
        assert one["amounts"][:-2].sum() == pytest.approx(ill.item(), abs=1e-4), "of what is kept"
    assert any(one["amounts"].sum() < data[i]["amounts"].sum() for i, one in enumerate(seen))
    assert "kept" in part[11], "the last step is the quarter that sees all"
    assert "kept" not in part[12]


def test_empty_patches_are_drawn_last():
    pixels = np.zeros((4, 32, 24), np.float32)
    pixels[1, 8:16, 8:16] = 1
    pixels[3, 0, 23] = 0.1
    rng = np.random.default_rng(0)
    assert drawn_patches(pixels, (2, 8, 8), 2, rng).tolist() == [4, 14]
    assert {4, 14} < set(drawn_patches(pixels, (2, 8, 8), 5, rng).tolist())


def test_the_encoder_sees_the_patches_that_are_kept(backbone_folders):
    encoder = small_models.tiny_model(backbone_folders).vision_encoder
    pixels = torch.rand(1, 1, *small_models.TINY.volume_shape)
    everything = torch.arange(small_models.TINY.num_patches)[None]
    with torch.no_grad():
        torch.testing.assert_close(encoder(pixels, everything), encoder(pixels))
        unseen = pixels.clone()
        unseen[:, :, 4:] = 0
        few = everything[:, :4]
        torch.testing.assert_close(encoder(unseen, few), encoder(pixels, few))
        assert not torch.allclose(encoder(unseen)[:, :4], encoder(pixels)[:, :4], atol=1e-3)


def test_items_are_the_same_every_time(data):
    assert all(torch.equal(data[3][key], data[3][key]) for key in data[3])


def test_reports_are_contrasted_around_their_mean(data):
    assert data.embedded.abs().max() > 0.01
    torch.testing.assert_close(data.embedded.mean(0), torch.zeros(data.embedded.shape[1]), atol=1e-5, rtol=0)


def test_without_flips_nothing_is_mirrored(drawn_shards, backbone_folders, tmp_path):
    plain = VolumeDataset(drawn_shards, stage(flips=False), small_models.TINY, str(backbone_folders.language), tmp_path)
    assert not any(("side", "right") in said(plain[i]) for i in range(16))


def learner(backbone_folders, **changes):
    torch.manual_seed(0)
    model = small_models.tiny_model(backbone_folders)
    return Grounding(model, stage(**changes), load_tokenizer(str(backbone_folders.language)))


def test_flattened_volumes_keep_their_maps_and_words(data, drawn_shards, backbone_folders, tmp_path, monkeypatch):
    monkeypatch.setattr("braingemma3d.training.grounding.jittered", lambda pixels, rng: pixels.astype(np.float32))
    flat = stage(flatten=1.0)
    others = VolumeDataset(drawn_shards, flat, small_models.TINY, str(backbone_folders.language), tmp_path)
    changed = 0
    for i in range(16):
        item, plain = others[i], data[i]
        changed += not torch.equal(item["pixel_values"], plain["pixel_values"])
        assert all(torch.equal(item[key], plain[key]) for key in item if key != "pixel_values")
    assert changed > 8


def test_chunks_give_the_same_loss_and_gradient(data, backbone_folders):
    batch = batch_of(data)
    grads = []
    for chunk in (None, 1):
        whole = learner(backbone_folders, chunk=chunk)
        loss = whole(**batch).loss
        loss.backward()
        grads.append((loss.detach(), whole.encoder.patch_embedding.weight.grad))
    torch.testing.assert_close(grads[0], grads[1])
    assert grads[0][1].abs().max() > 0


@pytest.mark.parametrize("compressor", ["perceiver", "average"])
def test_patches_from_the_cache_count_as_those_of_the_encoder(data, backbone_folders, compressor):
    model = small_models.tiny_model(backbone_folders, compressor=compressor)
    grounding = Grounding(model, stage(), load_tokenizer(str(backbone_folders.language)))
    batch = batch_of(data)
    with torch.no_grad():
        patches = grounding.encode(batch.pop("pixel_values")).bfloat16()
        of_cache, exact = (grounding.terms(**batch, patches=seen)["words"] for seen in (patches, patches.float()))
    assert of_cache == exact


def test_terms_go_down_together(data, backbone_folders):
    model = learner(backbone_folders)
    batch = batch_of(data)
    optimizer = torch.optim.AdamW([p for part in model.parts().values() for p in part], lr=2e-3)
    first = model.terms(**batch)
    for _ in range(40):
        optimizer.zero_grad()
        model(**batch).loss.backward()
        optimizer.step()
    last = model.terms(**batch)
    # Two cases of one report can't be told apart: the loss over whole reports has a floor.
    assert all(last[name] < 0.8 * first[name] for name in ("findings", "words", "lesion", "anatomy"))


def test_scans_without_maps_have_no_map_terms(data, backbone_folders):
    batch = {key: value for key, value in batch_of(data).items() if key not in ("lesion", "anatomy", "amounts")}
    assert set(learner(backbone_folders).terms(**batch)) == {"report", "findings", "words"}


def test_reports_are_embedded_only_where_they_are_contrasted(drawn_shards, backbone_folders, tmp_path, monkeypatch):
    monkeypatch.setattr("braingemma3d.training.grounding.embed_reports", None)
    some = stage(weights={"findings": 1.0, "amounts": 1.0})
    items = VolumeDataset(drawn_shards, some, small_models.TINY, str(backbone_folders.language), tmp_path)
    assert "report" not in learner(backbone_folders).terms(**batch_of(items))
