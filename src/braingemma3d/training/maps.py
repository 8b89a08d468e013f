"""Maps of what lies where, learned from patches: parts of the lesion, lobes and ventricles by side.

Each patch has 2 x 2 cells in the plane. Without the sides nothing in the maps would ask a patch where left is.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from braingemma3d.training.grids import RIGHT, VENTRICLE_CLASS

LESION_KINDS, ANATOMY_KINDS = 4, VENTRICLE_CLASS + RIGHT + 1
CELLS = 2
"""Each patch predicts its maps on CELLS x CELLS cells in the plane."""
HEALTHY_CELL = 0.9
"""A cell of which less than this share is healthy counts as one with a lesion."""


def cell_shares(labels: NDArray[np.uint8], kinds: int, patch: tuple[int, int, int]) -> Tensor:
    """Shares of each kind of label in every cell.

    Args:
        labels: (D, H, W), whole patches of it.
        kinds: labels are below this.
        patch: voxels of a patch along (D, H, W).

    Returns:
        (patches, cells, kinds) float32; the kinds of a cell sum to one.
    """
    depth, height, width = labels.shape
    levels, rows, columns = depth // patch[0], height // patch[1], width // patch[2]
    level = np.arange(depth) // patch[0]
    row, high = np.divmod(np.arange(height) // (patch[1] // CELLS), CELLS)
    column, wide = np.divmod(np.arange(width) // (patch[2] // CELLS), CELLS)
    plane = (row[:, None] * columns + column) * CELLS**2 + high[:, None] * CELLS + wide
    cell = (level[:, None, None] * (rows * columns * CELLS**2) + plane) * kinds
    counts = np.bincount((cell + labels).ravel(), minlength=levels * rows * columns * CELLS**2 * kinds)
    shares = counts.astype(np.float32) * (CELLS**2 / float(np.prod(patch)))
    return torch.from_numpy(shares.reshape(levels * rows * columns, CELLS**2, kinds))


class MapHead(nn.Module):
    """Predicts both maps from patches."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, CELLS**2 * (LESION_KINDS + ANATOMY_KINDS))

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, patches, dim) to logits (batch, patches, cells, kinds) of lesion parts and of anatomy."""
        logits = self.layer(patches).float().unflatten(-1, (CELLS**2, LESION_KINDS + ANATOMY_KINDS))
        return logits[..., :LESION_KINDS], logits[..., LESION_KINDS:]

    def losses(self, patches: Tensor, lesion: Tensor, anatomy: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of both maps against shares (batch, patches, cells, kinds).

        Cells with and without a lesion count alike: lesions fill a few per cent of a brain, and their parts less.
        """
        lesion_logits, anatomy_logits = self(patches)
        cost = soft_cross_entropy(lesion_logits, lesion)
        ill = lesion[..., 0] < HEALTHY_CELL
        lesion_loss = cost[~ill].mean() + (cost[ill].mean() if ill.any() else 0)
        return lesion_loss, soft_cross_entropy(anatomy_logits, anatomy).mean()


def soft_cross_entropy(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross-entropy (...) against shares (..., kinds) that sum to one."""
    return -(shares * functional.log_softmax(logits, dim=-1)).sum(-1)
