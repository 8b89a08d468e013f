"""From a manifest to ``metrics.json``, ``RESULTS.md``, ``cases.jsonl`` and plots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from braingemma3d.data.manifest import ManifestCase
from braingemma3d.errors import InputError
from braingemma3d.evaluation.blind import ENOUGH, blind_systems
from braingemma3d.evaluation.from_mask import findings_from_mask, read_mask
from braingemma3d.evaluation.metrics import Metrics, measure
from braingemma3d.evaluation.plots import save_plots
from braingemma3d.evaluation.predictions import Batch, Prediction, answers, fits_into_a_table, predict
from braingemma3d.evaluation.systems.model import BlankVolume, ModelSystem, OneView, ShuffledVoxels
from braingemma3d.evaluation.systems.no_learning import BrighterHemisphere, BrightestBlob, Majority
from braingemma3d.evaluation.systems.system import Reference, System
from braingemma3d.evaluation.table import results
from braingemma3d.files import new_text, remove_left_behind
from braingemma3d.findings.compare import ALL_FINDINGS
from braingemma3d.findings.extract import extract, read
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.pace import Progress, paced
from braingemma3d.report.checks import flaws


def stated(case: ManifestCase) -> Reference | None:
    """What the findings of a case say, or without them its report; None where it has neither. No mask is looked at.

    What is unsaid, or called possible, is not known: silence about necrosis is no statement that there is none, and
    silence about a lesion, as in a report that is not understood, does not make a healthy brain. Where there is said to
    be no lesion, everything is known.
    """
    if case.findings is not None:
        found, known = case.findings, ALL_FINDINGS & case.findings.model_fields_set
    elif case.report is not None:
        reading = read(case.report)
        found, known = reading.findings(), reading.mentioned()
    else:
        return None
    if "lesion" in known and not found.lesion:
        return Reference(case.id, case.report, found, ALL_FINDINGS, case.person)
    hedged = {name for name, value in found if value == "possible"}
    return Reference(case.id, case.report, found, known - hedged, case.person)


def reference(case: ManifestCase) -> Reference:
    """What a case is held against: its findings, else what its mask tells, and what its report states of the rest.

    A report that does not see what is in the mask, or sees a lesion where the mask is empty, tells nothing of the rest.

    Raises:
        InputError: the case has none of them, a mask that does not fit its scan, or only a mask of an unreadable scan;
            or nothing tells whether there is a lesion.
    """
    said = stated(case)
    decided = said is not None and "lesion" in said.known
    if not case.needs_its_mask or case.mask is None:
        if said is None:
            raise InputError(f"case {case.id!r} has no findings, no report and no mask; give it one of them")
        if not decided:
            raise InputError(f"case {case.id!r}: its report tells of no lesion and denies none; give it its findings")
        return said
    try:
        scan = load_scan(case.image)
    except InputError:
        if said is None or not decided:
            raise
        # Systems fail on this case, and that counts.
        return said
    told = findings_from_mask(read_mask(case.mask, scan), scan)
    if said is None or not told.findings.lesion or (decided and not said.findings.lesion):
        return Reference(case.id, case.report, told.findings, told.known, case.person, told.measured)
    seen = {name: getattr(told.findings, name) for name in (*told.known, "lesions")}
    return said._replace(
        findings=said.findings.model_copy(update=seen), known=said.known | told.known, measured=told.measured
    )


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
    return [
        pipeline_system,
        OneView(pipeline, pipeline_system.name),
        *without_a_model(references, cases),
        BlankVolume(pipeline),
        ShuffledVoxels(pipeline),
    ]


def without_a_model(references: Sequence[Reference], cases: Sequence[ManifestCase]) -> list[System]:
    """The systems of :func:`all_systems` that need no model."""
    # The blind ones need reports of the kind that they are held against.
    with_reports = any(case.report for case in references)
    divided = any(case.split for case in cases)
    training = [case for case in cases if divided and case.is_for_training and (case.report or not with_reports)]
    told = [said for case in training if (said := stated(case)) and "lesion" in said.known]
    known = told if len(told) >= ENOUGH else references
    return [Majority(known), BrighterHemisphere(known), BrightestBlob(known), *blind_systems(references, known)]


def evaluate(
    systems: Sequence[System],
    cases: Sequence[ManifestCase],
    references: Sequence[Reference],
    out: Path,
    title: str,
    command: str,
    progress: Progress[Batch] = paced,
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
        InputError: two systems have one name, so that their reports could not be told apart, or another evaluation is
            at work in ``out``.
        ModelError: a system can't be loaded.
    """
    names = [system.name for system in systems]
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise InputError(f"two systems are called {doubled[0]!r}; rename the folder of one of them")
    if odd := [name for name in names if not fits_into_a_table(name)]:
        raise InputError(f"{odd[0]!r}: the name of a system is one line without |; rename its folder")
    looking = [system for system in systems if system.needs_scan]
    # The others answer for scans that can't be read, too, which fail those that look.
    predictions = [
        *predict(looking, cases, out / "predictions.jsonl", progress),
        *answers([system for system in systems if not system.needs_scan], references),
    ]
    return write_results(predictions, references, systems[0].name, out, title, command, left_out)


def write_results(
    predictions: Sequence[Prediction],
    references: Sequence[Reference],
    system: str,
    out: Path,
    title: str,
    command: str,
    left_out: Mapping[str, str] | None = None,
    missing: Mapping[str, str] | None = None,
) -> Metrics:
    """Measure predictions and write ``metrics.json``, ``RESULTS.md``, the plots and ``cases.jsonl`` into ``out``.

    Beside what :func:`evaluate` takes, ``missing`` tells which systems are not among them, and why.
    """
    measured = measure(predictions, references, system)
    skipped = measured.skipped | dict(missing or {})
    metrics = measured.model_copy(update={"left_out": dict(left_out or {}), "skipped": skipped})
    out.mkdir(parents=True, exist_ok=True)
    remove_left_behind(out)
    new_text(out / "RESULTS.md", results(metrics, title, command))
    lines = [json.dumps(one) + "\n" for one in case_by_case(predictions, references, metrics)]
    new_text(out / "cases.jsonl", "".join(lines))
    save_plots(metrics, out)
    # Last of all: an ablation takes what has it for finished.
    new_text(out / "metrics.json", metrics.model_dump_json(indent=2, exclude_none=True) + "\n")
    return metrics


def case_by_case(
    predictions: Sequence[Prediction], references: Sequence[Reference], metrics: Metrics
) -> Iterator[dict[str, Any]]:
    """What is read from each report of the evaluated system, beside what is true, and every metric of it.

    A case on which it failed is left out.
    """
    failed = {one.id for one in metrics.failures if one.system == metrics.system}
    texts = {one.id: one.text for one in predictions if one.system == metrics.system and one.id not in failed}
    for case in references:
        if case.id in texts:
            text = texts[case.id]
            values = {metric: row[case.id] for metric, row in metrics.by_case.items() if case.id in row}
            yield {
                "id": case.id,
                "text": text,
                "read": extract(text).model_dump(mode="json"),
                "truth": case.findings.model_dump(mode="json", include={*case.known, "lesions"}),
                "measured": case.measured,
                "scores": {metric: round(value, 4) for metric, value in values.items()},
                "flaws": flaws(text),
            }
