"""From a manifest to ``metrics.json``, ``RESULTS.md``, ``cases.jsonl`` and plots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from braingemma3d.data.manifest import ManifestCase
from braingemma3d.errors import InputError
from braingemma3d.evaluation.blind import blind_systems
from braingemma3d.evaluation.from_mask import findings_from_mask, read_mask
from braingemma3d.evaluation.metrics import Metrics, measure
from braingemma3d.evaluation.plots import save_plots
from braingemma3d.evaluation.predictions import Prediction, Progress, predict
from braingemma3d.evaluation.systems.model import BlankVolume, ModelSystem, OneView, ShuffledVoxels
from braingemma3d.evaluation.systems.no_learning import Majority, looking_rules
from braingemma3d.evaluation.systems.system import Reference, System
from braingemma3d.evaluation.table import results
from braingemma3d.files import new_file
from braingemma3d.findings.compare import ALL_FINDINGS, scores
from braingemma3d.findings.extract import extract, read
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.report.checks import flaws


def held_out(cases: Sequence[ManifestCase]) -> list[ManifestCase]:
    """The cases whose split is ``test``, or all where no case has a split.

    Raises:
        InputError: there are splits, but no test case, or a patient is in training and test.
    """
    if all(case.split is None for case in cases):
        return list(cases)
    chosen = [case for case in cases if case.split == "test"]
    if not chosen:
        raise InputError("no case of the manifest has the split `test`; set it, or leave all splits out")
    both = {case.patient for case in chosen} & {case.patient for case in cases if case.split in ("train", None)}
    if both:
        raise InputError(f"{len(both)} patients of the manifest have training and test cases; give each one split")
    return chosen


def stated(case: ManifestCase) -> Reference | None:
    """What the findings of a case say, or without them its report; None where it has neither. No mask is looked at.

    What a report on a lesion leaves unsaid, or open, is not known: silence about necrosis is no statement that there is
    none.
    """
    if case.findings is not None:
        # Of a healthy brain everything is known; a field that nobody has filled in is not.
        known = ALL_FINDINGS & case.findings.model_fields_set if case.findings.lesion else ALL_FINDINGS
        return Reference(case.id, case.report, case.findings, known, case.patient)
    if case.report is not None:
        reading = read(case.report)
        found = reading.findings()
        hedged = {name for name, value in found if value == "possible"}
        return Reference(
            case.id, case.report, found, reading.mentioned() - hedged if found.lesion else ALL_FINDINGS, case.patient
        )
    return None


def reference(case: ManifestCase) -> Reference:
    """What a case is held against: its findings, else what its mask tells, and what its report states of the rest.

    Raises:
        InputError: the case has none of them, a mask that does not fit its scan, or only a mask of an unreadable scan.
    """
    said = stated(case)
    if not case.needs_its_mask or case.mask is None:
        if said is None:
            raise InputError(f"case {case.id!r} has no findings, no report and no mask; give it one of them")
        return said
    try:
        scan = load_scan(case.image)
    except InputError:
        if said is None:
            raise
        # Systems fail on this case, and that counts.
        return said
    told = findings_from_mask(read_mask(case.mask, scan), scan)
    if said is None or not told.findings.lesion:
        return Reference(case.id, case.report, told.findings, told.known, case.patient)
    measured = {name: getattr(told.findings, name) for name in (*told.known, "lesions")}
    return said._replace(findings=said.findings.model_copy(update=measured), known=said.known | told.known)


def all_systems(
    pipeline_system: ModelSystem, references: Sequence[Reference], cases: Sequence[ManifestCase]
) -> list[System]:
    """The model, and everything that it is compared with without further weights.

    Args:
        pipeline_system: the model.
        references: of the test cases.
        cases: the whole manifest, from whose training cases the others take what they know of reports. Training cases
            that have a mask only are not looked at.
    """
    pipeline = pipeline_system.pipeline
    known = _known(references, cases)
    return [
        pipeline_system,
        OneView(pipeline, pipeline_system.name),
        Majority(known),
        *looking_rules(known),
        *blind_systems(references, known),
        BlankVolume(pipeline),
        ShuffledVoxels(pipeline),
    ]


def without_a_model(
    references: Sequence[Reference], cases: Sequence[ManifestCase]
) -> tuple[list[System], list[System]]:
    """The systems of :func:`all_systems` that need no model: those that need no scan either, and those that do."""
    known = _known(references, cases)
    return [Majority(known), *blind_systems(references, known)], looking_rules(known)


def _known(references: Sequence[Reference], cases: Sequence[ManifestCase]) -> Sequence[Reference]:
    # The blind systems need reports of the kind that they are held against.
    with_reports = any(case.report for case in references)
    training = [case for case in cases if case.split == "train" and (case.report or not with_reports)]
    return [said for case in training if (said := stated(case))] or references


def evaluate(
    systems: Sequence[System],
    cases: Sequence[ManifestCase],
    references: Sequence[Reference],
    out: Path,
    title: str,
    command: str,
    progress: Progress = iter,
    left_out: Mapping[str, str] | None = None,
) -> Metrics:
    """Run systems over the test cases and write what came out; the first system is the one evaluated.

    Args:
        systems: of different names.
        cases: the test cases.
        references: what they are held against.
        out: the folder for the results.
        title: of ``RESULTS.md``.
        command: that ``RESULTS.md`` names as its origin.
        progress: goes through the batches of cases.
        left_out: cases that are none of these, and why.

    Raises:
        InputError: two systems have one name, so that their reports could not be told apart.
    """
    names = [system.name for system in systems]
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise InputError(f"two systems are called {doubled[0]!r}; rename the folder of one of them")
    predictions = predict(systems, cases, out / "predictions.jsonl", progress)
    return write_results(predictions, references, systems[0].name, out, title, command, left_out)


def write_results(
    predictions: Sequence[Prediction],
    references: Sequence[Reference],
    system: str,
    out: Path,
    title: str,
    command: str,
    left_out: Mapping[str, str] | None = None,
) -> Metrics:
    """Measure predictions and write ``metrics.json``, ``RESULTS.md``, the plots and ``cases.jsonl`` into ``out``."""
    metrics = measure(predictions, references, system).model_copy(update={"left_out": dict(left_out or {})})
    out.mkdir(parents=True, exist_ok=True)
    with new_file(out / "metrics.json") as partial:
        partial.write_text(metrics.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
    with new_file(out / "RESULTS.md") as partial:
        partial.write_text(results(metrics, title, command), encoding="utf-8")
    with new_file(out / "cases.jsonl") as partial:
        lines = [json.dumps(one) + "\n" for one in case_by_case(predictions, references, system)]
        partial.write_text("".join(lines), encoding="utf-8")
    save_plots(metrics, out)
    return metrics


def case_by_case(
    predictions: Sequence[Prediction], references: Sequence[Reference], system: str
) -> Iterator[dict[str, Any]]:
    """What is read from each report of a system, beside what is true; a case on which it failed is left out."""
    texts = {one.id: one.text for one in predictions if one.system == system and one.error is None and one.text.strip()}
    for case in references:
        if (text := texts.get(case.id)) is None:
            continue
        said = extract(text)
        yield {
            "id": case.id,
            "text": text,
            "read": said.model_dump(mode="json"),
            "truth": case.findings.model_dump(mode="json", include={*case.known, "lesions"}),
            "scores": scores(said, case.findings, case.known),
            "flaws": flaws(text),
        }
