"""``braingemma3d demo``: the bundled scan."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from braingemma3d.cli import demo, explain
from braingemma3d.cli.main import app
from braingemma3d.findings.compare import scores
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.model.gemma_package import package_installed
from braingemma3d.model.loading import load_model
from braingemma3d.report import pipeline
from braingemma3d.simulate.case import draw_case

BUNDLED = Path(str(files("braingemma3d"))) / "assets" / "simulated_flair.nii.gz"
EDEMA = "There is mild edema."


def test_the_bundled_scan_is_a_whole_flair_without_complaints():
    assert [w.code for w in load_scan(BUNDLED).warnings] == ["already_stripped"]


@pytest.mark.skipif(not package_installed(), reason="pip install 'braingemma3d[mini]'")
def test_what_the_packaged_model_says_of_it_is_true():
    case = draw_case(20261, 54, healthy=0)
    volume = load_scan(BUNDLED)
    # The scan was drawn by an earlier version of the cohort, which painted the edema's rim otherwise.
    assert np.corrcoef(volume.array.ravel(), case.image.ravel())[0, 1] > 0.99, "the bundled scan is this patient's"
    report = pipeline.Pipeline.from_pretrained()(volume)
    assert set(scores(report.findings, case.findings).values()) == {1.0}, report.text


@pytest.fixture
def run(tiny_checkpoint, tmp_path, monkeypatch):
    loaded = load_model(str(tiny_checkpoint))
    monkeypatch.setattr(pipeline, "load_model", lambda _: loaded)
    monkeypatch.setattr(pipeline.Pipeline, "write", lambda self, pixels: [f"A mass is seen. {EDEMA}"])
    monkeypatch.setattr(demo, "SAMPLES", 20)
    return lambda: CliRunner().invoke(app, ["demo", "-o", str(tmp_path)])


def test_the_demo_reports_on_it_and_explains_its_edema(run, tmp_path):
    result = run()
    assert result.exit_code == 0, result.output
    assert (tmp_path / "simulated_flair" / "report.json").is_file()
    assert "Report on simulated_flair" in result.stdout
    (card,) = json.loads((tmp_path / "explanation" / "scorecard.json").read_text())["maps"]
    assert card["written"] == EDEMA
    assert card["name"] == "edema"
    assert "Verdict on the map (edema)" in result.stdout
    assert run().exit_code == 0


def test_without_the_extra_the_demo_reports_and_says_what_is_missing(run, tmp_path, monkeypatch):
    monkeypatch.setattr(explain, "missing_package", lambda: "captum")
    result = run()
    assert result.exit_code == 0, result.output
    assert (tmp_path / "simulated_flair" / "report.json").is_file()
    assert not (tmp_path / "explanation").exists()
    assert "braingemma3d[explain]" in result.stdout
