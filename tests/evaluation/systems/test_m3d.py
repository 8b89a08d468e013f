"""M3D's interface, on a stand-in with code of its own."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import remote_code
from braingemma3d.errors import ModelError
from braingemma3d.evaluation.systems import m3d
from braingemma3d.evaluation.systems.m3d import M3D, pixels
from braingemma3d.imaging.preprocess import load_scan

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def scan(brain_file):
    return load_scan(brain_file)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "stand-in").mkdir()
    return remote_code.save_stand_in(tmp_path / "stand-in")


def test_the_model_s_own_code_sees_the_scan_as_a_viewer_shows_it(folder, scan):
    """The lesion is left, in front and high: on the right of the picture, in its first rows, in the later slices."""
    system = M3D(str(folder))
    assert system.write(["a", "b"], [scan, scan.mirrored()]) == ["picture-right front high", "picture-left front high"]


def test_what_the_model_is_called_with(folder, scan):
    system = M3D(str(folder))
    system.write(["a"], [scan])
    (call,) = system._loaded[0].calls
    images = call["images"]
    assert images.shape == (1, 1, 32, 256, 256)
    assert images.min() == 0
    assert 0.8 < images.max() <= 1
    ids = call["inputs"][0]
    assert (ids[:7] == remote_code.WORDS.index("<im_patch>")).all()
    assert (ids == remote_code.WORDS.index("<im_patch>")).sum() == 7
    assert len(ids) > 7, "the prompt follows"
    assert call["do_sample"] is False
    assert call["max_new_tokens"] == 256


def test_visual_tokens_are_256_where_the_model_does_not_say(tmp_path, scan):
    remote_code.save_stand_in(tmp_path, proj_out_num=None)
    system = M3D(str(tmp_path))
    system.write(["a"], [scan])
    ids = system._loaded[0].calls[0]["inputs"]
    assert (ids == remote_code.WORDS.index("<im_patch>")).sum() == 256


def test_pixels_are_the_brain_from_its_least_to_its_greatest_value(scan):
    found = pixels(scan, (16, 64, 48))
    assert (found.shape, found.dtype) == ((1, 16, 64, 48), np.float32)
    assert (found.min(), found.max() > 0.8, found.max() <= 1) == (0, True, True)
    np.testing.assert_allclose(pixels(scan.mirrored(), (16, 64, 48)), found[..., ::-1], atol=1e-5)
    filled = np.argwhere(found[0] > 0.1)
    assert (np.ptp(filled, axis=0) / (16, 64, 48) > 0.8).all(), "cropped to the brain"


def test_no_code_runs_before_a_scan_comes(folder, monkeypatch):
    def ran(*_, **__):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(m3d.AutoModelForCausalLM, "from_pretrained", ran)
    M3D(str(folder))


@pytest.mark.parametrize("revision", [None, "main", COMMIT[:12]])
def test_code_from_the_hub_runs_only_at_a_named_commit(revision):
    with pytest.raises(ModelError, match=r"name the commit, m3d=someone/model@COMMIT") as caught:
        M3D("someone/model", revision)
    assert caught.value.code == "remote_code"
    assert "\n" not in str(caught.value)


def test_the_default_is_pinned(monkeypatch):
    asked = []

    def nowhere(source, revision, code):
        asked.append((source, revision))
        raise ModelError("not here")

    monkeypatch.setattr(m3d, "local_snapshot", nowhere)
    for arguments in ((), ("someone/model", COMMIT), (M3D.default, COMMIT)):
        with pytest.raises(ModelError):
            M3D(*arguments)
    assert asked == [(M3D.default, M3D.commit), ("someone/model", COMMIT), (M3D.default, COMMIT)]


def test_of_the_hub_code_and_weights_of_one_commit_are_fetched(folder, monkeypatch):
    asked = []

    def fetched(source, revision, allow_patterns):
        asked.append((source, revision, {"*.py", "*.safetensors", "vision_tower.bin"} <= set(allow_patterns)))
        return str(folder)

    monkeypatch.setattr("braingemma3d.model.backbones.snapshot_download", fetched)
    assert M3D("someone/model", COMMIT).folder == folder
    assert asked == [("someone/model", COMMIT, True)]


def test_weights_that_are_not_there_are_one_line():
    with pytest.raises(ModelError) as caught:
        M3D()
    assert M3D.default in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_code_or_weights_is_refused_at_once(folder):
    settings = json.loads((folder / "config.json").read_text())
    settings.pop("auto_map")
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="no model code"):
        M3D(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"can't be loaded|no model code"):
        M3D(str(folder))
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        M3D(str(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_code_of_another_repository_is_refused(folder, name):
    settings = json.loads((folder / name).read_text())
    auto_map = settings.get("auto_map", {}) | {"AutoTokenizer": ["someone/else--tokenization.Words", None]}
    (folder / name).write_text(json.dumps(settings | {"auto_map": auto_map}))
    with pytest.raises(ModelError, match="names code of another repository"):
        M3D(str(folder))


def test_missing_weights_are_refused(tmp_path, scan):
    with pytest.raises(ModelError, match=r"1 weights are missing, such as head\.weight"):
        M3D(str(remote_code.save_stand_in(tmp_path, head=False))).write(["a"], [scan])


def test_code_for_other_versions_of_its_libraries_is_one_line(folder, scan):
    # Another configuration, because transformers remembers the model's class of each.
    with (folder / "configuration_stand_in.py").open("a") as file:
        file.write("# another\n")
    code = (folder / "modeling_stand_in.py").read_text()
    (folder / "modeling_stand_in.py").write_text(code.replace("import torch\n", "from transformers import Gone\n", 1))
    with pytest.raises(ModelError, match="can't be loaded \\(ImportError: cannot import name 'Gone'") as caught:
        M3D(str(folder)).write(["a"], [scan])
    assert "\n" not in str(caught.value)


def test_a_tokenizer_without_the_visual_token_is_refused(folder, scan):
    remote_code.save_words(folder, [word for word in remote_code.WORDS if word != "<im_patch>"])
    with pytest.raises(ModelError, match="its tokenizer has no <im_patch>"):
        M3D(str(folder)).write(["a"], [scan])


def test_weights_are_those_of_the_file(folder):
    model, _ = M3D(str(folder))._loaded
    assert torch.equal(model.model.vision_tower.weight.float(), torch.full((2, 2), 3.0))
