"""Two views that write one text."""

from __future__ import annotations

import pytest
import torch

import small_models
from braingemma3d.findings.mirror import swap_sides
from braingemma3d.model.backbones import load_tokenizer
from braingemma3d.model.both_views import BothViews, swapped_entries

ENTRIES = small_models.TINY.text_config.vocab_size


@pytest.fixture(scope="module")
def tokenizer():
    return small_models.tokenizer()


def test_entries_that_spell_a_side_swap_and_all_others_stay(tokenizer):
    swapped = swapped_entries(tokenizer, ENTRIES)
    spelled = [tokenizer.decode([entry]) for entry in range(len(tokenizer))]
    for entry, text in enumerate(spelled):
        there = swap_sides(text) in spelled
        assert spelled[int(swapped[entry])] == (swap_sides(text) if there else text)
    assert torch.equal(swapped[swapped], torch.arange(ENTRIES))
    left, right = (tokenizer.encode(f" {side}", add_special_tokens=False) for side in ("left", "right"))
    assert swapped[left].tolist() == right


def test_both_views_choose_what_both_find_likeliest(tokenizer):
    left, right, the, bright = (
        tokenizer.encode(text, add_special_tokens=False)[0] for text in (" left", " right", "The", "b")
    )
    scores = torch.full((2, ENTRIES), -9.0)
    scores[0, [left, right, the]] = torch.tensor([2.0, 1.9, 1.0])
    scores[1, [left, right, bright]] = torch.tensor([0.0, 1.0, 3.0])
    together = BothViews(swapped_entries(tokenizer, ENTRIES), 1)
    first, second = together(torch.zeros(2, 1), scores).argmax(-1).tolist()
    assert (first, second) == (left, right), "the mirrored view says right, too, when it sees left"
    scores[1, left] = 4.0
    first, second = together(torch.zeros(2, 1), scores).argmax(-1).tolist()
    assert (first, second) == (right, left), "the surer view decides"


def test_rows_after_the_views_choose_for_themselves(tokenizer):
    scores = torch.randn(6, ENTRIES)
    swapped = swapped_entries(tokenizer, ENTRIES)
    both = BothViews(swapped, 2)(torch.zeros(6, 1), scores)
    torch.testing.assert_close(both[4:], scores[4:].log_softmax(-1))
    torch.testing.assert_close(both[:4], BothViews(swapped, 2)(torch.zeros(4, 1), scores[:4]))


def test_forbidden_entries_stay_forbidden(tokenizer):
    scores = torch.randn(4, ENTRIES)
    scores[:, 100:] = -torch.inf
    swapped = swapped_entries(tokenizer, ENTRIES)
    both = BothViews(swapped, 2)(torch.zeros(4, 1), scores)
    assert not both.isnan().any()
    allowed = [entry for entry in range(100) if swapped[entry] < 100]
    assert both[:, allowed].isfinite().all()


def test_gemma_has_an_entry_for_each_side():
    tokenizer = load_tokenizer("gemma3-270m")
    swapped = swapped_entries(tokenizer, 262_144)
    left, right = (tokenizer.encode(text, add_special_tokens=False) for text in (" left", " right"))
    assert swapped[left].tolist() == right
