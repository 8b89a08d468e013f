"""What an explanation writes."""

from __future__ import annotations

import json

import nibabel as nib
import pytest

from braingemma3d.errors import InputError
from braingemma3d.explain import files
from braingemma3d.explain.files import FILES, refuse_other_scan, write_explanation


@pytest.fixture
def found(make_explanation):
    return make_explanation(about="side", samples=20)


def test_all_files_are_there_and_can_be_replaced(found, tmp_path, brain_ras):
    for _ in range(2):
        write_explanation(found, tmp_path / "out")
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert nib.load(tmp_path / "out" / "attribution.nii.gz").shape == brain_ras.shape
    assert json.loads((tmp_path / "out" / "scorecard.json").read_text())["verdict"] == found.scorecard.verdict


def test_another_scan_s_explanation_is_left_alone(found, brain_file, tmp_path):
    write_explanation(found, tmp_path / "out")
    refuse_other_scan(tmp_path / "out", brain_file)
    refuse_other_scan(tmp_path / "none", brain_file)
    other = tmp_path / "other.nii"
    other.write_bytes(b"another scan")
    with pytest.raises(InputError, match="holds the explanation of another scan"):
        refuse_other_scan(tmp_path / "out", other)


def test_a_folder_with_other_things_is_left_alone(found, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        write_explanation(found, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_an_interruption_leaves_nothing_behind(found, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "save_viewer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_explanation(found, tmp_path / "deeper" / "out")
    assert list((tmp_path / "deeper").iterdir()) == []
