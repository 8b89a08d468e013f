"""``braingemma3d simulate``, run in-process."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from braingemma3d.cli.main import app
from braingemma3d.imaging.preprocess import load_scan


def run(*arguments):
    return CliRunner().invoke(app, ["simulate", *map(str, arguments)])


def test_a_cohort_is_written_and_its_images_load(tmp_path):
    result = run(tmp_path / "cohort", "-n", 2, "--seed", 3, "--healthy", 0)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "cohort" / "manifest.jsonl")
    records = [json.loads(line) for line in (tmp_path / "cohort" / "manifest.jsonl").read_text().splitlines()]
    assert len(records) == 2
    assert all(record["findings"]["lesion"] for record in records)
    volume = load_scan(tmp_path / "cohort" / records[0]["image"])
    assert "already_stripped" in [warning.code for warning in volume.warnings]


def test_another_cohort_in_the_same_folder_is_refused_in_one_line(tmp_path):
    run(tmp_path, "-n", 1, "--seed", 1)
    result = run(tmp_path, "-n", 1, "--seed", 2)
    assert result.exit_code == 2
    assert result.stderr.count("braingemma3d: error:") == 1
    assert "other settings" in result.stderr
    (tmp_path / "cohort.json").write_text("")
    assert run(tmp_path, "-n", 1, "--seed", 1).exit_code == 2, "a damaged file is no permission to mix cohorts"


@pytest.mark.parametrize("option", [("-n", 0), ("--healthy", 2), ("--seed", -1)])
def test_values_out_of_range_are_refused(option, tmp_path):
    result = run(tmp_path, *option)
    assert result.exit_code == 2
    assert result.stderr.startswith("braingemma3d: error: ")
    assert result.stderr.count("\n") == 1
    assert option[0] in result.stderr
