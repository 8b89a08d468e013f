from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from braingemma3d.imaging.volume import ScanGrid, Volume
from braingemma3d.report.picture import lay_out, outline, show, windowed


def volume(masked: bool = True) -> Volume:
    array = np.zeros((20, 24, 22), np.float32)
    array[5:15, 6:18, 4:18] = np.linspace(100, 300, 10)[:, None, None]
    grid = ScanGrid(Path("scan.nii.gz"), (22, 24, 20), np.eye(4), "RAS")
    return Volume(array, np.diag([2.0, 1.0, 1.0, 1.0]), grid, brain_mask=array > 0 if masked else None)


def test_the_box_holds_the_brain_its_frame_and_intensities_from_black_to_white() -> None:
    frame, brain, scan = windowed(volume(), frame_mm=2.0)
    # 2 mm are one voxel along D and two along H and W.
    assert frame == (slice(4, 16), slice(4, 20), slice(2, 20))
    assert brain.shape == scan.shape == (12, 16, 18)
    assert scan.min() == 0
    assert scan.max() == 1
    assert scan[5, 8, 8] == pytest.approx(scan[brain].mean(), abs=0.1)


def test_a_picture_needs_a_brain() -> None:
    with pytest.raises(ValueError, match="brain mask"):
        windowed(volume(masked=False))


def test_the_right_is_drawn_on_the_left() -> None:
    axes = Figure().subplots()
    plane = np.arange(12.0).reshape(3, 4)
    show(axes, plane, 1.0)
    (image,) = axes.get_images()
    assert np.array_equal(image.get_array(), plane[:, ::-1])
    assert image.origin == "lower"


def test_an_outline_follows_its_region_and_an_empty_one_has_none() -> None:
    axes = Figure().subplots()
    outline(axes, np.zeros((6, 8), bool))
    assert not axes.collections
    mask = np.zeros((6, 8), bool)
    mask[2:4, 0:2] = True
    outline(axes, mask)
    (contours,) = axes.collections
    assert np.concatenate([path.vertices for path in contours.get_paths()])[:, 0].min() > 5, "low columns on the right"


def test_three_planes_and_a_mosaic_of_the_brain() -> None:
    drawn = []
    brain = volume().brain_mask
    _, upper = lay_out("title", brain, (2.0, 1.0, 1.0), (10, 12, 11), lambda axes, *which: drawn.append(which))
    assert drawn[:3] == [(10, 1.0), (np.s_[:, 12], 2.0), (np.s_[:, :, 11], 2.0)]
    levels = [index for index, _ in drawn[3:]]
    assert len(levels) == 18
    assert levels == sorted(levels)
    assert all(5 <= level < 15 for level in levels)
    assert [text.get_text() for text in upper.axes[0].texts] == ["R", "L"]
    assert [text.get_text() for text in upper.axes[2].texts] == ["A", "P"]
