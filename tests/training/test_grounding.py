"""Grounding: what the items hold, and that chunks change nothing."""

from __future__ import annotations

import pytest
import torch

import small_models
from braingemma3d.training.config import Stage
from braingemma3d.training.grounding import Grounding, VolumeDataset
from braingemma3d.training.texts import statements

WEIGHTS = {"report": 1.0, "statements": 1.0, "lesion": 4.0, "anatomy": 1.0}
PATCH = small_models.TINY.patch_shape


def stage(**changes):
    settings = {"name": "ground", "objective": "contrast", "rates": {"encoder": 1e-3}, "weights": WEIGHTS}
    return Stage(**{**settings, "steps": 4, "batch": 4, **changes})


@pytest.fixture
def data(drawn_shards, backbone_folders):
    return VolumeDataset(drawn_shards, stage(), PATCH, str(backbone_folders.language))


def batch_of(data, size=4):
    items = [data[i] for i in range(size)]
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}


def said(item):
    return {s for (_, _, s), one in zip(statements(), item["holds"].tolist(), strict=True) if one}


def test_every_case_is_seen_both_ways_and_its_words_with_it(data):
    assert len(data) == 16
    straight, mirrored = data[0], data[8]
    assert "The lesion is on the left side." in said(straight)
    assert "The lesion is on the right side." in said(mirrored)
    assert said(straight) - said(mirrored) == {"The lesion is on the left side."}
    assert straight["pixel_values"][..., 4:10].mean() > straight["pixel_values"][..., -10:-4].mean()
    assert mirrored["pixel_values"][..., 4:10].mean() < mirrored["pixel_values"][..., -10:-4].mean()
    assert not torch.equal(straight["report"], mirrored["report"])
    ill = mirrored["lesion"][..., 1:].sum((-2, -1)).reshape(-1, 4, 3).sum((0, 1))
    assert ill[2] > ill[0] == 0


def test_items_are_the_same_every_time(data):
    assert all(torch.equal(data[3][key], data[3][key]) for key in data[3])


def test_without_flips_nothing_is_mirrored(drawn_shards, backbone_folders):
    plain = VolumeDataset(drawn_shards, stage(flips=False), PATCH, str(backbone_folders.language))
    assert said(plain[0]) == said(plain[8])


def learner(backbone_folders, **changes):
    torch.manual_seed(0)
    model = small_models.tiny_model(backbone_folders)
    return Grounding(model, stage(**changes), str(backbone_folders.language))


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
    assert all(last[name] < 0.8 * first[name] for name in ("statements", "lesion", "anatomy"))


def test_scans_without_maps_have_no_map_terms(data, backbone_folders):
    batch = {key: value for key, value in batch_of(data).items() if key not in ("lesion", "anatomy")}
    assert set(learner(backbone_folders).terms(**batch)) == {"report", "statements"}
