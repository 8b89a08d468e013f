"""The trainer: interrupted and resumed it gives the weights of an unbroken run; only what is named trains."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate import PartialState
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer

from braingemma3d.errors import InputError
from braingemma3d.training import trainer
from braingemma3d.training.config import Stage
from braingemma3d.training.trainer import Learner, newest_checkpoint, train


class Line(Learner):
    """y = w x, with dropout, so that the state of the random generators matters, and a part that stays frozen."""

    weights = {"report": 2.0, "lesion": 0.0}  # noqa: RUF012

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = dropout
        self.layer = nn.Linear(4, 1)
        self.frozen = nn.Linear(1, 1)

    def parts(self):
        return {"encoder": list(self.layer.parameters()), "heads": list(self.frozen.parameters())}

    def terms(self, x, y):
        loss = ((nn.functional.dropout(self.layer(x), self.dropout) - y) ** 2).mean()
        return {"report": loss, "lesion": 3 * loss, "anatomy": 5 * loss}


class Points(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        x = torch.randn(4, generator=torch.Generator().manual_seed(index))
        return {"x": x, "y": x.sum(0, keepdim=True)}


def stage(**changes):
    settings = {"name": "ground", "rates": {"encoder": 0.05}, "steps": 12, "batch": 4}
    return Stage(**{**settings, "checkpoint_steps": 4, **changes})


def final_weights(out):
    return load_file(out / "checkpoint-12" / "model.safetensors")


def fresh(dropout=0.1):
    torch.manual_seed(0)
    return Line(dropout)


def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(trainer, "LOGGING_STEPS", 2)
    train(fresh(), Points(), stage(), tmp_path / "whole")

    class Interrupted(Points):
        asked = 0

        def __getitem__(self, index):
            Interrupted.asked += 1
            if Interrupted.asked > 6 * 4:
                raise KeyboardInterrupt
            return super().__getitem__(index)

    with pytest.raises(KeyboardInterrupt):
        train(fresh(), Interrupted(), stage(), tmp_path / "broken")
    state = tmp_path / "broken" / "checkpoint-4" / "trainer_state.json"
    logged = {"step": 4, "loss": 1.0, "seconds": 1000.0}
    state.write_text(json.dumps(json.loads(state.read_text()) | {"log_history": [logged]}))
    history = train(fresh(), Points(), stage(), tmp_path / "broken")
    assert history[0] == logged
    assert 1000 < next(one["seconds"] for one in history[1:] if "seconds" in one) < 1100
    assert "missing keys" not in caplog.text
    whole, resumed = final_weights(tmp_path / "whole"), final_weights(tmp_path / "broken")
    for name, weight in whole.items():
        assert torch.equal(weight, resumed[name]), name


@pytest.mark.parametrize("broken_from", [2, 11])
def test_a_training_that_diverges_ends_before_anything_is_built_on_it(tmp_path, broken_from):
    class Diverging(Points):
        def __getitem__(self, index):
            item = super().__getitem__(index)
            return item if index < broken_from * 4 else item | {"x": item["x"] * torch.inf}

    with pytest.raises(InputError, match=rf"ground: step {broken_from} made the loss or weights infinite"):
        train(fresh(), Diverging(), stage(), tmp_path)
    assert newest_checkpoint(tmp_path) == (None if broken_from < 4 else tmp_path / "checkpoint-8")


def test_weights_that_the_last_step_broke_are_not_taken(tmp_path):
    class Broken(Line):
        def terms(self, x, y):
            # The slope of the root of 0 is infinite.
            return {"report": (self.layer(x) - self.layer(x)).abs().sqrt().sum()}

    with pytest.raises(InputError, match="step 1 made the loss or weights infinite"):
        train(Broken(), Points(), stage(steps=1), tmp_path)


def test_the_bar_is_taken_away_whatever_ends_a_training(tmp_path, monkeypatch):
    class Interrupted(Points):
        def __getitem__(self, index):
            raise KeyboardInterrupt

    shown = []
    monkeypatch.setattr(trainer.Console, "is_terminal", True)
    monkeypatch.setattr(trainer.Progress, "start", lambda bar: shown.append("start"))
    monkeypatch.setattr(trainer.Progress, "stop", lambda bar: shown.append("stop"))
    with pytest.raises(KeyboardInterrupt):
        train(fresh(), Interrupted(), stage(), tmp_path)
    assert shown == ["start", "stop"]


def test_the_loss_goes_down(tmp_path):
    model = fresh()
    start = (model.layer.weight - 1).abs().mean()
    train(model, Points(), stage(steps=40, batch=16, rates={"encoder": 0.1}), tmp_path)
    assert (model.layer.weight - 1).abs().mean() < 0.5 * start


def test_a_process_keeps_to_one_gpu(tmp_path, monkeypatch):
    counted = []
    monkeypatch.setattr(Trainer, "train", lambda trainer, **_: counted.append(trainer.args.n_gpu))
    train(fresh(), Points(), stage(), tmp_path)
    assert counted == [1]


def test_the_rate_falls_to_nothing(tmp_path):
    (logged,) = [line for line in train(fresh(), Points(), stage(steps=20), tmp_path) if "learning_rate" in line]
    assert logged["learning_rate"] < 0.1 * 0.05


def test_the_rate_rises_first_and_only_matrices_decay(tmp_path, monkeypatch):
    trainers = []
    monkeypatch.setattr(Trainer, "train", lambda trainer, **_: trainers.append(trainer))
    train(fresh(), Points(), stage(warmup=0.25, weight_decay=0.1), tmp_path)
    assert trainers[0].args.warmup_steps == 0.25
    decays = {
        parameter.ndim: group["weight_decay"]
        for group in trainers[0].create_optimizer().param_groups
        for parameter in group["params"]
    }
    assert decays == {2: 0.1, 1: 0.0}


def test_items_are_asked_for_in_order(tmp_path):
    asked = []

    class Watched(Points):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    train(fresh(), Watched(), stage(), tmp_path)
    # A batch is read ahead.
    assert asked[: 12 * 4] == list(range(12 * 4))


def test_two_processes_share_each_batch(tmp_path):
    """This file, run as a program, is what each of them does."""
    train(fresh(dropout=0.0), Points(), stage(), tmp_path / "alone")
    launch = [Path(sys.executable).with_name("torchrun"), "--standalone", "--nproc_per_node", "2"]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*launch, __file__, tmp_path / "together"], check=True, env=one_thread, capture_output=True)
    alone, together = final_weights(tmp_path / "alone"), final_weights(tmp_path / "together")
    for name, weight in alone.items():
        torch.testing.assert_close(together[name], weight, rtol=1e-2, atol=1e-3)


def test_a_part_without_a_rate_stays_as_it_is_and_out_of_the_checkpoint(tmp_path):
    model = fresh()
    before = model.frozen.weight.clone()
    train(model, Points(), stage(), tmp_path)
    assert torch.equal(model.frozen.weight, before)
    assert set(final_weights(tmp_path)) == {"layer.weight", "layer.bias"}


def test_each_part_has_its_rate(tmp_path):
    """Adam's first steps are as long as the rate, whatever the gradient."""
    rates = {"encoder": 1e-2, "heads": 1e-4}

    class Both(Line):
        def terms(self, x, y):
            return {"report": ((self.frozen(self.layer(x)) - y) ** 2).mean()}

    both = Both()
    both.load_state_dict(fresh().state_dict(), strict=False)
    starts = [p[0].clone() for p in both.parts().values()]
    train(both, Points(), stage(steps=1, rates=rates, warmup=0.0, weight_decay=0.0, checkpoint_steps=1), tmp_path)
    moved = [(p[0] - start).abs().max().item() for p, start in zip(both.parts().values(), starts, strict=True)]
    assert moved == pytest.approx([1e-2, 1e-4], rel=0.05)


def test_the_loss_is_the_weighted_sum_of_the_terms_that_have_a_weight():
    model = fresh().eval()
    points = Points()
    batch = {key: torch.stack([points[i][key] for i in range(4)]) for key in ("x", "y")}
    terms = model.terms(**batch)
    assert model(**batch).loss.item() == pytest.approx(2 * terms["report"].item())


def test_the_log_has_every_term(tmp_path):
    train(fresh(), Points(), stage(steps=20, checkpoint_steps=20), tmp_path)
    history = json.loads((tmp_path / "checkpoint-20" / "trainer_state.json").read_text())["log_history"]
    assert history[0]["anatomy"] == pytest.approx(5 * history[0]["report"], rel=1e-2)
    assert history[0]["loss"] == pytest.approx(2 * history[0]["report"], rel=1e-2)


def test_progress_is_told_with_speed_and_time_left(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(trainer, "LOGGING_STEPS", 2)
    monkeypatch.setattr(trainer, "EVERY_S", 0)
    with caplog.at_level("INFO"):
        train(fresh(), Points(), stage(), tmp_path)
    told = [line for line in caplog.messages if line.startswith("ground ")]
    assert len(told) == 6
    assert re.fullmatch(r"ground 2 of 12: loss .* report .* \d+\.\d samples/s, \d+ min left", told[0])


def test_curves_go_where_they_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "curves"))
    train(fresh(), Points(), stage(), tmp_path / "run", report_to=("tensorboard",))
    assert [*(tmp_path / "curves").rglob("events.out.tfevents.*")]


def test_a_checkpoint_that_was_cut_off_is_passed_over(tmp_path):
    for step in (2, 10, 12):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert newest_checkpoint(tmp_path) is None
    for step in (2, 10):
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text("{}")
    (tmp_path / "checkpoint-12" / "trainer_state.json").write_text('{"epoch": 0.')
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-10"


if __name__ == "__main__":
    PartialState(cpu=True)
    train(fresh(dropout=0.0), Points(), stage(), Path(sys.argv[1]))
