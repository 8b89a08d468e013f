"""The verdict."""

from __future__ import annotations

import pytest

from braingemma3d.explain.fidelity import Curve, Localisation, Stability
from braingemma3d.explain.scorecard import (
    LEAST_R2,
    LEAST_STABILITY,
    THRESHOLDS,
    TRUSTED_R2,
    TRUSTED_STABILITY,
    Randomisation,
    judge,
)


def curve(gain):
    return Curve(share=[0, 1], score=[1, 0], area=0.5, random_areas=[0.5 + gain], gain=gain)


def evidence(**changes):
    good = {
        "trained": True,
        "favoured": True,
        "variation": 1.0,
        "r2_held_out": 0.8,
        "stability": Stability(rank_correlation=0.5, correlation=0.9, top_overlap=0.8),
        "deletion": curve(1.0),
        "insertion": curve(1.0),
        "randomisation": Randomisation(correlation=0.1, rank_correlation=0.1, passed=True),
        "localisation": None,
    }
    return good | changes


def stable(value):
    return Stability(rank_correlation=value, correlation=value, top_overlap=value)


def place(hit):
    return Localisation(pointing=hit, pointing_by_chance=0.1, positive_inside=0.5, positive_by_chance=0.1)


def test_good_evidence_is_trusted_without_a_but():
    assert judge(**evidence()) == ("trust", [])
    assert judge(**evidence(localisation=place(True))) == ("trust", [])


@pytest.mark.parametrize(
    ("changes", "verdict", "word"),
    [
        ({"r2_held_out": TRUSTED_R2 - 0.01}, "caution", "R²"),
        ({"r2_held_out": LEAST_R2 - 0.01}, "do not use", "linear"),
        ({"stability": stable(TRUSTED_STABILITY - 0.01)}, "caution", "samples"),
        ({"stability": stable(LEAST_STABILITY - 0.01)}, "do not use", "samples"),
        ({"insertion": curve(-0.1)}, "caution", "adding"),
        ({"deletion": curve(0.0)}, "do not use", "removing"),
        ({"localisation": place(False)}, "caution", "outside"),
        ({"favoured": False}, "caution", "counterfactual"),
        (
            {"randomisation": Randomisation(correlation=0.8, rank_correlation=0.8, passed=False)},
            "do not use",
            "shuffle",
        ),
        ({"variation": 1e-6}, "do not use", "does not depend on the scan"),
        ({"trained": False}, "do not use", "trained"),
    ],
)
def test_each_weakness_has_its_verdict_and_reason(changes, verdict, word):
    found, reasons = judge(**evidence(**changes))
    assert found == verdict
    assert len(reasons) == 1
    assert word in reasons[0]


def test_grave_reasons_come_first():
    found, reasons = judge(**evidence(r2_held_out=0.5, insertion=curve(-1), deletion=curve(-1)))
    assert found == "do not use"
    assert "removing" in reasons[0]
    assert len(reasons) == 3


def test_thresholds_are_what_is_published():
    assert THRESHOLDS["trusted_r2"] == TRUSTED_R2
    assert THRESHOLDS["least_stability"] == LEAST_STABILITY
