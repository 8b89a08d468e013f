from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from braingemma3d.simulate.plan import CORE_ML, FAINTEST_EDEMA, FAINTEST_NECROSIS, PLACES, WHOLE_ML, Plan, draw_plan
from braingemma3d.simulate.ranges import TRAIN
from braingemma3d.simulate.truth import EDEMA_BANDS, NECROSIS_ML


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    rng = np.random.default_rng(5)
    return [draw_plan(rng, TRAIN) for _ in range(3000)]


def test_plans_draw_grades_evenly_and_nearly_free_of_size(plans: list[Plan]) -> None:
    edema = Counter(
        "none"
        if p.edema_share == 0
        else "mild"
        if p.edema_share < 0.33
        else "moderate"
        if p.edema_share < 0.67
        else "severe"
        for p in plans
    )
    compression = Counter(p.compression for p in plans)
    assert min(edema.values()) > 0.18 * len(plans)
    assert min(compression.values()) > 0.25 * len(plans)
    assert 0.35 < np.mean([p.necrosis_share > 0 for p in plans]) < 0.6
    size = np.log([p.core_ml for p in plans])
    for graded in ([p.compression for p in plans], [p.necrosis_share > 0 for p in plans]):
        means = [size[[g == grade for g in graded]].mean() for grade in set(graded)]
        assert max(means) - min(means) < 0.8 * size.std()


def test_every_place_and_course_is_drawn(plans: list[Plan]) -> None:
    assert {plan.lobe for plan in plans} == set(PLACES)
    assert {plan.course for plan in plans} == {"lateral", "midline", "butterfly"}
    assert {plan.foci for plan in plans} == {1, 2, 3}
    assert all(plan.foci == 1 for plan in plans if plan.course != "lateral")


def test_sizes_and_shares_are_within_their_bounds(plans: list[Plan]) -> None:
    for plan in plans:
        assert CORE_ML[0] <= plan.core_ml <= CORE_ML[1]
        assert plan.whole_ml <= WHOLE_ML * 1.01
        assert any(low <= plan.edema_share <= high for low, high in EDEMA_BANDS.values())
        assert plan.necrosis_share == 0 or plan.necrosis_share * plan.core_ml >= NECROSIS_ML


def test_parts_differ_in_signal_as_far_as_they_are_to_be_told_apart(plans: list[Plan]) -> None:
    for plan in plans:
        assert plan.core_signal - plan.necrosis_signal >= FAINTEST_NECROSIS
        assert plan.edema_share == 0 or abs(plan.edema_signal - plan.core_signal) >= FAINTEST_EDEMA


def test_what_lies_on_the_midline_hardly_shifts_it(plans: list[Plan]) -> None:
    assert max(plan.shift_mm for plan in plans if plan.course != "lateral") <= 3
    assert max(plan.shift_mm for plan in plans if plan.course == "lateral") > 8
