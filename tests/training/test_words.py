"""Words: which one answers which question, and tokens that learn to be them."""

from __future__ import annotations

import pytest
import torch

import small_models
from braingemma3d.model.backbones import load_tokenizer
from braingemma3d.simulate.case import draw_case
from braingemma3d.training.words import QUESTIONS, UNTOLD, WORDS, TokensAsWords, answers, match_scale

REPORT = (
    "A lesion is seen in the left frontal lobe. There is severe edema. There is no necrosis. "
    "There is no compression of the ventricles."
)
HEALTHY = "No lesion is seen. There is no edema or necrosis. The ventricles are not compressed."


@pytest.fixture
def model(backbone_folders):
    torch.manual_seed(0)
    return small_models.tiny_model(backbone_folders)


@pytest.fixture
def as_words(model, backbone_folders):
    return TokensAsWords(model, load_tokenizer(str(backbone_folders.language)))


def said(report):
    told = answers(report).tolist()
    return {
        (question.field, WORDS[one])
        for question, one in zip(QUESTIONS, told, strict=True)
        if one != UNTOLD and WORDS[one] != "no"
    }


def test_the_answers_are_those_of_the_report():
    assert said(REPORT) == {
        ("lesion", "lesion"),
        ("side", "left"),
        ("lobes", "frontal"),
        ("edema", "severe edema"),
        ("necrosis", "no necrosis"),
        ("ventricular_compression", "no compression"),
    }


def test_a_healthy_brain_has_neither_side_nor_lobe():
    assert said(HEALTHY) == {
        ("lesion", "healthy"),
        ("edema", "no edema"),
        ("necrosis", "no necrosis"),
        ("ventricular_compression", "no compression"),
    }


def test_each_lobe_of_several_is_told():
    told = said("There is a lesion in the right frontal lobe and insula.")
    assert {word for field, word in told if field == "lobes"} == {"frontal", "insula"}


@pytest.mark.parametrize("text", ["There is mild necrosis.", "There is severe necrosis.", "Necrosis is present."])
def test_necrosis_of_any_degree_is_present(text):
    assert ("necrosis", "necrosis") in said(f"There is a lesion. {text}")


def untold(report):
    return {question.field for question, one in zip(QUESTIONS, answers(report).tolist(), strict=True) if one == UNTOLD}


def test_what_a_report_hedges_or_does_not_mention_is_not_told():
    assert untold(REPORT) == untold(HEALTHY) == set()
    assert untold(REPORT.replace("severe", "possible")) == {"edema"}
    assert untold("Glioblastoma in the left frontal lobe.") == {"edema", "necrosis", "ventricular_compression"}
    assert untold("There is a large mass with mild edema.") == {"side", "lobes", "necrosis", "ventricular_compression"}
    assert "lesion" in untold("Postoperative changes with a resection cavity.")


def test_simulated_reports_tell_everything():
    reports = [draw_case(0, index, healthy=0.3).report for index in range(12)]
    assert {"lesion"} < {word for report in reports for word, _ in said(report)}
    assert [untold(report) for report in reports] == [set()] * len(reports)


def right_tokens(as_words, told):
    tokens = torch.randn(len(told), small_models.TINY.num_visual_tokens, small_models.TINY.text_width)
    tokens[:, : len(QUESTIONS)] = as_words.words[told.clamp_min(0)]
    return tokens


def test_tokens_that_are_the_right_words_cost_nothing(as_words):
    told = torch.stack([answers(REPORT), answers(HEALTHY)])
    chosen, apart = as_words(right_tokens(as_words, told), told, torch.tensor(100.0))
    assert chosen < 0.01
    assert apart == 0
    wrong, far = as_words(right_tokens(as_words, told.flip(0)), told, torch.tensor(100.0))
    assert wrong > 10 * chosen
    assert far > 0.1


def test_what_all_words_have_in_common_tells_nothing(as_words):
    told = torch.stack([answers(REPORT), answers(HEALTHY)])
    tokens = right_tokens(as_words, told.flip(0))
    chosen, _ = as_words(tokens, told, torch.tensor(10.0))
    as_words.words += 3
    torch.testing.assert_close(as_words(tokens + 3, told, torch.tensor(10.0))[0], chosen, atol=1e-3, rtol=1e-3)


def test_what_is_not_told_is_not_taught(as_words):
    told = answers(REPORT.replace("severe", "possible"))[None]
    tokens = right_tokens(as_words, told)
    before = as_words(tokens, told, torch.tensor(10.0))
    tokens[:, [question.field for question in QUESTIONS].index("edema")] += 5
    assert as_words(tokens, told, torch.tensor(10.0)) == before


def test_a_batch_that_tells_nothing_costs_nothing(as_words):
    told = torch.full((2, len(QUESTIONS)), UNTOLD)
    assert (
        sum(
            as_words(
                torch.randn(2, small_models.TINY.num_visual_tokens, small_models.TINY.text_width),
                told,
                torch.tensor(10.0),
            )
        )
        == 0
    )


def test_tokens_are_made_as_large_as_words(model):
    patches = torch.randn(2, small_models.TINY.num_patches, small_models.TINY.vision_width)
    words = 7 * torch.randn(50, small_models.TINY.text_width)
    with torch.no_grad():
        match_scale(model.projector, model.project(patches), words)
        assert model.project(patches).pow(2).mean().sqrt() == pytest.approx(7, rel=0.1)
