"""A tree of texts that share their beginnings, so that a language model reads every shared token once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class TokenTree:
    """Token sequences as paths from a common root, the end of the prompt.

    Nodes are numbered in the order in which they were added: a node comes after its parent.

    Attributes:
        tokens: vocabulary id of each node.
        parents: node before each node, -1 for the first token of a text.
    """

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self._known: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, ids: Sequence[int]) -> list[int]:
        """Add a text; what it shares with texts before it is not added again.

        Returns:
            The nodes along it.
        """
        path: list[int] = []
        at = -1
        for token in ids:
            key = (at, token)
            if key not in self._known:
                self._known[key] = len(self.tokens)
                self.tokens.append(token)
                self.parents.append(at)
            at = self._known[key]
            path.append(at)
        return path

    def depths(self) -> Tensor:
        """(nodes,): tokens before each node on its path."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(0 if parent < 0 else depths[parent] + 1)
        return torch.tensor(depths, dtype=torch.long)

    def ancestry(self) -> Tensor:
        """(nodes, nodes) bool: whether the second is the first, or comes before it on its path."""
        seen = torch.eye(len(self), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node] |= seen[parent]
        return seen

    def attention(self, prompt: int) -> tuple[Tensor, Tensor]:
        """What reads what when the prompt and all nodes are one sequence.

        Args:
            prompt: tokens of the prompt, which every node reads.

        Returns:
            (prompt + nodes, prompt + nodes) bool, row reads column; and the positions (prompt + nodes,).
        """
        length = prompt + len(self)
        reads = torch.zeros(length, length, dtype=torch.bool)
        reads[:prompt, :prompt] = torch.ones(prompt, prompt, dtype=torch.bool).tril()
        reads[prompt:, :prompt] = True
        reads[prompt:, prompt:] = self.ancestry()
        return reads, torch.cat([torch.arange(prompt), prompt + self.depths()])
