from __future__ import annotations

import numpy as np
import pytest

from braingemma3d.findings.schema import LOBES
from braingemma3d.simulate.atlas import LOBE_INDEX, TISSUE
from braingemma3d.simulate.case import Case
from braingemma3d.simulate.truth import (
    EDEMA_BANDS,
    compression_from,
    edema_from,
    lobes_from,
    midline_shift,
    necrosis_from,
    side_from,
)

VOXEL_ML = 0.008


def core_of(case: Case) -> np.ndarray:
    return (case.mask == 4) | (case.mask == 1)


def test_volumes_and_shares_are_those_of_the_mask(lesions: list[Case]) -> None:
    for case in lesions:
        core, truth = core_of(case), case.truth
        assert truth.core_ml == pytest.approx(core.sum() * VOXEL_ML, abs=0.01)
        assert truth.edema_ml == pytest.approx((case.mask == 2).sum() * VOXEL_ML, abs=0.01)
        assert truth.necrosis_ml == pytest.approx((case.mask == 1).sum() * VOXEL_ML, abs=0.01)
        share = (case.mask == 2).sum() / (case.mask > 0).sum()
        assert (
            truth.edema == "none" if share == 0 else EDEMA_BANDS[truth.edema][0] <= share <= EDEMA_BANDS[truth.edema][1]
        )


def test_lobes_are_those_that_hold_the_core(lesions: list[Case]) -> None:
    for case in lesions:
        inside = case.lobe[core_of(case)]
        shares = {lobe: (inside == LOBE_INDEX[lobe]).mean() for lobe in LOBES}
        assert case.truth.lobes == tuple(lobe for lobe in LOBES if shares[lobe] >= 0.12)
        assert case.truth.main_lobe == max(shares, key=lambda lobe: shares[lobe])
        assert case.truth.main_lobe in case.truth.lobes


def test_side_is_where_the_core_lies(lesions: list[Case]) -> None:
    for case in lesions:
        left = (case.side[core_of(case)] < 0).mean()
        assert case.truth.left_share == pytest.approx(left, abs=0.001)
        if case.truth.side == "left":
            assert left >= 0.88
        elif case.truth.side == "right":
            assert left <= 0.12
        else:
            assert 0.25 <= left <= 0.75


def test_compression_is_what_the_final_ventricles_show(lesions: list[Case]) -> None:
    assert "fourth" in {case.truth.ventricle_measure for case in lesions}
    for case in lesions:
        truth = case.truth
        lateral = np.isin(case.tissue, (TISSUE["lateral_ventricle"], TISSUE["choroid_plexus"]))
        left, right = (float((lateral & (case.side == s)).sum()) * VOXEL_ML for s in (-1, 1))
        assert truth.lateral_ventricles_ml == pytest.approx((left, right), abs=0.05)
        if truth.ventricle_measure == "lateral":
            same, other = (left, right) if truth.side == "left" else (right, left)
            ratio = same / other if truth.side in ("left", "right") else min(left, right) / max(left, right)
        else:
            anatomy = case.anatomy
            ratio = anatomy.fourth_ml() / anatomy.head.nominal_fourth_ml
        assert truth.ventricle_ratio == pytest.approx(ratio, abs=0.01)
        grade = compression_from(truth.ventricle_ratio, truth.midline_shift_mm, truth.ventricle_measure)
        assert truth.ventricular_compression == grade


def test_midline_shift_is_the_septums_largest_deviation_from_the_median_plane() -> None:
    z, y = np.meshgrid(np.arange(0.0, 40, 2), np.arange(-30.0, 30, 2), indexing="ij")
    flat = np.stack([z.ravel(), y.ravel(), np.zeros(z.size)])
    upright = (np.array([0.0, 0.0, 1.0]), 0.0)
    assert midline_shift(flat, upright) == 0
    for push in (6.0, -6.0):
        pushed = flat.copy()
        pushed[2, (pushed[1] > -8) & (pushed[1] < 8)] += push
        assert midline_shift(pushed, upright) == pytest.approx(push)
    # A head that is turned and moved has no shift.
    turned = np.array([[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]])
    assert midline_shift(turned @ flat + [[0], [0], [5]], (turned[:, 2], -5 * np.cos(0.2))) == pytest.approx(0)


def test_healthy_brains_have_next_to_no_shift(healthy: list[Case]) -> None:
    assert max(case.truth.midline_shift_mm for case in healthy) < 2.5


def test_contrasts_are_visible_in_the_image(lesions: list[Case]) -> None:
    for case in lesions:
        brain = (case.image > 0) & (case.mask == 0) & (case.tissue > 0)
        reference = np.median(case.image[brain])
        solid = case.image[case.mask == 4].mean()
        assert abs(solid - reference) / reference >= 0.149
        assert case.truth.core_contrast == pytest.approx((solid - reference) / reference, abs=0.01)
        if case.truth.necrosis == "present":
            dark = case.image[case.mask == 1]
            assert (solid - dark.mean()) / reference >= 0.299
            assert dark.size >= 0.1 * core_of(case).sum()
        if case.truth.edema != "none":
            edema = case.image[case.mask == 2].mean()
            assert abs(edema - solid) / reference >= 0.199
            assert (edema - reference) / reference >= 0.199


def test_gaps_lie_between_grades() -> None:
    assert edema_from(0.2, 5) == "mild"
    assert edema_from(0.33, 5) is None
    assert edema_from(0.5, 5) == "moderate"
    assert edema_from(0.65, 5) is None
    assert edema_from(0.8, 5) == "severe"
    assert edema_from(0.2, 0.3) is None
    assert necrosis_from(0, 0, 0) == "none"
    assert necrosis_from(3, 0.3, 0.5) == "present"
    assert [necrosis_from(*v) for v in ((1, 0.3, 0.5), (3, 0.05, 0.5), (3, 0.3, 0.2))] == [None] * 3
    assert compression_from(0.95, 1, "lateral") == "none"
    assert compression_from(0.85, 1, "lateral") is None
    assert compression_from(0.7, 1, "lateral") == "mild"
    assert compression_from(0.7, 6, "lateral") == "severe"
    assert compression_from(0.58, 1, "lateral") is None
    assert compression_from(0.4, 1, "lateral") == "severe"
    assert [compression_from(v, 0, "fourth") for v in (1.0, 0.7, 0.5, 0.1)] == ["none", None, "mild", "severe"]


def test_side_by_volume_share() -> None:
    assert side_from(np.full(100, -20, np.float32), 1) == "left"
    assert side_from(np.full(100, 20, np.float32), 1) == "right"
    assert side_from(np.linspace(-8, 8, 100, dtype=np.float32), 1) == "midline"
    assert side_from(np.linspace(-30, 30, 100, dtype=np.float32), 1) == "bilateral"
    assert side_from(np.linspace(-8, 8, 100, dtype=np.float32), 2) is None
    assert side_from(np.linspace(-10, 40, 100, dtype=np.float32), 1) is None


def test_lobe_share_gap() -> None:
    assert lobes_from({"temporal": 0.8, "frontal": 0.2}) == ("frontal", "temporal")
    assert lobes_from({"temporal": 0.88, "frontal": 0.12}) is None
    assert lobes_from({"temporal": 0.95, "frontal": 0.05}) == ("temporal",)
