from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from braingemma3d.simulate.anatomy import VOXEL_ML, Head
from braingemma3d.simulate.atlas import LOBE_INDEX, TISSUE
from braingemma3d.simulate.plan import draw_plan
from braingemma3d.simulate.ranges import TRAIN
from braingemma3d.simulate.truth import CORE, EDEMA, NECROSIS
from braingemma3d.simulate.tumour import Lesion, grow

Grown = Callable[..., Lesion]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_volumes_are_those_of_the_plan(grown: Grown, share: float) -> None:
    lesion = grown(core_ml=12.0, edema_share=share, necrosis_share=0.3)
    tumour = np.isin(lesion.mask, (CORE, NECROSIS))
    # A part that hangs on to the lump by nothing is left out.
    assert tumour.sum() * VOXEL_ML == pytest.approx(12, rel=0.1)
    assert (lesion.mask == EDEMA).sum() / (lesion.mask > 0).sum() == pytest.approx(share, abs=0.01)
    assert (lesion.mask == NECROSIS).sum() / tumour.sum() == pytest.approx(0.3, abs=0.01)


def test_it_sits_in_the_lobe_asked_for_on_one_side_and_in_no_ventricle(grown: Grown) -> None:
    lesion = grown(core_ml=8.0)
    core = np.isin(lesion.mask, (CORE, NECROSIS))
    assert np.bincount(lesion.anatomy.lobe[core]).argmax() == LOBE_INDEX["frontal"]
    assert abs(lesion.anatomy.side[core].mean()) > 0.99
    fluid = [TISSUE[name] for name in ("lateral_ventricle", "third_ventricle", "fourth_ventricle")]
    assert not np.isin(lesion.anatomy.tissue[core], fluid).any()


def test_necrosis_is_inside_the_core_and_edema_around_it(grown: Grown) -> None:
    lesion = grown(core_ml=12.0, edema_share=0.5, necrosis_share=0.3)
    grid = lesion.anatomy.head.on_grid(lesion.mask)
    beside_necrosis = ndimage.binary_dilation(grid == NECROSIS) & (grid != NECROSIS)
    assert set(np.unique(grid[beside_necrosis])) == {CORE}
    from_core = ndimage.distance_transform_edt(~np.isin(grid, (CORE, NECROSIS)))
    assert np.median(from_core[grid == EDEMA]) < 8


def test_several_foci_are_apart(grown: Grown) -> None:
    lesion = grown(core_ml=8.0, foci=2)
    core = lesion.anatomy.head.on_grid(np.isin(lesion.mask, (CORE, NECROSIS)))
    assert lesion.plan.foci == ndimage.label(core)[1] == 2


def test_compression_narrows_the_ventricle_beside_it(grown: Grown) -> None:
    free, pressed = (
        grown(core_ml=30.0, compression=grade, ratio=ratio) for grade, ratio in (("none", 1), ("severe", 0.3))
    )
    ratios = []
    for lesion in (free, pressed):
        left, right = lesion.anatomy.ventricle_ml()
        core = lesion.mask == CORE
        ratios.append(left / right if lesion.anatomy.side[core].mean() < 0 else right / left)
    assert ratios[1] == pytest.approx(0.3, abs=0.05)
    assert ratios[0] > 0.75


def test_what_does_not_fit_is_not_grown(head: Head) -> None:
    plan = replace(
        draw_plan(np.random.default_rng(0), TRAIN), lobe="brainstem", course="lateral", foci=1, core_ml=140.0
    )
    assert grow(np.random.default_rng(0), head, plan, head.hull < 0) is None
