from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from braingemma3d.findings.extract import extract
from braingemma3d.findings.mirror import swap_sides
from braingemma3d.findings.schema import LOBES, Findings
from braingemma3d.simulate.case import Case
from braingemma3d.simulate.truth import SHIFT_SEVERE, Truth
from braingemma3d.simulate.wording import write_report

TRUTHS = 2500
GRADES = ("none", "mild", "moderate", "severe")
OTHER = {"left": "right", "right": "left"}


def random_truth(rng: np.random.Generator) -> Truth:
    """Any truth that the simulation could draw, and more."""
    if rng.random() < 0.15:
        return Truth(lesion=False)
    side = str(rng.choice(["left", "right", "bilateral", "midline"], p=[0.4, 0.4, 0.12, 0.08]))
    pool = ["cerebellum", "brainstem", "deep"] if side == "midline" else list(LOBES)
    drawn = rng.choice(pool, int(rng.integers(1, 4)), replace=False)
    lobes = tuple(lobe for lobe in LOBES if lobe in drawn)
    main = lobes[int(rng.integers(len(lobes)))]
    compression = str(rng.choice(["none", "mild", "severe"]))
    narrow_left = side == "left" or (side != "right" and rng.random() < 0.5)
    values: dict[str, Any] = {
        "side": side,
        "main_lobe": main,
        "lobes": lobes,
        "foci": 1 if side == "midline" else int(rng.choice([1, 1, 1, 2])),
        "edema": str(rng.choice(["none", "mild", "moderate", "severe"])),
        "necrosis": str(rng.choice(["none", "present"])),
        "ventricular_compression": compression,
        "midline_shift_mm": float(rng.uniform(0, 9)) if compression == "severe" else 1.0,
        "ventricle_measure": "fourth" if main in ("cerebellum", "brainstem") else "lateral",
        "lateral_ventricles_ml": (8.0, 20.0) if narrow_left else (20.0, 8.0),
    }
    return Truth(lesion=True, **values)


def facts(findings: Findings) -> tuple[object, ...]:
    """What a report is held to: everything but the list of single lesions."""
    f = findings
    return f.lesion, f.side, f.lobes, f.edema, f.necrosis, f.ventricular_compression


@pytest.fixture(scope="module")
def written() -> list[tuple[Truth, str]]:
    truths = [(random_truth(np.random.default_rng([3, i])), i) for i in range(TRUTHS)]
    return [(truth, write_report(truth, np.random.default_rng([4, i]))) for truth, i in truths]


def test_every_report_reads_back_as_its_truth(written: list[tuple[Truth, str]]) -> None:
    wrong = [text for truth, text in written if facts(extract(text)) != facts(truth.findings())]
    assert not wrong, wrong[:3]


def test_ventricle_shift_and_signal_are_those_of_the_truth(written: list[tuple[Truth, str]]) -> None:
    """What the extractor does not read."""
    for truth, text in written:
        if not truth.lesion:
            continue
        assert bool(re.search("heterogeneous|mixed", text)) == (truth.necrosis == "present"), text
        if truth.ventricular_compression == "none":
            continue
        left, right = truth.lateral_ventricles_ml
        assert set(re.findall("(left|right) lateral ventricle", text)) <= {"left" if left < right else "right"}, text
        assert ("fourth ventricle" in text) == (truth.ventricle_measure == "fourth"), text
        assert ("lateral ventricle" in text) == (truth.ventricle_measure == "lateral"), text
        shifted = bool(re.search("with midline shift|with shift of the midline", text))
        assert shifted == (truth.midline_shift_mm >= SHIFT_SEVERE), text


def test_drawn_reports_read_back_as_their_truth(lesions: list[Case], healthy: list[Case]) -> None:
    for case in (*lesions, *healthy):
        assert facts(extract(case.report)) == facts(case.findings)


def test_length_and_variety(written: list[tuple[Truth, str]]) -> None:
    lengths = np.array([len(text.split()) for _, text in written])
    assert lengths.max() <= 75
    assert lengths.min() >= 30
    assert len({text for _, text in written}) > 0.8 * TRUTHS


def test_same_generator_writes_the_same_report() -> None:
    truth = random_truth(np.random.default_rng(8))
    assert write_report(truth, np.random.default_rng(1)) == write_report(truth, np.random.default_rng(1))


def test_swapping_sides_twice_changes_nothing(written: list[tuple[Truth, str]]) -> None:
    for _, text in written:
        assert swap_sides(swap_sides(text)) == text


def test_swapping_sides_swaps_the_side_found_and_nothing_else(written: list[tuple[Truth, str]]) -> None:
    for _, text in written[:800]:
        before, after = facts(extract(text)), facts(extract(swap_sides(text)))
        assert after == (before[0], OTHER.get(str(before[1]), before[1]), *before[2:])


def test_absent_findings_are_said_to_be_absent() -> None:
    truth = Truth(lesion=True, side="left", main_lobe="frontal", lobes=("frontal",), foci=1)
    for seed in range(30):
        text = write_report(truth, np.random.default_rng(seed)).lower()
        assert "edema" in text
        assert "necro" in text
        assert "ventric" in text


def test_lesions_on_both_sides_are_not_said_to_be_in_each_lobe_of_both() -> None:
    for main, lobes in (("frontal", ("frontal", "parietal")), ("cerebellum", ("cerebellum", "brainstem"))):
        truth = Truth(lesion=True, side="bilateral", main_lobe=main, lobes=lobes, foci=2)
        for seed in range(20):
            text = write_report(truth, np.random.default_rng(seed))
            assert not re.search(r"bilateral (?:frontal|parietal|cerebellum|brainstem)", text), text
            assert facts(extract(text)) == facts(truth.findings())


def test_a_lesion_in_deep_nuclei_is_not_called_white_matter() -> None:
    truth = Truth(lesion=True, side="left", main_lobe="deep", lobes=("deep",), foci=1)
    for seed in range(20):
        first = write_report(truth, np.random.default_rng(seed)).split(". ")[0]
        assert "deep" in first
        assert "white matter" not in first


@pytest.mark.parametrize(
    ("finding", "values", "where", "words"),
    [
        ("edema", GRADES, "edema", r"no|absent|mild|slight|moderate|severe|marked|pronounced"),
        ("ventricular_compression", GRADES, "compress", r"no|absent|mild|slight|moderate|severe|marked|pronounced"),
        ("lobes", (("frontal",), ("frontal", "parietal"), ("frontal", "deep")), "lobe", r"frontal"),
        ("side", ("left", "right", "bilateral", "midline"), " in the ", r"left|right|bilateral|midline"),
    ],
)
def test_nothing_before_its_word_tells_the_value(
    finding: str, values: Sequence[object], where: str, words: str
) -> None:
    truth = Truth(lesion=True, side="left", main_lobe="frontal", lobes=("frontal",), foci=1)
    beginnings = []
    for value in values:
        told = truth.model_copy(update={finding: value})
        begun = Counter()
        for seed in range(600):
            text = write_report(told, np.random.default_rng(seed)).lower()
            sentence = next(s for s in text.split(". ") if where in s)
            begun[re.split(rf"\b(?:{words})\b", sentence)[0]] += 1
        beginnings.append(begun)
    assert len({frozenset(begun) for begun in beginnings}) == 1
    for beginning in beginnings[0]:
        counts = [begun[beginning] for begun in beginnings]
        assert max(counts) - min(counts) < 5 * max(counts) ** 0.5, (beginning, counts)  # as chance has it
