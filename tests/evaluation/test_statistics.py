"""Bootstrap intervals and paired comparisons."""

from __future__ import annotations

import math

import numpy as np
import pytest

from braingemma3d.evaluation.statistics import Estimate, Lift, estimate, lift

pytestmark = pytest.mark.filterwarnings("error")


def cases(*values: float) -> dict[str, float]:
    return {f"case{number}": value for number, value in enumerate(values)}


def test_two_values_by_hand():
    # Of the resamples a quarter is 0 0, a half mixed, a quarter 1 1: the 2.5th percentile is 0, the 97.5th 1.
    assert estimate(cases(0, 1)) == Estimate(0.5, 0.0, 1.0, 2)


def test_interval_of_many_values_is_that_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(3, 2, 400)
    mean, low, high, n = estimate(cases(*values))
    half = 1.96 * values.std() / math.sqrt(400)
    assert (mean, n) == (pytest.approx(values.mean()), 400)
    assert (mean - low, high - mean) == (pytest.approx(half, rel=0.1), pytest.approx(half, rel=0.1))


@pytest.mark.parametrize("values", [[0.1] * 3, [0.7]])
def test_equal_values_have_no_spread(values):
    assert estimate(cases(*values)) == Estimate(values[0], values[0], values[0], len(values))


def test_all_right_and_all_wrong_are_no_proof_of_it():
    # By hand: all n are right with probability share ** n, which is .025 at the lower limit.
    assert estimate(cases(*[1.0] * 51)) == Estimate(1.0, pytest.approx(0.025 ** (1 / 51)), 1.0, 51)
    assert estimate(cases(*[0.0] * 51)) == Estimate(0.0, 0.0, pytest.approx(1 - 0.025 ** (1 / 51)), 51)
    of_two = estimate(cases(*[1.0] * 4), {"case0": "p", "case1": "p", "case2": "q", "case3": "q"})
    assert (of_two.low, of_two.n) == (pytest.approx(0.025**0.5), 4), "four scans of two patients are two"


def test_interval_stays_within_the_values():
    found = estimate(cases(*[1.0] * 30, 0.0))
    assert 0 <= found.low < found.mean < found.high <= 1


def test_estimate_depends_on_the_seed_alone():
    values = cases(*np.random.default_rng(2).random(20))
    assert estimate(values) == estimate(values)
    assert estimate(values, seed=1) != estimate(values, seed=2)


def test_no_values_have_no_mean():
    with pytest.raises(ValueError, match="at least one value"):
        estimate({})


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=f"must be finite, got {bad}"):
        estimate(cases(0.5, bad))


def test_lift_by_hand():
    found = lift(cases(3, 2, 0), cases(0, 0, 1))
    # Of the 8 sums +-3 +-2 +-1, 2 are at least 4 and 2 at most -4.
    assert (found.difference, found.p, found.n) == (pytest.approx(4 / 3), pytest.approx(0.5), 3)
    assert -1 <= found.low < found.difference < found.high <= 3


def test_equal_gains_have_no_spread_but_a_p_value():
    assert lift(cases(*[0.75] * 5), cases(*[0.25] * 5)) == Lift(0.5, 0.5, 0.5, pytest.approx(2 / 2**5), 5)


def test_no_difference_at_all():
    same = cases(0.1, 0.9, 0.4)
    assert lift(same, same) == Lift(0.0, 0.0, 0.0, 1.0, 3)


def test_one_case_proves_nothing():
    assert lift(cases(1.0), cases(0.0)) == Lift(1.0, 1.0, 1.0, 1.0, 1)


def test_only_cases_of_both_are_compared():
    found = lift({"a": 1.0, "b": 1.0, "mine": 9.0}, {"b": 0.0, "a": 0.5, "theirs": -9.0})
    assert (found.difference, found.n) == (0.75, 2)


def test_no_case_in_common():
    with pytest.raises(ValueError, match="no case in common: 1 of the one system, 2 of the other"):
        lift({"a": 1.0}, {"b": 1.0, "c": 1.0})


def test_pairing_finds_a_gain_that_is_small_beside_the_spread_of_cases():
    rng = np.random.default_rng(3)
    hard = rng.normal(0, 1, 60)
    mine, theirs = hard + 0.1 + rng.normal(0, 0.1, 60), hard
    assert estimate(cases(*mine)).low < theirs.mean()
    found = lift(cases(*mine), cases(*theirs))
    assert found.low > 0
    assert found.p == pytest.approx(2 / 10_000)


def test_chance_is_not_a_gain():
    rng = np.random.default_rng(4)
    found = lift(cases(*rng.random(60)), cases(*rng.random(60)))
    assert found.low < 0 < found.high
    assert found.p > 0.05


def test_lift_changes_its_sign_with_the_order_of_the_systems():
    mine, theirs = cases(0.3, 0.8, 0.5, 0.9), cases(0.2, 0.9, 0.1, 0.2)
    one, other = lift(mine, theirs), lift(theirs, mine)
    assert (one.difference, one.p) == (pytest.approx(-other.difference), pytest.approx(other.p))


def test_lift_depends_on_the_seed_and_not_on_the_order_of_cases():
    rng = np.random.default_rng(5)
    mine, theirs = cases(*rng.random(30)), cases(*rng.random(30))
    assert lift(mine, theirs) == lift(dict(reversed(mine.items())), dict(reversed(theirs.items())))
    assert lift(mine, theirs, seed=1) != lift(mine, theirs, seed=2)


def test_scans_of_one_patient_count_as_one_patient_not_as_many():
    values = np.random.default_rng(6).normal(0, 1, 40)
    repeated = {f"{number}-{scan}": value for number, value in enumerate(values) for scan in range(4)}
    patients = {case: case.split("-")[0] for case in repeated}
    once, taken_apart, together = estimate(cases(*values)), estimate(repeated), estimate(repeated, patients)
    assert (together.low, together.high) == (pytest.approx(once.low), pytest.approx(once.high))
    assert taken_apart.high - taken_apart.low == pytest.approx((once.high - once.low) / 2, rel=0.1)
    assert (together.mean, together.n) == (pytest.approx(values.mean()), 160)


def test_a_patient_with_more_scans_weighs_more():
    found = estimate({"a1": 1.0, "a2": 1.0, "a3": 1.0, "b": 0.0}, {"a1": "a", "a2": "a", "a3": "a", "b": "b"})
    # Drawn are a a, a b or b b, with the means 1, 0.75 and 0.
    assert found == Estimate(0.75, 0.0, 1.0, 4)


def test_one_patient_proves_nothing_however_often_it_was_scanned():
    scans = cases(0.0, 1.0, 1.0, 1.0)
    of_one = dict.fromkeys(scans, "one")
    assert estimate(scans, of_one) == Estimate(0.75, 0.75, 0.75, 4)
    assert lift(scans, cases(0, 0, 0, 0), of_one).p == 1.0


def test_signs_are_tossed_for_patients():
    mine, theirs = cases(1, 1, 1, 1, 1, 1), cases(0, 0, 0, 0, 0, 0)
    assert lift(mine, theirs).p == pytest.approx(2 / 2**6)
    assert lift(mine, theirs, {f"case{number}": str(number // 2) for number in range(6)}).p == pytest.approx(2 / 2**3)
