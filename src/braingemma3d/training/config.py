"""What a training run is: a model, its data, and stages that are rows of settings, read from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from braingemma3d.errors import InputError, first_fault, in_one_line
from braingemma3d.simulate.case import HEALTHY_SHARE

StageName = Literal["pretrain", "ground", "align", "warmup", "specialise"]
Objective = Literal["slices", "contrast", "report"]
Part = Literal["encoder", "compressor", "projector", "heads", "lora"]
Term = Literal["report", "captions", "findings", "words", "lesion", "anatomy", "amounts"]

OBJECTIVES: dict[StageName, Objective] = {
    "pretrain": "slices",
    "ground": "contrast",
    "align": "contrast",
    "warmup": "report",
    "specialise": "report",
}
"""What each stage is for: captions and maps of 2D slices, volumes against texts, or the next token of the report. What
a checkpoint can do is known by its stage's name."""
TERMS: dict[Objective, set[Term]] = {
    "slices": {"captions", "lesion", "anatomy"},
    "contrast": {"report", "findings", "words", "lesion", "anatomy", "amounts"},
    "report": {"report"},
}
PARTS: dict[Objective, set[Part]] = {
    "slices": {"encoder", "heads"},
    "contrast": {"encoder", "compressor", "projector", "heads"},
    "report": {"compressor", "projector", "lora"},
}


SETTINGS_OF: dict[str, tuple[Objective, ...]] = {
    "weights": ("slices", "contrast"),
    "contrast": ("contrast",),
    "keep": ("contrast",),
    "whole": ("contrast",),
    "chunk": ("contrast",),
    "flips": ("contrast", "report"),
    "flatten": ("contrast", "report"),
    "emphasis": ("report",),
}
"""Settings of a stage that are for some objectives only."""


SOURCES = {"language_source", "vision_source"}
"""Settings of a model that name a folder or a hub id."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def _changed(self, setting: str) -> bool:
        """Whether a setting is not at its default."""
        return bool(getattr(self, setting) != type(self).model_fields[setting].default)


class Stage(_Settings):
    """One stage of training; whatever it does not name stays frozen.

    Attributes:
        name: what it is for, see :data:`OBJECTIVES`, and the folder that it writes.
        rates: the parts that train, each with its peak learning rate. ``heads`` are what only training needs: text
            head, map heads, temperature and its like.
        weights: of the terms of the loss. ``report``: the whole report; ``findings``: which word is right for each of
            them, ``words``: how far a visual token is from that word; ``captions``: of slices; ``lesion`` and
            ``anatomy``: maps, and ``amounts`` of both, for data that has them.
        contrast: InfoNCE, or SigLIP's sigmoid loss, between volumes and reports.
        steps: optimizer steps.
        batch: samples a step, over all processes together.
        keep: patches of each volume that the encoder sees, drawn at random from those that show brain; None: all.
        whole: with ``keep``, the share of the steps, at the end, that see whole volumes.
        chunk: volumes that are encoded at a time; the rest of a batch is encoded again in the backward pass, which
            makes a large contrastive batch fit into memory. None: all at once.
        flips: show half of the scans mirrored, with left and right exchanged in their texts.
        flatten: share of the volumes, where the data has maps, in which pieces of healthy tissue are made flat, see
            :func:`~braingemma3d.training.grids.flattened`; of cached patches, likewise.
        warmup: share of the steps in which the rates rise; after that they fall to zero along a cosine.
        weight_decay: of AdamW, on matrices only.
        checkpoint_steps: steps between two checkpoints, the most that an interruption can cost.
        emphasis: for reports: how many times as much as other words those count that tell of findings. A report has
            some ten of them among words that nothing in the scan could foretell.
        seed: of the order of samples and of everything random.
    """

    name: StageName
    rates: dict[Part, FiniteFloat]
    weights: dict[Term, FiniteFloat] = {"report": 1.0}
    contrast: Literal["infonce", "sigmoid"] = "infonce"
    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    keep: int | None = Field(default=None, ge=1)
    whole: float = Field(default=0.15, ge=0, le=1)
    chunk: int | None = Field(default=None, ge=1)
    flips: bool = True
    flatten: float = Field(default=0.0, ge=0, le=1)
    warmup: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.05, ge=0)
    checkpoint_steps: int = Field(default=200, ge=1)
    emphasis: float = Field(default=1.0, gt=0)
    seed: int = Field(default=0, ge=0)

    @property
    def objective(self) -> Objective:
        """What its loss is."""
        return OBJECTIVES[self.name]

    @property
    def samples(self) -> int:
        """How many it sees in all."""
        return self.steps * self.batch

    @model_validator(mode="after")
    def _fits_together(self) -> Stage:
        for what, given, known in (
            ("rates", set(self.rates), PARTS[self.objective]),
            ("weights", set(self.weights), TERMS[self.objective]),
        ):
            if not given or given - known:
                raise ValueError(f"{what} of {self.name} are of {sorted(known)}, not {sorted(given)}")
        for setting, objectives in SETTINGS_OF.items():
            if self.objective not in objectives and self._changed(setting):
                raise ValueError(f"{setting} means nothing to {self.name}; leave it out")
        if self.keep is None and self._changed("whole"):
            raise ValueError("without keep all volumes are whole; leave out whole, or set keep")
        if self.objective == "contrast" and "report" not in self.weights and self._changed("contrast"):
            raise ValueError("contrast is between volumes and whole reports; give weights a report, or leave it out")
        if min(self.rates.values()) <= 0 or min(self.weights.values()) < 0:
            raise ValueError(f"rates must be positive and weights not negative: {self.rates}, {self.weights}")
        if self.objective == "contrast" and "encoder" not in self.rates:
            # Its items are cached patches.
            if unused := [name for name in ("lesion", "anatomy") if name in self.weights]:
                raise ValueError(f"maps ({', '.join(unused)}) teach the encoder, which this stage does not train")
            if self.keep is not None or self.chunk is not None:
                raise ValueError("keep and chunk are for stages that train the encoder")
        if self.objective != "report" and self.batch < 2:
            raise ValueError("a contrastive batch of 1 has no negative and teaches nothing; set batch to 2 or more")
        return self


class Data(_Settings):
    """Where the cases come from: a manifest, or the simulation.

    Attributes:
        manifest: ``manifest.jsonl`` of scans with reports; of its cases those whose ``split`` is ``train`` or unset.
        simulate: number of simulated cases to draw, in place of a manifest.
        seed: of the simulated cohort.
        healthy: share of simulated cases without a lesion.
    """

    manifest: Path | None = None
    simulate: int | None = Field(default=None, ge=1)
    seed: int = Field(default=1, ge=0)
    healthy: float = Field(default=HEALTHY_SHARE, ge=0, le=1)

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        if (self.manifest is None) == (self.simulate is None):
            raise ValueError("give either a manifest or a number of cases to simulate")
        if self.manifest and (self._changed("seed") or self._changed("healthy")):
            raise ValueError("seed and healthy are of simulated cases; leave them out beside a manifest")
        return self


class TrainingConfig(_Settings):
    """A whole run.

    Attributes:
        size: named size of a model that is built around its pretrained backbones.
        start: in its place a trained model that goes on learning, as ``report --model`` takes it.
        model: changes to single fields of the size's configuration.
        data: see :class:`Data`.
        own_words: let the model write with the vocabulary entries of its training reports only, which spares most of
            the output head's time where the reports use few of them.
        stages: in the order in which they run.
        report_to: where transformers sends the curves: ``tensorboard``, ``trackio``.
    """

    size: str | None = None
    start: str | None = None
    model: dict[str, Any] = {}
    data: Data
    own_words: bool = False
    stages: tuple[Stage, ...] = Field(min_length=1)
    report_to: tuple[Literal["tensorboard", "trackio"], ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> TrainingConfig:
        for stage in self.stages:
            needs_maps = stage.objective == "slices" or {"lesion", "anatomy", "amounts"} & set(stage.weights)
            if self.data.manifest and needs_maps:
                raise ValueError(f"stage {stage.name} learns from maps, which only simulated data has")
        names = [stage.name for stage in self.stages]
        if (self.size is None) == (self.start is None):
            raise ValueError("give either a size or a model to start from")
        if self.start is not None and (self.model or "pretrain" in names):
            raise ValueError(
                "a model to start from has its configuration and its encoder; leave model and pretrain out"
            )
        if len(set(names)) < len(names):
            raise ValueError(f"stages must have names of their own, not {', '.join(names)}")
        if "pretrain" in names[1:]:
            raise ValueError("pretrain makes the 2D tower that the other stages begin with; name it first")
        return self


def read_config(path: Path) -> TrainingConfig:
    """Read a run from YAML; a manifest, and a model's ``start`` or source that begins with a dot, lie beside the file.

    A file with ``base: other.yaml`` takes over the settings of that file, beside it, that it does not name itself.

    Raises:
        InputError: no such file, no YAML, or a setting that is wrong, with its name and value.
    """
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(settings, dict) and "base" in settings:
            based = read_config(path.parent / str(settings.pop("base"))).model_dump(exclude_unset=True)
            settings = based | settings
        config = TrainingConfig.model_validate(settings)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give a configuration such as configs/mini.yaml") from error
    except RecursionError as error:
        raise InputError(f"{path}: its base leads back to itself; name another one") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a YAML file ({in_one_line(error)}); correct it") from error
    except ValidationError as error:
        raise InputError(f"{path}: {first_fault(error)}; correct this setting") from error

    def beside(place: str) -> str:
        return str((path.parent / place).resolve()) if place.startswith(".") else place

    manifest = config.data.manifest and (path.parent / config.data.manifest).resolve()
    sources = {name: beside(str(place)) for name in SOURCES if (place := config.model.get(name)) is not None}
    return config.model_copy(
        update={
            "data": config.data.model_copy(update={"manifest": manifest}),
            "start": config.start and beside(config.start),
            "model": config.model | sources,
        }
    )
