"""Stage 0, for ``mini`` only: a 2D SigLIP pretrained on simulated slices, which stands in for MedSigLIP.

Captions and images meet in SigLIP's sigmoid loss (Zhai et al. 2023); what lies where in the slice is learned beside it,
from maps of the lesion's parts and of the lobes.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from braingemma3d.errors import InputError
from braingemma3d.findings.schema import LOBES
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.stem import siglip_class
from braingemma3d.training.config import Part, Term
from braingemma3d.training.contrastive import contrastive_loss
from braingemma3d.training.grids import (
    CORE_CLASS,
    EDEMA_CLASS,
    NECROSIS_CLASS,
    RIGHT,
    jittered,
    mirrored_anatomy,
    open_shard,
)
from braingemma3d.training.maps import ANATOMY_CELLS, ANATOMY_KINDS, LESION_KINDS, MapHead, cell_shares, lesion_cells
from braingemma3d.training.trainer import Learner

SIDE_SHARE, LOBE_SHARE, PART_SHARE = 0.8, 0.15, 0.1


class SliceFindings(NamedTuple):
    """What a caption says of a slice; no side means no lesion."""

    side: str
    lobes: tuple[str, ...]
    edema: bool
    necrosis: bool

    def mirrored(self) -> SliceFindings:
        """The findings of the slice seen in a mirror."""
        return self._replace(side={"left": "right", "right": "left"}.get(self.side, self.side))


HEALTHY = SliceFindings("", (), False, False)


def slice_findings(lesion: np.ndarray, anatomy: np.ndarray) -> SliceFindings:
    """Read a slice's findings off its maps (H, W); specks of fewer than six pixels don't count."""
    core = (lesion == CORE_CLASS) | (lesion == NECROSIS_CLASS)
    abnormal = lesion > 0
    if abnormal.sum() < 6:
        return HEALTHY
    main = core if core.sum() >= 6 else abnormal
    place = anatomy[main]
    place = place[place > 0]
    left = float((place <= RIGHT).mean()) if place.size else 0.5
    side = "left" if left >= SIDE_SHARE else "right" if left <= 1 - SIDE_SHARE else "both sides"
    counts = np.bincount((place - 1) % RIGHT, minlength=len(LOBES))[: len(LOBES)]
    lobes = tuple(name for name, n in zip(LOBES, counts, strict=True) if n >= LOBE_SHARE * max(counts.sum(), 1))
    parts = abnormal.sum()
    return SliceFindings(
        side,
        lobes,
        bool((lesion == EDEMA_CLASS).sum() >= PART_SHARE * parts),
        bool((lesion == NECROSIS_CLASS).sum() >= PART_SHARE * parts),
    )


def caption(findings: SliceFindings) -> str:
    """The caption of a slice."""
    if findings == HEALTHY:
        return "A brain MRI slice without a lesion."
    place = findings.side if findings.side == "both sides" else f"the {findings.side} side"
    lobes = " and ".join(findings.lobes) or "deep"
    edema = "with edema" if findings.edema else "without edema"
    necrosis = "with necrosis" if findings.necrosis else "without necrosis"
    return f"A brain MRI slice with a {lobes} lesion on {place}, {edema} and {necrosis}."


class SliceDataset(Dataset):
    """Slices of drawn grids; half of them show a lesion, half are mirrored.

    Item ``i`` is the same in every process and run: the generator is seeded by it.

    Args:
        shards: folders of :func:`~braingemma3d.training.grids.draw_grids`.
        patch_size: pixels of a patch along both axes.
        length: slices in all.
        seed: of the choice of slices.

    Raises:
        InputError: no slice shows a lesion, or every one does.
    """

    def __init__(self, shards: Sequence[Path], patch_size: int, length: int, seed: int) -> None:
        self.patch = (1, patch_size, patch_size)
        self.shards = [open_shard(shard) for shard in shards]
        self.length = length
        self.seed = seed
        self.with_lesion: list[tuple[int, int, int]] = []
        self.healthy: list[tuple[int, int, int]] = []
        for number, shard in enumerate(self.shards):
            lesion = np.sum(shard.maps()[0] > 0, axis=(2, 3)) >= 6
            brain = (shard.pixels > 0).mean(axis=(2, 3)) > 0.08
            self.with_lesion += [(number, int(c), int(d)) for c, d in np.argwhere(lesion & brain)]
            self.healthy += [(number, int(c), int(d)) for c, d in np.argwhere(~lesion & brain)]
        if not self.with_lesion or not self.healthy:
            raise InputError("slices are learned from cases with and without a lesion, and these lack one; draw more")
        self.captions: list[str] = []
        self._caption_ids: dict[SliceFindings, int] = {}
        for shard_number, case, level in itertools.chain(self.with_lesion, self.healthy[:1]):
            found = slice_findings(*self.shards[shard_number].maps(case, level))
            for findings in (found, found.mirrored()):
                if findings not in self._caption_ids:
                    self._caption_ids[findings] = len(self.captions)
                    self.captions.append(caption(findings))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, index])
        pool = self.with_lesion if rng.random() < 0.5 else self.healthy
        number, case, level = pool[rng.integers(len(pool))]
        shard = self.shards[number]
        pixels = jittered(shard.pixels[case, level], rng)
        lesion, anatomy = shard.maps(case, level)
        findings = slice_findings(lesion, anatomy)
        if rng.random() < 0.5:
            findings = findings.mirrored()
            pixels, lesion, anatomy = pixels[:, ::-1], lesion[:, ::-1], mirrored_anatomy(anatomy)
        return {
            "pixel_values": torch.from_numpy(pixels.copy())[None],
            "lesion": cell_shares(lesion[None], LESION_KINDS, self.patch, lesion_cells(self.patch)),
            "anatomy": cell_shares(anatomy[None], ANATOMY_KINDS, self.patch, ANATOMY_CELLS),
            "caption_ids": torch.tensor(self._caption_ids[findings]),
        }


class SlicePretraining(Learner):
    """A SigLIP vision tower that learns from captions and maps of slices.

    Args:
        config: of the model that the tower is for.
        caption_embeddings: (captions, text_dim), see :func:`~braingemma3d.training.texts.embed_reports`.
        weights: of the terms ``captions``, ``lesion`` and ``anatomy``.
    """

    def __init__(self, config: BrainGemma3DConfig, caption_embeddings: Tensor, weights: dict[Term, float]) -> None:
        super().__init__()
        self.config = config
        self.weights = weights
        # Torch's own attention has a slow backward pass on a CPU; the configuration keeps what is chosen in its place.
        tower = copy.deepcopy(config.vision_config)
        tower._attn_implementation = "eager"
        self.vision = siglip_class(tower)(tower).to(memory_format=torch.channels_last)
        width = config.vision_width
        centred = caption_embeddings - caption_embeddings.mean(0)
        self.register_buffer("captions", functional.normalize(centred, dim=-1), persistent=False)
        self.text_head = nn.Linear(caption_embeddings.shape[1], width)
        self.maps = MapHead(width, (1, *config.patch_shape[1:]))
        self.logit_scale = nn.Parameter(torch.tensor(np.log(10.0), dtype=torch.float32))
        self.logit_bias = nn.Parameter(torch.tensor(-5.0))

    def parts(self) -> dict[Part, list[nn.Parameter]]:
        """The tower, and the heads that are thrown away."""
        heads = [*self.text_head.parameters(), *self.maps.parameters(), self.logit_scale, self.logit_bias]
        return {"encoder": list(self.vision.parameters()), "heads": heads}

    def terms(self, pixel_values: Tensor, lesion: Tensor, anatomy: Tensor, caption_ids: Tensor) -> dict[Term, Tensor]:
        """Losses of a batch of slices.

        Args:
            pixel_values: (batch, 1, H, W) in [0, 1].
            lesion: (batch, patches, cells, kinds), see :func:`~braingemma3d.training.maps.cell_shares`.
            anatomy: likewise.
            caption_ids: (batch,).
        """
        pixels = (pixel_values - self.config.pixel_mean) / self.config.pixel_std
        pixels = pixels.expand(-1, self.config.vision_config.num_channels, -1, -1)
        out = self.vision(pixels, interpolate_pos_encoding=True)
        lesion_loss, anatomy_loss = self.maps.losses(out.last_hidden_state, lesion, anatomy)
        texts = self.text_head(self.get_buffer("captions")[caption_ids])
        scale = self.logit_scale.exp()
        captions = contrastive_loss(out.pooler_output, texts, scale, self.logit_bias, "sigmoid")
        return {"captions": captions, "lesion": lesion_loss, "anatomy": anatomy_loss}
