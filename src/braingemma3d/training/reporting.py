"""Stages ``warmup`` and ``specialise``: a frozen encoder's patches become reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from braingemma3d.findings.mirror import swap_sides
from braingemma3d.findings.tokens import telling_spans
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor
from braingemma3d.training.config import Part, Stage, Term
from braingemma3d.training.features import CachedFeatures
from braingemma3d.training.grids import open_shard
from braingemma3d.training.grounding import in_turn
from braingemma3d.training.processes import fair_count
from braingemma3d.training.trainer import Learner
from braingemma3d.training.words import match_scale


class ReportItem(TypedDict):
    """Patches (patches, vision_dim) of a volume, and the report to learn."""

    patches: Tensor
    report: str


class ReportDataset(Dataset):
    """Cached patches with their reports; every case in turn, with flips mirrored every other time.

    Args:
        shards: folders of :func:`~braingemma3d.training.grids.draw_grids`.
        features: one file for each, of :func:`~braingemma3d.training.features.cache_features`.
        stage: its steps and batch give the length.
    """

    def __init__(self, shards: Sequence[Path], features: Sequence[Path], stage: Stage) -> None:
        self.stage = stage
        self.features = CachedFeatures(features)
        self.reports = [record["report"] for shard in shards for record in open_shard(shard).records]

    def vocabulary(self, tokenizer: PreTrainedTokenizerBase) -> list[int]:
        """The vocabulary entries of all reports, mirrored or not, and the end token, in ascending order."""
        reports = [*self.reports, *map(swap_sides, self.reports)]
        used = {token for row in tokenizer(reports, add_special_tokens=False)["input_ids"] for token in row}
        return sorted(used | {tokenizer.eos_token_id})

    def __len__(self) -> int:
        return self.stage.samples

    def __getitem__(self, index: int) -> ReportItem:
        number, flipped = in_turn(index, len(self.reports), self.stage)
        report = self.reports[number]
        return {"patches": self.features(number, flipped), "report": swap_sides(report) if flipped else report}


class Reporting(Learner):
    """Next-token loss of reports.

    Args:
        model: with its language model; LoRA adapters learn if it has them and the stage says so.
        processor: that fits it.
        emphasis: how many times as much as other words those count that tell of findings.
    """

    weights: dict[Term, float] = {"report": 1.0}  # noqa: RUF012

    def __init__(
        self, model: BrainGemma3DForConditionalGeneration, processor: BrainGemma3DProcessor, emphasis: float = 1.0
    ) -> None:
        super().__init__()
        self.model = model
        self.processor = processor
        self.emphasis = emphasis

    def parts(self) -> dict[Part, list[nn.Parameter]]:
        """Compressor, projector and adapters."""
        return {
            "compressor": list(self.model.compressor.parameters()),
            "projector": list(self.model.projector.parameters()),
            "lora": self.model.lora_parameters(),
        }

    def collate(self, items: Sequence[ReportItem]) -> dict[str, Tensor]:
        """Items to the arguments of :meth:`terms`."""
        reports = [item["report"] for item in items]
        texts = self.processor(reports=reports)
        weights = torch.ones(texts["labels"].shape)
        for row, report in zip(weights, reports, strict=True):
            told = self._tell_of_findings(report)
            row[-len(told) - 1 : -1][told] = self.emphasis
        patches = torch.stack([item["patches"] for item in items])
        return {**texts, "label_weights": weights, "patches": patches}

    def _tell_of_findings(self, report: str) -> Tensor:
        """(tokens,) bool: which tokens of a report are of words that tell of findings."""
        spans = telling_spans(report)
        tokens = self.processor.tokenizer(report, add_special_tokens=False, return_offsets_mapping=True)
        offsets = tokens["offset_mapping"]
        return torch.tensor([any(start < stop and end > begin for begin, stop in spans) for start, end in offsets])

    def terms(self, **batch: Tensor) -> dict[Term, Tensor]:
        """Loss of a batch of :meth:`collate`."""
        told = batch["labels"][:, 1:] != -100
        counted = fair_count(batch["label_weights"][:, 1:][told].sum())
        return {"report": self.model(**batch, num_items_in_batch=counted, use_cache=False).loss}

    @torch.no_grad()
    def match_scale(self, batch: dict[str, Tensor]) -> None:
        """Let the visual tokens of a batch begin as large as the words of its reports: contrast may not have cared."""
        batch = {name: value.to(self.model.device) for name, value in batch.items()}
        words = self.model.get_input_embeddings()(batch["labels"][batch["labels"] != -100])
        match_scale(self.model.projector, self.model.project(batch["patches"]), words)
