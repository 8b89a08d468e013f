"""The pipeline, from a file to a report."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import phantom
from braingemma3d.errors import InputError
from braingemma3d.findings.extract import extract
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.report.pipeline import Pipeline, default_id


@pytest.fixture(scope="module")
def pipeline(tiny_checkpoint):
    return Pipeline.from_pretrained(str(tiny_checkpoint))


def test_a_report_says_what_it_rests_on(pipeline, brain_file):
    report = pipeline(brain_file)
    assert report.id == "scan"
    assert report.text
    assert report.findings == extract(report.text)
    assert report.warnings[0].code == "untrained_model"
    assert "already_stripped" in [w.code for w in report.warnings]
    assert report.input.orientation == "RAS"
    assert report.input.shape == (56, 68, 52)
    assert report.input.spacing_mm == pytest.approx((3, 3, 3))
    assert 1200 < report.input.brain_mask_ml < 1600
    assert len(report.model.sha256) == 64
    assert set(report.timing_s) == {"prepare", "encode", "write"}


def test_the_same_scan_gives_the_same_text(pipeline, brain_file):
    assert pipeline(brain_file).text == pipeline(load_scan(brain_file), "other").text


def test_the_scan_reaches_the_language_model(pipeline, brain_file, save_scan, monkeypatch):
    seen = []
    generate = pipeline.model.generate

    def watched(**inputs):
        seen.append(inputs["visual_tokens"])
        return generate(**inputs)

    monkeypatch.setattr(pipeline.model, "generate", watched)
    pipeline(brain_file)
    pipeline(save_scan(phantom.brain_image(lesion=False), "healthy.nii.gz"))
    assert not torch.equal(seen[0], seen[1])


def test_a_trained_model_is_not_called_untrained(pipeline, brain_file, monkeypatch):
    monkeypatch.setattr(pipeline.model.config, "trained_stage", "specialise")
    assert "untrained_model" not in [w.code for w in pipeline(brain_file).warnings]


def test_a_bad_scan_is_refused(pipeline, tmp_path):
    with pytest.raises(InputError):
        pipeline(tmp_path / "absent.nii.gz")


@pytest.mark.parametrize(
    ("name", "expected"), [("a.nii.gz", "a"), ("a.b.nii", "a.b"), ("x.nii.nii.gz", "x.nii"), ("a b\n(c).nii", "a_b_c_")]
)
def test_ids(name, expected):
    assert default_id(Path("/some/where") / name) == expected
