"""Systems that never see the scan: what a metric is worth is what a report gains over the best of them.

They know other patients' reports: those of the training cases, or where a manifest has hardly any those of the other
test cases, which favours them. Where the cases have findings or masks only, a plain report of what is true stands for
each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from statistics import fmean

import numpy as np

from braingemma3d.evaluation.keywords import keyword_scores
from braingemma3d.evaluation.nlg import wording_scores
from braingemma3d.evaluation.systems.system import Kind, Reference, System, describe
from braingemma3d.findings.compare import scores
from braingemma3d.findings.extract import extract
from braingemma3d.imaging.volume import Volume

CANDIDATES = 400
"""Reports that are tried as the constant one, and reports that each is tried on."""
WORDINGS = 50
"""The same for text metrics, which take longer."""
ENOUGH = 20
"""Training cases from which to learn what reports say; with fewer, the test cases take their place."""

_Worth = Callable[[str, Sequence[Reference]], float]
"""What a report is worth for cases."""


class _Answers:
    """A system that answers by case id."""

    kind: Kind = "blind"
    needs_scan = False
    knows = ""

    def __init__(self, name: str, answers: dict[str, str]) -> None:
        self.name = name
        self.answers = answers

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """The prepared answers."""
        return [self.answers[case] for case in ids]


def blind_systems(cases: Sequence[Reference], training: Sequence[Reference], seed: int = 0) -> list[System]:
    """The blind systems for a test set.

    Args:
        cases: the test cases.
        training: cases whose reports may be used, in which the test cases may be contained.
        seed: of the choice of candidates and of other patients.

    Returns:
        ``constant report``: the one with the best mean of keyword F1s and finding-level scores; ``constant wording``:
        of text metrics, where the cases have reports and the metrics' libraries are installed; both once more
        ``told if healthy``: the best one for each of the two groups, where both are there; ``another patient's
        report``, unless all are of one patient. None where there is one case to learn from, or but one with a report.
    """
    rng = np.random.default_rng(seed)
    # A report beside described cases would be alone of its kind.
    known = [case for case in training if case.report] or training
    if len(known) < 2:
        return []
    drawn = [known[i] for i in rng.permutation(len(known))]
    systems: list[System] = _constant("constant report", _worth_of_findings, drawn[:CANDIDATES], cases)
    if any(case.report for case in cases) and find_spec("pycocoevalcap") and find_spec("nltk"):
        systems += _constant("constant wording", _worth_of_wording, drawn[:WORDINGS], cases)
    answers = {}
    for case in cases:
        others = [other for other in known if other.person != case.person]
        if not others:
            return systems
        answers[case.id] = _text(others[int(rng.integers(len(others)))])
    return [*systems, _Answers("another patient's report", answers)]


def _text(case: Reference) -> str:
    return case.report or describe(case.findings)


def _constant(name: str, worth: _Worth, tried: Sequence[Reference], cases: Sequence[Reference]) -> list[System]:
    """The system that gives all cases the report worth most, and the one that knows which of them are healthy."""

    def best(group: Sequence[Reference]) -> str:
        return max(dict.fromkeys(map(_text, group)), key=lambda text: worth(text, group))

    constant = best(tried)
    systems: list[System] = [_Answers(name, {case.id: constant for case in cases})]
    groups = {lesion: [case for case in tried if case.findings.lesion is lesion] for lesion in (True, False)}
    if all(groups.values()):
        of_group = {lesion: best(group) for lesion, group in groups.items()}
        told = {case.id: of_group[case.findings.lesion] for case in cases}
        systems.append(_Answers(f"{name}, told if healthy", told))
    return systems


def _worth_of_findings(text: str, cases: Sequence[Reference]) -> float:
    """What a report is worth by what it says: the mean of keyword F1s and finding-level scores over the cases."""
    found = extract(text)
    return fmean(
        fmean([*scores(found, case.findings, case.known).values(), *keyword_scores(text, _text(case)).values()])
        for case in cases
    )


def _worth_of_wording(text: str, cases: Sequence[Reference]) -> float:
    """What a report is worth by how it is worded."""
    return fmean(wording_scores([text] * len(cases), [_text(case) for case in cases]))
