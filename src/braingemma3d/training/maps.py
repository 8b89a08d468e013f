"""Maps of what lies where, and how much of it there is: parts of the lesion, lobes and ventricles by side.

Maps are learned from patches, which are divided into cells: small ones for the lesion, since a mild edema is a rim of a
voxel or two. Without the sides nothing in the maps would ask a patch where left is. Amounts are learned from visual
tokens, which have to add up what the patches show: edema is graded by its share of the lesion, compression by the ratio
of two ventricles.
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
from braingemma3d.training.processes import NONE, fair_count, mean_where

LESION_KINDS, ANATOMY_KINDS = 4, VENTRICLE_CLASS + RIGHT + 1
AMOUNTS = (LESION_KINDS - 1) * ANATOMY_KINDS + 2
"""How much of each part of the lesion lies in each place, and how large the left and right lateral ventricles are."""
LESION_VOXELS = 2
"""Cells of the lesion's map have this many voxels along each axis, or one more where it does not divide a patch."""
ANATOMY_CELLS = (1, 2, 2)
"""Cells of a patch in the anatomy's map, along (D, H, W)."""
RARE_CELL = 0.1
"""A cell of which more than this share is ventricle counts as one with a ventricle."""


def lesion_cells(patch: tuple[int, int, int]) -> tuple[int, int, int]:
    """Cells of a patch in the lesion's map, along (D, H, W)."""
    depth, height, width = (max(size // LESION_VOXELS, 1) for size in patch)
    return depth, height, width


def cell_shares(
    labels: NDArray[np.uint8], kinds: int, patch: tuple[int, int, int], cells: tuple[int, int, int]
) -> Tensor:
    """Shares of each kind of label in every cell.

    Args:
        labels: (D, H, W); what is left over after whole patches is not looked at.
        kinds: labels are below this.
        patch: voxels of a patch along (D, H, W).
        cells: of a patch along (D, H, W).

    Returns:
        (patches, cells, kinds) float32; the kinds of a cell sum to one.
    """
    depth, height, width = (size - size % step for size, step in zip(labels.shape, patch, strict=True))
    cell = _cells((depth, height, width), patch, cells)
    inside = labels[:depth, :height, :width].ravel()
    counts = np.bincount(cell * kinds + inside, minlength=(int(cell[-1]) + 1) * kinds).astype(np.float32)
    shares = torch.from_numpy(counts).reshape(-1, int(np.prod(cells)), kinds)
    return shares / shares.sum(-1, keepdim=True)


@lru_cache(maxsize=8)
def _cells(shape: tuple[int, int, int], patch: tuple[int, int, int], cells: tuple[int, int, int]) -> NDArray[np.int64]:
    """The cell of each voxel of (D, H, W), flat: patch by patch as the encoder orders them, the last voxel's last."""
    places = [np.divmod(np.arange(size), step) for size, step in zip(shape, patch, strict=True)]
    d, h, w = (number for number, _ in places)
    patch_number = (d[:, None, None] * (shape[1] // patch[1]) + h[:, None]) * (shape[2] // patch[2]) + w
    d, h, w = (inner * count // step for (_, inner), count, step in zip(places, cells, patch, strict=True))
    cell = (d[:, None, None] * cells[1] + h[:, None]) * cells[2] + w
    return (patch_number * int(np.prod(cells)) + cell).ravel()


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
        (patches, cells, LESION_KINDS, ANATOMY_KINDS) float32, in cells of the anatomy's map.
    """
    joint = lesion * np.uint8(ANATOMY_KINDS) + anatomy
    shares = cell_shares(joint, LESION_KINDS * ANATOMY_KINDS, patch, ANATOMY_CELLS)
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
    """Predicts both maps from patches.

    Args:
        width: of a patch's vector.
        patch: voxels of a patch along (D, H, W).
    """

    def __init__(self, width: int, patch: tuple[int, int, int]) -> None:
        super().__init__()
        self.lesion = nn.Linear(width, int(np.prod(lesion_cells(patch))) * LESION_KINDS)
        self.anatomy = nn.Linear(width, int(np.prod(ANATOMY_CELLS)) * ANATOMY_KINDS)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, patches, dim) to logits (batch, patches, cells, kinds) of lesion parts and of anatomy."""
        lesion = self.lesion(patches).float().unflatten(-1, (-1, LESION_KINDS))
        return lesion, self.anatomy(patches).float().unflatten(-1, (-1, ANATOMY_KINDS))

    def losses(self, patches: Tensor, lesion: Tensor, anatomy: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of both maps against shares (batch, patches, cells, kinds).

        The lesion counts as much as all healthy tissue, each of its parts as much as any other, and that of a small
        lesion as much as that of a large one, if it fills a patch: a lesion takes a few per cent of a brain, a mild
        edema a fifth of a lesion. Cells with and without a ventricle count alike.
        """
        lesion_logits, anatomy_logits = self(patches)
        ventricles = anatomy[..., [VENTRICLE_CLASS, VENTRICLE_CLASS + RIGHT]].sum(-1) > RARE_CELL
        cost = soft_cross_entropy(anatomy_logits, anatomy)
        anatomy_loss = mean_where(cost, ~ventricles) + mean_where(cost, ventricles)
        return _cross_entropy_by_kind(lesion_logits, lesion), anatomy_loss


def _cross_entropy_by_kind(logits: Tensor, shares: Tensor) -> Tensor:
    """That of the first kind plus the mean of those of the others that are there; see :meth:`MapHead.losses`."""
    cost = -(shares * functional.log_softmax(logits, dim=-1)).sum((1, 2))
    # A speck counts by its size, or the noise of its few cells would be the loss.
    total = shares.sum((1, 2))
    cost = cost / total.clamp(min=shares.shape[2])
    there = total > 0
    count = fair_count(there.sum(0))
    kinds = (cost * there).sum(0) / count
    present = count[1:] > NONE
    return kinds[0] + (kinds[1:][present].mean() if present.any() else 0)


def soft_cross_entropy(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross-entropy (...) against shares (..., kinds) that sum to one."""
    return -(shares * functional.log_softmax(logits, dim=-1)).sum(-1)
