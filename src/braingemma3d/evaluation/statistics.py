"""Means with bootstrap intervals, and paired comparisons of two systems on the same cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 9999
"""Of each bootstrap and permutation test; the smallest two-sided p-value that they can give is 2 / 10,000."""
CONFIDENCE = 0.95
_BATCH = 1000
"""Resamples held in memory at a time."""


class Estimate(NamedTuple):
    """A mean over ``n`` cases with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


class Lift(NamedTuple):
    """Mean difference over ``n`` cases with its 95 % interval and its two-sided p-value."""

    difference: float
    low: float
    high: float
    p: float
    n: int


def estimate(values: Mapping[str, float], patients: Mapping[str, str] | None = None, seed: int = 0) -> Estimate:
    """Mean over cases with a 95 % percentile bootstrap interval (Efron & Tibshirani, An Introduction to the Bootstrap,
    1993).

    Patients are drawn, each with all of its cases: several scans of one patient tell less than as many patients, and an
    interval that took them for independent would be too narrow (Field & Welsh, J. R. Stat. Soc. B 2007;69:369).

    The percentile interval, because it is defined for every sample: BCa divides by the spread of the leave-one-out
    means, which is 0 for constant values. Like any bootstrap of a mean it is too narrow for a handful of patients; for
    a single one, or equal values, it is the mean. But a specificity of 1 in 51 patients is no proof of one: where all
    values are 0, or all 1, the interval is that of Clopper and Pearson (Biometrika 1934;26:404) for so many patients.

    Args:
        values: case id to value, finite; shares, so between 0 and 1 where they are all equal to one of them.
        patients: case id to patient; a case that is not in it is a patient of its own.
        seed: of the resampling.

    Raises:
        ValueError: no value, or one that is not finite.
    """
    from scipy.stats import binomtest

    found = _bootstrap(values, patients, seed)
    if found.low == found.high and found.mean in (0, 1):
        people = _by_patient(values, patients)[0].size
        exact = binomtest(people * int(found.mean), people).proportion_ci(CONFIDENCE)
        return found._replace(low=float(exact.low), high=float(exact.high))
    return found


def _bootstrap(values: Mapping[str, float], patients: Mapping[str, str] | None, seed: int) -> Estimate:
    from scipy.stats import bootstrap

    if not values:
        raise ValueError("a mean needs at least one value, got none")
    sample = np.array(list(values.values()), dtype=np.float64)
    if not np.isfinite(sample).all():
        raise ValueError(f"values must be finite, got {sample[~np.isfinite(sample)][0]}")
    sums, sizes = _by_patient(values, patients)
    equal = bool((sample == sample[0]).all())
    if equal or sums.size == 1:
        only = float(sample[0] if equal else sample.mean())
        return Estimate(only, only, only, sample.size)
    interval = bootstrap(
        (sums, sizes),
        lambda sums, sizes, axis: sums.sum(axis) / sizes.sum(axis),
        paired=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(float(sample.mean()), float(interval.low), float(interval.high), sample.size)


def _by_patient(
    values: Mapping[str, float], patients: Mapping[str, str] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each patient's sum of values and number of cases, in the order in which patients come first."""
    groups: dict[str, list[float]] = {}
    for case, value in values.items():
        groups.setdefault((patients or {}).get(case, case), []).append(value)
    sums, sizes = [sum(group) for group in groups.values()], [float(len(group)) for group in groups.values()]
    return np.array(sums), np.array(sizes)


def lift(
    values: Mapping[str, float],
    baseline: Mapping[str, float],
    patients: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Lift:
    """What a system gains over another one, paired by case.

    The interval is the percentile bootstrap of :func:`estimate` on the differences. The p-value is of the paired
    permutation test: were the two systems alike, the sign of each patient's difference would be a coin's toss. All
    signs are tried where there are no more than ``RESAMPLES`` of their combinations (13 patients), else a random choice
    of them, with the observed one counted in, so that p is never 0 (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol.
    2010;9:39).

    Args:
        values: case id to value.
        baseline: the same of the other system; only cases that both have are compared.
        patients: case id to patient; a case that is not in it is a patient of its own.
        seed: of the resampling.

    Raises:
        ValueError: no case in common, or a value that is not finite.
    """
    # Sorted, because the order of a set of strings differs from process to process, and the resampling follows it.
    shared = sorted(values.keys() & baseline.keys())
    if not shared:
        raise ValueError(f"no case in common: {len(values)} of the one system, {len(baseline)} of the other")
    differences = {case: values[case] - baseline[case] for case in shared}
    mean, low, high, n = _bootstrap(differences, patients, seed)
    return Lift(mean, low, high, _sign_flip_p(_by_patient(differences, patients)[0], seed), n)


def _sign_flip_p(differences: NDArray[np.float64], seed: int) -> float:
    from scipy.stats import permutation_test

    # scipy refuses a single patient, whose two signs are equally likely.
    if differences.size < 2 or not differences.any():
        return 1.0
    test = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=_BATCH,
        alternative="two-sided",
        rng=np.random.default_rng(seed),
    )
    return float(test.pvalue)
