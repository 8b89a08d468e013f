"""The trainer: interrupted and resumed it gives the weights of an unbroken run."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import Dataset
from transformers.utils import ModelOutput

from braingemma3d.training.trainer import Schedule, train


class Line(nn.Module):
    """y = w x, with dropout, so that the state of the random generators matters."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x, y):
        return ModelOutput(loss=((nn.functional.dropout(self.layer(x), 0.1) - y) ** 2).mean())


class Points(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        x = torch.randn(4, generator=torch.Generator().manual_seed(index))
        return {"x": x, "y": x.sum(0, keepdim=True)}


SCHEDULE = Schedule(steps=12, batch=4, learning_rate=0.05, checkpoint_steps=4)


def final_weights(out):
    return load_file(out / "checkpoint-12" / "model.safetensors")


def fresh():
    torch.manual_seed(0)
    return Line()


def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(tmp_path):
    train(fresh(), Points(), SCHEDULE, tmp_path / "whole")

    class Interrupted(Points):
        asked = 0

        def __getitem__(self, index):
            Interrupted.asked += 1
            if Interrupted.asked > 6 * SCHEDULE.batch:
                raise KeyboardInterrupt
            return super().__getitem__(index)

    with pytest.raises(KeyboardInterrupt):
        train(fresh(), Interrupted(), SCHEDULE, tmp_path / "broken")
    assert (tmp_path / "broken" / "checkpoint-4").is_dir()
    train(fresh(), Points(), SCHEDULE, tmp_path / "broken")
    whole, resumed = final_weights(tmp_path / "whole"), final_weights(tmp_path / "broken")
    for name, weight in whole.items():
        assert torch.equal(weight, resumed[name]), name


def test_the_loss_goes_down(tmp_path):
    model = fresh()
    start = (model.layer.weight - 1).abs().mean()
    train(model, Points(), Schedule(steps=40, batch=16, learning_rate=0.1), tmp_path)
    assert (model.layer.weight - 1).abs().mean() < 0.5 * start


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"learning_rate": -1.0}, {"warmup": 1.0}, {"epochs": 3}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        Schedule(**{"steps": 1, "batch": 1, "learning_rate": 0.1, **wrong})
