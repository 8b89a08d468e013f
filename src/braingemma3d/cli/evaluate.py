"""``braingemma3d evaluate`` and ``score``: metrics of a model, or of reports that anything else has written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from braingemma3d.cli.output import with_progress

Manifest = Annotated[Path, typer.Option("--data", help="manifest.jsonl of the test cases.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)]


def evaluate(
    data: Manifest,
    out: Out,
    model: Annotated[str, typer.Option(help="mini, medgemma, a checkpoint folder, or a hub id.")] = "mini",
) -> None:
    """Evaluate a model beside systems that do not look or do not learn: predictions.jsonl, metrics.json, RESULTS.md.

    Reports that are already in OUT/predictions.jsonl are kept, so an interrupted evaluation goes on where it stopped.
    """
    from braingemma3d.data.manifest import read_manifest
    from braingemma3d.evaluation.evaluate import all_systems
    from braingemma3d.evaluation.evaluate import evaluate as run
    from braingemma3d.evaluation.systems.model import ModelSystem
    from braingemma3d.report.pipeline import Pipeline

    cases = read_manifest(data)
    name = Path(model).name
    systems = all_systems(ModelSystem(Pipeline.from_pretrained(model), name), cases)
    command = f"braingemma3d evaluate --model {model} --data {data} -o {out}"
    metrics = run(
        systems,
        cases,
        out,
        f"{name} on {data.parent.name}",
        command,
        lambda batches: with_progress(batches, "Evaluating"),
    )
    _show(metrics.failures, out)


def score(
    predictions: Annotated[Path, typer.Argument(help="JSONL with `id` and `text`.", show_default=False)],
    data: Manifest,
    out: Out,
) -> None:
    """Score reports written by anything else: metrics.json, RESULTS.md and plots in OUT."""
    from braingemma3d.data.manifest import read_manifest
    from braingemma3d.evaluation.evaluate import held_out, write_results
    from braingemma3d.evaluation.predictions import read_predictions

    cases = held_out(read_manifest(data))
    read = read_predictions(predictions)
    command = f"braingemma3d score {predictions} --data {data} -o {out}"
    metrics = write_results(read, cases, read[0].system, out, f"{read[0].system} on {data.parent.name}", command)
    _show(metrics.failures, out)


def _show(failures: list, out: Path) -> None:
    print(f"Written to {out / 'RESULTS.md'}" + (f"; {len(failures)} failures are listed in it" if failures else ""))
    if failures:
        raise typer.Exit(1)
