"""What the log says of work that takes long."""

from __future__ import annotations

import logging

from braingemma3d import pace


class Clock:
    """A minute passes with every item."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_items_pass_and_the_log_tells_the_time_left(monkeypatch, caplog):
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    passed = []
    with caplog.at_level(logging.INFO):
        for item in pace.paced("abcd", 4, "scans read"):
            passed.append(item)
            clock.now += 60
    assert passed == list("abcd")
    left = [f", about {minutes} min left" for minutes in (3, 2, 1)]
    assert caplog.messages == [f"scans read: {done} of 4{end}" for done, end in enumerate([*left, ""], 1)]


def test_quick_work_has_one_line(monkeypatch, caplog):
    monkeypatch.setattr(pace, "time", Clock())
    with caplog.at_level(logging.INFO):
        assert len(list(pace.paced(range(100), 100, "scans read"))) == 100
    assert caplog.messages == ["scans read: 100 of 100"]


def test_no_work_says_nothing(caplog):
    with caplog.at_level(logging.INFO):
        assert list(pace.paced([], 0, "scans read")) == []
    assert not caplog.messages
