"""``RESULTS.md``: the metrics as tables that can be read."""

from __future__ import annotations

from collections.abc import Sequence

from braingemma3d.evaluation.blind import ENOUGH
from braingemma3d.evaluation.metrics import FINDINGS, KEYWORDS, MIXED, NLG, REPORTED, Group, Metrics, Value
from braingemma3d.evaluation.systems.system import one_view

NAMES = {
    "side_accuracy": "side",
    "lobe_f1": "lobe F1",
    "edema_accuracy": "edema",
    "necrosis_accuracy": "necrosis",
    "compression_accuracy": "compression",
    "lesion_sensitivity": "sensitivity",
    "healthy_specificity": "specificity",
    "mirror_consistency": "mirror",
    "flawed_text": "flawed text",
    "laterality_f1": "laterality F1",
    "anatomy_f1": "anatomy F1",
    "pathology_f1": "pathology F1",
    "bleu1": "BLEU-1",
    "bleu4": "BLEU-4",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "meteor": "METEOR",
    "cider": "CIDEr",
    "bertscore": "BERTScore",
}
GROUPS: dict[Group, str] = {"lesion": "with a lesion", "healthy": "without"}
KINDS = {"model": "learned", "baseline": "baseline", "blind": "blind", "no_learning": "fixed rule"}


def results(metrics: Metrics, title: str, command: str) -> str:
    """The whole page.

    Args:
        metrics: of :func:`~braingemma3d.evaluation.metrics.measure`.
        title: names the test set.
        command: that wrote the page.
    """
    lesions = metrics.cases - metrics.healthy
    parts = [
        f"# {title}",
        f"{metrics.cases} cases, {lesions} with a lesion and {metrics.healthy} without. Written by `{command}`.",
        "## Findings",
        "What each report says, read by `findings.extract` and held against the truth. Side to compression and "
        "sensitivity over the cases with a lesion; specificity (no finding at all) over those without; mirror: share "
        "of scans whose mirror image gets the same findings with the sides swapped; flawed text: share of degenerate "
        f"or contradictory reports.{_views(metrics)} Mean over cases with its 95 % bootstrap interval over "
        "patients, or where all cases are right, or all wrong, the exact one for as many patients. A text that neither "
        "tells of a lesion nor denies one is right in nothing. Blind systems don't see the scan, or see its voxels in "
        f"random order; they know the reports of the training cases, or where these are fewer than {ENOUGH} those of "
        "the test cases, which favours them, and where they are told so, whether the case is healthy.",
        _table(metrics, REPORTED),
        *_seconds(metrics),
        *_partly_known(metrics),
        f"## What {metrics.system} gains over the best system that does not look or does not learn",
        "Paired by case: mean difference, 95 % bootstrap interval over patients, two-sided permutation p-value. Each p "
        "is of its metric alone: of as many as there are here, one below .05 is expected even where nothing is gained.",
        _lifts(metrics),
        "## The field's usual metrics",
        "For comparison with published tables only: most of what they give can be had without looking at the scan.",
        _table(metrics, (*KEYWORDS, *NLG)),
        *_apart(metrics),
        "## Confusions",
        "\n\n".join(_confusion(name, rows) for name, rows in metrics.confusion.items()) or "No case with a lesion.",
    ]
    if metrics.skipped:
        parts += ["## Not computed", "\n".join(f"- {NAMES.get(k, k)}: {why}" for k, why in metrics.skipped.items())]
    if metrics.failures:
        # A broken-off error of several lines would break the list, or the page.
        lines = [f"- {one.system}, {one.id}: {' '.join(one.error.split())}" for one in metrics.failures]
        parts += ["## Failures", "Each is wrong in every metric of its system.", "\n".join(lines)]
    if metrics.left_out:
        lines = [f"- {case}: {' '.join(why.split())}" for case, why in metrics.left_out.items()]
        parts += ["## Left out", "What is true of these could not be read.", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _views(metrics: Metrics) -> str:
    if one_view(metrics.system) not in metrics.systems:
        return ""
    return (
        " A model reads each scan together with its mirror image, so that only rounding keeps its mirror from 1; the "
        "row `one view` is the same model reading each scan alone."
    )


def _seconds(metrics: Metrics) -> list[str]:
    taken = metrics.systems[metrics.system].seconds_per_case
    return (
        []
        if taken is None
        else [f"{taken:.1f} s to write on a case and its mirror image, which have been read before."]
    )


def _table(metrics: Metrics, columns: Sequence[str]) -> str:
    shown = [c for c in columns if any(system.value(c) for system in metrics.systems.values())]
    if not shown:
        return "None could be computed."
    rows = []
    for name, system in metrics.systems.items():
        rows.append([_label(metrics, name), KINDS[system.kind], *(_cell(system.value(column)) for column in shown)])
    return markdown(["system", "kind", *(NAMES[c] for c in shown)], rows)


def _apart(metrics: Metrics) -> list[str]:
    """A table of the metrics that mix cases with and without a lesion, for both apart."""
    rows = [
        (_label(metrics, name), GROUPS[group], values)
        for name, system in metrics.systems.items()
        for group, values in system.apart.items()
    ]
    shown = [metric for metric in MIXED if any(metric in values for _, _, values in rows)]
    if not shown:
        return []
    cells = [
        [label, group, *(short(values[metric].mean) if metric in values else "–" for metric in shown)]
        for label, group, values in rows
    ]
    return [
        "## With and without a lesion, apart",
        "The means that are over all cases above, with their intervals in `metrics.json`: what is right for one kind "
        "by saying always the same can hide what is wrong for the other.",
        markdown(["system", "cases", *(NAMES[metric] for metric in shown)], cells),
    ]


def _label(metrics: Metrics, system: str) -> str:
    return f"**{system}**" if system == metrics.system else system


def _partly_known(metrics: Metrics) -> list[str]:
    """A line on the findings that the truth knows of some cases only."""
    lesions = metrics.cases - metrics.healthy
    values = metrics.systems[metrics.system].findings
    some = [f"{NAMES[name]} {values[name].n}" for name in FINDINGS if name in values and values[name].n < lesions]
    if not some:
        return []
    return [f"The truth is known, and scored, in fewer of the {lesions} cases with a lesion: {', '.join(some)}."]


def _cell(value: Value | None) -> str:
    return "–" if value is None else f"{short(value.mean)} ({short(value.ci95[0])}–{short(value.ci95[1])})"


def short(number: float) -> str:
    """A number of 0 to 1 as ``.123``, a larger one as ``1.23``."""
    return f"{number:.3f}".replace("0.", ".", 1) if abs(number) < 1 else f"{number:.2f}"


def _lifts(metrics: Metrics) -> str:
    rows = [
        [
            NAMES[metric],
            f"{value.difference:+.3f}",
            f"{value.ci95[0]:+.3f} to {value.ci95[1]:+.3f}",
            f"{value.p:.4f}",
            value.over,
        ]
        for metric, value in metrics.lift.items()
    ]
    if not rows:
        return "No such system was run."
    return markdown(["metric", "gain", "95 % interval", "p", "best of them"], rows)


def _confusion(name: str, rows: dict[str, dict[str, int]]) -> str:
    columns = sorted({column for row in rows.values() for column in row})
    cells = [[truth, *(str(row.get(column, 0)) for column in columns)] for truth, row in sorted(rows.items())]
    return markdown([f"{name.replace('_', ' ')}: truth \\ report", *columns], cells)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
