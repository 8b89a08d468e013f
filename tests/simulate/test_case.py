from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from braingemma3d.errors import InputError
from braingemma3d.simulate import case as module
from braingemma3d.simulate.anatomy import SHAPE
from braingemma3d.simulate.case import Case, draw_case
from braingemma3d.simulate.truth import CORE, EDEMA


def test_same_seed_and_index_give_the_same_case(lesions: list[Case]) -> None:
    again = draw_case(lesions[3].seed, lesions[3].index, healthy=0.0)
    assert np.array_equal(again.image, lesions[3].image)
    assert np.array_equal(again.mask, lesions[3].mask)
    assert again.truth == lesions[3].truth
    assert again.report == lesions[3].report
    assert not np.array_equal(lesions[4].image, lesions[3].image)


def test_image_is_whole_numbers_on_a_zero_background(lesions: list[Case]) -> None:
    for case in lesions:
        assert case.image.shape == case.mask.shape == SHAPE
        assert np.array_equal(case.image, np.rint(case.image))
        assert case.image.max() <= 32767
        assert 600 < (case.image > 0).sum() * 0.008 < 2100
        assert (case.image[case.mask > 0] > 0).all()
        assert set(np.unique(case.mask)) <= {0, 1, 2, 4}


def test_lesion_voxels_differ_from_the_healthy_twin(lesions: list[Case], healthy: list[Case]) -> None:
    for ill, well in zip(lesions, healthy, strict=False):
        inside = np.abs(ill.image - well.image)[ill.mask == 4].mean()
        outside = np.abs(ill.image - well.image)[(ill.mask == 0) & (ill.image > 0)].mean()
        assert inside > 3 * outside


def test_healthy_cases_have_no_lesion(healthy: list[Case]) -> None:
    for case in healthy:
        assert not case.mask.any()
        assert not case.truth.lesion
        assert case.truth.ventricular_compression == "none"
        assert case.truth.ventricle_ratio > 0.9
        assert not case.findings.lesion


def test_nothing_but_the_lesion_tells_healthy_from_ill(lesions: list[Case], healthy: list[Case]) -> None:
    for ill, well in zip(lesions, healthy, strict=False):
        assert np.array_equal(ill.image > 0, well.image > 0)
        far = (ndimage.distance_transform_edt(ill.mask == 0) > 12) & (ill.image > 0)
        assert np.median(ill.image[far]) == pytest.approx(np.median(well.image[far]), rel=0.02)
        assert np.percentile(ill.image[far], 99) == pytest.approx(np.percentile(well.image[far], 99), rel=0.05)
        # The far tissue has not been touched at all where nothing has moved it.
        assert np.median(np.abs(ill.image - well.image)[far]) < 0.02 * np.median(well.image[far])


def test_both_sides_and_all_grades_occur(lesions: list[Case]) -> None:
    sides = Counter(case.truth.side for case in lesions)
    assert sides["left"] >= 3
    assert sides["right"] >= 3
    for name, least in (("edema", 3), ("necrosis", 2), ("ventricular_compression", 3)):
        assert len({getattr(case.truth, name) for case in lesions}) >= least


def test_a_head_that_takes_no_lesion_is_not_changed_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "grow", lambda *_: None)
    monkeypatch.setattr(module, "ATTEMPTS", 3)
    with pytest.raises(InputError, match="seed 4, index 2"):
        draw_case(4, 2, healthy=0.0)


@pytest.mark.parametrize(("cut", "kept"), [(9, True), (11, False)])
def test_a_lesion_that_the_field_of_view_cuts_is_not_kept(cut: int, kept: bool) -> None:
    mask = np.repeat([0, EDEMA, CORE], 100)
    visible = np.ones(mask.size, bool)
    visible[100 : 100 + cut] = False
    assert module._kept(SimpleNamespace(mask=mask), visible) is kept


def test_shifted_cases_can_be_drawn_and_differ() -> None:
    case = draw_case(2, 0, healthy=0.0, shift=True)
    assert case.truth.lesion
    assert not np.array_equal(case.image, draw_case(2, 0, healthy=0.0).image)


@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_healthy_share_must_be_a_probability(value: float) -> None:
    with pytest.raises(ValueError, match=str(value)):
        draw_case(0, 0, healthy=value)
