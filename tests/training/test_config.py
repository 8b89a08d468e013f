"""Configurations: what is refused, and that the files in configs/ are sound."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from braingemma3d.errors import InputError
from braingemma3d.training.config import read_config

CONFIGS = Path(__file__).parents[2] / "configs"
GROUND = {"name": "ground", "rates": {"encoder": 1e-3}, "steps": 1, "batch": 2}

WRITING = {"name": "warmup", "rates": {"projector": 1e-3}}
SLICES = {"name": "pretrain", "weights": {"lesion": 1.0}}


def write(folder, **changes):
    folder.mkdir(exist_ok=True)
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump({"size": "tiny", "data": {"simulate": 2}, "stages": [GROUND], **changes}))
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_configurations_that_come_with_the_project_are_read(path):
    assert read_config(path).stages


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 1}, "contrastive batch of 1"),
        ({"rates": {"lora": 1e-3}}, "rates of ground"),
        ({"rates": {}}, "rates of ground"),
        ({"rates": {"encoder": -1.0}}, "must be positive"),
        ({"weights": {"captions": 1.0}}, "weights of ground"),
        ({"steps": 0}, "greater than or equal to 1"),
        ({"warmup": 1.0}, "less than 1"),
        ({"epochs": 3}, "no such field"),
        ({"rates": {"heads": 1e-3}, "weights": {"lesion": 1.0}}, r"maps \(lesion\) teach the encoder"),
        ({"rates": {"heads": 1e-3}, "keep": 5}, "keep and chunk are for stages that train the encoder"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"rates": {"encoder": float("nan")}}, "finite"),
        ({"whole": 0.5}, "without keep all volumes are whole"),
        ({"weights": {"amounts": 1.0}, "contrast": "sigmoid"}, "contrast is between volumes and whole reports"),
        ({"emphasis": 2.0}, "emphasis means nothing to ground"),
        (WRITING | {"weights": {"report": 0.5}}, "weights means nothing to warmup"),
        (WRITING | {"keep": 5}, "keep means nothing to warmup"),
        (SLICES | {"flips": False}, "flips means nothing to pretrain"),
        (SLICES | {"batch": 1}, "contrastive batch of 1"),
    ],
)
def test_wrong_settings_are_refused_with_their_name(tmp_path, change, message):
    with pytest.raises(InputError, match=message) as error:
        read_config(write(tmp_path, stages=[GROUND | change]))
    assert "stages.0" in str(error.value)


def test_pretraining_comes_first_and_curves_go_to_a_known_place(tmp_path):
    late = {"name": "pretrain", "rates": {"encoder": 1e-3}, "weights": {"lesion": 1.0}}
    with pytest.raises(InputError, match="name it first"):
        read_config(write(tmp_path, stages=[GROUND, late | {"steps": 1, "batch": 2}]))
    with pytest.raises(InputError, match=r"report_to\.0: .*'tensorboard'"):
        read_config(write(tmp_path, report_to=["tensorbord"]))


def test_a_base_gives_what_a_configuration_leaves_out():
    volumes, slices = (read_config(CONFIGS / name) for name in ("mini.yaml", "mini-slices.yaml"))
    assert slices.model == {"tubelet_depth": 1, "attention": "slice"}
    assert slices.model_copy(update={"model": {}}) == volumes


def test_data_has_one_source(tmp_path):
    with pytest.raises(InputError, match="either a manifest or a number"):
        read_config(write(tmp_path, data={}))
    with pytest.raises(InputError, match="either a manifest or a number"):
        read_config(write(tmp_path, data={"simulate": 2, "manifest": "m.jsonl"}))


def test_a_manifest_has_its_own_patients(tmp_path):
    with pytest.raises(InputError, match="seed and healthy are of simulated cases"):
        read_config(write(tmp_path, data={"manifest": "m.jsonl", "seed": 7}))


def test_maps_need_simulated_data(tmp_path):
    stage = GROUND | {"weights": {"report": 1.0, "lesion": 1.0}}
    with pytest.raises(InputError, match="learns from maps"):
        read_config(write(tmp_path, data={"manifest": "m.jsonl"}, stages=[stage]))


def test_two_stages_of_one_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="names of their own"):
        read_config(write(tmp_path, stages=[GROUND, GROUND]))


def test_a_manifest_lies_beside_its_configuration(tmp_path):
    config = read_config(write(tmp_path, data={"manifest": "cohort/manifest.jsonl"}))
    assert config.data.manifest == tmp_path / "cohort" / "manifest.jsonl"


def test_models_that_begin_with_a_dot_lie_beside_their_configuration(tmp_path):
    model = {"language_source": "../gemma", "vision_source": "org/siglip"}
    assert read_config(write(tmp_path / "configs", model=model)).model == {
        "language_source": str(tmp_path / "gemma"),
        "vision_source": "org/siglip",
    }
    nowhere = {"language_source": None}
    assert read_config(write(tmp_path / "configs", model=nowhere)).model == nowhere
    started = read_config(write(tmp_path / "configs", size=None, start="./run/align"))
    assert started.start == str(tmp_path / "configs" / "run" / "align")
    assert read_config(write(tmp_path / "configs", size=None, start="mini")).start == "mini"


def test_files_that_are_no_configuration(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_config(tmp_path / "missing.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("size: [")
    with pytest.raises(InputError, match="not a YAML file"):
        read_config(broken)
    circle = tmp_path / "circle.yaml"
    circle.write_text("base: circle.yaml")
    with pytest.raises(InputError, match="leads back to itself"):
        read_config(circle)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "mini"}, "either a size or a model to start from"),
        ({"size": None}, "either a size or a model to start from"),
        ({"size": None, "start": "mini", "model": {"lora_rank": 8}}, "leave model and pretrain out"),
    ],
)
def test_a_run_begins_with_a_size_or_with_a_trained_model(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        read_config(write(tmp_path, **changes))
