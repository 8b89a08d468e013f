"""``braingemma3d evaluate`` and ``score``, run in-process."""

from __future__ import annotations

import json
import os
import shlex
import shutil

import pytest
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import phantom
import remote_code
from braingemma3d.cli.main import app
from braingemma3d.evaluation import evaluate as evaluation
from braingemma3d.evaluation import predictions
from braingemma3d.evaluation.metrics import Metrics
from braingemma3d.model.loading import packaged_weights
from braingemma3d.simulate.case import case_id
from braingemma3d.training.patients import key

LEFT = "A lesion lies in the left frontal lobe. There is moderate edema."
SLICES = {"attention": "slice"}
HEALTHY = "No lesion is seen. There is no edema."


@pytest.fixture
def manifest(save_scan, tmp_path):
    """A case with a lesion and one without, both with reports."""
    save_scan(phantom.brain_image(), "set/a.nii.gz")
    save_scan(phantom.brain_image(lesion=False), "set/b.nii.gz")
    rows = [
        {"id": name, "patient": name, "image": f"{name}.nii.gz", "report": report, "source": "phantom"}
        for name, report in (("a", LEFT), ("b", HEALTHY))
    ]
    path = tmp_path / "set" / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def run(tmp_path):
    def run(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments), "-o", str(tmp_path / "out")])

    return run


@pytest.fixture
def reports(tmp_path):
    def reports(*rows):
        path = tmp_path / "reports.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return reports


def read(tmp_path):
    return Metrics.model_validate_json((tmp_path / "out" / "metrics.json").read_text())


def test_a_model_beside_everything_that_does_not_look(run, manifest, tiny_checkpoint, tmp_path):
    result = run("evaluate", "--model", tiny_checkpoint, "--data", manifest)
    assert result.exit_code in (0, 1), result.output
    metrics = read(tmp_path)
    assert metrics.system == tiny_checkpoint.name
    assert len(metrics.systems) == 12
    assert {f.error for f in metrics.failures} <= {"the report is empty"}, "an untrained model may say nothing"
    assert metrics.lift["side_accuracy"].n == 1
    page = (tmp_path / "out" / "RESULTS.md").read_text()
    assert page.startswith(f"# {tiny_checkpoint.name} on set\n")
    lines = (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 10, "five systems look at the scans"
    assert f"Written to {tmp_path / 'out' / 'RESULTS.md'}" in result.stdout


def test_an_evaluation_goes_on_where_it_stopped(run, manifest, tiny_checkpoint, tmp_path):
    run("evaluate", "--model", tiny_checkpoint, "--data", manifest)
    path = tmp_path / "out" / "predictions.jsonl"
    whole, first = path.read_text(), read(tmp_path)
    path.write_text(whole[: len(whole) * 2 // 3])
    run("evaluate", "--model", tiny_checkpoint, "--data", manifest)

    def texts(content):
        rows = [json.loads(line) for line in content.splitlines()]
        return {(row["system"], row["id"]): (row["text"], row.get("mirrored")) for row in rows}

    assert texts(path.read_text()) == texts(whole)
    assert read(tmp_path).lift == first.lift


def test_results_of_another_test_set_are_not_mixed_with_these(run, manifest, tiny_checkpoint):
    run("evaluate", "--model", tiny_checkpoint, "--data", manifest)
    manifest.write_text(manifest.read_text().replace("moderate", "severe"))
    result = run("evaluate", "--model", tiny_checkpoint, "--data", manifest)
    assert result.exit_code == 2
    assert "another model or test set" in result.stderr


def test_results_of_another_model_are_not_mixed_with_these(run, manifest, tiny_checkpoint, tmp_path):
    run("evaluate", "--model", tiny_checkpoint, "--data", manifest)
    other = shutil.copytree(tiny_checkpoint, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, other / "model.safetensors", {"format": "pt"})
    result = run("evaluate", "--model", other, "--data", manifest)
    assert result.exit_code == 2
    assert "another model or test set" in result.stderr


def test_a_model_is_not_tested_on_all_that_it_has_learned_from(run, manifest, tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "trained")
    (folder / "training.json").write_text(json.dumps({"patients": [key("phantom", "b"), key("other", "a")]}))
    (folder / "config.json").write_text(json.dumps(json.loads((folder / "config.json").read_text()) | SLICES))
    for name, options in (
        (folder, ["--model", folder]),
        ("slices", ["--model", tiny_checkpoint, "--systems", f"slices={folder}"]),
    ):
        result = run("evaluate", *options, "--data", manifest)
        assert result.exit_code == 2
        assert f"{name} has learned from 1 of 2 test cases" in result.stderr
        assert not (tmp_path / "out").exists()


def test_a_model_whose_patients_nobody_knows_is_warned_of(run, manifest, tiny_checkpoint):
    result = run("evaluate", "--model", tiny_checkpoint, "--data", manifest)
    assert f"{tiny_checkpoint}: no record of its training" in result.stderr


def test_a_model_from_the_hub_is_not_tested_on_its_own_patients(run, manifest, tmp_path, monkeypatch):
    (tmp_path / "training.json").write_text(json.dumps({"patients": [key("phantom", "a")]}))
    monkeypatch.setattr("braingemma3d.model.loading.local_snapshot", lambda source: tmp_path)
    assert "org/model has learned from 1 of 2" in run("evaluate", "--model", "org/model", "--data", manifest).stderr


def test_the_packaged_model_is_not_tested_on_its_own_patients(run, manifest):
    settings = json.loads((packaged_weights("mini") / "training.json").read_text())["config"]["data"]
    known = case_id(settings["seed"], settings["simulate"] - 1)
    row = {"id": known, "patient": known, "image": "a.nii.gz", "report": LEFT, "source": "simulated"}
    manifest.write_text(json.dumps(row))
    assert "mini has learned from 1 of 1 test cases" in run("evaluate", "--data", manifest).stderr


def test_a_case_whose_mask_cannot_be_read_costs_no_other(run, manifest, reports, save_scan, tmp_path):
    save_scan(phantom.lesion_mask(), "set/mask.nii.gz")
    row = {"patient": "m", "image": "a.nii.gz", "source": "phantom"}
    masks = [row | {"id": name, "mask": f"{name}.nii.gz"} for name in ("mask", "absent")]
    manifest.write_text(manifest.read_text() + "".join(f"\n{json.dumps(one)}" for one in masks))
    said = [{"id": name, "text": LEFT} for name in ("a", "b", "mask", "absent")]
    result = run("score", reports(*said), "--data", manifest)
    assert result.exit_code == 1
    assert "failures listed in it: 1" in result.output
    metrics = read(tmp_path)
    assert metrics.cases == 3
    assert "absent.nii.gz" in metrics.left_out["absent"]
    assert "## Left out" in (tmp_path / "out" / "RESULTS.md").read_text()
    manifest.write_text(json.dumps(masks[1]))
    assert run("score", reports(*said), "--data", manifest).exit_code == 2


def test_reports_of_anything_else_are_scored(run, manifest, reports, tmp_path):
    result = run("score", reports({"id": "a", "text": LEFT}, {"id": "b", "text": HEALTHY}), "--data", manifest)
    assert result.exit_code == 0, result.output
    metrics = read(tmp_path)
    assert metrics.systems["given"].findings["side_accuracy"].mean == 1
    assert metrics.systems["given"].healthy_specificity.mean == 1
    assert "mirror_consistency" in metrics.skipped
    assert "constant report" in metrics.systems
    assert metrics.lift["side_accuracy"].over != "given"
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {"metrics.json", "RESULTS.md", "confusion-side.png"}


def test_reports_on_no_test_case_are_told(run, manifest, reports):
    said = reports({"id": "a", "text": LEFT}, {"id": "b", "text": HEALTHY}, {"id": "z", "text": LEFT})
    result = run("score", said, "--data", manifest)
    assert result.exit_code == 0
    assert "1 reports are on no test case" in result.output


def test_fixed_rules_look_at_the_scans_that_are_there(run, manifest, reports, tmp_path):
    said = reports({"id": "a", "text": LEFT}, {"id": "b", "text": HEALTHY})
    run("score", said, "--data", manifest)
    found = read(tmp_path).systems["brighter hemisphere"]
    assert (found.kind, found.findings["side_accuracy"].mean, found.mirror_consistency.n) == ("no_learning", 1, 2)
    (manifest.parent / "b.nii.gz").unlink()
    assert run("score", said, "--data", manifest).exit_code == 1
    found = read(tmp_path)
    assert found.systems["brighter hemisphere"].findings["side_accuracy"].mean == 1
    assert {(one.system, one.id) for one in found.failures} == {("brighter hemisphere", "b"), ("brightest blob", "b")}
    (manifest.parent / "a.nii.gz").unlink()
    assert run("score", said, "--data", manifest).exit_code == 0
    found = read(tmp_path)
    assert "brighter hemisphere" not in found.systems
    assert found.skipped["brighter hemisphere"] == "the scans of the manifest are not there"


def test_fixed_rules_do_not_look_twice_and_never_at_another_test_set(run, manifest, reports, tmp_path, monkeypatch):
    said = reports({"id": "a", "text": LEFT}, {"id": "b", "text": HEALTHY})
    assert run("score", said, "--data", manifest).exit_code == 0
    first = read(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(predictions, "load_scan", None)
        assert run("score", said, "--data", manifest).exit_code == 0
    assert read(tmp_path) == first
    manifest.write_text(manifest.read_text() + "\n")
    result = run("score", said, "--data", manifest)
    assert result.exit_code == 2
    assert "other results" in result.stderr


def test_a_mask_that_nobody_foresaw_costs_no_other(run, manifest, reports, save_scan, tmp_path, monkeypatch):
    save_scan(phantom.lesion_mask(), "set/mask.nii.gz")
    row = {"id": "m", "patient": "m", "image": "a.nii.gz", "source": "phantom", "mask": "mask.nii.gz"}
    manifest.write_text(manifest.read_text() + json.dumps(row))

    def broken(mask, scan):
        raise IndexError("index -1\nis out of bounds")

    monkeypatch.setattr(evaluation, "read_mask", broken)
    result = run("score", reports(*({"id": name, "text": LEFT} for name in "abm")), "--data", manifest)
    assert result.exit_code == 1
    assert read(tmp_path).left_out["m"].endswith("IndexError: index -1 is out of bounds")


def test_predictions_of_evaluate_can_be_scored_again(run, manifest, tiny_checkpoint, tmp_path):
    run("evaluate", "--model", tiny_checkpoint, "--data", manifest)
    first = read(tmp_path)
    said = tmp_path / "predictions.jsonl"
    shutil.move(tmp_path / "out" / said.name, said)
    shutil.rmtree(tmp_path / "out")
    result = run("score", said, "--data", manifest)
    assert result.exit_code in (0, 1), result.output
    again = read(tmp_path)
    # What the model says of nothing at all is asked anew each time, and so in no file.
    first.systems.pop("model on a blank volume")
    assert (again.system, again.systems) == (first.system, first.systems)


def test_the_name_of_a_system_fits_into_a_table(run, manifest, reports):
    result = run("score", reports({"id": "a", "text": LEFT, "system": "a|b\nc"}), "--data", manifest)
    assert result.exit_code == 2
    assert "line 1: system" in result.stderr
    assert "one line without |" in result.stderr


def test_a_name_that_no_file_can_have_costs_no_other(run, manifest, reports, tmp_path):
    row = {"id": "n", "patient": "n", "image": "n\0.nii.gz", "source": "phantom", "report": LEFT}
    manifest.write_text(manifest.read_text() + json.dumps(row))
    result = run("score", reports(*({"id": name, "text": LEFT} for name in "abn")), "--data", manifest)
    assert result.exit_code == 1
    assert {failure.id for failure in read(tmp_path).failures} == {"n"}


def test_a_missing_report_is_a_failure_and_exit_1(run, manifest, reports, tmp_path):
    result = run("score", reports({"id": "a", "text": LEFT}), "--data", manifest)
    assert result.exit_code == 1
    assert "failures listed in it: 1" in result.stdout
    assert read(tmp_path).systems["given"].healthy_specificity.mean == 0


def test_the_results_say_how_they_were_made(run, manifest, reports, tmp_path):
    path = reports({"id": "a", "text": LEFT}, {"id": "b", "text": HEALTHY})
    run("score", path, "--data", manifest)
    out = tmp_path / "out"
    command = shlex.join(["braingemma3d", "score", str(path), "--data", str(manifest), "-o", str(out)])
    assert f"`{command}`" in (out / "RESULTS.md").read_text()


def test_a_manifest_of_the_current_folder_has_that_folder_s_name(run, manifest, reports, tmp_path, monkeypatch):
    monkeypatch.chdir(manifest.parent)
    run("score", reports({"id": "a", "text": LEFT}), "--data", "manifest.jsonl")
    assert (tmp_path / "out" / "RESULTS.md").read_text().startswith("# given on set\n")


@pytest.mark.parametrize("rows", [[], [{"id": "stranger", "text": LEFT}]])
def test_reports_on_no_test_case_are_one_line(run, manifest, reports, rows):
    result = run("score", reports(*rows), "--data", manifest)
    assert result.exit_code == 2
    assert result.stderr.startswith("braingemma3d: error: ")
    assert "check the ids" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_case_that_only_has_a_mask_is_scored_by_it(run, save_scan, reports, tmp_path):
    save_scan(phantom.brain_image(), "set/a.nii.gz")
    save_scan(phantom.lesion_mask(), "set/mask.nii.gz")
    row = {"id": "a", "patient": "a", "image": "a.nii.gz", "mask": "mask.nii.gz", "source": "phantom"}
    (tmp_path / "set" / "manifest.jsonl").write_text(json.dumps(row))
    result = run("score", reports({"id": "a", "text": LEFT}), "--data", tmp_path / "set" / "manifest.jsonl")
    assert result.exit_code == 0, result.output
    metrics = read(tmp_path)
    assert {name: value.mean for name, value in metrics.systems["given"].findings.items()} == {
        "lesion_sensitivity": 1,
        "side_accuracy": 1,
        "lobe_f1": 1,
    }
    assert metrics.skipped["bleu1"] == "the cases have no reference reports"


def test_no_model_no_manifest(run, manifest, tmp_path):
    for arguments in (["--model", "./nowhere", "--data", manifest], ["--data", tmp_path / "absent.jsonl"]):
        result = run("evaluate", *arguments)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_interruption_keeps_what_is_finished(run, manifest, tiny_checkpoint, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "write_results", interrupted)
    result = run("evaluate", "--model", tiny_checkpoint, "--data", manifest)
    assert result.exit_code == 130
    assert len((tmp_path / "out" / "predictions.jsonl").read_text().splitlines()) == 10


def test_baselines_run_beside_the_model(run, manifest, tiny_checkpoint, tmp_path):
    (tmp_path / "stand-in").mkdir()
    stand_in = remote_code.save_stand_in(tmp_path / "stand-in")
    arguments = ("evaluate", "--model", tiny_checkpoint, "--data", manifest, "--systems", f"m3d={stand_in}")
    result = run(*arguments)
    assert result.exit_code in (0, 1), result.output
    metrics = read(tmp_path)
    assert metrics.systems["m3d"].kind == "baseline"
    assert all(found.over != "m3d" for found in metrics.lift.values()), "it looks"
    rows = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    (row,) = [row for row in rows if (row["system"], row["id"]) == ("m3d", "a")]
    assert (row["text"], row["mirrored"]) == ("picture-right front high", "picture-left front high")
    assert f"--systems m3d={stand_in}" in (tmp_path / "out" / "RESULTS.md").read_text()
    (tmp_path / "another").mkdir()
    another = run(*arguments[:-1], f"m3d={remote_code.save_stand_in(tmp_path / 'another')}")
    assert another.exit_code == 2
    assert "holds reports of another m3d" in another.stderr
    weights = stand_in / "model.safetensors"
    os.utime(weights, (0, 0))
    assert "holds reports of another m3d" in run(*arguments).stderr, "its weights were replaced"


@pytest.mark.parametrize(("systems", "says"), [("gpt", "no system 'gpt'"), ("m3d=./nowhere", "nowhere")])
def test_a_baseline_that_is_not_there_is_one_line_before_any_work(
    run, manifest, tiny_checkpoint, tmp_path, systems, says
):
    result = run("evaluate", "--model", tiny_checkpoint, "--data", manifest, "--systems", systems)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_baseline_that_can_t_be_loaded_ends_the_run(run, manifest, tiny_checkpoint, tmp_path):
    (tmp_path / "broken").mkdir()
    broken = remote_code.save_stand_in(tmp_path / "broken", head=False)
    result = run("evaluate", "--model", tiny_checkpoint, "--data", manifest, "--systems", f"m3d={broken}")
    assert result.exit_code == 2
    assert "1 weights are missing" in result.stderr
    assert not (tmp_path / "out" / "metrics.json").exists()
    assert len((tmp_path / "out" / "predictions.jsonl").read_text().splitlines()) == 10, "what was finished is kept"
