"""``braingemma3d train``, run in-process; the stages themselves are tested in tests/training."""

from __future__ import annotations

import pytest
import yaml
from typer.testing import CliRunner

from braingemma3d.cli.main import app
from braingemma3d.training.run import Run


def run(*arguments):
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


@pytest.fixture
def config(tmp_path, backbone_folders):
    ground = {"name": "ground", "rates": {"encoder": 1e-3}, "steps": 1, "batch": 2}
    settings = {"size": "tiny", "model": {"language_source": str(backbone_folders.language)}, "stages": [ground]}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(settings | {"data": {"simulate": 2}}))
    return path


@pytest.fixture
def stages(monkeypatch):
    """What would be trained."""
    asked = []
    monkeypatch.setattr(Run, "go", lambda self, stage: asked.append(stage) or self.out / (stage or "ground"))
    return asked


def test_the_whole_run_or_one_stage(config, stages, tmp_path):
    assert run(config, "-o", tmp_path / "run").exit_code == 0
    result = run(config, "-o", tmp_path / "run", "--stage", "ground")
    assert result.exit_code == 0
    assert stages == [None, "ground"]
    assert str(tmp_path / "run" / "ground") in result.stdout


def test_a_folder_with_a_run_asks_for_resume(config, stages, tmp_path):
    run(config, "-o", tmp_path / "run")
    assert run(config, "-o", tmp_path / "run").exit_code == 0, "nothing was trained yet, so nothing can be mixed up"
    (tmp_path / "run" / "ground").mkdir()
    again = run(config, "-o", tmp_path / "run")
    assert again.exit_code == 2
    assert "--resume" in again.stderr
    assert run(config, "-o", tmp_path / "run", "--resume").exit_code == 0
    assert stages == [None] * 3


def test_a_wrong_configuration_is_one_line(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("size: tiny\nstages: []\ndata: {simulate: 2}\n")
    result = run(path, "-o", tmp_path / "run")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "stages" in result.stderr


def test_an_unknown_size_is_one_line(config, tmp_path):
    config.write_text(config.read_text().replace("tiny", "huge"))
    result = run(config, "-o", tmp_path / "run")
    assert result.exit_code == 2
    assert "huge" in result.stderr
