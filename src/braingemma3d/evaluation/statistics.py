"""Means with bootstrap intervals, and paired comparisons of two systems on the same cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def estimate(values: Sequence[float], seed: int = 0) -> Estimate:
    """Mean with a 95 % percentile bootstrap interval (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).

    The percentile interval, because it is defined for every sample: BCa divides by the spread of the leave-one-out
    means, which is 0 for constant values, and a specificity or a sensitivity often is constant. Like any bootstrap of
    a mean it is too narrow for a handful of cases; for a single value, or equal ones, it is that value.

    Args:
        values: one per case, finite.
        seed: of the resampling.

    Raises:
        ValueError: no value, or one that is not finite.
    """
    from scipy.stats import bootstrap

    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0:
        raise ValueError("a mean needs at least one value, got none")
    if not np.isfinite(sample).all():
        raise ValueError(f"values must be finite, got {sample[~np.isfinite(sample)][0]}")
    if (sample == sample[0]).all():
        only = float(sample[0])
        return Estimate(only, only, only, sample.size)
    interval = bootstrap(
        (sample,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(float(sample.mean()), float(interval.low), float(interval.high), sample.size)


def lift(values: Mapping[str, float], baseline: Mapping[str, float], seed: int = 0) -> Lift:
    """What a system gains over another one, paired by case.

    The interval is that of :func:`estimate` on the differences. The p-value is of the paired permutation test: were
    the two systems alike, the sign of each difference would be a coin's toss. All signs are tried where there are no
    more than ``RESAMPLES`` of their combinations (13 cases), else a random choice of them, with the observed one
    counted in, so that p is never 0 (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 2010;9:39).

    Args:
        values: case id to value.
        baseline: the same of the other system; only cases that both have are compared.
        seed: of the resampling.

    Raises:
        ValueError: no case in common, or a value that is not finite.
    """
    # Sorted, because the order of a set of strings differs from process to process, and the resampling follows it.
    shared = sorted(values.keys() & baseline.keys())
    if not shared:
        raise ValueError(f"no case in common: {len(values)} of the one system, {len(baseline)} of the other")
    differences = np.array([values[case] - baseline[case] for case in shared], dtype=np.float64)
    mean, low, high, n = estimate(differences.tolist(), seed)
    return Lift(mean, low, high, _sign_flip_p(differences, seed), n)


def _sign_flip_p(differences: NDArray[np.float64], seed: int) -> float:
    from scipy.stats import permutation_test

    # scipy refuses a single case, whose two signs are equally likely.
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
