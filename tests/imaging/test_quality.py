"""What is refused, and what is warned of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from braingemma3d.errors import InputError
from braingemma3d.imaging.quality import quality_warnings, refuse_unusable
from braingemma3d.imaging.volume import ScanGrid, Volume


def volume_of(array: np.ndarray, spacing=(3.0, 3.0, 3.0), mask: np.ndarray | None = None) -> Volume:
    affine = np.diag([*spacing, 1.0])
    grid = ScanGrid(Path("scan.nii.gz"), array.shape, affine, "RAS")
    return Volume(array.astype(np.float32), affine, grid, brain_mask=mask)


def noise(shape=(50, 60, 50)) -> np.ndarray:
    return np.random.default_rng(0).random(shape) * 300


def with_nan() -> np.ndarray:
    array = noise()
    array[3, 4, 5] = np.nan
    return array


def ct() -> np.ndarray:
    array = noise() - 1000
    array[20:30] += 1040
    return array


def label_map() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 5, (50, 60, 50))


@pytest.mark.parametrize(
    ("code", "volume"),
    [
        ("not_finite", volume_of(with_nan())),
        ("not_finite", volume_of(np.where(noise() > 299, np.inf, 1.0))),
        ("constant", volume_of(np.full((50, 60, 50), 7))),
        ("too_few_slices", volume_of(noise((3, 256, 256)), (5.0, 1.0, 1.0))),
        ("too_few_slices", volume_of(noise((60, 60, 2)), (3.0, 3.0, 60.0))),
        ("too_small", volume_of(noise((20, 60, 60)), (1.0, 3.0, 3.0))),
        ("ct", volume_of(ct())),
        ("label_map", volume_of(label_map())),
        ("label_map", volume_of(np.kron(np.arange(1, 151).reshape(5, 6, 5), np.ones((10, 10, 10))))),
    ],
)
def test_unusable_images_are_refused_with_a_reason(code, volume):
    with pytest.raises(InputError) as caught:
        refuse_unusable(volume)
    assert caught.value.code == code
    assert "scan.nii.gz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_scan_cut_down_to_few_grey_levels_is_no_label_map():
    refuse_unusable(volume_of(np.round(noise() / 300 * 63)))


def test_a_standardised_mri_with_negative_values_is_not_taken_for_ct():
    array = noise()
    refuse_unusable(volume_of((array - array.mean()) / array.std()))


def ball(shape=(60, 60, 60), radius=24) -> np.ndarray:
    grid = np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in shape], indexing="ij"))
    return (grid**2).sum(axis=0) < radius**2


def codes(volume: Volume) -> set[str]:
    return {warning.code for warning in quality_warnings(volume)}


def test_a_whole_brain_of_thin_slices_has_no_warnings():
    assert codes(volume_of(noise((60, 60, 60)), mask=ball())) == set()


def test_thick_slices_are_warned_of():
    mask = ball()[::2]
    assert "thick_slices" in codes(volume_of(noise(mask.shape), (6.0, 3.0, 3.0), mask))


@pytest.mark.parametrize(("cut", "name"), [(np.s_[30:], "bottom"), (np.s_[:30], "top"), (np.s_[:, 30:], "back")])
def test_a_brain_that_is_cut_off_is_warned_of_by_side(cut, name):
    mask = ball()[cut]
    warnings = {w.code: w.message for w in quality_warnings(volume_of(noise(mask.shape), mask=mask))}
    assert name in warnings["partial_coverage"]
    assert "not checked whether this is a FLAIR" in warnings["partial_coverage"]


def test_a_brain_that_deepbet_rounds_off_at_the_side_is_cut_off_all_the_same():
    mask = ball()[:, :, :44].copy()
    area = np.argwhere(mask[:, :, -1])
    centre = np.linalg.norm(area - area.mean(axis=0), axis=1)
    mask[:, :, -1] = False
    rounded = area[centre < 0.55 * centre.max()]
    mask[rounded[:, 0], rounded[:, 1], -1] = True
    areas = mask.sum(axis=(0, 1))
    assert 0.15 < areas[-1] / areas.max() < 0.4
    assert "partial_coverage" in codes(volume_of(noise(mask.shape), mask=mask))


def test_thick_slices_count_with_their_whole_height():
    mask = np.zeros((21, 40, 40), bool)
    mask[2:-2, 5:35, 5:35] = True
    spacing = (5.2, 3.0, 3.0)
    assert "partial_coverage" not in codes(volume_of(noise(mask.shape), spacing, mask)), "88 mm"
    mask[2] = False
    assert "partial_coverage" in codes(volume_of(noise(mask.shape), spacing, mask)), "83 mm"


def test_an_unusual_brain_volume_is_warned_of():
    assert "brain_volume" in codes(volume_of(noise((60, 60, 60)), mask=ball(radius=14)))


def test_checks_need_a_mask():
    with pytest.raises(ValueError, match="brain mask"):
        quality_warnings(volume_of(noise()))


def test_brain_volume_is_in_millilitres():
    mask = np.zeros((50, 60, 50), bool)
    mask[:10, :10, :10] = True
    volume = volume_of(noise(), mask=mask)
    assert volume.brain_ml == pytest.approx(27.0)
    with pytest.raises(ValueError, match="no brain mask"):
        _ = replace(volume, brain_mask=None).brain_ml
