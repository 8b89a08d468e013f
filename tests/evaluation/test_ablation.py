"""The ablation on the tiny model: rows trained, evaluated, kept, and shown."""

from __future__ import annotations

import json

import nibabel as nib
import pytest
from filelock import FileLock

import phantom
from braingemma3d.data.manifest import ManifestCase
from braingemma3d.errors import InputError
from braingemma3d.evaluation import ablation
from braingemma3d.evaluation.ablation import ROWS, Row, ablate, short_run
from braingemma3d.evaluation.ablation_table import page
from braingemma3d.evaluation.evaluate import reference
from braingemma3d.evaluation.metrics import Failure
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.report.pipeline import Pipeline
from braingemma3d.training.config import TrainingConfig
from braingemma3d.training.run import Run

STEPS = 2


@pytest.fixture(scope="module")
def config(backbone_folders):
    rates = {"compressor": 1e-3, "projector": 1e-3}
    heads = {"encoder": 1e-3, "heads": 1e-3}
    return TrainingConfig.model_validate(
        {
            "size": "tiny",
            "model": {"language_source": str(backbone_folders.language)},
            "data": {"simulate": 2},
            "stages": [
                {
                    "name": "pretrain",
                    "rates": heads,
                    "weights": {"lesion": 1},
                    "steps": 1,
                    "batch": 2,
                },
                {
                    "name": "ground",
                    "rates": rates | heads,
                    "weights": {"findings": 1, "lesion": 1, "anatomy": 1, "amounts": 1},
                    "steps": 1,
                    "batch": 2,
                    "keep": 10,
                    "whole": 0.5,
                },
                {"name": "specialise", "rates": rates | {"lora": 1e-3}, "steps": 1, "batch": 2},
            ],
        }
    )


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    Run(config, out, workers=1).go()
    return out


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    scans = {"a": phantom.brain_image(), "b": phantom.brain_image(lesion=False)}
    reports = {"a": "A lesion lies in the left frontal lobe. There is mild edema.", "b": "No lesion is seen."}
    for name, scan in scans.items():
        nib.save(scan, folder / f"{name}.nii.gz")
    return [
        ManifestCase(id=name, patient=name, image=folder / f"{name}.nii.gz", report=report, source="phantom")
        for name, report in reports.items()
    ]


@pytest.fixture(scope="module")
def rows():
    with pytest.MonkeyPatch.context() as patch:
        chosen = (
            Row("as configured", {}, seeds=2),
            Row("mean inflation", {"inflation": "mean"}, contrast=False, seeds=1),
        )
        patch.setattr(ablation, "ROWS", chosen)
        yield


@pytest.fixture(scope="module")
def ablated(run, config, cases, rows, tmp_path_factory):
    """The folder, the result, and the function that makes it."""
    out = tmp_path_factory.mktemp("ablation")

    def again(steps=STEPS):
        return ablate(run, config, cases, [reference(case) for case in cases], out, steps, "the command")

    return out, again(), again


def test_each_stage_and_each_row_is_measured_and_shown(ablated):
    out, result, _ = ablated
    assert list(result.stages) == ["untrained", "ground", "specialise"]
    assert [len(seeds) for seeds in result.components.values()] == [2, 1]
    assert all(metrics.cases == 2 for seeds in result.components.values() for metrics in seeds)
    text = (out / "ABLATION.md").read_text()
    assert "| mean inflation | 1 |" in text
    assert "| as configured | 2 |" in text
    assert "`the command`" in text
    side = result.differences["mean inflation"]["side_accuracy"]
    assert (side.over, side.n) == ("as configured", 1)
    assert f"| mean inflation | {side.difference:+.3f} (" in text
    assert "2 test cases, 1 without a lesion" in text
    assert "2 simulated test patients" in page(result.model_copy(update={"simulated": True}))
    assert list(json.loads((out / "ablation.json").read_text())["stages"]) == list(result.stages)
    assert not list(out.glob("components/*/*/run"))


def test_what_is_measured_is_not_trained_again(ablated, monkeypatch):
    _, result, again = ablated
    monkeypatch.setattr(ablation, "Run", None)
    assert again() == result


def test_rows_that_are_done_are_shown_while_another_process_is_at_others(
    run, config, cases, rows, tmp_path, monkeypatch
):
    def again():
        return ablate(run, config, cases, [reference(case) for case in cases], tmp_path, STEPS, "the command")

    def interrupted(config, row, steps, seed):
        if seed == 1:
            raise KeyboardInterrupt
        return short_run(config, row, steps, seed)

    monkeypatch.setattr(ablation, "short_run", interrupted)
    with FileLock(tmp_path / "components" / "as-configured" / "0.lock"), pytest.raises(KeyboardInterrupt):
        again()
    text = (tmp_path / "ABLATION.md").read_text()
    assert "| as configured | 0 |" in text, "another process is at it"
    assert "| mean inflation | 1 |" in text, "every row comes once before one comes again"
    assert "1 of 3 runs are done yet" in text
    monkeypatch.undo()
    assert [len(seeds) for seeds in again().components.values()] == [2, 1]
    assert "done yet" not in (tmp_path / "ABLATION.md").read_text()


def test_a_run_that_fails_costs_no_other_and_is_tried_again(run, config, cases, tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "ROWS", (Row("no stage 1", {}, contrast=False, seeds=2),))
    monkeypatch.setattr(ablation, "_stages", lambda *args: [])

    def again():
        return ablate(run, config, cases, [reference(case) for case in cases], tmp_path, STEPS, "the command")

    def too_large(config, row, steps, seed):
        if seed == 0:
            raise MemoryError
        return short_run(config, row, steps, seed)

    with monkeypatch.context() as patch:
        patch.setattr(ablation, "short_run", too_large)
        result = again()
    assert result.failed == ["components/no-stage-1/0"]
    assert [len(seeds) for seeds in result.components.values()] == [1]
    result = again()
    assert result.failed == []
    assert [len(seeds) for seeds in result.components.values()] == [2]


def test_rows_that_would_learn_from_other_cases_are_not_mixed_with_these(
    run, config, cases, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(ablation, "ROWS", (Row("no stage 1", {}, contrast=False, seeds=1),))
    monkeypatch.setattr(ablation, "_stages", lambda *args: [])
    (tmp_path / "cases.sha256").write_text("of other cases\n")
    result = ablate(run, config, cases, [reference(case) for case in cases], tmp_path, STEPS, "the command")
    assert result.failed == ["components/no-stage-1/0"]
    assert "the training cases have changed since its first row" in caplog.text
    assert not (tmp_path / "components" / "no-stage-1" / "0" / "run" / "specialise").exists()


def test_a_constant_report_stands_beside_the_rows(ablated):
    out, result, _ = ablated
    # Half of the cases have a lesion, so the commonest report is of one: the other case's.
    assert result.beside.systems["majority of each finding"].findings["lesion_sensitivity"].mean == 1
    assert result.beside.systems["brightest blob"].findings["side_accuracy"].mean == 1
    assert "| majority of each finding | 1 | 1.00 |" in (out / "ABLATION.md").read_text()


def test_another_number_of_steps_needs_another_folder(ablated):
    *_, again = ablated
    with pytest.raises(InputError, match="--steps"):
        again(steps=3)


def test_another_truth_needs_another_folder(ablated, run, config, cases):
    out, *_ = ablated
    first, *others = [reference(case) for case in cases]
    corrected = first._replace(findings=first.findings.model_copy(update={"edema": "severe"}))
    with pytest.raises(InputError, match="another run, --steps or test set"):
        ablate(run, config, cases, [corrected, *others], out, STEPS, "the command")


def test_other_scans_need_another_folder(ablated, run, config, cases, tmp_path):
    out, *_ = ablated
    image = tmp_path / "other.nii.gz"
    image.write_bytes(cases[0].image.read_bytes() + b"\0")
    changed = [cases[0].model_copy(update={"image": image}), *cases[1:]]
    with pytest.raises(InputError, match="another run, --steps or test set"):
        ablate(run, config, changed, [reference(case) for case in cases], out, STEPS, "the command")


def test_a_run_that_no_row_could_repeat_is_refused(run, config, cases, tmp_path):
    bare = config.model_copy(update={"stages": config.stages[:2]})
    with pytest.raises(InputError, match="needs a run with ground and specialise"):
        ablate(run, bare, cases, [reference(case) for case in cases], tmp_path, STEPS, "the command")


def test_a_run_without_its_2d_tower_is_refused_and_left_alone(run, config, cases, tmp_path):
    with pytest.raises(InputError, match="stage pretrain, with which every row begins, is not finished"):
        ablate(tmp_path / "run", config, cases, [reference(case) for case in cases], tmp_path / "out", STEPS, "c")
    assert not list(tmp_path.iterdir())


def test_a_run_whose_components_were_given_is_refused(run, config, cases, tmp_path):
    went_on = config.model_copy(update={"size": None, "start": "mini"})
    with pytest.raises(InputError, match="went on from mini"):
        ablate(run, went_on, cases, [reference(case) for case in cases], tmp_path, STEPS, "the command")


def test_a_row_that_can_write_nothing_is_not_done(run, config, cases, tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "ROWS", (Row("no stage 1", {}, contrast=False, seeds=1),))
    monkeypatch.setattr(ablation, "_stages", lambda *args: [])

    def again():
        return ablate(
            run, config, cases, [reference(case) for case in cases], tmp_path, STEPS, "the command", left_out=3
        )

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "write_from_one_view", lambda *args: 1 / 0)
        assert again().failed == ["components/no-stage-1/0"]
    assert "| no stage 1 | 0 |" in (tmp_path / "ABLATION.md").read_text()
    result = again()
    assert (result.failed, [len(seeds) for seeds in result.components.values()]) == ([], [1])
    assert "could not be read: 3 cases" in (tmp_path / "ABLATION.md").read_text()
    metrics = result.components["no stage 1"][0]
    lost = metrics.model_copy(update={"failures": [Failure(system="no stage 1", id="a", error="lost")]})
    shown = page(result.model_copy(update={"components": {"no stage 1": [lost]}}))
    assert "count as wrong: no stage 1 1." in shown


def test_a_row_trains_what_it_names_for_the_same_few_steps(config):
    full = short_run(config, Row("as configured", {}), STEPS, seed=1)
    assert [(stage.name, stage.steps, stage.seed) for stage in full.stages] == [
        ("pretrain", 1, 0),
        ("ground", 2, 1),
        ("specialise", 2, 1),
    ]
    assert (config.stages[1].whole, full.stages[1].whole) == (0.5, 0.0)
    bare = short_run(config, Row("mean inflation", {"inflation": "mean"}, contrast=False, writing=3), STEPS, seed=0)
    assert [(stage.name, stage.steps) for stage in bare.stages] == [("pretrain", 1), ("specialise", 6)]
    assert bare.model == config.model | {"inflation": "mean"}
    alone = short_run(config, Row("InfoNCE alone", {}, weights={"report": 1.0}), STEPS, seed=0)
    assert [stage.weights for stage in alone.stages if stage.objective == "contrast"] == [{"report": 1.0}]
    assert alone.stages[2] == full.stages[2].model_copy(update={"seed": 0})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_is_trained(row, run, config, tmp_path):
    """On patches of every shape, some of them and all."""
    short = short_run(config, row, STEPS, seed=0)
    trained = Run(short, tmp_path, workers=1, shared=run).go()
    made = BrainGemma3DConfig.from_pretrained(trained)
    assert made.trained_stage == "specialise"
    changed = {
        "as configured": {},
        "slices in place of volumes": {"tubelet_depth": 1, "attention": "slice"},
        "reference as coded": {
            "inflation": "mean",
            "channel_fold": "mean",
            "positions": "coordinates",
            "compressor": "average",
        },
        "no stage 1": {},
        "InfoNCE alone": {},
        "average pooling": {"compressor": "average"},
        "mean inflation": {"inflation": "mean"},
        "no depth positions": {"positions": "plane"},
        "LoRA rank 16": {"lora_rank": 16},
        "tubelet stride 1": {"tubelet_stride": 1},
    }
    assert changed[row.name].items() <= made.to_dict().items()
    assert (tmp_path / "ground").is_dir() is (row.name not in ("reference as coded", "no stage 1"))


def test_rows_that_decide_something_have_three_seeds():
    once = {row.name for row in ROWS if row.seeds == 1}
    assert once == {"LoRA rank 16", "tubelet stride 1"}
    assert all(row.seeds == 3 for row in ROWS if row.name not in once)
