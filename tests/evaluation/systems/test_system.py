"""The plainest report, read back."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from braingemma3d.evaluation.systems.system import describe
from braingemma3d.findings.extract import extract
from braingemma3d.findings.schema import LOBES, Findings, Grade, Side
from braingemma3d.report.checks import flaws

GRADES = get_args(Grade)
FINDINGS = st.builds(
    Findings,
    lesion=st.just(True),
    side=st.sampled_from(get_args(Side)),
    lobes=st.sets(st.sampled_from(LOBES)).map(lambda chosen: tuple(lobe for lobe in LOBES if lobe in chosen)),
    edema=st.sampled_from(GRADES),
    necrosis=st.sampled_from(GRADES),
    ventricular_compression=st.sampled_from(GRADES),
)


@settings(max_examples=200, deadline=None)
@given(FINDINGS)
def test_what_is_described_is_read_back(findings):
    text = describe(findings)
    assert extract(text).model_copy(update={"lesions": ()}) == findings
    assert flaws(text) == []


def test_a_healthy_brain_is_read_back():
    assert extract(describe(Findings())) == Findings()


@pytest.mark.parametrize("side", get_args(Side))
def test_a_side_without_a_lobe_is_told(side):
    assert extract(describe(Findings(lesion=True, side=side))).side == side
