"""From a manifest to ``metrics.json``, ``RESULTS.md`` and plots."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from braingemma3d.data.manifest import ManifestCase
from braingemma3d.errors import InputError
from braingemma3d.evaluation.blind import blind_systems
from braingemma3d.evaluation.metrics import Metrics, measure
from braingemma3d.evaluation.plots import save_plots
from braingemma3d.evaluation.predictions import Prediction, predict
from braingemma3d.evaluation.systems.model import BlankVolume, ModelSystem, ShuffledVoxels
from braingemma3d.evaluation.systems.no_learning import no_learning_systems
from braingemma3d.evaluation.systems.system import Reference, System
from braingemma3d.evaluation.table import results
from braingemma3d.files import new_file
from braingemma3d.findings.extract import extract

logger = logging.getLogger(__name__)


def held_out(cases: Sequence[ManifestCase]) -> list[ManifestCase]:
    """The cases whose split is ``test``, or all where no case has a split.

    Raises:
        InputError: there are splits, but no test case.
    """
    chosen = [case for case in cases if case.split == "test"] or [case for case in cases if case.split is None]
    if not chosen:
        raise InputError("no case of the manifest has the split `test`; set it, or leave all splits out")
    return chosen


def reference(case: ManifestCase) -> Reference:
    """What a case is held against: its findings, or where it has none those that its report states.

    Raises:
        InputError: the case has neither.
    """
    if case.findings is None and case.report is None:
        raise InputError(f"case {case.id!r} has neither findings nor a report; give it one of them")
    return Reference(case.id, case.report, case.findings or extract(str(case.report)))


def all_systems(pipeline_system: ModelSystem, cases: Sequence[ManifestCase]) -> list[System]:
    """The model, and everything that it is compared with on these cases without further weights."""
    chosen = [reference(case) for case in held_out(cases)]
    training = [reference(case) for case in cases if case.split == "train" and (case.findings or case.report)]
    pipeline = pipeline_system.pipeline
    return [
        pipeline_system,
        *no_learning_systems(training or chosen),
        *blind_systems(chosen, training or chosen),
        BlankVolume(pipeline),
        ShuffledVoxels(pipeline),
    ]


def evaluate(
    systems: Sequence[System],
    cases: Sequence[ManifestCase],
    out: Path,
    title: str,
    command: str,
    progress: Callable[[Sequence[Sequence[ManifestCase]]], Iterator[Sequence[ManifestCase]]] = iter,
) -> Metrics:
    """Run systems over the test cases and write what came out; the first system is the one evaluated."""
    chosen = held_out(cases)
    predictions = predict(systems, chosen, out / "predictions.jsonl", progress)
    return write_results(predictions, chosen, systems[0].name, out, title, command)


def write_results(
    predictions: Sequence[Prediction], cases: Sequence[ManifestCase], system: str, out: Path, title: str, command: str
) -> Metrics:
    """Measure predictions and write ``metrics.json``, ``RESULTS.md`` and the plots into ``out``."""
    metrics = measure(predictions, [reference(case) for case in cases], system)
    out.mkdir(parents=True, exist_ok=True)
    with new_file(out / "metrics.json") as partial:
        partial.write_text(metrics.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
    with new_file(out / "RESULTS.md") as partial:
        partial.write_text(results(metrics, title, command), encoding="utf-8")
    save_plots(metrics, out)
    return metrics
