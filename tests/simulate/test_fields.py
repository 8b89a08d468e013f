from __future__ import annotations

import numpy as np
import pytest

from braingemma3d.simulate.fields import (
    between,
    blur,
    log_between,
    nearest_index,
    sample,
    sample_within,
    smooth_noise,
    smoothstep,
    upsample,
)


def ramp(shape: tuple[int, int, int]) -> np.ndarray:
    """A linear function of the voxel, which linear interpolation gives back exactly."""
    z, y, x = np.indices(shape, dtype=np.float32)
    return 2 * z - 3 * y + 5 * x + 1


@pytest.mark.parametrize("step", [1.0, 4.0, 9.5])
def test_noise_has_its_spread_and_is_smooth(step: float) -> None:
    fields = [smooth_noise(np.random.default_rng(seed), (40, 44, 36), step) for seed in range(12)]
    assert np.std(fields) == pytest.approx(1, abs=0.12)
    assert np.mean(fields) == pytest.approx(0, abs=0.15)
    steps = np.std([np.diff(field, axis=1) for field in fields])
    assert steps < 1.8 / step


def test_upsampling_keeps_samples_and_is_linear_between_them() -> None:
    coarse = ramp((5, 6, 4))
    fine = upsample(coarse, 3)
    assert fine.shape == (12, 15, 9)
    assert np.array_equal(fine[::3, ::3, ::3], coarse[:-1, :-1, :-1])
    np.testing.assert_allclose(fine, (ramp(fine.shape) - 1) / 3 + 1, rtol=1e-5, atol=1e-4)


def test_sampling_is_trilinear_and_holds_the_border() -> None:
    volume = ramp((7, 9, 8))
    points = np.array([[1.5, 6.0, 3.25], [2.25, 0.0, 8.0], [0.75, 7.0, 4.5]], np.float32)
    expected = 2 * points[0] - 3 * points[1] + 5 * points[2] + 1
    np.testing.assert_allclose(sample(volume, points), expected, rtol=1e-5)
    np.testing.assert_allclose(sample(np.stack([volume, -volume]), points), [expected, -expected], rtol=1e-5)
    beyond = np.array([[-4.0], [3.0], [20.0]], np.float32)
    np.testing.assert_allclose(sample(volume, beyond), volume[0, 3, 7], rtol=1e-5)


def test_outside_its_box_a_map_has_one_value() -> None:
    volume = ramp((7, 9, 8))
    points = np.array([[3.0, 0.5], [4.0, 4.0], [4.0, 4.0]], np.float32)
    within = sample_within(volume, points, (slice(2, 6), slice(2, 8), slice(2, 7)), outside=28.0)
    np.testing.assert_allclose(within, [volume[3, 4, 4], 28.0], rtol=1e-5)


def test_nearest_voxel_is_clipped_to_the_volume() -> None:
    points = np.array([[1.4, -3.0], [2.6, 9.0], [0.4, 1.0]], np.float32)
    assert (
        nearest_index((4, 5, 6), points).tolist() == np.ravel_multi_index([[1, 0], [3, 4], [0, 1]], (4, 5, 6)).tolist()
    )


def test_blur_spreads_and_loses_nothing() -> None:
    point = np.zeros((21, 21, 21), np.float32)
    point[10, 10, 10] = 1
    spread = blur(point, 1.5)
    assert spread.sum() == pytest.approx(1, rel=1e-4)
    assert spread[10, 10, 12] == pytest.approx(spread[12, 10, 10])
    assert spread[10, 10, 10] < 0.03


def test_smoothstep_is_flat_outside_and_half_in_the_middle() -> None:
    values = smoothstep(np.array([-1, 2, 3, 4, 9], np.float32), 2, 4)
    assert values.tolist() == [0, 0, 0.5, 1, 1]


def test_draws_stay_within_their_limits() -> None:
    rng = np.random.default_rng(0)
    signed = [between(rng, (2.0, 3.0), signed=True) for _ in range(200)]
    assert {np.sign(value) for value in signed} == {-1, 1}
    assert all(2 <= abs(value) <= 3 for value in signed)
    drawn = [log_between(rng, (1.0, 100.0)) for _ in range(500)]
    assert 1 <= min(drawn) <= max(drawn) <= 100
    assert np.median(drawn) == pytest.approx(10, rel=0.3)
