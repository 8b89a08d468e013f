"""Cases on the model's grid."""

from __future__ import annotations

import json
import os

import nibabel as nib
import numpy as np
import pytest

from braingemma3d.errors import InputError
from braingemma3d.imaging.grid import to_grid
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.simulate.case import draw_case
from braingemma3d.simulate.cohort import Cohort
from braingemma3d.training import grids

SHAPE = (16, 24, 20)


@pytest.fixture(scope="module")
def case():
    return draw_case(9, 0, healthy=0.0)


def test_maps_lie_where_the_pixels_show_them(case):
    pixels, lesion, anatomy = grids.on_grid(case, SHAPE)
    assert pixels.shape == lesion.shape == anatomy.shape == SHAPE
    assert set(np.unique(lesion)) <= {0, 1, 2, 3}
    assert anatomy.max() <= grids.VENTRICLE_CLASS + grids.RIGHT
    healthy = (lesion == 0) & (pixels > 0) & (anatomy > 0)
    assert (anatomy[pixels > 60] > 0).mean() > 0.95
    ventricles = np.isin(anatomy, (grids.VENTRICLE_CLASS, grids.VENTRICLE_CLASS + grids.RIGHT))
    assert pixels[ventricles].mean() < pixels[healthy & ~ventricles].mean()


def test_left_and_right_are_where_the_axes_say_and_swap_in_the_mirror(case):
    _, _, anatomy = grids.on_grid(case, SHAPE)
    columns = np.broadcast_to(np.arange(SHAPE[2]), SHAPE)
    left = (anatomy > 0) & (anatomy <= grids.RIGHT)
    assert columns[left].mean() < columns[anatomy > grids.RIGHT].mean()
    mirror = grids.mirrored_anatomy(anatomy)
    np.testing.assert_array_equal((mirror > 0) & (mirror <= grids.RIGHT), (anatomy > grids.RIGHT)[..., ::-1])
    np.testing.assert_array_equal(grids.mirrored_anatomy(mirror), anatomy)


def test_ventricles_are_as_large_in_the_maps_as_in_the_truth(case):
    _, _, anatomy = grids.on_grid(case, (88, 112, 96))
    left, right = ((anatomy == grids.VENTRICLE_CLASS + side).sum() for side in (0, grids.RIGHT))
    true_left, true_right = case.anatomy.ventricle_ml()
    assert left / right == pytest.approx(true_left / true_right, rel=0.05)


def test_the_lesions_share_of_the_grid_is_its_share_of_the_brain(case):
    pixels, lesion, _ = grids.on_grid(case, (44, 56, 48))
    share = (case.mask > 0).sum() / (case.image > 0).sum()
    assert (lesion > 0).sum() / (pixels > 0).sum() == pytest.approx(share, rel=0.15)


def test_parts_of_the_lesion_keep_their_kinds():
    case = draw_case(9, 6, healthy=0.0)
    _, lesion, _ = grids.on_grid(case, (44, 56, 48))
    shares = [(case.mask == value).sum() / (case.mask > 0).sum() for value in (1, 2, 4)]
    assert min(np.diff(sorted(shares))) > 0.12
    there = [(lesion == kind).sum() / (lesion > 0).sum() for kind in (1, 2, 3)]
    assert there == pytest.approx(shares, abs=0.05)


def test_cohorts_have_folders_of_their_own(tmp_path, monkeypatch):
    roots = []
    monkeypatch.setattr(grids, "_shards", lambda root, cases: roots.append(root) or ([], []))
    for settings in ({}, {"seed": 2}, {"healthy": 0.0}, {"shift": True}):
        grids.draw_grids(tmp_path, 4, Cohort(**{"seed": 1, "healthy": 0.5, **settings}), SHAPE, workers=1)
    assert len(set(roots)) == 4


def test_a_shard_holds_the_cases_that_its_name_says(tmp_path):
    shard = tmp_path / "000001-000003"
    grids._draw_shard(shard, Cohort(seed=9, healthy=0.5), SHAPE)
    drawn = grids.open_shard(shard)
    assert drawn.pixels.shape == (2, *SHAPE)
    assert [record["id"] for record in drawn.records] == ["sim9-000001", "sim9-000002"]
    expected, lesion, _ = grids.on_grid(draw_case(9, 1, 0.5), SHAPE)
    np.testing.assert_array_equal(drawn.pixels[0], expected)
    np.testing.assert_array_equal(drawn.lesion[0], lesion)


def test_shards_that_are_there_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(grids, "SHARD", 2)
    cohort = Cohort(seed=9, healthy=0.5)
    shards = grids.draw_grids(tmp_path, 3, cohort, SHAPE, workers=1)
    assert [len(grids.open_shard(shard).records) for shard in shards] == [2, 1]
    before = [(shard / "pixels.npy").stat().st_mtime_ns for shard in shards]
    assert grids.draw_grids(tmp_path, 3, cohort, SHAPE, workers=1) == shards
    assert [(shard / "pixels.npy").stat().st_mtime_ns for shard in shards] == before


def write_manifest(folder, lines):
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_manifests_training_cases_are_read_through_the_pipelines_own_loading(tmp_path, brain_file, brain_ras):
    line = {"patient": "p", "image": str(brain_file), "source": "test"}
    manifest = write_manifest(
        tmp_path,
        [
            {**line, "id": "a", "report": "A lesion.", "split": "train"},
            {**line, "id": "b", "report": "A lesion.", "split": "test"},
            {**line, "id": "c"},
        ],
    )
    (shard,) = grids.read_grids(tmp_path / "grids", manifest, SHAPE)
    read = grids.open_shard(shard)
    assert read.records == [{"id": "a", "report": "A lesion."}]
    assert read.lesion is None
    expected, _ = to_grid(load_scan(brain_file), SHAPE)
    np.testing.assert_allclose(read.pixels[0] / 255, expected, atol=0.003)


def test_scans_that_were_replaced_are_read_anew(tmp_path, brain_file):
    line = {"id": "a", "patient": "p", "image": brain_file.name, "source": "test", "report": "A lesion."}
    manifest = write_manifest(tmp_path, [line])
    (before,) = grids.read_grids(tmp_path / "grids", manifest, SHAPE)
    os.utime(brain_file, (0, 0))
    assert grids.read_grids(tmp_path / "grids", manifest, SHAPE) == [before], "a copy is the same scan"
    image = nib.load(brain_file)
    nib.Nifti1Image(image.get_fdata()[::-1], image.affine).to_filename(brain_file)
    (after,) = grids.read_grids(tmp_path / "grids", manifest, SHAPE)
    assert not np.array_equal(grids.open_shard(after).pixels, grids.open_shard(before).pixels)


def test_scans_that_cannot_be_read_stop_the_training_before_it_begins(tmp_path, brain_file, caplog):
    line = {"patient": "p", "source": "test", "report": "A lesion."}
    manifest = write_manifest(
        tmp_path,
        [{**line, "id": "a", "image": str(brain_file)}, {**line, "id": "b", "image": "missing.nii.gz"}],
    )
    with pytest.raises(InputError, match="1 of 2 scans can't be used"):
        grids.read_grids(tmp_path / "grids", manifest, SHAPE)
    assert "missing.nii.gz" in caplog.text


def test_a_scan_that_nobody_foresaw_hides_none_of_the_others(tmp_path, brain_file, caplog, monkeypatch):
    line = {"patient": "p", "source": "test", "report": "A lesion."}
    names = (str(brain_file), "odd.nii.gz", "missing.nii.gz")
    manifest = write_manifest(tmp_path, [{**line, "id": name, "image": name} for name in names])
    load = grids.load_scan
    monkeypatch.setattr(grids, "load_scan", lambda path: {}[1] if path.name == "odd.nii.gz" else load(path))
    with pytest.raises(InputError, match="2 of 3 scans can't be used"):
        grids.read_grids(tmp_path / "grids", manifest, SHAPE)
    assert "odd.nii.gz could not be read" in caplog.text
    assert "missing.nii.gz" in caplog.text


def test_a_manifest_without_training_cases_is_refused(tmp_path):
    manifest = write_manifest(tmp_path, [{"id": "a", "patient": "p", "image": "a.nii.gz", "source": "test"}])
    with pytest.raises(InputError, match="no case with a report"):
        grids.read_grids(tmp_path, manifest, SHAPE)


def test_jitter_keeps_background_and_range():
    pixels = np.array([[0, 100, 255]], np.uint8)
    jittered = grids.jittered(pixels, np.random.default_rng(0))
    assert jittered[0, 0] == 0
    assert 0 < jittered[0, 1] < jittered[0, 2] <= 1
    assert not np.allclose(jittered, pixels / 255, atol=1e-3)


def test_only_healthy_tissue_is_flattened_in_pieces(case):
    pixels, lesion, anatomy = grids.on_grid(case, (32, 48, 40))
    flat = grids.flattened(pixels, lesion, anatomy, np.random.default_rng(0))
    changed = flat != pixels
    assert 0.02 < changed.sum() / (pixels > 0).sum() < 0.4
    assert np.unique(flat[changed]).size == 1
    assert flat[changed][0] == pytest.approx(np.median(pixels[pixels > 0]), rel=0.2)
    assert np.array_equal(flat > 0, pixels > 0)
    assert not changed[lesion > 0].any()
    assert not changed[np.isin(anatomy, (grids.VENTRICLE_CLASS, grids.VENTRICLE_CLASS + grids.RIGHT))].any()
    others = [grids.flattened(pixels, lesion, anatomy, np.random.default_rng(seed)) for seed in range(1, 12)]
    assert not any(np.array_equal(flat, other) for other in others)
    dark = (pixels > 0) & (pixels < 0.4 * np.median(pixels[pixels > 0])) & np.isin(anatomy, grids.AROUND_FLUID)
    assert dark.sum() > 20, "third and fourth ventricle"
    assert all(np.array_equal(other[dark], pixels[dark]) for other in others)
