"""What an ablation has measured, as data and as a page: ``ablation.json`` and ``ABLATION.md``."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from braingemma3d.evaluation.blind import ENOUGH
from braingemma3d.evaluation.metrics import FINDINGS, REPORTED, LiftValue, Metrics, Scores, SystemMetrics
from braingemma3d.evaluation.statistics import lift
from braingemma3d.evaluation.systems.system import Reference
from braingemma3d.evaluation.table import NAMES, markdown, short


class Ablation(BaseModel):
    """The file ``ablation.json``: metrics of each row, one for each of its seeds that is done."""

    model_config = ConfigDict(extra="forbid")

    stages: dict[str, Metrics]
    components: dict[str, list[Metrics]]
    steps: dict[str, int]
    """Of each stage of a row."""
    runs: int
    """Rows times their seeds, when all are done."""
    differences: dict[str, dict[str, LiftValue]] = {}
    """Of each row against the first one, over the mean of their seeds."""
    command: str
    simulated: bool
    """Whether all test cases are."""
    beside: Metrics
    """What systems reach that do not look or do not learn: more than a row that has learned nothing."""
    left_out: int = 0
    """Cases that none of the rows is tested on, as their truth could not be read."""
    failed: list[str] = []
    """Rows that stopped with an error, which the log tells; they are tried again the next time."""


def differences(
    values: Mapping[str, Sequence[Scores]], references: Sequence[Reference]
) -> dict[str, dict[str, LiftValue]]:
    """What each row changes against the first one, finding by finding, paired by case.

    Args:
        values: of each row, what each case is worth, for each seed that is done. A case that one lacks has failed, and
            is worth 0.
        references: the test cases.
    """
    patients = {case.id: case.person for case in references}
    first, *others = values
    if not values[first]:
        return {}

    def mean(row: str, metric: str, cases: set[str]) -> dict[str, float]:
        return {case: statistics.fmean(seed.get(metric, {}).get(case, 0.0) for seed in values[row]) for case in cases}

    changes: dict[str, dict[str, LiftValue]] = {}
    for row in (row for row in others if values[row]):
        for metric in FINDINGS:
            cases = {case for seed in (*values[first], *values[row]) for case in seed.get(metric, {})}
            if cases:
                found = lift(mean(row, metric, cases), mean(first, metric, cases), patients)
                changes.setdefault(row, {})[metric] = LiftValue.of(found, first)
    return changes


def page(ablation: Ablation) -> str:
    """``ABLATION.md``: a table of the stages, one of the components, and one of what each of these changes."""
    kind = "simulated test patients" if ablation.simulated else "test cases"
    rows = {name: [metrics] for name, metrics in ablation.stages.items()} | ablation.components
    stages = {name: [metrics.systems[metrics.system]] for name, metrics in ablation.stages.items()}
    components = {name: [one.systems[one.system] for one in seeds] for name, seeds in ablation.components.items()}
    told = ", ".join(f"{steps} steps of `{name}`" for name, steps in ablation.steps.items())
    failures = {name: sum(len(metrics.failures) for metrics in seeds) for name, seeds in rows.items()}
    told_failures = ", ".join(f"{name} {count}" for name, count in failures.items() if count)
    done = sum(map(len, ablation.components.values()))
    parts = [
        "# Ablation",
        f"{ablation.beside.cases} {kind}, {ablation.beside.healthy} without a lesion. Written by `{ablation.command}`.",
        "## Stages of the run",
        _table("stage", stages),
        "## Components",
        f"Each row is trained anew from the run's 2D tower, on the same cases: {told}. "
        "`no stage 1` has the last only, and twice as many steps of it; `reference as coded` has the last only, as its "
        "stage 1 leaves nothing behind; `InfoNCE alone` has the reference's loss of stage 1 and no other. Every model "
        "reads a scan in one view. Mean over the seeds, with the lowest and highest. A row with one seed decides "
        "nothing by itself. Systems that do not look or do not learn stand below; they know the reports of the "
        f"training cases, or where these are fewer than {ENOUGH} those of the test cases, which favours them."
        + (f" {done} of {ablation.runs} runs are done yet." if done < ablation.runs else ""),
        _table("row", components | {name: [system] for name, system in ablation.beside.systems.items()}),
    ]
    if ablation.differences:
        parts += [
            "## What each row changes",
            f"Against `{next(iter(components))}`, each case's mean over the seeds, paired by case: mean difference, "
            "95 % bootstrap interval over patients, two-sided permutation p-value, each by itself. These are of the "
            "models as they were trained: how differently another training would have come out, only the seeds above "
            "show.",
            _changes(ablation.differences),
        ]
    if told_failures:
        parts.append(f"Reports that failed and count as wrong: {told_failures}.")
    if ablation.left_out:
        parts.append(f"Left out, as their truth could not be read: {ablation.left_out} cases.")
    return "\n\n".join(parts) + "\n"


def _table(first: str, rows: dict[str, list[SystemMetrics]]) -> str:
    lines = []
    for name, seeds in rows.items():
        cells = [_cell([system.value(metric) for system in seeds]) for metric in REPORTED]
        lines.append([name, str(len(seeds)), *cells])
    return markdown([first, "seeds", *(NAMES[metric] for metric in REPORTED)], lines)


def _changes(rows: dict[str, dict[str, LiftValue]]) -> str:
    lines = [[name, *(_change(row.get(metric)) for metric in FINDINGS)] for name, row in rows.items()]
    return markdown(["row", *(NAMES[metric] for metric in FINDINGS)], lines)


def _change(found: LiftValue | None) -> str:
    if found is None:
        return "–"
    # Adding 0 makes -0 a 0.
    difference, low, high = (round(value, 3) + 0.0 for value in (found.difference, *found.ci95))
    return f"{difference:+.3f} ({low:+.3f} to {high:+.3f}), p {found.p:.4f}"


def _cell(values: Sequence[Any]) -> str:
    means = [value.mean for value in values if value is not None]
    if not means:
        return "–"
    mean = short(statistics.fmean(means))
    return mean if len(means) == 1 else f"{mean} ({short(min(means))}–{short(max(means))})"
