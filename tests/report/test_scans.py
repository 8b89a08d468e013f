"""Which scans are meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from braingemma3d.errors import InputError
from braingemma3d.report.scans import default_id, find_scans


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_searched_and_files_taken_as_given(tmp_path):
    touch(tmp_path / "f" / "b.nii.gz", tmp_path / "f" / "deep" / "a.nii", tmp_path / "f" / "x.txt", tmp_path / "c.nii")
    found = find_scans([tmp_path / "c.nii", tmp_path / "f"])
    assert [scan_id for scan_id, _ in found] == ["c", "b", "a"]


def test_a_file_given_twice_is_one_scan(tmp_path):
    touch(tmp_path / "a.nii")
    assert len(find_scans([tmp_path / "a.nii", tmp_path])) == 1


def test_equal_names_get_their_folders_names(tmp_path):
    touch(tmp_path / "p1" / "flair.nii.gz", tmp_path / "p2" / "flair.nii.gz", tmp_path / "p2" / "other.nii.gz")
    assert [scan_id for scan_id, _ in find_scans([tmp_path])] == ["p1_flair", "p2_flair", "other"]


def test_deeper_folders_are_used_where_need_be(tmp_path):
    touch(tmp_path / "a" / "anat" / "flair.nii", tmp_path / "b" / "anat" / "flair.nii")
    assert [scan_id for scan_id, _ in find_scans([tmp_path])] == ["a_anat_flair", "b_anat_flair"]


def test_a_suffix_is_no_way_to_be_two_scans(tmp_path):
    touch(tmp_path / "a.nii", tmp_path / "a.nii.gz")
    assert [scan_id for scan_id, _ in find_scans([tmp_path])] == ["a", "a-2"]


def test_capitals_are_no_way_to_be_two_scans(tmp_path):
    touch(
        tmp_path / "p1" / "flair.nii", tmp_path / "p2" / "FLAIR.nii", tmp_path / "P" / "a.nii", tmp_path / "P" / "A.nii"
    )
    assert [scan_id for scan_id, _ in find_scans([tmp_path])] == ["A", "a-2", "p1_flair", "p2_FLAIR"]


def test_names_that_no_folder_may_have(tmp_path):
    long = tmp_path / f"{'ä' * 110}.nii.gz"
    touch(tmp_path / "summary.csv.nii", long)
    ids = [scan_id for scan_id, _ in find_scans([tmp_path])]
    assert len(set(ids)) == 2
    assert all(scan_id != "summary.csv" and len(scan_id.encode()) < 220 for scan_id in ids)


def test_long_names_of_folders_make_no_id_that_is_too_long(tmp_path):
    files = [tmp_path / f"{study}{'u' * 128}" / f"series{'s' * 117}.nii.gz" for study in "ab"]
    touch(*files)
    ids = [scan_id for scan_id, _ in find_scans([tmp_path])]
    assert len(set(ids)) == 2
    assert all(len(scan_id.encode()) < 220 for scan_id in ids)


def test_a_path_that_may_not_be_looked_into_costs_no_other(tmp_path, monkeypatch):
    touch(tmp_path / "a.nii")
    real = Path.is_dir

    def locked(path, **options):
        if "locked" in path.parts:
            raise PermissionError(13, "Permission denied")
        return real(path, **options)

    monkeypatch.setattr(Path, "is_dir", locked)
    assert [scan_id for scan_id, _ in find_scans([tmp_path / "locked" / "b.nii", tmp_path / "a.nii"])] == ["b", "a"]


def test_a_folder_without_scans_is_one_clear_line(tmp_path):
    touch(tmp_path / "notes.txt")
    with pytest.raises(InputError, match=r"no \.nii or .nii.gz file"):
        find_scans([tmp_path])


def test_numbering_does_not_meet_a_name_that_is_there(tmp_path):
    touch(tmp_path / "a.nii", tmp_path / "a.nii.gz", tmp_path / "a-2.nii")
    ids = [scan_id for scan_id, _ in find_scans([tmp_path])]
    assert sorted(ids) == ["a", "a-2", "a-3"]


def test_no_id_leads_out_of_the_results_folder(tmp_path):
    touch(tmp_path / "...nii.gz", tmp_path / "x" / "...nii", tmp_path / "SCAN.NII.GZ")
    ids = [default_id(path) for path in (tmp_path / "...nii.gz", tmp_path / ".nii.gz", tmp_path / "SCAN.NII.GZ")]
    assert ids == ["scan", "scan", "SCAN"]
    top = [scan_id for scan_id, _ in find_scans([Path("/flair.nii"), Path("/data/flair.nii")])]
    assert len(set(top)) == 2
    assert all("/" not in scan_id and scan_id.strip(".") for scan_id in top)


def test_linked_folders_are_searched_once(tmp_path):
    touch(tmp_path / "archive" / "p2" / "flair.nii.gz", tmp_path / "study" / "p1" / "flair.nii.gz")
    (tmp_path / "study" / "p2").symlink_to(tmp_path / "archive" / "p2")
    (tmp_path / "study" / "p2" / "back").symlink_to(tmp_path / "study")
    assert [scan_id for scan_id, _ in find_scans([tmp_path / "study"])] == ["p1_flair", "p2_flair"]


def test_a_folder_that_may_not_be_looked_into_is_not_overlooked(tmp_path, monkeypatch):
    touch(tmp_path / "p1" / "flair.nii.gz")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    (tmp_path / "locked").mkdir()
    monkeypatch.setattr(os, "scandir", scandir)
    assert [path.parent.name for _, path in find_scans([tmp_path])] == ["locked", "p1"]


def test_of_a_bids_data_set_the_raw_flair_scans_are_taken(tmp_path):
    anat = tmp_path / "sub-01" / "anat"
    made = tmp_path / "derivatives" / "prep" / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz"
    touch(anat / "sub-01_T1w.nii.gz", anat / "sub-01_FLAIR.nii.gz", made, tmp_path / "dataset_description.json")
    assert [path for _, path in find_scans([tmp_path])] == [anat / "sub-01_FLAIR.nii.gz"]
    (anat / "sub-01_FLAIR.nii.gz").unlink()
    with pytest.raises(InputError, match=r"no \*_FLAIR.nii.gz in this BIDS data set"):
        find_scans([tmp_path])


def test_what_is_hidden_is_not_searched_and_a_broken_link_is_not_overlooked(tmp_path):
    touch(tmp_path / ".git" / "annex" / "key.nii.gz", tmp_path / ".a.nii", tmp_path / "b.nii")
    (tmp_path / "c.nii.gz").symlink_to(tmp_path / "absent.nii.gz")
    assert [scan_id for scan_id, _ in find_scans([tmp_path])] == ["b", "c"]


@pytest.mark.parametrize(
    ("name", "expected"), [("a.nii.gz", "a"), ("a.b.nii", "a.b"), ("x.nii.nii.gz", "x.nii"), ("a b\n(c).nii", "a_b_c_")]
)
def test_ids(name, expected):
    assert default_id(Path("/some/where") / name) == expected
