"""A training run: stage after stage, each from the folder that the one before it wrote."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import nullcontext
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import get_args

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env
from huggingface_hub.errors import StrictDataclassError
from transformers import default_data_collator
from transformers.integrations import get_available_reporting_integrations

from braingemma3d.errors import InputError
from braingemma3d.files import alone, claim, new_folder, sha256
from braingemma3d.model.backbones import load_language_model, load_tokenizer, load_vision_model
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.loading import (
    fast_dtype,
    place_visual,
    placement,
    random_vision,
    trained_config,
    trained_folder,
)
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor
from braingemma3d.simulate.cohort import Cohort
from braingemma3d.training.config import Stage, StageName, TrainingConfig
from braingemma3d.training.features import cache_features
from braingemma3d.training.grids import draw_grids, read_grids
from braingemma3d.training.grounding import Grounding, VolumeDataset
from braingemma3d.training.patients import HISTORY, learned_from, to_learn_from
from braingemma3d.training.reporting import ReportDataset, Reporting
from braingemma3d.training.slices import SliceDataset, SlicePretraining
from braingemma3d.training.texts import embed_reports
from braingemma3d.training.trainer import train
from braingemma3d.training.words import QUESTIONS

logger = logging.getLogger(__name__)

SETTINGS = "run.json"
CASES = "cases.sha256"
"""Holds a hash of the training cases' truth and reports, and the name of their folder, which tells their scans apart:
stages of a run must not learn from different ones."""
CHECKPOINTS = "checkpoints"
FEATURES = "features"
TEXTS = "texts"
LOCK = "training.lock"
MATCHED = 8
"""Volumes by which the size of visual tokens is matched with that of words."""
SLACK = 16
"""Tokens by which a report may be longer than every one that the model has learned from."""


def begun(out: Path) -> bool:
    """Whether a folder holds a run that has trained anything."""
    return any((out / name).exists() for name in (CHECKPOINTS, *get_args(StageName)))


class Run:
    """A configuration in a folder.

    Args:
        config: what to train.
        out: gets ``run.json`` and ``cases.sha256``, which bind it, ``<stage>/`` for each stage, and what a later run
            may use or the user delete: ``checkpoints/``, ``features/``, ``grids/`` and ``texts/``.
        workers: processes that draw simulated cases; one for each core by default.
        shared: folder of the caches that do not depend on weights, ``grids/`` and ``texts/``; ``out`` by default.

    Raises:
        InputError: the folder holds a run of another configuration, another training is at work in it, or the
            configuration fits neither the model nor the number of processes.
    """

    def __init__(
        self, config: TrainingConfig, out: Path, workers: int | None = None, shared: Path | None = None
    ) -> None:
        self.config = config
        self.out = out
        self.shared = shared or out
        self.workers = workers
        self.patients: set[str] = set()
        if unknown := config.model.keys() - {field.name for field in fields(BrainGemma3DConfig)}:
            raise InputError(f"model: no setting {min(unknown)!r}; correct it, see docs/model.md")
        self.start = trained_folder(config.start) if config.start else None
        if config.start and self.start is None:
            raise InputError(f"start: {config.start} has no trained weights; give its size in place of it")
        if self.start is not None:
            self.model_config = trained_config(self.start)
        else:
            try:
                self.model_config = BrainGemma3DConfig.of_size(str(config.size), **config.model)
            except (ValueError, TypeError, IndexError, ArithmeticError, StrictDataclassError) as error:
                raise InputError(f"the configuration's model can't be built: {error}; correct size or model") from error
        if not self.model_config.language_source:
            of = config.start or config.size
            raise InputError(f"model {of!r} names no language_source; set it to a folder or a hub id")
        self.language_source = self.model_config.language_source
        if missing := set(config.report_to) - set(get_available_reporting_integrations()):
            raise InputError(f"report_to: {min(missing)} is not installed; install it, or leave it out")
        if any(parse_flag_from_env(f"ACCELERATE_USE_{name}") for name in ("FSDP", "DEEPSPEED")):
            raise InputError("weights can't be split over processes; start them without FSDP or DeepSpeed, with DDP")
        for stage in config.stages:
            self._refuse_unfit(stage)
        with PartialState().main_process_first():
            if PartialState().is_main_process and not begun(out):
                with alone(out / LOCK, "training"):
                    # A run that failed before its first stage began binds nobody.
                    (out / SETTINGS).unlink(missing_ok=True)
                    (out / CASES).unlink(missing_ok=True)
            claimed = claim(out / SETTINGS, config.model_dump_json(indent=2))
        if not claimed:
            raise InputError(f"{out}: holds a run of another configuration; choose another --out")

    def _refuse_unfit(self, stage: Stage) -> None:
        processes, tokens = PartialState().num_processes, self.model_config.num_visual_tokens
        if stage.batch % processes:
            raise InputError(
                f"{stage.name}: {processes} processes can't share a batch of {stage.batch} evenly; start another number"
            )
        if {"findings", "words"} & stage.weights.keys() and tokens < len(QUESTIONS):
            raise InputError(
                f"{stage.name}: {tokens} visual tokens can't learn findings and words, which need {len(QUESTIONS)}; "
                "set model.num_visual_tokens, or leave these weights out"
            )

    def go(self, only: StageName | None = None) -> Path:
        """Run the stages that are not done, or one of them; a stage that was interrupted goes on.

        Returns:
            The folder of the last stage that was asked for.

        Raises:
            InputError: the configuration has no such stage, the stage before it has not been run, or another training
                is at work in the folder.
        """
        with alone(self.out / LOCK, "training") if PartialState().is_main_process else nullcontext():
            return self._go(only)

    def _go(self, only: StageName | None) -> Path:
        names = [stage.name for stage in self.config.stages]
        if only is not None and only not in names:
            raise InputError(f"the configuration has no stage {only!r}; it has {', '.join(names)}")
        for place, stage in enumerate(self.config.stages):
            if only not in (None, stage.name):
                continue
            if (self.out / stage.name).is_dir():
                logger.info("%s: done before", stage.name)
                continue
            missing = [name for name in names[:place] if not (self.out / name).is_dir()]
            if missing:
                raise InputError(f"{self.out / missing[0]}: this stage comes before {stage.name}; run it first")
            run_stage = {"slices": self._pretrain, "contrast": self._ground, "report": self._report}[stage.objective]
            run_stage(stage, names[:place])
            # One process saves, and the next stage of all of them begins with what it has saved.
            PartialState().wait_for_everyone()
        return self.out / (only or names[-1])

    @cached_property
    def shards(self) -> list[Path]:
        """The cases on the model's grid, drawn or read now if they are not there yet.

        Raises:
            InputError: they are others than those that this run began with.
        """
        depth, height, width = self.model_config.volume_shape
        data, shape = self.config.data, (depth, height, width)
        with PartialState().main_process_first():
            if data.manifest is not None:
                shards = read_grids(self.shared / "grids", data.manifest, shape)
            else:
                cohort = Cohort(seed=data.seed, healthy=data.healthy)
                shards = draw_grids(self.shared / "grids", data.simulate or 0, cohort, shape, self.workers)
            hashes = "".join(sha256(shard / "records.json") for shard in shards)
            digest = hashlib.sha256(hashes.encode()).hexdigest()
            claimed = claim(self.out / CASES, f"{digest}  {shards[0].parent.name}\n")
        if not claimed:
            raise InputError(f"{self.out}: the cases have changed since this run began; choose another --out")
        # As the cases are now: a manifest may change while the model learns.
        self.patients = to_learn_from(data) | (learned_from(self.start) if self.start else set())
        return shards

    def _checkpoints(self, stage: Stage) -> Path:
        return self.out / CHECKPOINTS / stage.name

    def _pretrain(self, stage: Stage, before: list[StageName]) -> None:
        patch = self.model_config.patch_shape[1]
        data = SliceDataset(self.shards, patch, stage.samples, stage.seed)
        captions = embed_reports(data.captions, self.language_source, self.shared / TEXTS)
        torch.manual_seed(stage.seed)
        learner = SlicePretraining(self.model_config, captions, stage.weights)
        history = train(learner, data, stage, self._checkpoints(stage), report_to=self.config.report_to)
        if history is not None:
            with new_folder(self.out / stage.name) as folder:
                learner.vision.to(torch.bfloat16).save_pretrained(folder)
                self._save_history(history, folder)

    def _ground(self, stage: Stage, before: list[StageName]) -> None:
        shards = self.shards
        model, processor = self._model(stage, before)
        features = None if "encoder" in stage.rates else self._features(model, shards, stage)
        data = VolumeDataset(shards, stage, self.model_config, self.language_source, self.shared / TEXTS, features)
        torch.manual_seed(stage.seed)
        learner = Grounding(model, stage, processor.tokenizer)
        if self.start is None and set(before) <= {"pretrain"}:
            # Up to where whole volumes begin: parts and wholes make no batch.
            alike = min(MATCHED, len(data), data.whole_from or MATCHED)
            learner.match_scale(default_data_collator([data[i] for i in range(alike)]))
        history = train(learner, data, stage, self._checkpoints(stage), report_to=self.config.report_to)
        if history is not None:
            self._save(model, processor, stage, history)

    def _report(self, stage: Stage, before: list[StageName]) -> None:
        shards = self.shards
        model, processor = self._model(stage, before)
        data = ReportDataset(shards, self._features(model, shards, stage), stage)
        if "lora" in stage.rates and not model.has_lora:
            model.add_lora(stage.seed)
        if self.config.own_words or model.config.report_tokens:
            known = set(model.config.report_tokens or ())
            model.config.report_tokens = sorted(known.union(data.vocabulary(processor.tokenizer)))
        learner = Reporting(model, processor, stage.emphasis)
        if not model.config.writes_reports:
            learner.match_scale(learner.collate([data[i] for i in range(min(MATCHED, len(data)))]))
        history = train(learner, data, stage, self._checkpoints(stage), learner.collate, self.config.report_to)
        if history is not None:
            # A trained model writes its reports by plain greedy search.
            longest = max(map(len, processor.tokenizer(data.reports)["input_ids"]))
            model.generation_config.max_new_tokens = max(model.generation_config.max_new_tokens or 0, longest + SLACK)
            model.generation_config.update(min_new_tokens=None, repetition_penalty=None, no_repeat_ngram_size=None)
            self._save(model, processor, stage, history)

    def _features(self, model: BrainGemma3DForConditionalGeneration, shards: list[Path], stage: Stage) -> list[Path]:
        encoder = model.vision_encoder.to(fast_dtype())
        # A run that has not begun may be given another model, whose encoder can have the same weights.
        of_model = hashlib.sha256(self.config.model_dump_json(include={"size", "start", "model"}).encode()).hexdigest()
        paths = cache_features(encoder, shards, self.out / FEATURES / of_model[:8], stage.flips, stage.flatten)
        encoder.float()
        return paths

    def untrained(self) -> tuple[BrainGemma3DForConditionalGeneration, BrainGemma3DProcessor]:
        """The model at its start: the 2D tower inflated, everything else at random."""
        first = next(stage for stage in self.config.stages if stage.name != "pretrain")
        return self._model(first, ["pretrain"] if (self.out / "pretrain").is_dir() else [])

    def _model(
        self, stage: Stage, before: list[StageName]
    ) -> tuple[BrainGemma3DForConditionalGeneration, BrainGemma3DProcessor]:
        """What the stages before have made, in float32 but for the frozen language model."""
        done = [self.out / name for name in before if name != "pretrain"]
        folder = done[-1] if done else self.start
        device = PartialState().device if torch.cuda.is_available() else torch.device("cpu")
        placed = placement(self.model_config, device)
        if folder is not None:
            processor = BrainGemma3DProcessor.from_pretrained(folder)
            model = BrainGemma3DForConditionalGeneration.from_pretrained(
                folder, dtype=fast_dtype(), is_trainable=True, **placed
            )
        else:
            processor = BrainGemma3DProcessor.from_config(self.model_config, load_tokenizer(self.language_source))
            source = self.out / "pretrain" if "pretrain" in before else self.model_config.vision_source
            if source:
                vision = load_vision_model(source, torch.float32)
            else:
                vision = random_vision(self.model_config, stage.seed)
            language = load_language_model(self.language_source, fast_dtype(), **placed)
            model = BrainGemma3DForConditionalGeneration.from_backbones(self.model_config, vision, language, stage.seed)
        place_visual(model, device, torch.float32)
        return model, processor

    def _save(
        self,
        model: BrainGemma3DForConditionalGeneration,
        processor: BrainGemma3DProcessor,
        stage: Stage,
        history: list[dict[str, float]],
    ) -> None:
        model.config.trained_stage = stage.name
        with new_folder(self.out / stage.name) as folder:
            model.to(torch.bfloat16).save_pretrained(folder)
            processor.save_pretrained(folder)
            self._save_history(history, folder)

    def _save_history(self, history: list[dict[str, float]], folder: Path) -> None:
        """What the model has learned, from whom, and the stage's curves, beside the weights."""
        record = {
            "config": self.config.model_dump(mode="json"),
            "cases_sha256": (self.out / CASES).read_text(encoding="utf-8").split()[0],
            "patients": sorted(self.patients),
            "processes": PartialState().num_processes,
            "history": history,
        }
        (folder / HISTORY).write_text(json.dumps(record, indent=1), encoding="utf-8")
