"""Contrastive objectives."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch

from braingemma3d.training.contrastive import contrastive_loss

SCALE = torch.tensor(10.0)


@pytest.fixture
def pairs():
    torch.manual_seed(0)
    return torch.randn(6, 8), torch.randn(6, 8)


@pytest.mark.parametrize("kind", ["infonce", "sigmoid"])
def test_matching_pairs_cost_less_than_shuffled_ones(kind):
    volumes = torch.eye(6)
    assert contrastive_loss(volumes, volumes, SCALE, torch.tensor(-5.0), kind) < contrastive_loss(
        volumes, volumes.roll(1, 0), SCALE, torch.tensor(-5.0), kind
    )


def test_a_text_that_another_volume_shares_is_no_negative_of_sigmoid():
    texts = torch.eye(4)[[0, 0, 0, 1]]
    volumes = torch.eye(4)[[1, 1, 1, 0]].requires_grad_()
    contrastive_loss(volumes, texts, SCALE, torch.tensor(-5.0), "sigmoid").backward()
    assert volumes.grad[0] @ texts[0] < 0, "a step towards its own text lowers the loss"


def test_infonce_leaves_out_what_shares_its_text():
    texts = torch.eye(4)[[0, 0, 1]]
    assert contrastive_loss(texts, texts, torch.tensor(100.0)).item() == pytest.approx(0, abs=1e-6)
    other = contrastive_loss(torch.eye(4)[[0, 2, 1]], texts, SCALE)
    assert other > contrastive_loss(texts, texts, SCALE), "its own text still counts"


def test_texts_that_differ_in_a_word_are_told_apart_under_autocast():
    texts = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.03]]), dim=-1)
    alone = contrastive_loss(texts, texts, SCALE, torch.tensor(-5.0), "sigmoid")
    with torch.autocast("cpu", torch.bfloat16):
        assert contrastive_loss(texts, texts, SCALE, torch.tensor(-5.0), "sigmoid") == alone


def test_infonce_by_hand():
    volumes, texts = torch.eye(2), torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    to_text = (-math.log(math.e / (math.e + math.exp(0.6))) - math.log(math.exp(0.8) / (1 + math.exp(0.8)))) / 2
    to_volume = (-math.log(math.e / (math.e + 1)) - math.log(math.exp(0.8) / (math.exp(0.6) + math.exp(0.8)))) / 2
    assert contrastive_loss(volumes, texts, torch.tensor(1.0)).item() == pytest.approx((to_text + to_volume) / 2)


def test_sigmoid_by_hand():
    pairs = torch.eye(2)
    to_own, to_other = math.log1p(math.exp(-(10 - 4))), math.log1p(math.exp(-4))
    loss = contrastive_loss(pairs, pairs, SCALE, torch.tensor(-4.0), "sigmoid")
    assert loss.item() == pytest.approx(to_own + to_other, rel=1e-4)


def test_infonce_is_symmetric(pairs):
    torch.testing.assert_close(contrastive_loss(*pairs, SCALE), contrastive_loss(*pairs[::-1], SCALE))


def test_length_does_not_matter(pairs):
    volumes, texts = pairs
    torch.testing.assert_close(contrastive_loss(5 * volumes, texts, SCALE), contrastive_loss(volumes, texts, SCALE))


def test_a_single_pair_is_an_error_because_it_teaches_nothing(pairs):
    volumes, texts = pairs
    with pytest.raises(ValueError, match="at least 2 pairs, not 1"):
        contrastive_loss(volumes[:1], texts[:1], SCALE)


def test_two_pairs_have_a_gradient(pairs):
    volumes = pairs[0][:2].clone().requires_grad_()
    contrastive_loss(volumes, pairs[1][:2], SCALE).backward()
    assert volumes.grad.abs().max() > 0


def test_the_gradient_descends_to_the_match(pairs):
    volumes = pairs[0].clone().requires_grad_()
    optimizer = torch.optim.Adam([volumes], lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        contrastive_loss(volumes, pairs[1], SCALE).backward()
        optimizer.step()
    similarity = torch.nn.functional.normalize(volumes, dim=-1) @ torch.nn.functional.normalize(pairs[1], dim=-1).T
    assert (similarity.argmax(dim=1) == torch.arange(6)).all()


ONE_OF_TWO_PROCESSES = """
import sys
import torch
from braingemma3d.training.contrastive import contrastive_loss
rank, folder = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
volumes, texts = torch.load(f"{folder}/pairs.pt", weights_only=True)
mine = volumes[rank * 3 : rank * 3 + 3].clone().requires_grad_()
loss = contrastive_loss(mine, texts[rank * 3 : rank * 3 + 3], torch.tensor(10.0))
loss.backward()
torch.save((loss.detach(), mine.grad), f"{folder}/answer{rank}.pt")
# A process that leaves while the other still talks to it aborts the other.
torch.distributed.barrier()
torch.distributed.destroy_process_group()
"""


def test_negatives_come_from_all_processes(pairs, tmp_path):
    """Two processes with three pairs each see the loss, and together the gradient, of one with six."""
    whole = pairs[0].clone().requires_grad_()
    expected = contrastive_loss(whole, pairs[1], SCALE)
    expected.backward()
    torch.save(pairs, tmp_path / "pairs.pt")
    workers = [
        subprocess.Popen([sys.executable, "-c", ONE_OF_TWO_PROCESSES, str(rank), str(tmp_path)]) for rank in range(2)
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    for rank in range(2):
        loss, grad = torch.load(tmp_path / f"answer{rank}.pt", weights_only=True)
        torch.testing.assert_close(loss, expected.detach())
        # Each process's loss reaches every row; averaged over the two, as DDP does, it is the gradient of one loss.
        torch.testing.assert_close(grad / 2, whole.grad[rank * 3 : rank * 3 + 3], atol=1e-5, rtol=1e-4)
