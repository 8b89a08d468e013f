"""The processor: volumes and text to tensors, and tokens back to text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoProcessor, BatchFeature, PreTrainedTokenizerBase, ProcessorMixin

from braingemma3d.imaging.grid import to_grid
from braingemma3d.imaging.volume import Shape, Volume
from braingemma3d.model.backbones import HUB_OPTIONS, UPLOAD_OPTIONS, load_tokenizer, local_snapshot
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig

CANONICAL_PROMPT = "Generate a radiology report for this brain MRI FLAIR scan. \n"
"""The reference's prompt, word for word."""


class BrainGemma3DProcessor(ProcessorMixin):
    """Prepares volumes and prompts for the model, and decodes what it writes.

    Args:
        tokenizer: the language model's.
        volume_shape: (D, H, W) of the model's grid.
        num_visual_tokens: places that a volume takes in the prompt.
        visual_token_id: the vocabulary entry that marks them.
        visual_placement: ``after_bos`` or ``before_bos``.
        language_source: where the tokenizer comes from; None: it is saved with the processor.
        prompt: the instruction that a volume gets when none is given.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        volume_shape: Sequence[int],
        num_visual_tokens: int,
        visual_token_id: int,
        visual_placement: Literal["after_bos", "before_bos"] = "after_bos",
        language_source: str | None = None,
        prompt: str = CANONICAL_PROMPT,
    ) -> None:
        super().__init__(tokenizer)
        self.volume_shape: Shape = (int(volume_shape[0]), int(volume_shape[1]), int(volume_shape[2]))
        self.num_visual_tokens = num_visual_tokens
        self.visual_token_id = visual_token_id
        self.visual_placement = visual_placement
        self.language_source = language_source
        self.prompt = prompt

    @classmethod
    def from_config(cls, config: BrainGemma3DConfig, tokenizer: PreTrainedTokenizerBase) -> BrainGemma3DProcessor:
        """The processor that fits a model's configuration."""
        return cls(
            tokenizer,
            volume_shape=config.volume_shape,
            num_visual_tokens=config.num_visual_tokens,
            visual_token_id=config.visual_token_id,
            visual_placement=config.visual_placement,
            language_source=config.language_source,
        )

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, revision: str | None = None, **kwargs: Any
    ) -> BrainGemma3DProcessor:
        """Load from a folder or the hub; the tokenizer comes from the language source where there is one."""
        hub = {name: kwargs.pop(name) for name in HUB_OPTIONS & kwargs.keys()}
        folder = local_snapshot(pretrained_model_name_or_path, revision, **hub)
        settings, _ = cls.get_processor_dict(folder, **kwargs)
        # The base class takes both into account; the tokenizer has its chat template itself.
        for name in ("processor_class", "chat_template"):
            settings.pop(name, None)
        return cls(load_tokenizer(settings.get("language_source") or folder, **hub), **settings)

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any) -> None:
        """Save the settings, and the tokenizer where no language source would give it back."""
        hub = {name: kwargs.pop(name) for name in UPLOAD_OPTIONS & kwargs.keys()}
        super().save_pretrained(save_directory, **kwargs)
        if self.language_source is not None:
            for name in (
                "tokenizer.json",
                "tokenizer_config.json",
                "tokenizer.model",
                "special_tokens_map.json",
                "chat_template.jinja",
            ):
                (Path(save_directory) / name).unlink(missing_ok=True)
        if push_to_hub:
            self.push_to_hub(hub.pop("repo_id", Path(save_directory).name), **hub)

    def __call__(
        self,
        volumes: Sequence[Volume] | torch.Tensor | None = None,
        prompts: str | Sequence[str] | None = None,
        reports: Sequence[str] | None = None,
    ) -> BatchFeature:
        """Prepare a batch; texts are padded on the left.

        Args:
            volumes: masked volumes, or pixels (batch, 1, D, H, W) that are on the model's grid already, or None where
                the batch size comes from the texts.
            prompts: an instruction for each, or one for all; the processor's own by default.
            reports: the texts to learn; they add ``labels``, -100 everywhere but on the report and the end token.

        Returns:
            ``input_ids`` and ``attention_mask`` (batch, tokens); ``pixel_values`` (batch, 1, D, H, W) with volumes;
            ``labels`` (batch, tokens) with reports.

        Raises:
            ValueError: the numbers of volumes, prompts and reports differ.
        """
        prompts = self.prompt if prompts is None else prompts
        counts = {len(x) for x in (volumes, reports, None if isinstance(prompts, str) else prompts) if x is not None}
        if len(counts) > 1:
            raise ValueError(f"volumes, prompts and reports must be equally many, not {sorted(counts)}")
        size = counts.pop() if counts else 1
        prompts = [prompts] * size if isinstance(prompts, str) else list(prompts)

        rows = [self._prompt_ids(prompt) for prompt in prompts]
        labels = [[-100] * len(row) for row in rows]
        if reports is not None:
            for row, label, report in zip(rows, labels, reports, strict=True):
                answer = [
                    *self.tokenizer.encode(report, add_special_tokens=False),
                    self.tokenizer.eos_token_id,
                ]
                row += answer
                label += answer
        data = {
            "input_ids": _pad_left(rows, self.tokenizer.pad_token_id),
            "attention_mask": _pad_left([[1] * len(row) for row in rows], 0),
        }
        if reports is not None:
            data["labels"] = _pad_left(labels, -100)
        if isinstance(volumes, torch.Tensor):
            data["pixel_values"] = volumes
        elif volumes is not None:
            grids = [torch.from_numpy(to_grid(volume, self.volume_shape)[0]) for volume in volumes]
            data["pixel_values"] = torch.stack(grids)[:, None]
        return BatchFeature(data)

    def _prompt_ids(self, prompt: str) -> list[int]:
        start = [self.tokenizer.bos_token_id]
        visual = [self.visual_token_id] * self.num_visual_tokens
        head = start + visual if self.visual_placement == "after_bos" else visual + start
        return head + self.tokenizer.encode(prompt, add_special_tokens=False)

    def decode_reports(self, generated: torch.Tensor, prompt_length: int) -> list[str]:
        """What the model wrote after the prompt: (batch, tokens) ids to one text each."""
        texts = self.tokenizer.batch_decode(generated[:, prompt_length:], skip_special_tokens=True)
        return [text.strip() for text in texts]


def _pad_left(rows: list[list[int]], value: int) -> torch.Tensor:
    width = max(len(row) for row in rows)
    return torch.tensor([[value] * (width - len(row)) + row for row in rows])


AutoProcessor.register(BrainGemma3DConfig, BrainGemma3DProcessor)
