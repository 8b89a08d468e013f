"""What a scanner does to an image, and what it must not do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from braingemma3d.simulate.anatomy import SHAPE, draw_head
from braingemma3d.simulate.degrade import acquire, draw_scanner
from braingemma3d.simulate.ranges import TRAIN


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("thickness", [2.0, 5.0, 6.5])
def test_slices_of_any_thickness_leave_everything_where_it_is(axis: int, thickness: float) -> None:
    head = draw_head(np.random.default_rng(0), TRAIN)
    drawn = draw_scanner(np.random.default_rng(1), TRAIN, head)
    plain = replace(drawn, axis=axis, thickness=thickness, blur_mm=0.0, bias=0.0, noise=0.0, gamma=1.0, intensity=100.0)
    voxel = np.arange(SHAPE[axis]).reshape([-1 if one == axis else 1 for one in range(3)]) * np.ones(SHAPE)
    image = acquire(plain, head, voxel.ravel()[head.inside].astype(np.float32))
    deep = ndimage.binary_erosion(head.on_grid(plain.visible), iterations=8)
    assert deep.sum() > 1000
    np.testing.assert_allclose(image[deep] / 100, voxel[deep], atol=0.05)
