"""``metrics.json``: every metric of every system with its interval, and what each gains over the best blind system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from braingemma3d.evaluation.keywords import keyword_scores
from braingemma3d.evaluation.nlg import nlg_scores
from braingemma3d.evaluation.predictions import Prediction
from braingemma3d.evaluation.statistics import Lift, estimate, lift
from braingemma3d.evaluation.systems.system import Kind, Reference, one_view
from braingemma3d.findings.compare import METRIC_OF, scores
from braingemma3d.findings.extract import findings_if_told
from braingemma3d.findings.mirror import mirror_consistent
from braingemma3d.findings.schema import Findings
from braingemma3d.report.checks import flaws

EMPTY = "the report is empty"
"""Why a case without an error has failed all the same."""
Scores = dict[str, dict[str, float]]
"""Metric to case id to value."""

FINDINGS = (*[metric for metric in METRIC_OF.values() if metric != "lesion_sensitivity"], "lesion_sensitivity")
KEYWORDS = ("laterality_f1", "anatomy_f1", "pathology_f1")
NLG = ("bleu1", "bleu4", "rouge1", "rouge2", "rougeL", "meteor", "cider", "bertscore")
OTHERS = ("healthy_specificity", "mirror_consistency", "flawed_text")
REPORTED = (*FINDINGS, *OTHERS)
"""What tables of findings show."""
METRICS = (*REPORTED, *KEYWORDS, *NLG)
MIXED = ("mirror_consistency", "flawed_text", *KEYWORDS, *NLG)
"""Those over cases with and without a lesion alike, in which the one can hide the other."""
Group = Literal["lesion", "healthy"]
RIVALS: tuple[Kind, ...] = ("blind", "no_learning")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Value(_Record):
    """A mean over cases with its 95 % interval."""

    mean: float
    ci95: tuple[float, float]
    n: int


class SystemMetrics(_Record):
    """One system: ``flawed_text`` is the share of degenerate or contradictory reports; the rest is better if higher.

    ``apart`` has the metrics of :data:`MIXED` once more, over the cases with a lesion and over those without.
    """

    kind: Kind
    nlg: dict[str, Value] = {}
    keyword: dict[str, Value] = {}
    findings: dict[str, Value] = {}
    healthy_specificity: Value | None = None
    mirror_consistency: Value | None = None
    flawed_text: Value | None = None
    apart: dict[Group, dict[str, Value]] = {}
    seconds_per_case: float | None = None

    def value(self, metric: str) -> Value | None:
        """A metric by its name."""
        groups = {**self.nlg, **self.keyword, **self.findings}
        return groups[metric] if metric in groups else getattr(self, metric, None)


class LiftValue(_Record):
    """One system minus another, paired by case: the evaluated one minus the best that does not look or does not learn,
    or a row of an ablation minus its first."""

    over: str
    difference: float
    ci95: tuple[float, float]
    p: float
    n: int

    @classmethod
    def of(cls, found: Lift, over: str) -> LiftValue:
        """A lift over a system of this name."""
        return cls(over=over, difference=found.difference, ci95=(found.low, found.high), p=found.p, n=found.n)


class Failure(_Record):
    """A case without a report; it scores 0 in every metric of the system, and its text is flawed."""

    system: str
    id: str
    error: str


class Metrics(_Record):
    """The file."""

    system: str
    cases: int
    healthy: int
    systems: dict[str, SystemMetrics]
    lift: dict[str, LiftValue]
    confusion: dict[str, dict[str, dict[str, int]]]
    failures: list[Failure]
    skipped: dict[str, str]
    left_out: dict[str, str] = {}
    """Cases of which nobody could tell what is true, and why; no system is held against them."""
    by_case: Scores = Field(default={}, exclude=True)
    """Each metric of the evaluated system, case by case; not in the file."""


def measure(predictions: Sequence[Prediction], references: Sequence[Reference], system: str) -> Metrics:
    """All metrics of all systems.

    Args:
        predictions: of one or more systems.
        references: the test cases; a case without a prediction of a system is a failure of that system.
        system: the one that is evaluated: of it lifts and confusions are given.

    Raises:
        ValueError: no prediction is of that system.
    """
    by_system: dict[str, dict[str, Prediction]] = {}
    for prediction in predictions:
        by_system.setdefault(prediction.system, {})[prediction.id] = prediction
    if system not in by_system:
        raise ValueError(f"no prediction of {system!r}, only of {sorted(by_system)}")
    complete = {
        name: {ref.id: _complete(name, given, ref.id) for ref in references} for name, given in by_system.items()
    }
    patients = _patients(references)
    skipped: dict[str, str] = {}
    values: dict[str, Scores] = {}
    systems: dict[str, SystemMetrics] = {}
    failures: list[Failure] = []
    for name, given in complete.items():
        failures += [Failure(system=name, id=p.id, error=p.error) for p in given.values() if p.error is not None]
        values[name] = score(given, references, skipped)
        seconds = [p.seconds for p in given.values() if p.seconds is not None]
        systems[name] = _summary(next(iter(given.values())).kind, values[name], seconds, references)
    skipped |= _reasons(values[system], references)
    rivals = [name for name, metrics in systems.items() if metrics.kind in RIVALS and name != system]
    lifts = {}
    for metric, mine in values[system].items():
        compared = [name for name in rivals if metric in values[name]] if metric != "flawed_text" else []
        if compared:
            best = max(compared, key=lambda name: sum(values[name][metric].values()) / len(values[name][metric]))
            lifts[metric] = LiftValue.of(lift(mine, values[best][metric], patients), best)
    by_case = dict(values[system])
    if alone := values.get(one_view(system), {}).get("mirror_consistency"):
        by_case["mirror_consistency_of_one_view"] = alone
    return Metrics(
        system=system,
        cases=len(references),
        healthy=sum(not ref.findings.lesion for ref in references),
        systems=systems,
        lift=lifts,
        confusion=confusion(complete[system], references),
        failures=failures,
        skipped=skipped,
        by_case=by_case,
    )


def _complete(system: str, given: Mapping[str, Prediction], case: str) -> Prediction:
    """The prediction for a case; a missing or an empty one is a failure, and a failure says nothing."""
    found = given.get(case)
    if found is None:
        kind = next(iter(given.values())).kind
        return Prediction(system=system, kind=kind, id=case, text="", error="no prediction for this case")
    if found.error is None and found.text.strip():
        return found
    # Else silence would pass for a healthy brain.
    return found.model_copy(update={"text": "", "mirrored": None, "error": found.error or EMPTY})


def _reasons(values: Scores, references: Sequence[Reference]) -> dict[str, str]:
    """Why metrics that depend on the cases have no value."""
    lesions = [ref for ref in references if ref.findings.lesion]
    reasons = {}
    for finding, metric in METRIC_OF.items():
        if not lesions:
            reasons[metric] = "no case has a lesion"
        elif not any(finding in ref.known for ref in lesions):
            reasons[metric] = "the truth of no case with a lesion tells it"
    if len(lesions) == len(references):
        reasons["healthy_specificity"] = "every case has a lesion"
    if "mirror_consistency" not in values:
        reasons["mirror_consistency"] = "there are no reports on mirrored scans"
    return reasons


def score(predictions: Mapping[str, Prediction], references: Sequence[Reference], skipped: dict[str, str]) -> Scores:
    """Every metric of one system, case by case; why a metric could not run goes into ``skipped``."""
    found: Scores = {}
    mirrors = any(prediction.mirrored is not None for prediction in predictions.values())

    def note(metric: str, case: str, value: float) -> None:
        found.setdefault(metric, {})[case] = value

    for ref in references:
        prediction = predictions[ref.id]
        failed = prediction.error is not None
        # A text that says nothing of a lesion would pass for a healthy brain, and for its own mirror image.
        said = findings_if_told(prediction.text)
        for metric, value in scores(said or Findings(), ref.findings, ref.known).items():
            note(metric, ref.id, value if said else 0.0)
        if mirrors:
            alike = mirror_consistent(said, findings_if_told(prediction.mirrored or ""))
            note("mirror_consistency", ref.id, float(alike))
        note("flawed_text", ref.id, float(bool(flaws(prediction.text))))
        if ref.report is not None:
            for metric, value in keyword_scores(prediction.text, ref.report).items():
                note(metric, ref.id, 0.0 if failed else value)
    written = [ref for ref in references if ref.report is not None]
    if written:
        nlg = nlg_scores([predictions[ref.id].text for ref in written], [str(ref.report) for ref in written])
        skipped |= nlg.skipped
        for metric, row in nlg.scores.items():
            found[metric] = {ref.id: value for ref, value in zip(written, row, strict=True)}
    else:
        skipped |= dict.fromkeys((*KEYWORDS, *NLG), "the cases have no reference reports")
    return found


def _patients(references: Sequence[Reference]) -> dict[str, str]:
    return {ref.id: ref.person for ref in references}


def _summary(kind: Kind, values: Scores, seconds: Sequence[float], references: Sequence[Reference]) -> SystemMetrics:
    patients = _patients(references)

    def group(names: Sequence[str], cases: Sequence[Reference] = references) -> dict[str, Value]:
        ids = {case.id for case in cases}
        of_group = {name: {i: v for i, v in values.get(name, {}).items() if i in ids} for name in names}
        means = {name: estimate(chosen, patients) for name, chosen in of_group.items() if chosen}
        return {name: Value(mean=mean, ci95=(low, high), n=n) for name, (mean, low, high, n) in means.items()}

    groups: dict[Group, list[Reference]] = {
        "lesion": [ref for ref in references if ref.findings.lesion],
        "healthy": [ref for ref in references if not ref.findings.lesion],
    }
    others = group(OTHERS)
    return SystemMetrics(
        kind=kind,
        nlg=group(NLG),
        keyword=group(KEYWORDS),
        findings=group(FINDINGS),
        **{name: others.get(name) for name in OTHERS},
        apart={name: group(MIXED, cases) for name, cases in groups.items()} if all(groups.values()) else {},
        seconds_per_case=round(sum(seconds) / len(seconds), 3) if seconds else None,
    )


def confusion(
    predictions: Mapping[str, Prediction], references: Sequence[Reference]
) -> dict[str, dict[str, dict[str, int]]]:
    """Counts of truth against report for side, grades and lobes, over the cases with a lesion.

    Rows are the truth as far as it is known, columns what the report says, ``not said`` where that is nothing of a
    lesion, or ``no report``. Lobes are counted one by one, as ``named``, ``missed``, or ``named in error``.
    """
    tables: dict[str, dict[str, dict[str, int]]] = {}

    def count(table: str, row: str, column: str) -> None:
        cells = tables.setdefault(table, {}).setdefault(row, {})
        cells[column] = cells.get(column, 0) + 1

    for ref in references:
        if not ref.findings.lesion:
            continue
        prediction = predictions[ref.id]
        telling = findings_if_told(prediction.text)
        said = telling or Findings()
        silent = None if said.lesion else "no report" if prediction.error else "no lesion" if telling else "not said"
        for name in ("side", "edema", "necrosis", "ventricular_compression"):
            if name in ref.known:
                count(name, getattr(ref.findings, name), silent or getattr(said, name))
        if "lobes" not in ref.known:
            continue
        for lobe in ref.findings.lobes:
            count("lobes", lobe, "named" if lobe in said.lobes else "missed")
        for lobe in said.lobes:
            if lobe not in ref.findings.lobes:
                count("lobes", lobe, "named in error")
    return tables
