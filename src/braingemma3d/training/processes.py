"""What the processes of one training share in a step, so that they learn as one process with the whole batch would."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributed.nn.functional import all_gather

NONE = 1e-6
"""In place of a count of nothing, whose sum is 0."""


def gather(rows: Tensor) -> Tensor:
    """The rows of all processes, in order, with gradients to each."""
    return torch.cat(all_gather(rows)) if _several() else rows


def fair_count(count: Tensor) -> Tensor:
    """What each process has to divide its sum by, so that the mean of their losses is the mean over the whole batch.

    Their own counts would not do: the terms of a loss that few samples have, such as a rare finding, would weigh more
    in the process that has fewer of them.

    Args:
        count: of any shape, what the process's own sums are over.

    Returns:
        The mean of the processes' counts, above 0.
    """
    count = count.detach().float()
    if _several():
        count = count.clone()
        torch.distributed.all_reduce(count)
        count = count / torch.distributed.get_world_size()
    return count.clamp(min=NONE)


def mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the values at ``chosen``, a mask of the same shape, over all processes; 0 where there are none."""
    return values[chosen].sum() / fair_count(chosen.sum())


def _several() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
