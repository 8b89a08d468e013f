"""What Med3DVLM has of its own, on the stand-in of M3D's interface."""

from __future__ import annotations

import pytest
import torch

import remote_code
from braingemma3d.errors import ModelError
from braingemma3d.evaluation.systems.med3dvlm import Med3DVLM
from braingemma3d.imaging.preprocess import load_scan


@pytest.fixture
def scan(brain_file):
    return load_scan(brain_file)


def test_its_volumes_are_of_its_own_size(tmp_path, scan):
    system = Med3DVLM(str(remote_code.save_stand_in(tmp_path)))
    assert system.write(["a"], [scan]) == ["picture-right front high"]
    images = system._loaded[0].calls[0]["images"]
    assert images.shape == (1, 1, 128, 256, 256)
    assert images.min() == 0
    assert 0.8 < images.max() <= 1


def test_the_vision_tower_is_loaded_from_the_file_beside_the_model(tmp_path):
    model, _ = Med3DVLM(str(remote_code.save_stand_in(tmp_path, vision_tower=True)))._loaded
    assert torch.equal(model.model.vision_tower.weight.float(), torch.full((2, 2), 3.0))
    assert torch.equal(model.model.vision_tower.bias.float(), torch.full((2,), 4.0))


def test_a_vision_tower_that_is_nowhere_is_missed(tmp_path, scan):
    system = Med3DVLM(str(remote_code.save_stand_in(tmp_path, vision_tower=True)))
    (tmp_path / "vision_tower.bin").unlink()
    with pytest.raises(ModelError, match="2 weights are missing"):
        system.write(["a"], [scan])


def test_a_pickle_that_would_run_code_is_refused(tmp_path, scan):
    system = Med3DVLM(str(remote_code.save_stand_in(tmp_path, vision_tower=True)))
    torch.save({"weight": Surprise()}, tmp_path / "vision_tower.bin")
    with pytest.raises(ModelError, match="more than bare tensors"):
        system.write(["a"], [scan])
    assert not Surprise.sprung


class Surprise:
    """Runs when it is unpickled."""

    sprung = False

    def __reduce__(self):
        return _spring, ()


def _spring():
    Surprise.sprung = True


def test_its_repository_needs_a_commit():
    with pytest.raises(ModelError, match=r"med3dvlm=MagicXin/Med3DVLM-Qwen-2\.5-7B@COMMIT"):
        Med3DVLM()
