"""Keyword F1 as the reference defines it, with what it can't see."""

from __future__ import annotations

import pytest

from braingemma3d.evaluation.keywords import keyword_scores
from braingemma3d.findings.compare import scores
from braingemma3d.findings.extract import extract

REPORT = (
    "The lesion is in the left frontal and parietal lobes, with mixed signal on FLAIR. Severe edema surrounds it. "
    "There is necrosis in its centre. The left lateral ventricle shows marked compression."
)
NEGATED = (
    "There is no lesion in the left frontal and parietal lobes, and no mixed signal on FLAIR. No edema is seen. "
    "There is no necrosis. The left lateral ventricle shows no compression."
)


def test_f1_by_hand():
    found = keyword_scores(
        "A mass in the left temporal lobe, with edema.",
        "A lesion in the left frontal and temporal lobes (right side normal); edema, necrosis.",
    )
    # Common of said and true: 1 of 1 and 2 sides, 1 of 1 and 2 lobes, 1 of 2 and 3 pathologies.
    assert found == pytest.approx({"laterality_f1": 2 / 3, "anatomy_f1": 2 / 3, "pathology_f1": 2 / 5})


def test_the_same_text_scores_1():
    assert set(keyword_scores(REPORT, REPORT).values()) == {1.0}


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [("normal", "normal", 1.0), ("left", "normal", 0.0), ("normal", "left", 0.0), ("", "left", 0.0), ("", "", 1.0)],
)
def test_no_keyword(prediction, reference, score):
    assert keyword_scores(prediction, reference)["laterality_f1"] == score


@pytest.mark.parametrize("text", ["LEFT", "left.", "(left)", "left;right-sided", "!left?", "left,x"])
def test_case_and_punctuation_do_not_matter(text):
    assert keyword_scores(text, "left")["laterality_f1"] == 1.0


@pytest.mark.parametrize("text", ["left-sided", "leftward", "cleft", "left/x", "left:"])
def test_only_whole_words_count(text):
    assert keyword_scores(text, "left")["laterality_f1"] == 0.0


def test_repetition_and_order_do_not_matter():
    assert keyword_scores("right left left", "left right") == keyword_scores("left right", "right left")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("laterality_f1", "left right bilateral"),
        ("anatomy_f1", "frontal parietal temporal occipital cerebellum ventricle periventricular"),
        ("pathology_f1", "edema necrosis enhancement compression tumor mass lesion"),
    ],
)
def test_every_keyword_of_the_reference_counts(name, words):
    for word in words.split():
        assert keyword_scores("", word)[name] == 0.0
        assert keyword_scores(word, word)[name] == 1.0
        assert keyword_scores(word, words)[name] == pytest.approx(2 / (1 + len(words.split())))


def test_negating_every_finding_is_invisible():
    assert set(keyword_scores(NEGATED, REPORT).values()) == {1.0}
    of_findings = scores(extract(NEGATED), extract(REPORT))
    assert set(of_findings.values()) == {0.0}


def test_which_side_is_the_lesion_s_is_invisible():
    reference, wrong = "Lesion on the left, nothing on the right.", "Lesion on the right, nothing on the left."
    assert keyword_scores(wrong, reference)["laterality_f1"] == 1.0
    assert scores(extract(wrong), extract(reference))["side_accuracy"] == 0.0
