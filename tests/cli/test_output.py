"""Error lines and progress."""

from __future__ import annotations

import sys

from braingemma3d.cli.output import print_error, with_progress


def test_an_error_is_one_line_on_stderr(capsys):
    print_error("first\n  second")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "braingemma3d: error: first second\n"


def test_progress_passes_every_item_on_and_keeps_stdout_clean(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(with_progress(iter([1, 2, 3]), 3, "Counting")) == [1, 2, 3]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3/3" in captured.err


def test_without_a_terminal_there_are_lines(capsys, caplog):
    with caplog.at_level("INFO"):
        assert list(with_progress(iter([1, 2, 3]), 3, "Counting")) == [1, 2, 3]
    assert caplog.messages == ["Counting: 3 of 3"]
    assert capsys.readouterr().out == ""


def test_a_single_item_has_no_bar(capsys):
    assert list(with_progress(["x"], 1, "Counting")) == ["x"]
    assert capsys.readouterr().err == ""
