"""The overview picture: the patient's left is on the right of it."""

from __future__ import annotations

import matplotlib.image
import numpy as np
import pytest
from matplotlib.axes import Axes

from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.report.overview import save_overview


@pytest.fixture
def planes(brain_file, tmp_path):
    """RGB of the upper row of the picture: axial, coronal, sagittal."""
    save_overview(load_scan(brain_file), tmp_path / "overview.png", "phantom")
    picture = matplotlib.image.imread(tmp_path / "overview.png")[..., :3]
    return np.split(picture[: picture.shape[0] * 2 // 5, : picture.shape[1] // 3 * 3], 3, axis=1)


def centre_of(plane: np.ndarray, selected: np.ndarray) -> np.ndarray:
    return np.argwhere(selected).mean(axis=0) / plane.shape[:2]


def test_both_sides_are_marked_and_the_brain_is_outlined(planes):
    axial = planes[0]
    yellow = (axial[..., 0] > 0.8) & (axial[..., 1] > 0.8) & (axial[..., 2] < 0.3)
    columns = np.argwhere(yellow)[:, 1] / axial.shape[1]
    assert (columns < 0.3).any()
    assert (columns > 0.7).any()
    outline = (axial[..., 2] > 0.6) & (axial[..., 0] < 0.5)
    assert outline.sum() > 200


def test_the_left_lesion_is_on_the_right_of_the_picture(brain_ras, save_scan, tmp_path):
    import nibabel as nib

    array = np.asarray(brain_ras.dataobj).copy()
    array[:20][array[:20] > 0] = 1200
    image = nib.Nifti1Image(array, brain_ras.affine)
    save_overview(load_scan(save_scan(image)), tmp_path / "overview.png", "bright left side")
    picture = matplotlib.image.imread(tmp_path / "overview.png")[..., :3]
    axial = picture[: picture.shape[0] * 2 // 5, : picture.shape[1] // 3]
    grey = (np.ptp(axial, axis=2) < 0.05) & (axial[..., 0] > 0.2)
    bright = grey & (axial[..., 0] > 0.8)
    assert centre_of(axial, bright)[1] > centre_of(axial, grey)[1] + 0.05


def test_r_is_on_the_left_and_l_on_the_right_of_every_plane(brain_file, tmp_path, monkeypatch):
    written = []
    original = Axes.text
    monkeypatch.setattr(Axes, "text", lambda self, x, y, s, **k: written.append((s, x)) or original(self, x, y, s, **k))
    save_overview(load_scan(brain_file), tmp_path / "overview.png", "a $ sign, and $ another")
    sides = {letter: {x for found, x in written if found == letter} for letter in "RLAP"}
    assert sides["R"] == sides["A"] == {0.02}
    assert sides["L"] == sides["P"] == {0.98}
    assert len(written) == 2 * (3 + 18)
