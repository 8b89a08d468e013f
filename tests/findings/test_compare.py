"""Findings against findings: scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from braingemma3d.findings.compare import same_grade, scores, set_f1
from braingemma3d.findings.extract import extract
from braingemma3d.findings.schema import LOBES, Finding, Findings

TRUTH = Findings(
    lesion=True,
    side="left",
    lobes=("frontal", "temporal"),
    edema="moderate",
    necrosis="present",
    ventricular_compression="none",
    lesions=(Finding(side="left", lobes=("frontal", "temporal")),),
)
TEXT = "A lesion is in the left frontal and temporal lobes. There is moderate edema. Necrosis is present."


def test_the_right_report_scores_one_everywhere():
    assert set(scores(extract(TEXT), TRUTH).values()) == {1.0}
    assert scores(Findings(), Findings()) == {"healthy_specificity": 1.0}


@pytest.mark.parametrize(
    ("old", "new", "metric"),
    [
        ("left", "right", "side_accuracy"),
        ("frontal and temporal", "occipital", "lobe_f1"),
        ("moderate edema", "mild edema", "edema_accuracy"),
        ("There is moderate edema", "There is no edema", "edema_accuracy"),
        ("Necrosis is present", "Necrosis is absent", "necrosis_accuracy"),
    ],
)
def test_a_wrong_word_costs_its_own_metric_and_no_other(old, new, metric):
    changed = scores(extract(TEXT.replace(old, new)), TRUTH)
    assert changed.pop(metric) == 0
    assert set(changed.values()) == {1.0}


def test_lobes_of_lesions_on_both_sides_count_with_their_sides():
    truth = extract("There is a left frontal lesion. There is a right temporal lesion.")
    assert scores(truth, truth)["lobe_f1"] == 1
    one = extract("A lesion is in the left frontal and temporal lobes.")
    assert scores(one, truth)["lobe_f1"] == 0.5
    # The truth decides: of one lesion only lobes are asked, whatever else is said.
    assert scores(truth, one)["lobe_f1"] == 1


def test_other_words_and_another_order_cost_nothing():
    text = "Necrosis is seen. The tumor lies in the temporal and frontal lobes on the left, with moderate edema."
    assert set(scores(extract(text), TRUTH).values()) == {1.0}


def test_an_empty_report_misses_the_lesion_but_not_a_healthy_brain():
    missed = scores(extract(""), TRUTH)
    assert missed["lesion_sensitivity"] == missed["side_accuracy"] == missed["lobe_f1"] == 0


def test_a_healthy_brain_with_any_finding_is_wrong():
    assert scores(extract("No lesion is seen. The ventricles are mildly compressed."), Findings()) == {
        "healthy_specificity": 0.0
    }


@given(st.sets(st.sampled_from(LOBES)), st.sets(st.sampled_from(LOBES)))
def test_f1_of_sets_is_symmetric_and_one_only_for_the_same(a, b):
    value = set_f1(tuple(a), tuple(b))
    assert value == set_f1(tuple(b), tuple(a))
    assert (value == 1) == (a == b)
    assert 0 <= value <= 1


@pytest.mark.parametrize(
    ("found", "truth", "same"),
    [
        ("mild", "mild", True),
        ("mild", "severe", False),
        ("severe", "present", True),
        ("none", "present", False),
        ("possible", "present", False),
        ("present", "mild", False),
        ("possible", "none", False),
    ],
)
def test_grades(found, truth, same):
    assert same_grade(found, truth) is same
