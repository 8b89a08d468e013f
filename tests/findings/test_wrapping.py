"""Reports set into lines of any width read as they do in one line."""

from __future__ import annotations

import textwrap

import pytest

from braingemma3d.findings.extract import extract
from braingemma3d.simulate.case import draw_case


@pytest.fixture(scope="module")
def reports() -> list[str]:
    return [draw_case(4, index, healthy=0.3).report for index in range(6)]


@pytest.mark.parametrize("width", [35, 40, 50, 60, 72, 100])
def test_line_breaks_change_nothing(reports, width):
    for report in reports:
        for text in (report, report.lower(), report.upper()):
            assert extract(textwrap.fill(text, width)) == extract(report)
