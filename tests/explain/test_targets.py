"""What is asked about a report, and how token likelihoods add up to it."""

from __future__ import annotations

import pytest
import torch

from braingemma3d.errors import InputError
from braingemma3d.explain.targets import plan_targets, token_weights, with_likeliest, writable


def words(text):
    """One token a word: its number in the order of first use is of no matter, only that equal words are equal."""
    return [sum(map(ord, word)) for word in text.split()]


def test_the_report_comes_first_then_findings_then_the_other_sentences(report_text):
    targets = plan_targets(report_text)
    names = ["report", "side", "lobe", "edema", "necrosis", "compression", "lesion", "sentence 3"]
    assert [target.name for target in targets] == names
    assert targets[-1].written == "The FLAIR signal is mixed."
    assert targets[-1].counterfactual is None
    assert "not “" in targets[1].question


def test_one_finding_only(report_text):
    (target,) = plan_targets(report_text, "edema")
    assert target.sentence == 1


def test_a_finding_that_is_not_in_the_report_is_refused_with_those_that_are():
    with pytest.raises(InputError, match=r"--about side.*edema"):
        plan_targets("There is mild edema.", "side")


def test_an_empty_report_has_nothing_to_explain():
    with pytest.raises(InputError, match="wrote no report"):
        plan_targets("")


def weight_of(tree, weights, row):
    return {(tree.tokens[n], int(w)) for n, w in enumerate(weights[row].tolist()) if w}


def test_weights_of_report_contrast_and_sentence():
    text = "A lesion is on the left side. It is big."
    targets = [t for t in plan_targets(text) if t.name in ("report", "side", "sentence 2")]
    tree, weights = token_weights(text, targets, words)
    assert weights.shape == (3, len(tree))
    assert weight_of(tree, weights, 0) == {(token, 1) for token in words(text)}
    (left, side, right) = words("left side. right")
    # What is the same before the contrast cancels; what is the same after it does not.
    assert weight_of(tree, weights, 1) == {(left, 1), (side, 1), (right, -1), (side, -1)}
    assert weight_of(tree, weights, 2) == {(token, 1) for token in words("It is big.")}


def test_the_likeliest_alternative_is_chosen(report_text):
    targets = plan_targets(report_text)

    def score(tried):
        return torch.tensor([0.0 if "occipital" in t.counterfactual else 1.0 for t in tried])

    chosen = {t.name: t for t in with_likeliest(report_text, targets, score)}
    assert "occipital" in chosen["lobe"].counterfactual
    assert chosen["side"].counterfactual == report_text.split(".")[0].replace("left", "right") + "."
    assert chosen["report"].counterfactual is None


def test_a_first_word_need_not_be_writable_after_a_blank():
    text = "A mass is seen in the left frontal lobe. A necrotic center is seen."
    kept = {t.name for t in writable(text, plan_targets(text), lambda text: text.startswith("A"))}
    assert {"side", "lobe"} <= kept


def test_what_follows_a_line_break_must_be_writable_after_it():
    text = "A mass is seen.\nThere is edema."
    (target,) = plan_targets(text, "edema")
    assert [target] == writable(text, [target], lambda text: text.startswith("A mass is seen.\n"))
    with pytest.raises(InputError, match="no words for the contrary"):
        writable(text, [target], lambda text: "\n" not in text)


def test_only_counterfactuals_that_the_model_can_write_are_left():
    text = "There is no edema. There is a lesion in the left frontal lobe."
    cannot = ("right", "edema is seen")
    kept = {t.name: t for t in writable(text, plan_targets(text), lambda text: not any(c in text for c in cannot))}
    assert "side" not in kept, "its only counterfactual says right"
    assert "edema" not in kept
    assert "report" in kept
    assert kept["lobe"].counterfactual in kept["lobe"].alternatives
    with pytest.raises(InputError, match="no words for the contrary"):
        writable("There is no edema.", plan_targets("There is no edema.", "edema"), lambda text: False)
