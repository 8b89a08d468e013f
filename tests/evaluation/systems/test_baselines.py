"""Baselines by name."""

from __future__ import annotations

import pytest

import remote_code
import small_models
from braingemma3d.errors import InputError, ModelError
from braingemma3d.evaluation.systems import baselines as module
from braingemma3d.evaluation.systems.baselines import BASELINES, baselines
from braingemma3d.imaging.preprocess import load_scan


@pytest.fixture
def asked(monkeypatch):
    """What the baselines are built from."""
    calls = []

    def builder(name):
        def build(*arguments):
            calls.append((name, *arguments))
            return name

        return build

    monkeypatch.setattr(module, "BASELINES", {name: builder(name) for name in BASELINES})
    return calls


@pytest.mark.parametrize("wanted", ["", " ", ","])
def test_none_by_default(wanted):
    assert baselines(wanted) == []


def test_by_name_folder_and_hub_id(asked, tmp_path, monkeypatch):
    (tmp_path / "a@b").mkdir()
    monkeypatch.chdir(tmp_path)
    assert baselines("medgemma-2d, m3d=/some/folder,med3dvlm=who/what@abc ") == ["medgemma-2d", "m3d", "med3dvlm"]
    assert baselines("m3d=a@b,medgemma-2d=who/what") == ["m3d", "medgemma-2d"]
    assert asked == [
        ("medgemma-2d",),
        ("m3d", "/some/folder"),
        ("med3dvlm", "who/what", "abc"),
        ("m3d", "a@b"),
        ("medgemma-2d", "who/what"),
    ]


def test_an_unknown_one_is_named_with_the_choice(asked):
    with pytest.raises(InputError, match="no system 'gpt'; choose from medgemma-2d, med3dvlm, m3d, slices"):
        baselines("m3d,gpt=x")


def test_one_that_is_named_twice_is_refused(asked):
    with pytest.raises(InputError, match="'m3d' is named twice"):
        baselines("m3d,m3d=x")


def test_the_real_ones_are_baselines_with_their_names(tmp_path):
    (system,) = baselines(f"m3d={remote_code.save_stand_in(tmp_path)}")
    assert (system.name, system.kind) == ("m3d", "baseline")
    assert {kind.name: kind.kind for kind in BASELINES.values()} == dict.fromkeys(BASELINES, "baseline")


@pytest.mark.parametrize("name", list(BASELINES))
def test_weights_that_are_not_there_are_one_line(name):
    with pytest.raises(ModelError) as caught:
        baselines(name)
    assert "\n" not in str(caught.value)


def test_a_model_on_slices_is_told_from_one_on_volumes(tiny_checkpoint, backbone_folders, tmp_path, brain_file):
    with pytest.raises(ModelError, match="not a model on slices"):
        baselines(f"slices={tiny_checkpoint}")
    (system,) = baselines(f"slices={small_models.save_tiny_checkpoint(tmp_path, backbone_folders, attention='slice')}")
    assert system.write(["a"], [load_scan(brain_file)])
