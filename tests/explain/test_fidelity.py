"""Evidence on maps, where the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from braingemma3d.explain.fidelity import (
    correlation,
    curve_rows,
    curves,
    keep_after,
    localisation,
    random_rows,
    rank_correlation,
    stability,
)
from braingemma3d.explain.score import ScoreTable

TRUE = np.array([5.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -2.0])


@pytest.fixture
def table():
    return ScoreTable(lambda keep: keep.double() @ torch.from_numpy(TRUE)[:, None])


def test_rows_go_from_everything_to_nothing_in_the_order_given():
    keep = keep_after(np.array([2, 0, 3, 1]), 2)
    assert keep.int().tolist() == [[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]]


def test_insertion_starts_with_the_best():
    rows = curve_rows(TRUE)
    assert len(rows) == 22
    assert rows[1].int().tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert rows[11].sum() == 0
    assert rows[12].nonzero().flatten().tolist() == [0]
    assert rows[13].nonzero().flatten().tolist() == [0, 4]
    assert rows[21].all()


def test_areas_of_a_linear_model(table):
    deletion, insertion = curves(TRUE, table, 0, random_rows(10, 0))
    # All on: 4. Without the best: -1, without the next: -2, and so to the end, where the last one off brings 0.
    assert deletion.score == [4, -1, -2, -2, -2, -2, -2, -2, -2, -2, 0]
    assert deletion.area == pytest.approx((4 / 2 - 1 - 8 * 2 + 0) / 10)
    assert insertion.score == [0, 5, 6, 6, 6, 6, 6, 6, 6, 6, 4]
    assert insertion.area == pytest.approx((5 + 8 * 6 + 2) / 10)
    assert len(deletion.random_areas) == 5
    assert deletion.gain == pytest.approx(np.mean(deletion.random_areas) - deletion.area)
    assert insertion.gain == pytest.approx(insertion.area - np.mean(insertion.random_areas))
    assert deletion.gain > 0
    assert insertion.gain > 0


def test_a_map_upside_down_is_worse_than_chance(table):
    assert all(curve.gain < 0 for curve in curves(-TRUE, table, 0, random_rows(10, 0)))


def test_random_orders_are_seeded():
    assert torch.equal(random_rows(10, 3), random_rows(10, 3))
    assert not torch.equal(random_rows(10, 3), random_rows(10, 4))


def test_stability_of_like_and_unlike_maps():
    rng = np.random.default_rng(0)
    base = rng.standard_normal(100)
    same = stability([base, 2 * base + 1])
    assert (same.rank_correlation, same.correlation, same.top_overlap) == pytest.approx((1, 1, 1))
    unlike = stability([base, rng.standard_normal(100)])
    assert abs(unlike.correlation) < 0.3
    assert unlike.top_overlap < 0.5


def test_correlations_of_a_flat_map_are_none():
    assert correlation(np.ones(5), TRUE[:5]) == rank_correlation(TRUE[:5], np.zeros(5)) == 0


def test_localisation(blocks):
    mask = blocks.labels == 5
    values = np.zeros(27)
    values[4], values[7], values[8] = 3.0, 1.0, -9.0
    found = localisation(values, blocks, mask)
    assert found.pointing
    assert found.pointing_by_chance == pytest.approx(1 / 27)
    assert found.positive_inside == pytest.approx(0.75)
    assert found.positive_by_chance == pytest.approx(1 / 27)
    values[7] = 4.0
    assert not localisation(values, blocks, mask).pointing


def test_a_map_without_support_points_nowhere(blocks):
    found = localisation(-np.ones(27), blocks, blocks.labels > 0)
    assert not found.pointing
    assert found.positive_inside == 0
