from __future__ import annotations

import numpy as np
import pytest

from braingemma3d.simulate.anatomy import SHAPE, VOXEL_ML, Head, draw_head, grid_affine, label
from braingemma3d.simulate.atlas import TISSUE
from braingemma3d.simulate.ranges import TRAIN


def heads(count: int) -> list[Head]:
    return [draw_head(np.random.default_rng([9, i]), TRAIN) for i in range(count)]


def test_affine_is_ras_and_low_w_is_left() -> None:
    affine = grid_affine()
    left = affine @ [SHAPE[0] / 2, SHAPE[1] / 2, 10, 1]
    assert left[0] < -40
    up = affine @ [SHAPE[0] - 1, SHAPE[1] / 2, SHAPE[2] / 2, 1]
    assert up[2] > 60
    assert np.allclose(np.abs(np.linalg.det(affine)), 8)


def test_flip_swaps_hemispheres_but_not_sides() -> None:
    flipped = set()
    for head in heads(8):
        flipped.add(head.flipped)
        anatomy = label(head)
        w = np.unravel_index(head.inside, SHAPE)[2]
        deep_inside = head.hull < -10
        far_left = deep_inside & (w < SHAPE[2] / 2 - 22)
        far_right = deep_inside & (w > SHAPE[2] / 2 + 22)
        assert (anatomy.side[far_left] == -1).all()
        assert (anatomy.side[far_right] == 1).all()
    assert flipped == {True, False}


def test_ventricles_have_the_volume_asked_for() -> None:
    for head in heads(3):
        anatomy = label(head)
        assert anatomy.ventricle_ml() == pytest.approx(head.lateral_ml, abs=3 * VOXEL_ML)
        assert anatomy.fourth_ml() == pytest.approx(head.fourth_ml, rel=0.1)
        left, right = anatomy.ventricle_ml()
        assert min(left, right) / max(left, right) > 0.9


def test_narrowing_empties_one_ventricle_only() -> None:
    head = heads(1)[0]
    before, after = label(head).ventricle_ml(), label(head, narrowing=(0.4, 1.0)).ventricle_ml()
    assert after[0] == pytest.approx(0.4 * before[0], abs=0.05)
    assert after[1] == pytest.approx(before[1], abs=0.05)


def test_brain_is_made_of_all_tissues_in_plausible_amounts() -> None:
    head = heads(1)[0]
    tissue = label(head).tissue[head.hull < 0]
    share = np.bincount(tissue, minlength=len(TISSUE)) / tissue.size
    assert 0.2 < share[TISSUE["white_matter"]] < 0.5
    assert 0.2 < share[TISSUE["cortex"]] + share[TISSUE["limbic_cortex"]] < 0.55
    assert 900 < head.hull_ml < 2000
