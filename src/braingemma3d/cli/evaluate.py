"""``braingemma3d evaluate`` and ``score``: metrics of a model, or of reports that anything else has written."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Collection, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from braingemma3d.cli.output import with_progress
from braingemma3d.errors import InputError, in_one_line

if TYPE_CHECKING:
    from braingemma3d.data.manifest import ManifestCase
    from braingemma3d.evaluation.metrics import Metrics
    from braingemma3d.evaluation.systems.system import Reference

logger = logging.getLogger(__name__)

Manifest = Annotated[Path, typer.Option("--data", help="manifest.jsonl of the test cases.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)]


def evaluate(
    data: Manifest,
    out: Out,
    model: Annotated[str, typer.Option(help="mini, medgemma, a checkpoint folder, or a hub id.")] = "mini",
    systems: Annotated[
        str,
        typer.Option(
            help="Baselines to run beside it, comma-separated: medgemma-2d or m3d from the hub, or each as NAME=FOLDER "
            "or NAME=HUB_ID@REVISION; med3dvlm and slices as NAME=FOLDER or, of med3dvlm, NAME=HUB_ID@REVISION. "
            "med3dvlm and m3d run the code that comes with their weights, of the hub only that of a 40-digit commit.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Evaluate a model beside systems that do not look or do not learn: predictions.jsonl, metrics.json, RESULTS.md.

    Reports that are already in OUT/predictions.jsonl are kept, so an interrupted evaluation goes on where it stopped.
    Exit code 1: some reports failed, and count as failures, or the masks of some cases could not be read.
    """
    from braingemma3d.data.manifest import held_out, read_manifest

    cases = read_manifest(data)
    chosen = held_out(cases)

    # Only now: these imports take seconds.
    from braingemma3d.evaluation.evaluate import all_systems
    from braingemma3d.evaluation.evaluate import evaluate as run
    from braingemma3d.evaluation.systems.baselines import baseline_sources, baselines
    from braingemma3d.evaluation.systems.model import ModelSystem, TrainedSlices
    from braingemma3d.files import claim, sha256
    from braingemma3d.model.loading import trained_folder
    from braingemma3d.report.pipeline import Pipeline
    from braingemma3d.training.patients import learned_from

    beside = baselines(systems)
    if folder := trained_folder(model):
        refuse_learned(chosen, learned_from(folder), model)
    for one in beside:
        if isinstance(one, TrainedSlices):
            refuse_learned(chosen, learned_from(one.folder), one.name)
    name = _name(Path(model))
    evaluated = ModelSystem(Pipeline.from_pretrained(model), name)
    settings = {"model_sha256": evaluated.pipeline.model_info.sha256, "data_sha256": sha256(data)}
    if not claim(out / "settings.json", json.dumps(settings, indent=2)):
        raise InputError(f"{out}: holds results of another model or test set; choose another --out", "bad_option")
    for baseline, source in baseline_sources(systems).items():
        told = {"source": source, "weights": _weights(source)}
        if not claim(out / f"settings-{baseline}.json", json.dumps(told, indent=2)):
            raise InputError(f"{out}: holds reports of another {baseline}; choose another --out", "bad_option")
    chosen, references, left_out = read_references(chosen)
    metrics = run(
        [*all_systems(evaluated, references, cases), *beside],
        chosen,
        references,
        out,
        _title(name, data, chosen),
        spelled("evaluate", "--model", model, "--data", data, "-o", out, *(["--systems", systems] if systems else [])),
        with_progress,
        left_out,
    )
    _show(metrics, out)


def score(
    predictions: Annotated[Path, typer.Argument(help="JSONL with `id` and `text`.", show_default=False)],
    data: Manifest,
    out: Out,
) -> None:
    """Score reports written by anything else: metrics.json, RESULTS.md and plots in OUT.

    Beside them stand systems that need no scan (constant reports, another patient's, the majority) and, where scans of
    the manifest are there, the fixed rules that look at them. Exit code 1: some test cases have no report, or a scan
    can't be read, which counts as a failure. Of several systems, that of the first report is scored against the
    others. What the fixed rules have said is kept in OUT for the next time.
    """
    from braingemma3d.data.manifest import held_out, read_manifest
    from braingemma3d.evaluation.predictions import answers, predict, read_predictions
    from braingemma3d.files import claim, sha256

    cases = read_manifest(data)
    chosen = held_out(cases)
    given = read_predictions(predictions)
    ids = {case.id for case in chosen}
    read = [one for one in given if one.id in ids]
    if not read:
        raise InputError(f"{predictions}: no report on a test case of {data}; check the ids")
    if strangers := len(given) - len(read):
        logger.warning("%s: %d reports are on no test case of %s, and left out", predictions, strangers, data)

    # Only now: this import takes seconds.
    from braingemma3d.evaluation.evaluate import without_a_model, write_results

    system = read[0].system
    command = spelled("score", predictions, "--data", data, "-o", out)
    chosen, references, left_out = read_references(chosen)
    others = without_a_model(references, cases)
    if system in {one.name for one in others}:
        raise InputError(f"{predictions}: {system!r} is the name of a system that stands beside yours; rename it")
    known = {one.system for one in read}
    rules = [one for one in others if one.needs_scan and one.name not in known]
    unseeing = {one.name: one for one in others if not one.needs_scan}
    read = [one for one in read if one.system not in unseeing] + answers([*unseeing.values()], references)
    if not claim(out / "settings.json", json.dumps({"data_sha256": sha256(data)}, indent=2)):
        raise InputError(f"{out}: holds other results; choose another --out", "bad_option")
    there = any(case.image.is_file() for case in chosen)
    unseen = {} if there else {rule.name: "the scans of the manifest are not there" for rule in rules}
    if rules and there:
        path = out / "fixed-rules.jsonl"
        read += predict(rules, chosen, path, with_progress)
    metrics = write_results(read, references, system, out, _title(system, data, chosen), command, left_out, unseen)
    _show(metrics, out)


def read_references(cases: Sequence[ManifestCase]) -> tuple[list[ManifestCase], list[Reference], dict[str, str]]:
    """What the cases are held against, with a bar where masks have to be read.

    Returns:
        The cases, without those whose truth can't be read; the reference of each; and why the others are left
        out, by their ids.

    Raises:
        InputError: no case is left.
    """
    from braingemma3d.evaluation.evaluate import reference

    # Only what needs the scan takes time.
    quick, slow = ([case for case in cases if case.needs_its_mask is needed] for needed in (False, True))
    told: dict[str, Reference] = {}
    left_out: dict[str, str] = {}
    for case in chain(quick, with_progress(slow, len(slow), "Reading masks")):
        try:
            told[case.id] = reference(case)
        except InputError as error:
            logger.error("%s", error)
            left_out[case.id] = str(error)
        except Exception as error:
            # One mask that nobody foresaw must not cost the others.
            logger.exception("%s could not be read", case.mask)
            left_out[case.id] = f"{case.mask}: {in_one_line(error)}"
    kept = [case for case in cases if case.id in told]
    if not kept:
        raise InputError(next(iter(left_out.values())))
    return kept, [told[case.id] for case in kept], left_out


def _weights(source: str) -> list[str]:
    """What tells the weights of a folder from those of another training; hashing gigabytes would take minutes."""
    files = sorted(Path(source).glob("*.safetensors")) if source else []
    return [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]


def refuse_learned(cases: Sequence[ManifestCase], learned: Collection[str], model: str) -> None:
    """Refuse to test a model on what it was trained on, and say so where nobody knows what that was.

    Raises:
        InputError: the patient of a case is among those with these keys.
    """
    from braingemma3d.training.patients import keys

    if not learned:
        logger.warning("%s: no record of its training; that it has never seen these patients is yours to know", model)
    seen = sum(key in learned for key in keys(cases))
    if seen:
        raise InputError(f"{model} has learned from {seen} of {len(cases)} test cases; give it patients it never saw")


def _title(system: str, data: Path, cases: Sequence[ManifestCase]) -> str:
    from braingemma3d.data.manifest import are_simulated

    return f"{system} on {_name(data.parent)}" + (", simulated patients" if are_simulated(cases) else "")


def _name(path: Path) -> str:
    """The last part of a path, also of ``.`` and the like."""
    return path.resolve().name if path.is_dir() else path.name


def spelled(*arguments: object) -> str:
    """The command line with these arguments, for a file that names its origin."""
    return shlex.join(["braingemma3d", *map(str, arguments)])


def _show(metrics: Metrics, out: Path) -> None:
    count = len(metrics.failures) + len(metrics.left_out)
    print(f"Written to {out / 'RESULTS.md'}" + (f"; failures listed in it: {count}" if count else ""))
    if count:
        raise typer.Exit(1)
