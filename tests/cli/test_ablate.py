"""``braingemma3d ablate``, run in-process."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from braingemma3d.cli.main import app
from braingemma3d.evaluation import ablation
from braingemma3d.training.config import TrainingConfig
from braingemma3d.training.patients import key

STAGE = {"name": "ground", "rates": {"compressor": 1e-3}, "steps": 1, "batch": 2}
CASE = {"id": "a", "image": "a.nii.gz", "source": "site", "report": "A lesion lies in the left frontal lobe."}


@pytest.fixture
def ablate(tmp_path):
    """``ablate`` of a run that has learned from the patient p."""

    def line(name, **fields):
        (tmp_path / name).write_text(json.dumps(CASE | fields) + "\n")

    def ablate(patient):
        line("train.jsonl", patient="p")
        line("test.jsonl", patient=patient)
        data = {"manifest": tmp_path / "train.jsonl"}
        config = TrainingConfig.model_validate({"size": "tiny", "data": data, "stages": [STAGE]})
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / "run.json").write_text(config.model_dump_json())
        told = [tmp_path / "run", "--data", tmp_path / "test.jsonl", "-o", tmp_path / "out", "--steps", 7]
        return CliRunner().invoke(app, ["ablate", *map(str, told)])

    return ablate


def test_a_folder_without_a_run_is_refused_in_one_line(tmp_path):
    result = CliRunner().invoke(app, ["ablate", str(tmp_path), "--data", "manifest.jsonl", "-o", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "not the folder of a training run" in result.stderr
    assert "braingemma3d train" in result.stderr


def test_rows_that_failed_are_named_with_exit_1(ablate, tmp_path, monkeypatch):
    given = []
    failed = SimpleNamespace(failed=["components/no-stage-1/2"])
    monkeypatch.setattr(ablation, "ablate", lambda *args: given.append(args) or failed)
    result = ablate("q")
    assert result.exit_code == 1, result.output
    assert result.stdout == f"Written to {tmp_path / 'out' / 'ABLATION.md'}; failed: components/no-stage-1/2\n"
    ((run, config, cases, references, out, steps, command, _, left_out, manifest),) = given
    assert (run, out, steps, left_out) == (tmp_path / "run", tmp_path / "out", 7, 0)
    assert (config.size, [case.id for case in cases], references[0].findings.side) == ("tiny", ["a"], "left")
    assert [case.id for case in manifest] == ["a"]
    assert command.endswith("--steps 7")


def test_patients_that_the_run_has_learned_from_are_refused(ablate):
    result = ablate("p")
    assert result.exit_code == 2
    assert "learned from" in result.stderr


def test_what_a_stage_has_learned_from_is_known_whatever_becomes_of_the_manifest(ablate, tmp_path):
    stage = tmp_path / "run" / "ground"
    stage.mkdir(parents=True)
    (stage / "training.json").write_text(json.dumps({"patients": [key("site", "q")]}))
    result = ablate("q")
    assert result.exit_code == 2
    assert "learned from" in result.stderr
