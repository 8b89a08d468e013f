"""``braingemma3d demo``: the bundled scan."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from typer.testing import CliRunner

from braingemma3d.cli.main import app
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.model.loading import load_model
from braingemma3d.report import pipeline

BUNDLED = Path(str(files("braingemma3d"))) / "assets" / "simulated_flair.nii.gz"


def test_the_bundled_scan_is_a_whole_flair_without_complaints():
    assert [w.code for w in load_scan(BUNDLED).warnings] == ["already_stripped"]


def test_the_demo_reports_on_it(tiny_checkpoint, tmp_path, monkeypatch):
    loaded = load_model(str(tiny_checkpoint))
    monkeypatch.setattr(pipeline, "load_model", lambda _: loaded)
    result = CliRunner().invoke(app, ["demo", "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "simulated_flair" / "report.json").is_file()
    assert "Report on simulated_flair" in result.stdout
