from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from braingemma3d.imaging.volume import ScanGrid, Volume

# (d, h, w) to RAS: D runs along z with 3 mm, H along y with 2, W along x with 1.5.
AFFINE = np.array([[0, 0, 1.5, -10], [0, 2.0, 0, -20], [3.0, 0, 0, 5], [0, 0, 0, 1]])


@pytest.fixture
def volume() -> Volume:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    return Volume(array, AFFINE, ScanGrid(Path("scan.nii.gz"), (4, 3, 2), AFFINE, "RAS"), brain_mask=array > 5)


def test_spacing_and_brain_volume_come_from_the_affine(volume: Volume) -> None:
    assert volume.spacing == (3.0, 2.0, 1.5)
    assert volume.brain_ml == pytest.approx(18 * 9 / 1000)


def test_without_a_brain_there_is_no_brain_volume(volume: Volume) -> None:
    with pytest.raises(ValueError, match="no brain mask yet"):
        replace(volume, brain_mask=None).brain_ml  # noqa: B018


def test_a_mirror_swaps_left_and_right_of_scan_and_brain_and_nothing_else(volume: Volume) -> None:
    mirrored = volume.mirrored()
    assert np.array_equal(mirrored.array, volume.array[:, :, ::-1])
    assert np.array_equal(mirrored.brain_mask, volume.brain_mask[:, :, ::-1])
    assert np.array_equal(mirrored.affine, volume.affine)
    assert mirrored.array.flags.c_contiguous
    again = mirrored.mirrored()
    assert np.array_equal(again.array, volume.array)
    assert replace(volume, brain_mask=None).mirrored().brain_mask is None
