"""Pretraining on slices: what captions say, what maps mean, and that a batch can be learned."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import small_models
from braingemma3d.errors import InputError
from braingemma3d.training.grids import mirrored_anatomy
from braingemma3d.training.slices import (
    HEALTHY,
    SliceDataset,
    SliceFindings,
    SlicePretraining,
    caption,
    slice_findings,
)

FRONTAL, PARIETAL, RIGHT = 1, 2, 9


def maps(shape=(32, 24)) -> tuple[np.ndarray, np.ndarray]:
    """A healthy slice (H, W): parietal at the back, frontal in front."""
    anatomy = np.zeros(shape, np.uint8)
    anatomy[2:16, 2:-2] = PARIETAL
    anatomy[16:-2, 2:-2] = FRONTAL
    anatomy[2:-2, 12:-2] += RIGHT
    return np.zeros(shape, np.uint8), anatomy


@pytest.fixture
def shards(tmp_path):
    """Two shards of four cases; half of the cases have a left frontal lesion, with edema, bright in the pixels."""
    for name in ("000000", "000004"):
        folder = tmp_path / name
        folder.mkdir()
        lesion, anatomy = (np.broadcast_to(m, (4, 8, 32, 24)).copy() for m in maps())
        lesion[::2, 2:6, 20:26, 4:10] = 3
        lesion[::2, 2:6, 26:28, 4:10] = 2
        pixels = np.where(anatomy > 0, 100, 0) + 40 * lesion
        for key, array in {"pixels": pixels, "lesion": lesion, "anatomy": anatomy}.items():
            np.save(folder / f"{key}.npy", array.astype(np.uint8))
        (folder / "records.json").write_text(json.dumps([{}] * 4))
    return sorted(tmp_path.iterdir())


def test_a_slice_without_a_lesion_is_healthy():
    assert slice_findings(*maps()) == HEALTHY
    assert "without a lesion" in caption(HEALTHY)


def test_a_left_lesion_is_read_with_its_lobe_and_parts():
    lesion, anatomy = maps()
    lesion[20:26, 4:10] = 3
    lesion[22:25, 6:9] = 1
    found = slice_findings(lesion, anatomy)
    assert found == SliceFindings("left", ("frontal",), edema=False, necrosis=True)
    assert "frontal lesion on the left side, without edema and with necrosis" in caption(found)


def test_the_mirrored_slice_has_the_mirrored_findings():
    lesion, anatomy = maps()
    lesion[10:22, 4:10] = 3
    lesion[22:26, 4:10] = 2
    found = slice_findings(lesion, anatomy)
    assert found.lobes == ("frontal", "parietal")
    assert slice_findings(lesion[:, ::-1], mirrored_anatomy(anatomy)) == found.mirrored()


def test_a_lesion_across_the_middle_has_no_single_side():
    lesion, anatomy = maps()
    lesion[20:26, 6:18] = 3
    assert slice_findings(lesion, anatomy).side == "both sides"
    assert "on both sides" in caption(slice_findings(lesion, anatomy))


def test_items_are_the_same_every_time_and_captions_follow_flips(shards):
    one, two = (SliceDataset(shards, 8, 60, seed=0) for _ in range(2))
    sides = set()
    for index in range(60):
        a, b = one[index], two[index]
        assert all(torch.equal(a[key], b[key]) for key in a)
        columns = a["anatomy"].reshape(4, 3, *a["anatomy"].shape[1:]).sum((0, 2))
        assert columns[0, RIGHT + 1 :].sum() == columns[2, 1 : RIGHT + 1].sum() == 0
        text = one.captions[a["caption_ids"]]
        ill = a["lesion"][..., 1:].sum((-2, -1)).reshape(4, 3)
        if ill.sum():
            side = "left" if (ill.sum(0) * torch.tensor([-1.0, 0.0, 1.0])).sum() < 0 else "right"
            sides.add(side)
            assert f"on the {side} side" in text
        else:
            assert "without a lesion" in text
    assert sides == {"left", "right"}


def test_cases_without_a_single_lesion_are_refused(shards):
    for shard in shards:
        np.save(shard / "lesion.npy", np.zeros_like(np.load(shard / "lesion.npy")))
    with pytest.raises(InputError, match="with and without a lesion"):
        SliceDataset(shards, 8, 60, seed=0)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SlicePretraining(small_models.TINY, torch.randn(40, 16), {"captions": 0.1, "lesion": 4.0, "anatomy": 1.0})


def test_captions_are_told_apart_around_their_mean(model):
    captions = torch.randn(5, 16, generator=torch.Generator().manual_seed(0))
    near, far = (SlicePretraining(small_models.TINY, captions + shift, model.weights).captions for shift in (0, 7))
    torch.testing.assert_close(near, far, atol=1e-5, rtol=1e-4)


def test_pixels_are_normalised_as_the_3d_encoder_does(model, shards):
    seen = []
    model.vision.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    data = SliceDataset(shards, 8, 16, seed=0)
    item = {key: torch.stack([data[0][key], data[1][key]]) for key in data[0]}
    for value in (0.0, 1.0):
        model.terms(**item | {"pixel_values": torch.full_like(item["pixel_values"], value)})
    config = small_models.TINY
    expected = [(value - config.pixel_mean) / config.pixel_std for value in (0.0, 1.0)]
    assert [pixels.unique().tolist() for pixels in seen] == [pytest.approx([value]) for value in expected]


def test_the_map_of_lesions_can_be_learned(model, shards):
    data = SliceDataset(shards, 8, 16, seed=0)
    batch = {key: torch.stack([data[i][key] for i in range(16)]) for key in data[0]}
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        out = model(**batch)
        out.loss.backward()
        optimizer.step()
        losses.append((out.lesion.item(), out.captions.item()))
    assert losses[-1][0] < 0.5 * losses[0][0]
    assert losses[-1][1] < losses[0][1]
