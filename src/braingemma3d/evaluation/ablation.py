"""Ablation: what each stage of a run, and each component of the model, does for the reports.

Every component's row is trained anew from the run's 2D tower, on the same cases, for the same few steps. It is a
comparison, not a contest: all rows are far from what a whole run reaches.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout
from pydantic import BaseModel

from braingemma3d.data.manifest import ManifestCase, are_simulated, scan_hash
from braingemma3d.errors import InputError
from braingemma3d.evaluation.ablation_table import Ablation, differences, page
from braingemma3d.evaluation.evaluate import evaluate, without_a_model
from braingemma3d.evaluation.metrics import EMPTY, Metrics, Scores, measure
from braingemma3d.evaluation.predictions import Batch, answers, predict
from braingemma3d.evaluation.systems.model import OneView
from braingemma3d.evaluation.systems.system import Reference
from braingemma3d.files import claim, json_lines, new_folder, new_text, sha256
from braingemma3d.model.interop import REFERENCE_COMPONENTS
from braingemma3d.pace import Progress, paced
from braingemma3d.report.pipeline import Pipeline
from braingemma3d.training.config import StageName, Term, TrainingConfig
from braingemma3d.training.run import CASES, Run

logger = logging.getLogger(__name__)

STEPS: dict[StageName, int] = {"ground": 1, "align": 2, "specialise": 1}
"""Steps of a row's stages, as multiples of those of ``ground``."""
SEEDS = 3
"""Trainings of a row that decides something; the others have one."""
UNTRAINED = "untrained"
"""The first of the stages: what the run began with."""
RUN = "run"
"""Folder of a row's training while it lasts."""
FIRST_CASES = 384
"""Of a simulated cohort; all rows train on the first ones."""


class Row(NamedTuple):
    """A component's row.

    Attributes:
        name: in the table.
        changes: of the model's configuration.
        contrast: whether volumes meet texts before the model writes (``ground`` and ``align``), which is the
            reference's stage 1.
        weights: of the contrastive loss, in place of the configuration's.
        writing: factor on the steps of ``specialise``.
        seeds: how often it is trained.
    """

    name: str
    changes: dict[str, Any]
    contrast: bool = True
    weights: dict[Term, float] | None = None
    writing: int = 1
    seeds: int = SEEDS


ROWS = (
    Row("as configured", {}),
    Row("slices in place of volumes", {"tubelet_depth": 1, "attention": "slice"}),
    # Its stage 1 takes its time and leaves nothing behind.
    Row("reference as coded", REFERENCE_COMPONENTS, contrast=False),
    # As long as the others: 150 steps of ground and 300 of align take about as long as 150 of writing.
    Row("no stage 1", {}, contrast=False, writing=2),
    # The reference's own loss, without what this project has put beside it.
    Row("InfoNCE alone", {}, weights={"report": 1.0}),
    Row("average pooling", {"compressor": "average"}),
    Row("mean inflation", {"inflation": "mean"}),
    Row("no depth positions", {"positions": "plane"}),
    Row("LoRA rank 16", {"lora_rank": 16, "lora_alpha": 32}, seeds=1),
    Row("tubelet stride 1", {"tubelet_stride": 1}, seeds=1),
)
"""In the order in which they are trained, the costliest last."""


class _Part(NamedTuple):
    """What is measured once: a stage, or a row with one seed. ``model`` makes it and gives its folder."""

    name: str
    folder: Path
    model: Callable[[], Path]


class _Settings(BaseModel):
    """What all rows of a folder have in common; of the 2D tower and the test cases, hashes."""

    config: TrainingConfig
    steps: int
    tower: str
    cases: str


def ablate(
    run: Path,
    config: TrainingConfig,
    cases: Sequence[ManifestCase],
    references: Sequence[Reference],
    out: Path,
    steps: int,
    command: str,
    progress: Progress[Batch] = paced,
    left_out: int = 0,
    manifest: Sequence[ManifestCase] = (),
) -> Ablation:
    """Evaluate every stage of a run, and train and evaluate every row of :data:`ROWS`; finished ones are kept.

    Several processes with the same arguments share the work: each does what none of the others is at.

    Args:
        run: folder of a run that is finished, or at least its 2D pretraining.
        config: of that run.
        cases: the test cases.
        references: what they are held against.
        out: gets ``stages/<stage>/`` and ``components/<row>/<seed>/``, and after each of them
            ``ablation.json`` and ``ABLATION.md`` of those that are done.
        steps: of the stage ``ground`` of each row; the others get as many times more as :data:`STEPS` says.
        command: that ``ABLATION.md`` names as its origin.
        progress: goes through the batches of cases.
        left_out: how many cases are none of these because their truth could not be read.
        manifest: all cases, from whose training cases the systems without a model take what they know of reports.

    Raises:
        InputError: ``out`` holds an ablation of another run, number of steps or test set, or the run has no stage of
            ``ground`` or ``specialise``, which the rows repeat, no 2D tower yet, from which they begin, or went on from
            a trained model, whose components stay.
    """
    if config.start is not None:
        raise InputError(f"{run}: went on from {config.start}, whose components are given; ablate a run from nothing")
    if not {"ground", "specialise"} <= {stage.name for stage in config.stages}:
        raise InputError(f"{run}: an ablation needs a run with ground and specialise; see configs/mini-short.yaml")
    if any(stage.name == "pretrain" for stage in config.stages) and not (run / "pretrain").is_dir():
        raise InputError(f"{run}: its stage pretrain, with which every row begins, is not finished; --resume it first")
    told = "\n".join(f"{case.id} {case.report} {case.findings} {sorted(case.known)}" for case in references)
    told += "".join(map(scan_hash, cases))
    known = hashlib.sha256(told.encode()).hexdigest()
    towers = sorted((run / "pretrain").glob("*.safetensors"))
    tower = hashlib.sha256("".join(map(sha256, towers)).encode()).hexdigest()
    settings = _Settings(config=config, steps=steps, tower=tower, cases=known).model_dump_json(indent=2)
    if not claim(out / "settings.json", settings):
        raise InputError(f"{out}: holds an ablation of another run, --steps or test set; choose another --out")

    stages, rows = _stages(run, config, out), _rows(run, config, out, steps)
    parts = [*stages, *rows]
    empty = Ablation(
        stages={},
        components={},
        steps={stage.name: STEPS[stage.name] * steps for stage in config.stages if stage.name in STEPS},
        runs=sum(row.seeds for row in ROWS),
        command=command,
        simulated=are_simulated(cases),
        beside=_beside(cases, references, manifest, out / "fixed-rules.jsonl", progress),
        left_out=left_out,
    )
    written = functools.partial(_write, stages, rows, out, empty, references)
    failed: list[str] = []
    seconds: list[float] = []
    for number, part in enumerate(parts, 1):
        part.folder.parent.mkdir(parents=True, exist_ok=True)
        # The lock ends with its process, however that ends.
        with suppress(Timeout), FileLock(part.folder.with_suffix(".lock")).acquire(timeout=0):
            if _kept(part.folder) is None:
                left = statistics.fmean(seconds or [0]) * sum(_kept(other.folder) is None for other in parts) / 60
                eta = f", about {left:.0f} min left" if seconds else ""
                place = str(part.folder.relative_to(out))
                logger.info("%d of %d: %s%s", number, len(parts), place, eta)
                begun = time.monotonic()
                try:
                    system = OneView(Pipeline.from_pretrained(str(part.model())), part.name)
                    evaluate([system], cases, references, part.folder, part.name, command, progress)
                    if _kept(part.folder) is None:
                        raise RuntimeError("every report failed")
                except Exception:
                    # One row that nobody foresaw must not cost a night's others.
                    logger.exception("%s failed", place)
                    failed.append(place)
                    continue
                seconds.append(time.monotonic() - begun)
                written()
            shutil.rmtree(part.folder / RUN, ignore_errors=True)
    return written(failed)


def _beside(
    cases: Sequence[ManifestCase],
    references: Sequence[Reference],
    manifest: Sequence[ManifestCase],
    path: Path,
    progress: Progress[Batch],
) -> Metrics:
    """Systems that need no training; ``path`` keeps what those say that look at the scans."""
    systems = without_a_model(references, manifest)
    said = answers([system for system in systems if not system.needs_scan], references)
    # Another process may be at it.
    with FileLock(path.with_suffix(".wait")):
        said += predict([system for system in systems if system.needs_scan], cases, path, progress)
    return measure(said, references, systems[0].name)


def _stages(run: Path, config: TrainingConfig, out: Path) -> list[_Part]:
    """The stages that the run has finished, after the model that it began with."""
    folder = out / "stages"

    def untrained() -> Path:
        model = folder / UNTRAINED / "model"
        if not model.is_dir():
            with new_folder(model) as begun:
                for part in Run(config, run).untrained():
                    part.save_pretrained(begun)
        return model

    names = [stage.name for stage in config.stages if stage.objective != "slices" and (run / stage.name).is_dir()]
    finished = [_Part(name, folder / name, functools.partial(Path, run / name)) for name in names]
    return [_Part(UNTRAINED, folder / UNTRAINED, untrained), *finished]


def _rows(run: Path, config: TrainingConfig, out: Path, steps: int) -> list[_Part]:
    """Every row once before any of them again: the table is of use long before it is complete."""

    def trained(row: Row, seed: int, folder: Path) -> Path:
        if (run / "pretrain").is_dir() and not (folder / "pretrain").is_dir():
            with new_folder(folder / "pretrain") as tower:
                shutil.copytree(run / "pretrain", tower, dirs_exist_ok=True)
        training = Run(short_run(config, row, steps, seed), folder, shared=run)
        if training.shards and not claim(out / CASES, (folder / CASES).read_text(encoding="utf-8")):
            raise InputError(f"{out}: the training cases have changed since its first row; choose another --out")
        return training.go()

    parts = []
    for seed in range(SEEDS):
        for row in ROWS:
            if seed < row.seeds:
                folder = out / "components" / row.name.replace(" ", "-") / str(seed)
                parts.append(_Part(row.name, folder, functools.partial(trained, row, seed, folder / RUN)))
    return parts


def _write(
    stages: Sequence[_Part],
    rows: Sequence[_Part],
    out: Path,
    empty: Ablation,
    references: Sequence[Reference],
    failed: Sequence[str] = (),
) -> Ablation:
    """Gather and show what is measured so far, by this process or another."""
    components: dict[str, list[Metrics]] = {row.name: [] for row in ROWS}
    values: dict[str, list[Scores]] = {row.name: [] for row in ROWS}
    for part in rows:
        if metrics := _kept(part.folder):
            components[part.name].append(metrics)
            values[part.name].append(_case_by_case(part.folder))
    measured = {part.name: metrics for part in stages if (metrics := _kept(part.folder))}
    done = {"stages": measured, "components": components, "failed": list(failed)}
    ablation = empty.model_copy(update=done | {"differences": differences(values, references)})
    new_text(out / "ablation.json", ablation.model_dump_json(indent=1, exclude_none=True) + "\n")
    new_text(out / "ABLATION.md", page(ablation))
    return ablation


def _kept(folder: Path) -> Metrics | None:
    """What is measured of a stage or row; None where nothing is, or every report failed, and not by being empty."""
    path = folder / "metrics.json"
    metrics = Metrics.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None
    broken = metrics is not None and sum(failure.error != EMPTY for failure in metrics.failures) == metrics.cases
    return None if broken else metrics


def _case_by_case(folder: Path) -> Scores:
    """What each report is worth; one that failed is not among them."""
    found: Scores = {}
    for _, line in json_lines(folder / "cases.jsonl", "result"):
        for metric, value in line["scores"].items():
            found.setdefault(metric, {})[line["id"]] = value
    return found


def short_run(config: TrainingConfig, row: Row, steps: int, seed: int) -> TrainingConfig:
    """A row's own run: the pretraining as it was, then the stages of :data:`STEPS` that the configuration has.

    The encoder sees a part of the patches to the end of ``ground``, where the configuration has that: with the 7,320
    patches of stride 1, a step on whole volumes would take minutes on a CPU.
    """
    stages = []
    for stage in config.stages:
        if stage.objective == "slices":
            stages.append(stage)
        elif stage.name in STEPS and (row.contrast or stage.objective != "contrast"):
            writes = stage.objective == "report"
            short: dict[str, Any] = {"steps": STEPS[stage.name] * steps * (row.writing if writes else 1), "seed": seed}
            if stage.keep is not None:
                short["whole"] = 0.0
            if row.weights is not None and stage.objective == "contrast":
                short["weights"] = row.weights
            stages.append(stage.model_copy(update=short))
    simulate = config.data.simulate and min(config.data.simulate, FIRST_CASES)
    return config.model_copy(
        update={
            "model": config.model | row.changes,
            "stages": tuple(stages),
            "data": config.data.model_copy(update={"simulate": simulate}),
        }
    )
