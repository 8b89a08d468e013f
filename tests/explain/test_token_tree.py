"""Texts that share their beginnings."""

from __future__ import annotations

import torch

from braingemma3d.explain.token_tree import TokenTree


def tree_of(*texts):
    tree = TokenTree()
    return tree, [tree.add(text) for text in texts]


def test_shared_beginnings_are_stored_once():
    tree, (one, other) = tree_of([5, 6, 7], [5, 6, 8, 9])
    assert one == [0, 1, 2]
    assert other == [0, 1, 3, 4]
    assert tree.tokens == [5, 6, 7, 8, 9]
    assert tree.parents == [-1, 0, 1, 1, 3]
    assert tree.add([5, 6, 7]) == one
    assert len(tree) == 5


def test_the_same_token_after_another_beginning_is_another_node():
    _, (one, other) = tree_of([1, 2], [3, 2])
    assert not set(one) & set(other)


def test_branches_do_not_read_each_other():
    tree, _ = tree_of([5, 6, 7], [5, 8])
    assert tree.depths().tolist() == [0, 1, 2, 1]
    assert tree.ancestry().int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1]]


def test_all_read_the_prompt_and_the_prompt_reads_backwards():
    tree, _ = tree_of([5, 6], [7])
    reads, positions = tree.attention(3)
    assert positions.tolist() == [0, 1, 2, 3, 4, 3]
    assert torch.equal(reads[:3, :3], torch.ones(3, 3).tril().bool())
    assert not reads[:3, 3:].any()
    assert reads[3:, :3].all()
    assert reads[3:, 3:].int().tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
