"""Findings are plain, closed and unchangeable data."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from braingemma3d.findings.schema import Finding, Findings


def test_nothing_said_is_nothing_found():
    assert Findings() == Findings(lesion=False, side="none", edema="none", lesions=())


def test_json_round_trip():
    findings = Findings(lesion=True, side="left", lobes=("frontal",), lesions=(Finding(side="left"),))
    assert Findings.model_validate_json(findings.model_dump_json()) == findings


@pytest.mark.parametrize("data", [{"side": "port"}, {"lobes": ["limbic"]}, {"edema": "huge"}, {"colour": "red"}])
def test_other_words_are_refused(data):
    with pytest.raises(ValidationError):
        Findings.model_validate(data)
