from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from braingemma3d.simulate.anatomy import draw_head
from braingemma3d.simulate.degrade import draw_scanner
from braingemma3d.simulate.ranges import SHIFT, SHIFTED, SHIFTED_PER_CASE, TRAIN, Ranges, ranges_for


@pytest.mark.parametrize("name", SHIFTED)
def test_shifted_ranges_have_no_inner_point_in_common_with_training(name: str) -> None:
    train, shift = getattr(TRAIN, name), getattr(SHIFT, name)
    assert shift[0] >= train[1] or shift[1] <= train[0]


def test_other_ranges_are_those_of_training() -> None:
    for name in set(Ranges.model_fields) - set(SHIFTED):
        assert getattr(SHIFT, name) == getattr(TRAIN, name)


def test_reversed_range_is_refused_with_its_values() -> None:
    with pytest.raises(ValidationError, match=r"noise: low end 0\.5 lies above high end 0\.1"):
        Ranges(noise=(0.5, 0.1))


def test_every_shifted_case_lies_outside_training_in_several_fields() -> None:
    seen = set()
    for seed in range(60):
        ranges = ranges_for(True, np.random.default_rng(seed))
        moved = {name for name in SHIFTED if getattr(ranges, name) == getattr(SHIFT, name)}
        assert len(moved) == SHIFTED_PER_CASE
        seen |= moved
    assert seen == set(SHIFTED)
    assert ranges_for(False, np.random.default_rng(0)) == TRAIN


def test_what_is_drawn_of_shifted_ranges_is_never_drawn_in_training() -> None:
    shifted = TRAIN.model_copy(update={"scale": SHIFT.scale, "slice_thickness": SHIFT.slice_thickness})
    drawn = {}
    for name, ranges in (("train", TRAIN), ("shift", shifted)):
        heads = [draw_head(np.random.default_rng(seed), ranges) for seed in range(40)]
        scanners = [draw_scanner(np.random.default_rng(i), ranges, head) for i, head in enumerate(heads)]
        # The matrix takes the head to the atlas, and rotation and shear hardly change its volume.
        drawn[name] = [
            [abs(np.linalg.det(head.matrix)) ** (-1 / 3) for head in heads],
            [scanner.thickness for scanner in scanners],
        ]
    (scales, thicknesses), (small, thick) = drawn["train"], drawn["shift"]
    assert max(small) < SHIFT.scale[1] == TRAIN.scale[0] < min(scales)
    assert max(thicknesses) < TRAIN.slice_thickness[1] == SHIFT.slice_thickness[0] < min(thick)
    assert min(thicknesses) < 2 < max(thicknesses)
