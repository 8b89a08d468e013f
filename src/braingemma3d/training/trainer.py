"""The one trainer: a thin ``transformers.Trainer`` that every stage runs through."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments, default_data_collator
from transformers.trainer_utils import get_last_checkpoint

from braingemma3d.model.loading import fast_dtype

logger = logging.getLogger(__name__)


class Schedule(BaseModel):
    """How long and how fast a stage learns.

    Attributes:
        steps: optimizer steps.
        batch: samples a step.
        learning_rate: at its peak; it falls to zero along a cosine.
        warmup: share of the steps in which it rises.
        weight_decay: of AdamW.
        checkpoint_steps: steps between two checkpoints, the most that an interruption can cost.
        seed: of the order of the samples and of everything random in training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    warmup: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.05, ge=0)
    checkpoint_steps: int = Field(default=200, ge=1)
    seed: int = 0


def train(model: nn.Module, data: Dataset, schedule: Schedule, out: Path, resume: bool = True) -> None:
    """Train a module whose forward pass returns its loss, with checkpoints in ``out``.

    Args:
        model: takes the dataset's items, batched, as keyword arguments.
        data: items of tensors; item ``i`` must be the same in every run.
        schedule: see :class:`Schedule`.
        out: gets ``checkpoint-<step>`` folders, with the loss so far in their ``trainer_state.json``.
        resume: go on from the newest checkpoint in ``out``, if there is one.
    """
    arguments = TrainingArguments(
        output_dir=str(out),
        max_steps=schedule.steps,
        per_device_train_batch_size=schedule.batch,
        learning_rate=schedule.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=schedule.warmup,
        weight_decay=schedule.weight_decay,
        bf16=fast_dtype() is torch.bfloat16,
        use_cpu=not torch.cuda.is_available(),
        save_steps=schedule.checkpoint_steps,
        save_total_limit=2,
        logging_steps=20,
        report_to="none",
        remove_unused_columns=False,
        seed=schedule.seed,
        dataloader_num_workers=0,
    )
    last = get_last_checkpoint(str(out)) if resume and out.is_dir() else None
    if last:
        logger.info("going on from %s", Path(last).name)
    trainer = Trainer(model=model, args=arguments, train_dataset=data, data_collator=default_data_collator)
    trainer.train(resume_from_checkpoint=last)
