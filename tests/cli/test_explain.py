"""``braingemma3d explain``, run in-process."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import phantom
from braingemma3d.cli import explain as command
from braingemma3d.cli.explain import explain
from braingemma3d.cli.main import ErrorsInOneLine
from braingemma3d.report.pipeline import Pipeline

TEXT = "A mass is seen in the left frontal lobe. Moderate edema is seen around the lesion."
FILES = ["attribution.nii.gz", "explanation.html", "overlay.png", "scorecard.json"]


@pytest.fixture
def run(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(Pipeline, "write", lambda self, pixels: [TEXT] * len(pixels))
    app = typer.Typer(cls=ErrorsInOneLine, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    app.command()(explain)

    def run(*arguments):
        options = ["--model", str(tiny_checkpoint), "-o", str(tmp_path / "out"), "--samples", "20"]
        return CliRunner().invoke(app, ["explain", *map(str, arguments), *options, "--supervoxels", "12"])

    return run


@pytest.fixture
def segmentation(save_scan):
    (x, y, z), affine = phantom.coordinates()
    a, b, c = phantom.LESION_RAS_MM
    labels = ((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < 15**2).astype(np.uint8)
    return save_scan(nib.Nifti1Image(labels, affine), "seg.nii.gz")


def card_of(tmp_path):
    return json.loads((tmp_path / "out" / "scorecard.json").read_text())


def test_it_writes_the_four_files_and_says_whether_to_believe_them(run, brain_file, segmentation, tmp_path):
    result = run(brain_file, "--mask", segmentation, "--seed", "3")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == FILES
    card = card_of(tmp_path)
    assert card["seed"] == 3
    assert card["maps"][0]["name"] == "report"
    assert card["maps"][0]["localisation"]["positive_by_chance"] > 0
    assert TEXT in " ".join(result.stdout.split())
    codes = [warning["code"] for warning in card["warnings"]]
    assert "untrained_model" in codes
    assert all(f"Warning ({code})" in result.stdout for code in codes)
    assert "DO NOT USE" in result.stdout
    assert "has not been trained" in result.stdout


def test_about_one_finding(run, brain_file, tmp_path):
    result = run(brain_file, "--about", "side", "--method", "shap", "--baseline", "zero")
    assert result.exit_code == 0, result.output
    card = card_of(tmp_path)
    (one,) = card["maps"]
    assert one["counterfactual"] == "A mass is seen in the right frontal lobe."
    assert one["localisation"] is None
    assert card["method"] == "shap"
    assert card["baseline"].startswith("zero")


def refused(result, says):
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("braingemma3d: error: ") == 1
    assert "Traceback" not in result.output


def test_a_finding_that_the_report_does_not_have_is_one_line(run, brain_file, tmp_path):
    refused(run(brain_file, "--about", "necrosis"), "says nothing about it")
    assert not (tmp_path / "out").exists()


def test_bad_input_is_one_line(run, brain_file, segmentation, tmp_path):
    refused(run(tmp_path / "absent.nii.gz"), "no such file")
    refused(run(brain_file, "--mask", tmp_path / "absent.nii.gz"), "no such file")
    refused(run(segmentation), "a segmentation and not a scan")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other.txt").write_text("x")
    refused(run(brain_file), "other things than an explanation")


def test_a_missing_extra_is_named(run, brain_file, monkeypatch):
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None if name == "captum" else object())
    refused(run(brain_file), "braingemma3d[explain]")


def test_an_interruption_leaves_nothing(run, brain_file, tmp_path, monkeypatch):
    from braingemma3d.explain.score import ModelScorer

    original, asked = ModelScorer.__call__, []

    def interrupted(self, keep):
        asked.append(keep)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return original(self, keep)

    monkeypatch.setattr(ModelScorer, "__call__", interrupted)
    before = set(tmp_path.iterdir())
    result = run(brain_file)
    assert result.exit_code == 130
    assert "interrupted" in result.stderr
    assert set(tmp_path.iterdir()) == before
