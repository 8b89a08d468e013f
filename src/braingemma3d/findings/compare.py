"""Findings held against findings, and scored."""

from __future__ import annotations

from collections.abc import Collection, Hashable

from braingemma3d.findings.schema import Findings, Grade

METRIC_OF: dict[str, str] = {
    "lesion": "lesion_sensitivity",
    "side": "side_accuracy",
    "lobes": "lobe_f1",
    "edema": "edema_accuracy",
    "necrosis": "necrosis_accuracy",
    "ventricular_compression": "compression_accuracy",
}
"""The metric that scores each finding where there is a lesion."""
ALL_FINDINGS = frozenset(METRIC_OF)

_NOTHING = Findings()


def set_f1(found: Collection[Hashable], truth: Collection[Hashable]) -> float:
    """F1 of two sets, such as lobes with or without their sides; 1 if both are empty, 0 if one is."""
    if not found and not truth:
        return 1.0
    return 2 * len(set(found) & set(truth)) / (len(set(found)) + len(set(truth)))


def same_grade(found: Grade, truth: Grade) -> bool:
    """Whether a grade says what the truth does; where the truth has no degree, presence decides.

    A report that names no degree of what has one is wrong: one that always says "edema" would be right most often.
    """
    if truth == "present":
        return found not in ("none", "possible")
    return found == truth


def scores(found: Findings, truth: Findings, known: Collection[str] = ALL_FINDINGS) -> dict[str, float]:
    """Finding-level scores of one case, each 0 to 1.

    Args:
        found: what a report says.
        truth: what it is held against.
        known: the findings that the truth knows, of :data:`METRIC_OF`; what a report says of others is not scored.

    Returns:
        For a truth with a lesion ``lesion_sensitivity``, ``side_accuracy``, ``lobe_f1``, ``edema_accuracy``,
        ``necrosis_accuracy`` and ``compression_accuracy``; without one ``healthy_specificity``, for which the report
        must name no finding at all. Lobes of lesions on different sides count with their sides: left frontal and right
        temporal is not right frontal and left temporal, though side and lobes over both are the same. A report that
        misses the lesion has every other of its scores at what its words are worth: side and lobes are 0, an absence
        that is true by chance counts as in any table of this kind.
    """
    if not truth.lesion:
        said = {name: getattr(found, name) for name in ALL_FINDINGS & set(known)}
        return {"healthy_specificity": float(all(value == getattr(_NOTHING, name) for name, value in said.items()))}
    one_side = len({one.side for one in truth.lesions}) < 2
    values = {
        "lesion_sensitivity": float(found.lesion),
        "side_accuracy": float(found.side == truth.side),
        "lobe_f1": set_f1(found.lobes, truth.lobes) if one_side else set_f1(found.places, truth.places),
        "edema_accuracy": float(same_grade(found.edema, truth.edema)),
        "necrosis_accuracy": float(same_grade(found.necrosis, truth.necrosis)),
        "compression_accuracy": float(same_grade(found.ventricular_compression, truth.ventricular_compression)),
    }
    return {metric: values[metric] for finding, metric in METRIC_OF.items() if finding in known}
