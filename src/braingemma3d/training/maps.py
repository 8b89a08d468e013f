"""Maps of what lies where, and how much of it there is: parts of the lesion, lobes and ventricles by side.

Maps are learned from patches, each with 2 x 2 cells in the plane. Without the sides nothing in the maps would ask a
patch where left is. Amounts are learned from visual tokens, which have to add up what the patches show: edema is graded
by its share of the lesion, compression by the ratio of two ventricles.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.training.grids import RIGHT, VENTRICLE_CLASS

LESION_KINDS, ANATOMY_KINDS = 4, VENTRICLE_CLASS + RIGHT + 1
AMOUNTS = (LESION_KINDS - 1) * ANATOMY_KINDS + 2
"""How much of each part of the lesion lies in each place, and how large the left and right lateral ventricles are."""
CELLS = 2
"""Each patch predicts its maps on CELLS x CELLS cells in the plane."""
RARE_CELL = 0.9
"""A cell of which less than this share is healthy counts as one with a lesion; likewise for ventricles."""


def cell_shares(labels: NDArray[np.uint8], kinds: int, patch: tuple[int, int, int]) -> Tensor:
    """Shares of each kind of label in every cell.

    Args:
        labels: (D, H, W), whole patches of it.
        kinds: labels are below this.
        patch: voxels of a patch along (D, H, W).

    Returns:
        (patches, cells, kinds) float32; the kinds of a cell sum to one.
    """
    cell = _cells(labels.shape, patch)
    counts = np.bincount(cell * kinds + labels.ravel(), minlength=(int(cell[-1]) + 1) * kinds).astype(np.float32)
    return torch.from_numpy(counts * (CELLS**2 / float(np.prod(patch)))).reshape(-1, CELLS**2, kinds)


@lru_cache(maxsize=4)
def _cells(shape: tuple[int, ...], patch: tuple[int, int, int]) -> NDArray[np.int64]:
    """The cell of each voxel of (D, H, W), flat: patch by patch as the encoder orders them, the last voxel's last."""
    depth, height, width = shape
    rows, columns = height // patch[1], width // patch[2]
    level = np.arange(depth) // patch[0]
    row, high = np.divmod(np.arange(height) // (patch[1] // CELLS), CELLS)
    column, wide = np.divmod(np.arange(width) // (patch[2] // CELLS), CELLS)
    plane = (row[:, None] * columns + column) * CELLS**2 + high[:, None] * CELLS + wide
    return (level[:, None, None] * (rows * columns * CELLS**2) + plane).ravel()


def as_seen(volume: NDArray[Any], config: BrainGemma3DConfig) -> NDArray[Any]:
    """The slices of a volume as patches see them, level after level.

    Args:
        volume: (D, H, W).
        config: of the model. Where its patches overlap, slices come more than once; where they leave gaps, never. Its
            padding is 0.

    Returns:
        (levels * tubelet_depth, H, W): cut every ``tubelet_depth`` slices, it falls into the encoder's patches.
    """
    levels, depth, padding = config.patch_grid[0], config.tubelet_depth, config.depth_padding
    slices = (np.arange(levels)[:, None] * config.tubelet_stride + np.arange(depth)).ravel()
    if padding == 0 and np.array_equal(slices, np.arange(len(volume))):
        return volume
    return np.pad(volume, ((padding, padding), (0, 0), (0, 0)))[slices]


def joint_shares(lesion: NDArray[np.uint8], anatomy: NDArray[np.uint8], patch: tuple[int, int, int]) -> Tensor:
    """Shares of each part of the lesion in each place, in every cell.

    Args:
        lesion: (D, H, W) classes below :data:`LESION_KINDS`.
        anatomy: (D, H, W) classes below :data:`ANATOMY_KINDS`.
        patch: voxels of a patch along (D, H, W).

    Returns:
        (patches, cells, LESION_KINDS, ANATOMY_KINDS) float32; its sums over one kind are the shares of the other.
    """
    joint = lesion * np.uint8(ANATOMY_KINDS) + anatomy
    shares = cell_shares(joint, LESION_KINDS * ANATOMY_KINDS, patch)
    return shares.unflatten(-1, (LESION_KINDS, ANATOMY_KINDS))


def total_amounts(joint: Tensor) -> Tensor:
    """What all patches together hold, in cells: the lesion's parts place by place, then left and right ventricle.

    Args:
        joint: (patches, cells, LESION_KINDS, ANATOMY_KINDS), of :func:`joint_shares`.

    Returns:
        (AMOUNTS,) float32.
    """
    total = joint.sum((0, 1))
    return torch.cat([total[1:].flatten(), total[:, [VENTRICLE_CLASS, VENTRICLE_CLASS + RIGHT]].sum(0)])


def mirrored_amounts(amounts: Tensor) -> Tensor:
    """Amounts (AMOUNTS,) of the mirrored brain."""
    places = amounts[:-2].unflatten(-1, (LESION_KINDS - 1, ANATOMY_KINDS))
    outside, left, right = places.split([1, RIGHT, ANATOMY_KINDS - 1 - RIGHT], dim=-1)
    return torch.cat([torch.cat([outside, right, left], dim=-1).flatten(), amounts[-2:].flip(-1)])


def amounts_loss(predicted: Tensor, amounts: Tensor) -> Tensor:
    """Distance of predicted from true logarithms of 1 + amount (batch, AMOUNTS); lesion and ventricles count alike."""
    distance = functional.smooth_l1_loss(predicted.float(), amounts.log1p(), reduction="none", beta=0.1)
    return distance[:, :-2].mean() + distance[:, -2:].mean()


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

        Cells with and without a lesion count alike: lesions fill a few per cent of a brain, and their parts less. So do
        cells with and without a ventricle.
        """
        lesion_logits, anatomy_logits = self(patches)
        cost = soft_cross_entropy(lesion_logits, lesion)
        ventricles = anatomy[..., [VENTRICLE_CLASS, VENTRICLE_CLASS + RIGHT]].sum(-1)
        lesion_loss = _balanced(cost, lesion[..., 0] < RARE_CELL)
        return lesion_loss, _balanced(soft_cross_entropy(anatomy_logits, anatomy), ventricles > 1 - RARE_CELL)


def _balanced(cost: Tensor, rare: Tensor) -> Tensor:
    """Mean over the common cells plus mean over the rare ones, where there are any."""
    return cost[~rare].mean() + (cost[rare].mean() if rare.any() else 0)


def soft_cross_entropy(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross-entropy (...) against shares (..., kinds) that sum to one."""
    return -(shares * functional.log_softmax(logits, dim=-1)).sum(-1)
