"""What rows of an ablation change, and the page that says so."""

from __future__ import annotations

import pytest

from braingemma3d.evaluation.ablation_table import Ablation, differences, page
from braingemma3d.evaluation.metrics import Metrics
from braingemma3d.evaluation.systems.system import Reference
from braingemma3d.findings.compare import ALL_FINDINGS
from braingemma3d.findings.schema import Findings

REFERENCES = [
    Reference(name, None, Findings(lesion=True), ALL_FINDINGS, patient) for name, patient in ("ap", "bq", "cq")
]
FIRST = [{"side_accuracy": {"a": 0.0, "b": 1.0, "c": 1.0}}, {"side_accuracy": {"a": 0.0, "b": 0.0, "c": 1.0}}]
"""Two seeds."""


def test_a_rows_seeds_are_averaged_and_its_cases_paired():
    found = differences({"first": FIRST, "other": [{"side_accuracy": {"a": 1.0, "b": 1.0, "c": 1.0}}]}, REFERENCES)
    side = found["other"]["side_accuracy"]
    # The first row's means are 0, .5 and 1.
    assert (side.difference, side.n, side.over) == (pytest.approx(0.5), 3, "first")
    assert side.ci95 == (pytest.approx(0.25), 1.0), "b and c are of one patient"
    assert list(found["other"]) == ["side_accuracy"]


def test_a_case_that_failed_is_worth_nothing():
    found = differences({"first": FIRST, "other": [{"side_accuracy": {"a": 1.0}}]}, REFERENCES)
    assert found["other"]["side_accuracy"].difference == pytest.approx((1 - 0.5 - 1) / 3)


@pytest.mark.parametrize("values", [{"first": [], "other": FIRST}, {"first": FIRST, "other": []}])
def test_rows_that_are_not_done_are_not_compared(values):
    assert differences(values, REFERENCES) == {}


def test_the_page_shows_what_rows_change():
    nothing = Metrics(system="s", cases=3, healthy=0, systems={}, lift={}, confusion={}, failures=[], skipped={})
    ablation = Ablation(
        stages={},
        components={"first": [], "other": []},
        steps={"ground": 2},
        runs=4,
        differences=differences({"first": FIRST, "other": FIRST}, REFERENCES),
        command="c",
        simulated=False,
        beside=nothing,
    )
    text = page(ablation)
    assert "Against `first`, each case's mean over the seeds" in text
    assert "| other | +0.000 (+0.000 to +0.000), p 1.0000 | – |" in text
    assert "0 of 4 runs are done yet" in text
    assert "What each row changes" not in page(ablation.model_copy(update={"differences": {}}))
