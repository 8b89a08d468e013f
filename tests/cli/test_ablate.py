"""``braingemma3d ablate``, run in-process."""

from __future__ import annotations

from typer.testing import CliRunner

from braingemma3d.cli.main import app


def test_a_folder_without_a_run_is_refused_in_one_line(tmp_path):
    result = CliRunner().invoke(app, ["ablate", str(tmp_path), "--data", "manifest.jsonl", "-o", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "not the folder of a training run" in result.stderr
    assert "braingemma3d train" in result.stderr
