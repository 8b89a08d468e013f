"""Patch features of a frozen encoder, computed once and kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from torch import Tensor

from braingemma3d.files import new_file, remove_left_behind
from braingemma3d.model.loading import state_sha256
from braingemma3d.model.vision import VisionEncoder3D
from braingemma3d.pace import paced
from braingemma3d.training.grids import SHARD, GridShard, flattened, open_shard

BATCH = 8


@torch.inference_mode()
def cache_features(
    encoder: VisionEncoder3D,
    shards: Sequence[Path],
    folder: Path,
    flips: bool,
    flatten: float = 0.0,
) -> list[Path]:
    """Encode every case of the shards, and its mirror image; files that are already there are kept.

    Several processes share the files out.

    Args:
        encoder: in evaluation mode.
        shards: folders of :func:`~braingemma3d.training.grids.draw_grids`.
        folder: gets a subfolder for this encoder's weights.
        flips: encode the mirrored volumes, too.
        flatten: share of the volumes in which healthy tissue is made flat, where the shards have maps.

    Returns:
        One file for each shard: (cases, 2 or 1, patches, vision_dim) bfloat16, its bits as uint16.
    """
    root = folder / state_sha256(encoder.state_dict())[:16] / shards[0].parent.name
    device = next(encoder.parameters()).device
    config = encoder.config
    kind = f"{'-flipped' if flips else ''}{f'-flat{flatten:g}' if flatten else ''}"
    paths = [root / f"{shard.name}{kind}.npy" for shard in shards]
    remove_left_behind(root)
    state = PartialState()
    share = range(state.process_index, len(paths), state.num_processes)
    missing = [number for number in share if not paths[number].is_file()]
    views = 2 if flips else 1
    for number in paced(missing, len(missing), f"shards of {SHARD} volumes encoded"):
        pixels = _views(open_shard(shards[number]), views, flatten, np.random.default_rng(number + 1))
        encoded = np.empty((*pixels.shape[:2], config.num_patches, config.vision_width), np.uint16)
        for view in range(views):
            for start in range(0, len(pixels), BATCH):
                batch = torch.from_numpy(pixels[start : start + BATCH, view].astype(np.float32) / 255)[:, None]
                patches = encoder(batch.to(device)).to(torch.bfloat16).cpu()
                encoded[start : start + BATCH, view] = patches.view(torch.uint16).numpy()
        with new_file(paths[number]) as partial, partial.open("wb") as file:
            np.save(file, encoded, allow_pickle=False)
    state.wait_for_everyone()
    return paths


def _views(shard: GridShard, views: int, flatten: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(cases, views, D, H, W): each case, and with two views its mirror image, with its own flat pieces."""
    pixels = np.repeat(shard.pixels[:, None], views, axis=1)
    if shard.lesion is not None and flatten:
        for row, view in np.argwhere(rng.random(pixels.shape[:2]) < flatten):
            pixels[row, view] = flattened(pixels[row, view], *shard.maps(row), rng)
    if views == 2:
        pixels[:, 1] = pixels[:, 1, ..., ::-1].copy()
    return pixels


class CachedFeatures:
    """Files of :func:`cache_features` as one list of cases, mapped into memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        arrays = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
        self.cases = [(array, row) for array in arrays for row in range(len(array))]

    def __call__(self, number: int, flipped: bool) -> Tensor:
        """(patches, vision_dim) bfloat16 of a case or of its mirror image."""
        array, row = self.cases[number]
        return torch.from_numpy(np.array(array[row, int(flipped)])).view(torch.bfloat16)
