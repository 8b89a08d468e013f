"""``braingemma3d report``, run in-process."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner

import phantom
from braingemma3d.cli.main import app
from braingemma3d.errors import ModelError
from braingemma3d.files import sha256
from braingemma3d.report import pipeline, writers
from braingemma3d.report.pipeline import Pipeline
from braingemma3d.report.report import Report
from braingemma3d.report.writers import as_text


@pytest.fixture
def run(tiny_checkpoint, tmp_path):
    def run(*arguments):
        options = ["--model", str(tiny_checkpoint), "-o", str(tmp_path / "out")]
        return CliRunner().invoke(app, ["report", *map(str, arguments), *options])

    return run


@pytest.fixture
def bad_file(tmp_path):
    path = tmp_path / "bad.nii"
    path.write_text("not an image")
    return path


def test_one_scan(run, brain_file, tmp_path):
    result = run(brain_file)
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "out" / "scan").iterdir()) == [
        "overview.png",
        "report.json",
        "report.txt",
    ]
    assert not (tmp_path / "out" / "summary.csv").exists()
    report = Report.model_validate_json((tmp_path / "out" / "scan" / "report.json").read_text())
    assert "untrained_model" in result.stdout
    assert as_text(report) in result.stdout


def test_json_on_stdout_is_nothing_but_json(run, brain_file):
    assert Report.model_validate(json.loads(run(brain_file, "--json").stdout)).id == "scan"


def test_a_bad_scan_is_one_line_on_stderr_and_exit_2(run, bad_file, tmp_path):
    result = run(bad_file)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("braingemma3d: error: ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_batch_keeps_what_succeeded_and_lists_what_failed(run, brain_file, bad_file, tmp_path):
    result = run(bad_file, brain_file, tmp_path / "absent.nii")
    assert result.exit_code == 1
    assert (tmp_path / "out" / "scan" / "report.json").is_file()
    rows = {row["id"]: row for row in csv.DictReader((tmp_path / "out" / "summary.csv").open())}
    assert {name: row["status"] for name, row in rows.items()} == {"bad": "failed", "scan": "ok", "absent": "failed"}
    assert "no such file" in rows["absent"]["error"]
    assert {name: row["code"] for name, row in rows.items()} == {
        "bad": "not_nifti",
        "scan": "",
        "absent": "missing_file",
    }
    assert "1 of 3 scans reported" in result.stdout


def test_a_batch_in_which_all_fail_is_exit_2(run, bad_file, tmp_path):
    assert run(bad_file, tmp_path / "absent.nii").exit_code == 2


def test_a_folder_with_several_scans_as_json(run, save_scan, tmp_path):
    for name in ("a", "b"):
        save_scan(phantom.brain_image(), f"scans/{name}.nii.gz")
    reports = json.loads(run(tmp_path / "scans", "--json").stdout)
    assert [report["id"] for report in reports] == ["a", "b"]


def test_a_folder_of_one_scan_is_a_batch(run, save_scan, tmp_path):
    save_scan(phantom.brain_image(), "scans/a.nii.gz")
    (found,) = json.loads(run(tmp_path / "scans", "--json").stdout)
    assert found["id"] == "a"
    assert found["timing_s"]["read"] > 0
    assert [row["id"] for row in csv.DictReader((tmp_path / "out" / "summary.csv").open())] == ["a"]


def test_what_a_batch_did_not_reach_keeps_its_report(run, save_scan, tmp_path, monkeypatch):
    a, _, c = (save_scan(phantom.brain_image(), f"scans/{name}.nii.gz") for name in "abc")
    assert run(a, c).exit_code == 0

    def gone(name):
        raise ModelError("the weights are gone")

    monkeypatch.setattr(Pipeline, "from_pretrained", gone)
    assert run(tmp_path / "scans", "--resume").exit_code == 2
    rows = {row["id"]: row for row in csv.DictReader((tmp_path / "out" / "summary.csv").open())}
    assert {name: row["status"] for name, row in rows.items()} == {"a": "ok", "b": "failed", "c": "ok"}
    assert rows["b"]["error"] == "not reached: the batch ended before"


def test_a_report_that_nobody_can_tell_is_replaced_with_a_word(run, save_scan):
    results = [run(save_scan(phantom.brain_image(), f"{name}/flair.nii.gz"), "--format", "txt") for name in "ab"]
    assert ["held another report" in result.stderr for result in results] == [False, True]


def test_chosen_formats(run, brain_file, tmp_path):
    assert run(brain_file, "--format", "txt").exit_code == 0
    assert [p.name for p in (tmp_path / "out" / "scan").iterdir()] == ["report.txt"]


def test_one_unforeseen_failure_does_not_cost_the_batch(run, save_scan, tmp_path, monkeypatch):
    for name in ("a", "b"):
        save_scan(phantom.brain_image(), f"scans/{name}.nii.gz")
    original = Pipeline.__call__

    def fails_at_a(self, volume, scan_id):
        if scan_id == "a":
            raise RuntimeError("no memory\nleft")
        return original(self, volume, scan_id)

    monkeypatch.setattr(Pipeline, "__call__", fails_at_a)
    result = run(tmp_path / "scans")
    assert result.exit_code == 1
    rows = {row["id"]: row for row in csv.DictReader((tmp_path / "out" / "summary.csv").open())}
    assert "RuntimeError: no memory left" in rows["a"]["error"]
    assert rows["a"]["code"] == "unforeseen"
    assert rows["b"]["status"] == "ok"


def test_a_report_beside_the_scan_does_not_touch_the_scan(run, save_scan):
    scan = save_scan(phantom.brain_image(), "out/case1/case1.nii.gz")
    result = run(scan)
    assert result.exit_code == 2
    assert "other things than a report" in result.stderr
    assert scan.is_file()


def test_an_unknown_format_is_named(run, brain_file):
    result = run(brain_file, "--format", "txt,docx")
    assert result.exit_code == 2
    assert "docx" in result.stderr


def test_an_output_that_is_no_folder_is_one_line(brain_file, tiny_checkpoint, tmp_path):
    (tmp_path / "out").write_text("a file")
    result = CliRunner().invoke(
        app, ["report", str(brain_file), "--model", str(tiny_checkpoint), "-o", str(tmp_path / "out")]
    )
    assert result.exit_code == 2
    assert "not a folder" in result.stderr
    below = CliRunner().invoke(
        app, ["report", str(brain_file), "--model", str(tiny_checkpoint), "-o", str(tmp_path / "out" / "deeper")]
    )
    assert below.exit_code == 2
    assert "not a folder" in below.stderr


def test_an_interrupted_batch_keeps_what_is_finished_and_goes_on(run, save_scan, tmp_path, monkeypatch):
    for name in ("a", "b"):
        save_scan(phantom.brain_image(), f"scans/{name}.nii.gz")
    original = Pipeline.__call__
    asked = []

    def interrupted_at_b(self, volume, scan_id):
        asked.append(scan_id)
        if asked == ["a", "b"]:
            raise KeyboardInterrupt
        return original(self, volume, scan_id)

    monkeypatch.setattr(Pipeline, "__call__", interrupted_at_b)
    first = run(tmp_path / "scans")
    assert first.exit_code == 130
    assert "interrupted" in first.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a", "summary.csv"]
    rows = list(csv.DictReader((tmp_path / "out" / "summary.csv").open()))
    assert [(row["id"], row["status"]) for row in rows] == [("a", "ok"), ("b", "failed")]
    second = run(tmp_path / "scans", "--resume")
    assert second.exit_code == 0, second.output
    assert asked == ["a", "b", "b"]
    rows = list(csv.DictReader((tmp_path / "out" / "summary.csv").open()))
    assert [row["status"] for row in rows] == ["ok", "ok"]


def test_another_model_does_not_pass_off_the_reports_of_the_first(run, brain_file, tiny_checkpoint, tmp_path):
    assert run(brain_file).exit_code == 0
    shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    options = ["--resume", "--json", "--model", str(tmp_path / "copy"), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["report", str(brain_file), *options])
    assert json.loads(result.stdout)["model"]["name"] == "copy"


def test_another_scan_of_the_same_name_is_reported_anew(run, save_scan, tmp_path):
    first = save_scan(phantom.brain_image(), "p1/flair.nii.gz")
    other = save_scan(phantom.brain_image(lesion=False), "p2/flair.nii.gz")
    results = [run(scan, "--resume", "--json") for scan in (first, other, other)]
    assert ["held another report" in result.stderr for result in results] == [False, True, False]
    texts = [result.stdout for result in results]
    hashes = [json.loads(text)["input"]["sha256"] for text in texts]
    assert hashes == [sha256(first), sha256(other), sha256(other)]
    assert texts[1] == texts[2], "the second time it is read, timings and all"


def test_resuming_where_an_earlier_report_cannot_be_read_costs_no_other_scan(run, save_scan, tmp_path, monkeypatch):
    for name in ("a", "b"):
        save_scan(phantom.brain_image(), f"scans/{name}.nii.gz")
    original = writers.read_report

    def damaged_at_a(folder, *rest):
        if folder.name == "a":
            raise OSError(errno.EIO, "Input/output error")
        return original(folder, *rest)

    monkeypatch.setattr(writers, "read_report", damaged_at_a)
    assert run(tmp_path / "scans", "--resume").exit_code == 1
    rows = list(csv.DictReader((tmp_path / "out" / "summary.csv").open()))
    assert [(row["id"], row["status"]) for row in rows] == [("a", "failed"), ("b", "ok")]


def test_a_name_that_is_not_utf8_is_in_the_summary(run, bad_file, tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in (b"M\xfcller.nii", b"b.nii"):
        (folder / os.fsdecode(name)).write_text("not an image")
    assert run(folder).exit_code == 2
    assert r"M\udcfcller" in (tmp_path / "out" / "summary.csv").read_text()


def test_resuming_needs_the_json(run, brain_file):
    result = run(brain_file, "--resume", "--format", "txt")
    assert result.exit_code == 2
    assert "add json to --format" in result.stderr


def test_what_a_killed_batch_left_half_written_is_removed(run, brain_file, tmp_path):
    half = tmp_path / "out" / ".other.partial-0123abcd"
    half.mkdir(parents=True)
    (half / "report.txt").write_text("half a report")
    for path in (half / "report.txt", half):
        os.utime(path, (0, 0))
    assert run(brain_file).exit_code == 0
    assert not half.exists()


def test_a_folder_that_would_be_lost_is_refused_before_any_work(run, brain_file, tmp_path, monkeypatch):
    (tmp_path / "out" / "scan").mkdir(parents=True)
    (tmp_path / "out" / "scan" / "notes.txt").touch()
    monkeypatch.setattr(Pipeline, "__call__", None)
    result = run(brain_file)
    assert result.exit_code == 2
    assert "notes.txt" in result.stderr


def test_an_empty_folder_does_not_cost_the_batch(run, brain_file, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty", brain_file)
    assert result.exit_code == 1
    assert "empty: a folder without NIfTI files" in result.stderr
    assert (tmp_path / "out" / "scan" / "report.json").is_file()


def test_a_full_disk_is_one_line(run, brain_file, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writers, "save_overview", full)
    result = run(brain_file)
    assert result.exit_code == 2
    assert "writing the results: no space left on the disk" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_model_that_fails_to_load_is_tried_once_and_no_scan_is_blamed(run, save_scan, tmp_path, monkeypatch):
    scans = [save_scan(phantom.brain_image(), f"{name}.nii.gz") for name in "ab"]
    tries = []

    def broken(name):
        tries.append(name)
        raise ImportError("no module\nbitsandbytes")

    monkeypatch.setattr(pipeline, "load_model", broken)
    result = run(*scans)
    assert (result.exit_code, len(tries)) == (2, 1)
    assert result.stderr.count("error:") == 1
    assert "no module bitsandbytes" in result.stderr


def test_a_scan_that_may_not_be_read_costs_no_other(run, save_scan, tmp_path, monkeypatch):
    scans = [save_scan(phantom.brain_image(), f"{name}.nii.gz") for name in ("locked", "open")]
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode, **how: "locked" not in str(path) and access(path, mode, **how))
    result = run(*scans)
    assert result.exit_code == 1, result.output
    assert "no permission to read this file" in result.stderr
    assert (tmp_path / "out" / "open" / "report.json").is_file()


def test_a_model_that_is_nowhere_ends_a_batch_at_once(brain_file, bad_file, tmp_path):
    arguments = ["report", str(brain_file), str(bad_file), "--model", "./nowhere", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr.rstrip().endswith("check the path")


def save_with(array, name):
    def make(tmp_path):
        path = tmp_path / name
        nib.save(nib.Nifti1Image(array.astype(np.float32), np.diag([3.0, 3, 3, 1])), path)
        return path

    return make


def with_nan():
    array = phantom.brain_array()
    array[10, 10, 10] = np.nan
    return array


def empty_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (save_with(np.ones((9, 9, 9, 4)), "series.nii.gz"), "4D"),
        (save_with(with_nan(), "nan.nii.gz"), "NaN"),
        (save_with(np.full((50, 60, 50), 3), "constant.nii.gz"), "every voxel is 3"),
        (save_with(phantom.brain_array()[..., 25:28], "localiser.nii.gz"), "only 3 slices"),
        (save_with(phantom.head_array() - 1024, "ct.nii.gz"), "CT"),
        (empty_folder, "no .nii or .nii.gz file"),
    ],
    ids=["4d", "nan", "constant", "localiser", "ct", "folder"],
)
def test_bad_input_through_the_command(run, make, says, tmp_path):
    result = run(make(tmp_path))
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
