"""The one trainer: a thin ``transformers.Trainer`` that every stage runs through."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, default_data_collator
from transformers.utils import ModelOutput

from braingemma3d.errors import InputError
from braingemma3d.model.loading import fast_dtype
from braingemma3d.pace import EVERY_S
from braingemma3d.training.config import Part, Stage, Term

logger = logging.getLogger(__name__)

LOGGING_STEPS = 20
CLIP = 1.0
"""Norm to which the gradient of a step is cut; that of the contrastive stages mostly is longer."""


class Learner(nn.Module):
    """What a stage trains: a module whose loss is a weighted sum of named terms.

    Its state is what trains, and nothing that is frozen: a checkpoint beside a language model stays small.
    """

    # What transformers.Trainer asks of a module that is not a PreTrainedModel.
    accepts_loss_kwargs = False
    _keys_to_ignore_on_save = None
    weights: dict[Term, float]

    def parts(self) -> dict[Part, list[nn.Parameter]]:
        """Parameters by the name under which a stage's ``rates`` know them."""
        raise NotImplementedError

    def terms(self, *args: Any, **kwargs: Any) -> dict[Term, Tensor]:
        """Scalar losses of a batch of the dataset's items."""
        raise NotImplementedError

    def forward(self, **batch: Any) -> ModelOutput:
        """The weighted ``loss`` of a batch, and its terms."""
        terms = self.terms(**batch)
        loss = torch.stack([self.weights[name] * value for name, value in terms.items() if name in self.weights]).sum()
        return ModelOutput(loss=loss, **{name: value.detach() for name, value in terms.items()})

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Values of the parameters that train."""
        trained = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        state = super().state_dict(*args, **kwargs)
        return {name: value.contiguous() for name, value in state.items() if name in trained}


def train(
    learner: Learner,
    data: Dataset,
    stage: Stage,
    out: Path,
    collate: Callable[[list], dict[str, Tensor]] = default_data_collator,
    report_to: tuple[str, ...] = (),
) -> list[dict[str, float]] | None:
    """Run a stage, from its newest checkpoint in ``out`` if there is one.

    Args:
        learner: of which the parts that ``stage.rates`` name learn, and all others are frozen.
        data: items for ``collate``; item ``i`` must be the same in every run.
        stage: its settings; the processes must be able to share its batch evenly.
        out: gets ``checkpoint-<step>`` folders, with the loss so far in their ``trainer_state.json``.
        collate: from a list of items to the learner's arguments.
        report_to: transformers' names of places for the curves.

    Returns:
        The log: loss, terms and seconds every :data:`LOGGING_STEPS` steps; None on all processes but the one that
        writes results.

    Raises:
        InputError: the loss grows beyond all numbers.
    """
    parts = learner.parts()
    learner.requires_grad_(False)
    for name in stage.rates:
        for parameter in parts[name]:
            parameter.requires_grad_(True)
    arguments = TrainingArguments(
        output_dir=str(out),
        max_steps=stage.steps,
        per_device_train_batch_size=stage.batch // PartialState().num_processes,
        lr_scheduler_type="cosine",
        warmup_steps=stage.warmup,
        bf16=fast_dtype() is torch.bfloat16,
        use_cpu=not torch.cuda.is_available(),
        save_steps=stage.checkpoint_steps,
        save_total_limit=2,
        logging_steps=LOGGING_STEPS,
        logging_nan_inf_filter=False,
        report_to=list(report_to) or "none",
        remove_unused_columns=False,
        disable_tqdm=True,
        max_grad_norm=CLIP,
        seed=stage.seed,
    )
    # Another GPU is for another process (accelerate launch); torch's DataParallel would split the batch over all.
    arguments._n_gpu = 1
    last = newest_checkpoint(out)
    if last is not None:
        logger.info("%s goes on from %s", stage.name, last.name)
    progress = _Progress(stage)
    trainer = _Trainer(
        stage,
        model=learner,
        args=arguments,
        train_dataset=data,
        data_collator=collate,
        callbacks=[progress],
    )
    trainer.remove_callback(PrinterCallback)
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    finally:
        # An interrupted training tells no callback of its end, and a bar hides the terminal's cursor.
        progress.stop()
    for values in learner.state_dict().values():
        trainer.refuse_unless_finite(values)
    return trainer.state.log_history if trainer.is_world_process_zero() else None


def newest_checkpoint(folder: Path) -> Path | None:
    """The last ``checkpoint-<step>`` that is whole: its ``trainer_state.json`` is written last, and can be read."""
    whole = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json") if _is_json(path)]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


class _Trainer(Trainer):
    """With a learning rate for each part, and the loss's terms in the log."""

    optimizer: Any

    def __init__(self, stage: Stage, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage
        self.sums: dict[str, Tensor] = {}
        self.batches = 0
        self.begun = time.monotonic()
        self.before: float | None = None

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW over the parts that the stage names; vectors and scalars don't decay."""
        if self.optimizer is None:
            learner = self.accelerator.unwrap_model(self.model if model is None else model)
            parts = learner.parts()
            groups = [
                {
                    "params": [p for p in parts[name] if (p.ndim > 1) is matrices],
                    "lr": rate,
                    "weight_decay": self.stage.weight_decay if matrices else 0.0,
                }
                for name, rate in self.stage.rates.items()
                for matrices in (True, False)
            ]
            self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], betas=(0.9, 0.98))
        return self.optimizer

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler:
        """Items in order: the data sets draw theirs at random by index, and may change with it."""
        data: Any = self.train_dataset if train_dataset is None else train_dataset
        return SequentialSampler(data)

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Warn of a checkpoint that lacks what trains; what is frozen is in none."""
        trained = self.accelerator.unwrap_model(self.model).state_dict()
        if load_result.unexpected_keys or set(load_result.missing_keys) & set(trained):
            super()._issue_warnings_after_load(load_result)

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """The loss; its terms are summed up for the log."""
        loss, outputs = super().compute_loss(*args, **kwargs | {"return_outputs": True})
        for name, value in outputs.items():
            if name != "loss":
                self.sums[name] = self.sums.get(name, 0) + value.float()
        self.batches += 1
        return loss

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """One step, whose loss must be a number."""
        loss = super().training_step(*args, **kwargs)
        self.refuse_unless_finite(loss)
        return loss

    def refuse_unless_finite(self, values: Tensor) -> None:
        """End a training that has diverged before anything is built on it.

        Raises:
            InputError: ``values`` of the loss or of a weight are infinite or no numbers.
        """
        if not values.isfinite().all():
            raise InputError(
                f"{self.stage.name}: step {self.state.global_step} made the loss or weights infinite; lower its rates "
                "and train into another --out"
            )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the mean of each term beside the loss, and the seconds of the stage, those before a resume too."""
        if self.before is None:
            self.before = max((entry.get("seconds", 0.0) for entry in self.state.log_history), default=0.0)
        if "loss" in logs and self.batches:
            total = self.accelerator.reduce(torch.stack([*self.sums.values()]), "mean") / self.batches
            means = {name: round(value, 4) for name, value in zip(self.sums, total.tolist(), strict=True)}
            logs = {**logs, **means, "seconds": round(self.before + time.monotonic() - self.begun, 1)}
            self.sums, self.batches = {}, 0
        super().log(logs, start_time)


class _Progress(TrainerCallback):
    """A bar with steps, time left, samples a second and the loss's terms; a log line where there is no terminal."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self.begun = (0, 0.0)
        self.said = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Show the bar."""
        self.begun = (state.global_step, time.monotonic())
        console = Console(stderr=True)
        if state.is_world_process_zero and console.is_terminal:
            columns = (TextColumn(self.stage.name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeLeft())
            self.bar = Progress(*columns, TextColumn("{task.fields[text]}"), console=console)
            self.task = self.bar.add_task(self.stage.name, total=state.max_steps, completed=state.global_step, text="")
            self.bar.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the bar."""
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Show the loss."""
        if logs is None or "loss" not in logs or not state.is_world_process_zero:
            return
        first, since = self.begun
        seconds = max(time.monotonic() - since, 1e-6)
        steps = max(state.global_step - first, 1)
        rate = steps * self.stage.batch / seconds
        hidden = ("epoch", "learning_rate", "grad_norm", "step", "total_flos", "seconds")
        text = "  ".join(f"{name} {value:.3f}" for name, value in logs.items() if name not in hidden)
        text = f"{text}  {rate:.1f} samples/s"
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, text=text)
        elif time.monotonic() - self.said >= EVERY_S or state.global_step == state.max_steps:
            self.said = time.monotonic()
            left = (state.max_steps - state.global_step) * seconds / steps / 60
            logger.info(
                "%s %d of %d: %s, %.0f min left", self.stage.name, state.global_step, state.max_steps, text, left
            )

    def stop(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
