"""Stages ``ground`` and ``align``: volumes and texts meet in one space.

In ``ground`` the encoder learns to see in three dimensions; in ``align`` it is frozen, and compressor and projector,
which cost a fraction of it, go on learning from its cached patches.

The reference's InfoNCE between volumes and whole reports needs large batches to tell fine findings apart, so each
finding is contrasted on its own, too: its visual token against the words for all values that it could have, the right
one read off the volume's report. Where the data has maps, they are learned on, and the visual tokens learn how much of
everything there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from braingemma3d.findings.mirror import swap_sides
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.training.config import Part, Stage, Term
from braingemma3d.training.contrastive import contrastive_loss
from braingemma3d.training.features import CachedFeatures
from braingemma3d.training.grids import flattened, jittered, mirrored_anatomy, open_shard
from braingemma3d.training.maps import (
    AMOUNTS,
    LESION_KINDS,
    MapHead,
    amounts_loss,
    as_seen,
    cell_shares,
    joint_shares,
    lesion_cells,
    mirrored_amounts,
    total_amounts,
)
from braingemma3d.training.texts import embed_reports
from braingemma3d.training.trainer import Learner
from braingemma3d.training.words import TokensAsWords, answers, match_scale


class VolumeDataset(Dataset):
    """Volumes on the model's grid with what their reports say; every case in turn, with flips mirrored every other
    time.

    Item ``i`` is the same in every process and run.

    Args:
        shards: folders of :func:`~braingemma3d.training.grids.draw_grids`.
        stage: its steps and batch give the length.
        config: of the model, whose patches the maps are cut into.
        language_source: of the language model that embeds the reports.
        cache: folder for the embedded reports.
        features: cached patches of each shard; the items then hold them in place of pixels and maps.
    """

    def __init__(
        self,
        shards: Sequence[Path],
        stage: Stage,
        config: BrainGemma3DConfig,
        language_source: str,
        cache: Path,
        features: Sequence[Path] | None = None,
    ) -> None:
        self.stage = stage
        self.config = config
        opened = [open_shard(shard) for shard in shards]
        self.cases = [(shard, row) for shard in opened for row in range(len(shard.records))]
        self.whole_from = round((1 - stage.whole) * stage.steps) * stage.batch
        self.features = None if features is None else CachedFeatures(features)
        self.with_maps = bool({"lesion", "anatomy", "amounts"} & stage.weights.keys())
        self.whole_amounts: list[Tensor] = []
        if features is not None and self.with_maps:
            self.whole_amounts = [total_amounts(self._joint(*shard.maps(row))) for shard, row in self.cases]
        reports = [shard.records[row]["report"] for shard, row in self.cases]
        self.texts = reports + ([swap_sides(report) for report in reports] if stage.flips else [])
        self.told = torch.stack([answers(text) for text in self.texts])
        self.embedded = None
        if "report" in stage.weights:
            self.embedded = embed_reports(self.texts, language_source, cache)
            self.embedded -= self.embedded.mean(0)

    def _joint(self, lesion: NDArray[np.uint8], anatomy: NDArray[np.uint8]) -> Tensor:
        return joint_shares(as_seen(lesion, self.config), as_seen(anatomy, self.config), self.config.patch_shape)

    def __len__(self) -> int:
        return self.stage.samples

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        number, flipped = in_turn(index, len(self.cases), self.stage)
        shard, row = self.cases[number]
        text = number + (len(self.cases) if flipped else 0)
        item = {"told": self.told[text]}
        if self.embedded is not None:
            item["report"] = self.embedded[text]
        if self.features is not None:
            item["patches"] = self.features(number, flipped)
            if self.with_maps:
                whole = self.whole_amounts[number]
                item["amounts"] = mirrored_amounts(whole) if flipped else whole
            return item
        rng = np.random.default_rng([self.stage.seed, index])
        seen = shard.pixels[row]
        if shard.lesion is not None and rng.random() < self.stage.flatten:
            seen = flattened(seen, *shard.maps(row), rng)
        pixels = jittered(seen, rng)
        pixels = pixels[..., ::-1].copy() if flipped else pixels
        item["pixel_values"] = torch.from_numpy(pixels)[None]
        kept = None
        if self.stage.keep is not None and index < self.whole_from:
            cut = as_seen(pixels, self.config)
            kept = item["kept"] = torch.from_numpy(drawn_patches(cut, self.config.patch_shape, self.stage.keep, rng))
        if self.with_maps:
            lesion, anatomy = shard.maps(row)
            if flipped:
                lesion, anatomy = lesion[..., ::-1], mirrored_anatomy(anatomy)
            joint = self._joint(lesion, anatomy)
            patch = self.config.patch_shape
            shares = cell_shares(as_seen(lesion, self.config), LESION_KINDS, patch, lesion_cells(patch))
            if kept is not None:
                joint, shares = joint[kept], shares[kept]
            item |= {"lesion": shares, "anatomy": joint.sum(-2), "amounts": total_amounts(joint)}
        return item


def in_turn(index: int, cases: int, stage: Stage) -> tuple[int, bool]:
    """Case and whether it is mirrored, for the item ``index`` of a stage.

    Every case comes once in each turn, in an order of that turn; with flips, half of them mirrored, the other half the
    next time.
    """
    turn, place = divmod(index, cases)
    number = int(np.random.default_rng([stage.seed, turn]).permutation(cases)[place])
    return number, stage.flips and (turn + number) % 2 == 1


def drawn_patches(
    pixels: NDArray[np.float32], patch: tuple[int, int, int], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Indices of ``count`` random patches that show brain; others only if there are too few.

    Args:
        pixels: (levels * tubelet_depth, H, W), a volume :func:`~braingemma3d.training.maps.as_seen`.
        patch: voxels of a patch along (D, H, W).
        count: of the patches.
        rng: draws them.
    """
    d, h, w = (size // step for size, step in zip(pixels.shape, patch, strict=True))
    blocks = pixels[: d * patch[0], : h * patch[1], : w * patch[2]].reshape(d, patch[0], h, patch[1], w, patch[2])
    # One axis after the other: at once takes fourteen times as long.
    empty = (blocks.max(axis=1).max(axis=2).max(axis=3) == 0).ravel()
    return np.sort(np.lexsort((rng.random(empty.size), empty))[:count])


class Grounding(Learner):
    """Encoder, compressor and projector against texts.

    Args:
        model: of which the language model is not used.
        stage: its weights, kind of contrast and chunk.
        tokenizer: that fits the model.
    """

    def __init__(
        self, model: BrainGemma3DForConditionalGeneration, stage: Stage, tokenizer: PreTrainedTokenizerBase
    ) -> None:
        super().__init__()
        self.weights = stage.weights
        self.stage = stage
        self.encoder = model.vision_encoder
        self.compressor = model.compressor
        self.projector = model.projector
        self.as_words = TokensAsWords(model, tokenizer) if {"findings", "words"} & set(stage.weights) else None
        width = model.config.text_width
        self.report_head = nn.Linear(width, width)
        self.maps = MapHead(model.config.vision_width, model.config.patch_shape)
        self.amount_head = nn.Linear(width, AMOUNTS)
        self.logit_scale = nn.Parameter(torch.full((2,), float(np.log(10.0))))
        self.logit_bias = nn.Parameter(torch.tensor(-5.0))

    def parts(self) -> dict[Part, list[nn.Parameter]]:
        """The model's parts, and the heads that are thrown away."""
        heads = (self.report_head, self.maps, self.amount_head)
        return {
            "encoder": list(self.encoder.parameters()),
            "compressor": list(self.compressor.parameters()),
            "projector": list(self.projector.parameters()),
            "heads": [*(p for head in heads for p in head.parameters()), self.logit_scale, self.logit_bias],
        }

    def terms(
        self,
        told: Tensor,
        report: Tensor | None = None,
        pixel_values: Tensor | None = None,
        patches: Tensor | None = None,
        kept: Tensor | None = None,
        lesion: Tensor | None = None,
        anatomy: Tensor | None = None,
        amounts: Tensor | None = None,
    ) -> dict[Term, Tensor]:
        """Losses of a batch.

        Args:
            told: (batch, questions) of :func:`~braingemma3d.training.words.answers`.
            report: (batch, text_dim), centred embeddings, where the stage's weights ask for it.
            pixel_values: (batch, 1, D, H, W) in [0, 1].
            patches: (batch, patches, vision_dim) in place of pixels.
            kept: (batch, kept patches) indices of those that the encoder sees; None: all.
            lesion: (batch, patches, cells, kinds) shares, where the data has maps.
            anatomy: likewise, in cells of its own.
            amounts: (batch, AMOUNTS) of the patches that the encoder sees, likewise.
        """
        patches = self._patches(pixel_values, patches, kept)
        tokens = self.projector(self.compressor(patches)).float()
        pooled = tokens.mean(1)
        scale = self.logit_scale.exp()
        terms: dict[Term, Tensor] = {}
        if self.as_words is not None:
            terms["findings"], terms["words"] = self.as_words(tokens, told, scale[1])
        if report is not None:
            said = self.report_head(report)
            terms["report"] = contrastive_loss(pooled, said, scale[0], self.logit_bias, self.stage.contrast)
        if lesion is not None and anatomy is not None:
            terms["lesion"], terms["anatomy"] = self.maps.losses(patches, lesion, anatomy)
        if amounts is not None:
            terms["amounts"] = amounts_loss(self.amount_head(pooled), amounts)
        return terms

    @torch.no_grad()
    def match_scale(self, batch: dict[str, Tensor]) -> None:
        """Let the visual tokens of a batch of items begin as large as words, where they are to become words."""
        if self.as_words is not None:
            device = self.projector.scale.device
            seen = {name: batch[name].to(device) for name in ("patches", "pixel_values", "kept") if name in batch}
            tokens = self.projector(self.compressor(self._patches(**seen)))
            match_scale(self.projector, tokens, self.as_words.get_buffer("words"))

    def _patches(
        self, pixel_values: Tensor | None = None, patches: Tensor | None = None, kept: Tensor | None = None
    ) -> Tensor:
        """Patches of a batch in the parts' own precision: encoded, or from the cache, which holds bfloat16."""
        if pixel_values is not None:
            patches = self.encode(pixel_values, kept)
        if patches is None:
            raise ValueError("give pixel_values or patches")
        return patches.to(self.projector.scale.dtype)

    def encode(self, pixel_values: Tensor, kept: Tensor | None = None) -> Tensor:
        """Patches of a batch, in chunks whose inner values are not kept where the stage says so."""
        if self.stage.chunk is None:
            return self.encoder(pixel_values, kept)
        chunks = pixel_values.split(self.stage.chunk)
        indices = [None] * len(chunks) if kept is None else kept.split(self.stage.chunk)
        parts = zip(chunks, indices, strict=True)
        return torch.cat([checkpoint(self.encoder, *part, use_reentrant=False) for part in parts])
