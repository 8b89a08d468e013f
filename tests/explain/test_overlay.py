"""Maps on the scan's own grid, and their picture."""

from __future__ import annotations

import matplotlib.image
import nibabel as nib
import numpy as np
import pytest
from matplotlib.axes import Axes
from nibabel.affines import apply_affine

from braingemma3d.explain.overlay import attribution_image, draw, save_overlay
from braingemma3d.imaging.preprocess import load_scan


def test_the_image_is_on_the_scans_own_grid(save_scan, brain_ras, pipeline):
    from braingemma3d.explain.explanation import ExplainSettings, explain
    from braingemma3d.explain.lime import LimeSettings

    # Stored left to right and top to bottom the other way, and tilted.
    stored = brain_ras.as_reoriented(np.array([[1, -1], [2, 1], [0, -1]]))
    turn = nib.eulerangles.euler2mat(0.1, 0.05, 0)
    tilted = nib.Nifti1Image(stored.get_fdata(dtype=np.float32), nib.affines.from_matvec(turn) @ stored.affine)
    volume = load_scan(save_scan(tilted))
    settings = ExplainSettings("side", 12, lime=LimeSettings(samples=20))
    found = explain(pipeline, volume, settings)
    values = np.zeros(found.supervoxels.count)
    values[3] = 2.0
    image = attribution_image(type(found)(**{**vars(found), "attributions": values[None]}))
    assert image.shape == tilted.shape
    assert np.allclose(image.affine, tilted.affine)
    assert image.get_data_dtype() == np.float32
    shown = image.get_fdata()
    assert shown.max() == pytest.approx(2, abs=0.05)
    # The middle of what is lit is, in millimetres, the middle of the supervoxel.
    lit = np.argwhere(shown > 1)
    piece = np.argwhere(found.supervoxels.labels == 4)
    gap = apply_affine(image.affine, lit).mean(axis=0) - apply_affine(found.grid_affine, piece).mean(axis=0)
    assert np.linalg.norm(gap) < 3


@pytest.fixture
def written(monkeypatch):
    """(text, x) of everything that is written into axes."""
    found = []
    original = Axes.text
    monkeypatch.setattr(Axes, "text", lambda self, x, y, s, **k: found.append((s, x)) or original(self, x, y, s, **k))
    return found


def picture(path):
    return matplotlib.image.imread(path)[..., :3]


def redness(part):
    return np.clip(part[..., 0] - part[..., 2], 0, None)


def test_support_on_the_left_is_red_on_the_right_of_the_picture(volume, outline, tmp_path, written):
    values = np.where(outline, 1.0, 0).astype(np.float32)
    draw(volume, values, tmp_path / "o.png", "a $ and $")
    axial = picture(tmp_path / "o.png")[60:400, :400]
    columns = np.average(
        np.arange(axial.shape[1]), weights=redness(axial[..., :]).sum(axis=0) * (axial.sum((0, 2)) > 0)
    )
    assert columns / axial.shape[1] > 0.5
    sides = {letter: {x for text, x in written if text == letter} for letter in "RLAP"}
    assert sides["R"] == sides["A"] == {0.02}
    assert sides["L"] == sides["P"] == {0.98}


def test_the_planes_go_through_most_of_what_is_strongest_and_not_through_its_tip(volume, outline, tmp_path):
    values = np.where(outline, 1.0, 0).astype(np.float32)
    draw(volume, values, tmp_path / "ball.png", "title")
    tip = tuple(np.argwhere(volume.brain_mask)[0])
    values[tip] = 1.0
    draw(volume, values, tmp_path / "with_tip.png", "title")
    ball, with_tip = (redness(picture(tmp_path / f"{name}.png")[60:400]).sum() for name in ("ball", "with_tip"))
    assert ball > 1000
    assert with_tip == pytest.approx(ball, rel=0.02)


def test_where_nothing_supports_the_planes_go_through_what_speaks_against(volume, outline, tmp_path):
    draw(volume, np.where(outline, -1.0, 0).astype(np.float32), tmp_path / "against.png", "title")
    planes = picture(tmp_path / "against.png")[60:400, :1000]
    assert np.clip(planes[..., 2] - planes[..., 0], 0, None).sum() > 1000


def test_colours_are_symmetric_about_zero(volume, tmp_path, monkeypatch):
    limits = set()
    original = Axes.imshow

    def noted(self, *arguments, **options):
        if options.get("cmap") == "RdBu_r":
            limits.add((options["vmin"], options["vmax"]))
        return original(self, *arguments, **options)

    monkeypatch.setattr(Axes, "imshow", noted)
    values = np.zeros(volume.array.shape, np.float32)
    centre = tuple(n // 2 for n in values.shape)
    values[centre], values[centre[0], centre[1], centre[2] - 5] = 0.5, -2.0
    draw(volume, values, tmp_path / "o.png", "t")
    assert limits == {(-2.0, 2.0)}


def test_what_bleeds_over_the_brains_rim_is_not_drawn(volume, tmp_path):
    outside = np.where(volume.brain_mask, 0, 5).astype(np.float32)
    draw(volume, outside, tmp_path / "o.png", "t")
    planes = picture(tmp_path / "o.png")[60:, :1100]
    yellow = (planes[..., 0] > 0.5) & (planes[..., 1] > 0.5) & (planes[..., 2] < 0.4)
    assert redness(planes)[~yellow].max() < 0.5
    assert (redness(planes)[~yellow] > 0.2).mean() < 0.002


def test_a_map_of_nothing_can_be_drawn(volume, tmp_path):
    draw(volume, np.zeros(volume.array.shape, np.float32), tmp_path / "o.png", "t")
    assert (tmp_path / "o.png").stat().st_size > 10_000


def test_the_verdict_is_in_the_title_and_the_outline_is_drawn(make_explanation, outline, tmp_path, monkeypatch):
    from matplotlib.figure import SubFigure

    titles, contours = [], []
    original, contour = SubFigure.suptitle, Axes.contour
    monkeypatch.setattr(SubFigure, "suptitle", lambda self, t, **k: titles.append(t) or original(self, t, **k))
    monkeypatch.setattr(Axes, "contour", lambda self, *a, **k: contours.append(1) or contour(self, *a, **k))
    found = make_explanation(about="side")
    save_overlay(found, tmp_path / "o.png", outline)
    assert found.scorecard.verdict.upper() in titles[0]
    assert contours
