"""Nothing half-written is left behind, whatever interrupts the writing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from braingemma3d.errors import InputError
from braingemma3d.files import (
    LEFT_BEHIND_S,
    claim,
    new_file,
    new_folder,
    refuse_folder,
    remove_left_behind,
    sha256,
)


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_folder_leaves_the_old_one(tmp_path, interruption):
    target = tmp_path / "results"
    target.mkdir()
    (target / "old.txt").write_text("old")

    def half_write():
        with new_folder(target) as folder:
            (folder / "new.txt").write_text("half")
            raise interruption

    with pytest.raises(interruption):
        half_write()
    assert [path.name for path in tmp_path.rglob("*")] == ["results", "old.txt"]


def test_a_finished_folder_replaces_the_old_one(tmp_path):
    target = tmp_path / "deep" / "results"
    for name in ("first", "second"):
        with new_folder(target) as folder:
            (folder / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["second"]
    assert [path.name for path in target.parent.iterdir()] == ["results"]
    (tmp_path / "plain").mkdir()
    assert target.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_file_in_the_way_is_not_touched(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(NotADirectoryError), new_folder(tmp_path / "results"):
        pass
    assert (tmp_path / "results").read_text() == "a file"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_an_interrupted_file_leaves_the_old_one(tmp_path, interruption):
    target = tmp_path / "summary.csv"
    target.write_text("old")

    def half_write():
        with new_file(target) as path:
            path.write_text("half")
            raise interruption

    with pytest.raises(interruption):
        half_write()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_finished_file_replaces_the_old_one(tmp_path):
    target = tmp_path / "a" / "summary.csv"
    with new_file(target) as path:
        path.write_text("new")
    assert target.read_text() == "new"


def test_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_settings_are_claimed_once_and_others_refused(tmp_path):
    path = tmp_path / "out" / "settings.json"
    assert claim(path, "one")
    assert claim(path, "one")
    assert not claim(path, "other")
    assert path.read_text() == "one"
    path.write_bytes(b"\xff\xfe")
    assert not claim(path, "one")


def test_of_a_link_the_folder_behind_it_is_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "old").touch()
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    with new_folder(tmp_path / "results") as folder:
        (folder / "new").touch()
    assert (tmp_path / "results").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "results"]


def test_the_current_folder_can_be_a_target(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with new_folder(Path()) as folder:
        (folder / "new").touch()
    assert (tmp_path / "here" / "new").is_file()


def test_a_folder_with_other_things_is_refused(tmp_path):
    refuse_folder(tmp_path / "absent", ["a"], "a result")
    (tmp_path / "a").touch()
    refuse_folder(tmp_path, ["a"], "a result")
    for name in (".DS_Store", "Thumbs.db", "._a"):
        (tmp_path / name).touch()
    refuse_folder(tmp_path, ["a"], "a result")
    (tmp_path / "b").touch()
    with pytest.raises(InputError, match=r"other things than a result \(b\)"):
        refuse_folder(tmp_path, ["a"], "a result")
    with pytest.raises(InputError, match="not a folder"):
        refuse_folder(tmp_path / "b", ["a"], "a result")


def test_a_mounted_folder_is_refused_before_any_work() -> None:
    with pytest.raises(InputError, match="mounted folder can't be replaced"):
        refuse_folder(Path("/"), ["a"], "a result")


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(tmp_path):
    for name, age in ((".1.partial-old.npy", LEFT_BEHIND_S + 60), (".2.partial-new.npy", 0), ("done.npy", 10**6)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    for folder, age in ((".a.partial-0123abcd", LEFT_BEHIND_S + 60), (".b.partial-0123abcd", 0)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "half").touch()
        for path in (tmp_path / folder / "half", tmp_path / folder):
            os.utime(path, (time.time() - age,) * 2)
    # Files grow without changing their folder.
    os.utime(tmp_path / ".b.partial-0123abcd", (0, 0))
    remove_left_behind(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".2.partial-new.npy", ".b.partial-0123abcd", "done.npy"]
    remove_left_behind(tmp_path / "absent")


def test_what_other_programs_have_left_stays(tmp_path):
    for name in (".film.partial-download", ".12x.partial-y"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".cache.partial-old").mkdir()
    os.utime(tmp_path / ".cache.partial-old", (0, 0))
    remove_left_behind(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_an_old_folder_that_is_being_replaced_is_not_taken_for_a_left_one(tmp_path, monkeypatch):
    target = tmp_path / "report"
    target.mkdir()
    os.utime(target, (0, 0))
    rename = Path.rename

    def seen_in_between(path, to):
        remove_left_behind(tmp_path)
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", seen_in_between)
    with new_folder(target) as folder:
        (folder / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["report", "new"]


def test_a_folder_that_was_set_aside_when_its_process_was_killed_comes_back(tmp_path):
    for target, there in (("lost", False), ("kept", True)):
        aside = tmp_path / f".{target}.partial-0a1b2c3d.old"
        aside.mkdir()
        (aside / "report.json").write_text("earlier")
        if there:
            (tmp_path / target).mkdir()
        for path in (aside / "report.json", aside):
            os.utime(path, (0, 0))
    remove_left_behind(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept", "lost", "report.json"]
    assert (tmp_path / "lost" / "report.json").read_text() == "earlier"
