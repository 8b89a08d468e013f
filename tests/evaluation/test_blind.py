"""Systems that never see the scan."""

from __future__ import annotations

import pytest

from braingemma3d.evaluation.blind import CANDIDATES, blind_systems
from braingemma3d.evaluation.nlg import wording_scores
from braingemma3d.evaluation.systems.system import Reference
from braingemma3d.findings.compare import ALL_FINDINGS
from braingemma3d.findings.extract import extract

LEFT = "A lesion lies in the left frontal lobe. There is moderate edema. There is no necrosis."
RIGHT = "A lesion lies in the right occipital lobe. There is severe edema. Necrosis is present."
HEALTHY = "No lesion is seen. There is no edema."


def case(number, text, patient=""):
    return Reference(f"c{number}", text, extract(text), patient=patient)


def answers(systems, cases):
    ids = [one.id for one in cases]
    return {system.name: dict(zip(ids, system.write(ids, [None] * len(ids)), strict=True)) for system in systems}


@pytest.fixture
def cases():
    return [case(i, text) for i, text in enumerate([LEFT, LEFT, LEFT, RIGHT, HEALTHY, HEALTHY])]


def test_the_constant_report_is_the_one_that_fits_best(cases):
    found = answers(blind_systems(cases, cases), cases)
    assert set(found["constant report"].values()) == {LEFT}
    told = found["constant report, told if healthy"]
    assert [told[one.id] for one in cases] == [LEFT] * 4 + [HEALTHY] * 2


def test_another_constant_report_is_the_best_worded_one():
    worded = "A lesion lies in the left frontal lobe. The ventricles, brainstem and cerebellum look as they should."
    texts = [
        worded,
        worded.replace("left frontal", "right occipital"),
        worded.replace("left frontal", "midline"),
        LEFT,
        LEFT,
        HEALTHY,
    ]
    cases = [case(i, text) for i, text in enumerate(texts)]
    found = answers(blind_systems(cases, cases), cases)
    worth = {text: sum(wording_scores([text] * len(texts), texts)) for text in texts}
    assert set(found["constant wording"].values()) == {max(worth, key=worth.get)}
    assert set(found["constant report"].values()).isdisjoint(found["constant wording"].values())
    assert found["constant wording, told if healthy"]["c5"] == HEALTHY


def test_nothing_is_worded_where_there_are_no_reports(cases):
    described = [one._replace(report=None) for one in cases]
    assert not any("wording" in name for name in answers(blind_systems(described, described), described))


def test_they_know_the_training_reports_only(cases):
    training = [case(f"train{i}", RIGHT) for i in range(3)]
    found = answers(blind_systems(cases, training), cases)
    assert set(found) == {"constant report", "constant wording", "another patient's report"}, "none of them is healthy"
    assert set(found["constant report"].values()) == set(found["another patient's report"].values()) == {RIGHT}


def test_another_patient_s_report_is_never_the_own():
    cases = [case(i, f"A lesion. It is number {i}.") for i in range(8)]
    for seed in range(20):
        found = answers(blind_systems(cases, cases, seed), cases)["another patient's report"]
        assert all(found[one.id] != one.report for one in cases)
    assert len(set(found.values())) > 2


def test_nor_that_of_another_scan_of_the_same_patient():
    cases = [case(0, LEFT, "p"), case(1, RIGHT, "p"), case(2, HEALTHY, "q")]
    for seed in range(10):
        found = answers(blind_systems(cases, cases, seed), cases)["another patient's report"]
        assert found["c0"] == found["c1"] == HEALTHY
    same = [case(0, LEFT, "p"), case(1, RIGHT, "p")]
    assert "another patient's report" not in answers(blind_systems(same, same), same)


def test_the_same_seed_gives_the_same_systems(cases):
    first, again = (answers(blind_systems(cases, cases, 3), cases) for _ in range(2))
    assert first == again


def test_without_reports_what_is_true_is_said_plainly(cases):
    unread = [one._replace(report=None) for one in cases]
    found = answers(blind_systems(unread, unread), unread)
    assert len(found) == 3
    assert {extract(text) for text in found["constant report"].values()} == {extract(LEFT)}
    told = found["constant report, told if healthy"]
    assert [extract(told[one.id]).lesion for one in cases] == [True] * 4 + [False] * 2


def test_one_report_is_no_choice(cases):
    unread = [one._replace(report=None) for one in cases]
    assert blind_systems(unread, [*unread[1:], cases[0]]) == []
    assert blind_systems(cases[:1], cases[:1]) == []


def test_reports_of_a_large_set_are_tried_on_a_sample():
    cases = [case(i, LEFT) for i in range(CANDIDATES + 20)]
    found = answers(blind_systems(cases, cases), cases)
    assert set(found["constant report"].values()) == {LEFT}


def test_what_is_unknown_does_not_choose_the_constant_report():
    mild, severe = (f"A lesion lies in the left frontal lobe. There is {grade} edema." for grade in ("mild", "severe"))
    cases = [case(0, mild), case(1, severe), case(2, mild)._replace(findings=extract(severe))]
    assert set(answers(blind_systems(cases, cases), cases)["constant report"].values()) == {severe}
    cases[1:] = [one._replace(known=ALL_FINDINGS - {"edema"}) for one in cases[1:]]
    assert set(answers(blind_systems(cases, cases), cases)["constant report"].values()) == {mild}


def test_they_are_blind(cases):
    assert {system.kind for system in blind_systems(cases, cases)} == {"blind"}
