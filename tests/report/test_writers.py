"""What is written of a report."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from braingemma3d.errors import InputError
from braingemma3d.files import sha256
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.report import writers
from braingemma3d.report.writers import Outcome, as_text, read_report, write_report, write_summary
from sample_report import TEXT, make_report


def test_all_files_are_written(brain_file, tmp_path):
    write_report(make_report(), load_scan(brain_file), tmp_path / "out" / "scan")
    written = tmp_path / "out" / "scan"
    assert sorted(p.name for p in written.iterdir()) == ["overview.png", "report.json", "report.txt"]
    assert json.loads((written / "report.json").read_text())["text"] == TEXT
    assert (written / "overview.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_with_other_things_is_not_replaced(brain_file, tmp_path):
    """A case's folder in BraTS's layout has the name of the scan in it."""
    folder = tmp_path / "BraTS001"
    folder.mkdir()
    (folder / "BraTS001.nii.gz").write_text("the scan")
    with pytest.raises(InputError, match=r"holds other things than a report \(BraTS001\.nii\.gz\)"):
        write_report(make_report(), load_scan(brain_file), folder)
    assert [p.name for p in folder.iterdir()] == ["BraTS001.nii.gz"]


def test_an_earlier_report_is_replaced_and_read_back(brain_file, tmp_path):
    volume = load_scan(brain_file)
    report = make_report(scan_sha256=sha256(brain_file))
    write_report(make_report("No lesion."), volume, tmp_path / "scan")
    write_report(report, volume, tmp_path / "scan", ["json"])
    assert read_report(tmp_path / "scan", brain_file, report.model.name, ["json"]) == report
    assert read_report(tmp_path / "scan", brain_file, report.model.name, ["json", "png"]) is None
    (tmp_path / "scan" / "report.json").write_text("{}")
    assert read_report(tmp_path / "scan", brain_file, report.model.name, ["json"]) is None


def test_an_earlier_report_on_another_scan_is_none(brain_file, tmp_path):
    report = make_report(scan_sha256="0" * 64)
    write_report(report, load_scan(brain_file), tmp_path / "scan")
    assert read_report(tmp_path / "scan", brain_file, report.model.name) is None
    assert read_report(tmp_path / "scan", tmp_path / "absent.nii", report.model.name) is None


def test_an_earlier_report_of_another_model_is_none(brain_file, tmp_path):
    write_report(make_report(scan_sha256=sha256(brain_file)), load_scan(brain_file), tmp_path / "scan")
    assert read_report(tmp_path / "scan", brain_file, "another") is None


def test_only_what_was_asked_for(brain_file, tmp_path):
    write_report(make_report(), load_scan(brain_file), tmp_path / "scan", ["json"])
    assert [p.name for p in (tmp_path / "scan").iterdir()] == ["report.json"]


def test_an_interruption_leaves_nothing_half_written(brain_file, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writers, "save_overview", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(make_report(), load_scan(brain_file), tmp_path / "out" / "scan")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_text_puts_warnings_before_and_the_disclaimer_after():
    text = as_text(make_report())
    assert text.index("thick_slices") < text.index("left frontal lobe") < text.index("Not a medical device")
    assert "edema moderate; necrosis none" in text


def test_pictures_say_what_has_to_be_doubted(brain_file, tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(writers, "save_overview", lambda volume, target, title: titles.append(title))
    write_report(make_report(), load_scan(brain_file), tmp_path / "scan")
    assert titles == ["scan: lesion, left frontal\nWarning: thick slices; see the report"]


def test_a_long_title_has_the_ends_of_its_id_and_all_lobes(brain_file, tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(writers, "save_overview", lambda volume, target, title: titles.append(title))
    report = make_report()
    lobes = ("frontal", "parietal", "temporal", "occipital", "insula", "cerebellum", "brainstem", "deep")
    found = report.findings.model_copy(update={"lobes": lobes})
    report = report.model_copy(update={"id": f"sub-12_{'x' * 150}_FLAIR", "findings": found})
    write_report(report, load_scan(brain_file), tmp_path / "scan")
    lines = titles[0].split("\n")
    assert max(map(len, lines)) <= 110
    assert all(part in "".join(lines) for part in ("sub-12_", "_FLAIR", "/".join(lobes)))


def test_the_summary_lists_failures_too(tmp_path):
    outcomes = [
        Outcome("a", Path("a.nii"), make_report(scan_id="a")),
        Outcome("b", Path("b.nii"), error="b.nii: the file is empty", code="empty_file"),
    ]
    write_summary(outcomes, tmp_path / "summary.csv")
    good, bad = csv.DictReader((tmp_path / "summary.csv").read_text().splitlines())
    assert (good["status"], good["side"], good["lobes"], good["edema"]) == ("ok", "left", "frontal", "moderate")
    assert [bad[k] for k in ("status", "code", "error", "side")] == [
        "failed",
        "empty_file",
        "b.nii: the file is empty",
        "",
    ]
