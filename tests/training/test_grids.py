"""Cases on the model's grid."""

from __future__ import annotations

import numpy as np
import pytest

from braingemma3d.simulate.case import draw_case
from braingemma3d.simulate.cohort import Cohort
from braingemma3d.training import grids

SHAPE = (16, 24, 20)


@pytest.fixture(scope="module")
def case():
    return draw_case(9, 0, healthy=0.0)


def test_maps_lie_where_the_pixels_show_them(case):
    pixels, lesion, anatomy = grids.on_grid(case, SHAPE)
    assert pixels.shape == lesion.shape == anatomy.shape == SHAPE
    assert set(np.unique(lesion)) <= {0, 1, 2, 3}
    assert anatomy.max() <= grids.VENTRICLE_CLASS
    healthy = (lesion == 0) & (pixels > 0) & (anatomy > 0)
    assert (anatomy[pixels > 60] > 0).mean() > 0.95
    ventricles = anatomy == grids.VENTRICLE_CLASS
    assert pixels[ventricles].mean() < pixels[healthy & ~ventricles].mean()


def test_the_lesions_share_of_the_grid_is_its_share_of_the_brain(case):
    pixels, lesion, _ = grids.on_grid(case, (44, 56, 48))
    share = (case.mask > 0).sum() / (case.image > 0).sum()
    assert (lesion > 0).sum() / (pixels > 0).sum() == pytest.approx(share, rel=0.15)


def test_shards_are_drawn_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(grids, "SHARD", 2)
    shard = tmp_path / "000000"
    grids._draw_shard(shard, Cohort(seed=9, healthy=0.5), SHAPE)
    drawn = grids.open_shard(shard)
    assert drawn.pixels.shape == (2, *SHAPE)
    assert drawn.records[1]["id"] == "sim9-000001"
    expected, _, _ = grids.on_grid(draw_case(9, 1, 0.5), SHAPE)
    np.testing.assert_array_equal(drawn.pixels[1], expected)
