"""Two processes learn as one with the whole batch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from braingemma3d.training.maps import _cross_entropy_by_kind
from braingemma3d.training.processes import fair_count, mean_where


def test_one_process_has_its_own_counts():
    assert fair_count(torch.tensor([3, 1])).tolist() == [3.0, 1.0]
    values, chosen = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([True, False, True])
    assert mean_where(values, chosen) == 3.5


def test_what_nobody_has_costs_nothing():
    assert mean_where(torch.ones(3), torch.zeros(3, dtype=torch.bool)) == 0
    assert fair_count(torch.tensor(0)) > 0


ONE_OF_TWO_PROCESSES = """
import sys
import torch
from braingemma3d.training.maps import _cross_entropy_by_kind
from braingemma3d.training.processes import mean_where
rank, folder = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
weight, values, chosen, logits, shares = torch.load(f"{folder}/batch.pt", weights_only=True)
weight.requires_grad_()
mine = slice(rank * 2, rank * 2 + 2)
loss = mean_where(values[mine] * weight, chosen[mine]) + _cross_entropy_by_kind(logits[mine] * weight, shares[mine])
loss.backward()
torch.save((loss.detach(), weight.grad), f"{folder}/answer{rank}.pt")
torch.distributed.barrier()
torch.distributed.destroy_process_group()
"""


def test_what_few_samples_have_weighs_the_same_wherever_they_are(tmp_path):
    """Of four samples only one has a rare kind, and three of four chosen values are in the first process."""
    torch.manual_seed(0)
    weight = torch.tensor(2.0, requires_grad=True)
    values, chosen = torch.rand(4, 2), torch.tensor([[1, 1], [1, 0], [1, 0], [0, 0]], dtype=torch.bool)
    logits, shares = torch.randn(4, 5, 2, 3), torch.zeros(4, 5, 2, 3)
    shares[..., 0] = 1
    shares[0, :4] = torch.tensor([0.0, 1.0, 0.0])
    shares[3, :2] = torch.tensor([0.0, 0.0, 1.0])
    expected = mean_where(values * weight, chosen) + _cross_entropy_by_kind(logits * weight, shares)
    expected.backward()
    torch.save((weight.detach(), values, chosen, logits, shares), tmp_path / "batch.pt")
    workers = [
        subprocess.Popen([sys.executable, "-c", ONE_OF_TWO_PROCESSES, str(rank), str(tmp_path)]) for rank in range(2)
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    answers = [torch.load(tmp_path / f"answer{rank}.pt", weights_only=True) for rank in range(2)]
    assert sum(loss for loss, _ in answers) / 2 == pytest.approx(expected.item(), rel=1e-5)
    assert sum(gradient for _, gradient in answers) / 2 == pytest.approx(weight.grad.item(), rel=1e-5)
