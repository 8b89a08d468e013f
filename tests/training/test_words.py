"""Words: which one answers which question, and tokens that learn to be them."""

from __future__ import annotations

import pytest
import torch

import small_models
from braingemma3d.errors import InputError
from braingemma3d.findings.extract import extract
from braingemma3d.findings.schema import Findings
from braingemma3d.model.backbones import load_tokenizer
from braingemma3d.training.words import QUESTIONS, UNTOLD, WORDS, TokensAsWords, answers, match_scale

REPORT = "A lesion is seen in the left frontal lobe. There is severe edema. There is no necrosis."


@pytest.fixture
def model(backbone_folders):
    torch.manual_seed(0)
    return small_models.tiny_model(backbone_folders)


@pytest.fixture
def as_words(model, backbone_folders):
    return TokensAsWords(model, load_tokenizer(str(backbone_folders.language)))


def said(findings):
    told = answers(findings).tolist()
    return {
        (question.field, WORDS[one])
        for question, one in zip(QUESTIONS, told, strict=True)
        if one != UNTOLD and WORDS[one] != "no"
    }


def test_the_answers_are_those_of_the_report():
    assert said(extract(REPORT)) == {
        ("lesion", "lesion"),
        ("side", "left"),
        ("lobes", "frontal"),
        ("edema", "severe edema"),
        ("necrosis", "no necrosis"),
        ("ventricular_compression", "no compression"),
    }


def test_a_healthy_brain_has_neither_side_nor_lobe():
    assert said(Findings()) == {
        ("lesion", "healthy"),
        ("edema", "no edema"),
        ("necrosis", "no necrosis"),
        ("ventricular_compression", "no compression"),
    }


def test_each_lobe_of_several_is_told():
    told = said(Findings(lesion=True, side="right", lobes=("frontal", "insula")))
    assert {word for field, word in told if field == "lobes"} == {"frontal", "insula"}


@pytest.mark.parametrize("grade", ["mild", "severe", "present"])
def test_necrosis_of_any_degree_is_present(grade):
    assert ("necrosis", "necrosis") in said(Findings(lesion=True, necrosis=grade))


def test_a_hedged_finding_is_not_told():
    told = answers(Findings(lesion=True, edema="possible")).tolist()
    assert [question.field for question, one in zip(QUESTIONS, told, strict=True) if one == UNTOLD] == ["edema"]


def right_tokens(as_words, told):
    tokens = torch.randn(len(told), small_models.TINY.num_visual_tokens, small_models.TINY.text_width)
    tokens[:, : len(QUESTIONS)] = as_words.words[told.clamp_min(0)]
    return tokens


def test_tokens_that_are_the_right_words_cost_nothing(as_words):
    told = torch.stack([answers(extract(REPORT)), answers(Findings())])
    chosen, apart = as_words(right_tokens(as_words, told), told, torch.tensor(100.0))
    assert chosen < 0.01
    assert apart == 0
    wrong, far = as_words(right_tokens(as_words, told.flip(0)), told, torch.tensor(100.0))
    assert wrong > 10 * chosen
    assert far > 0.1


def test_what_is_not_told_is_not_taught(as_words):
    told = answers(Findings(lesion=True, edema="possible"))[None]
    tokens = right_tokens(as_words, told)
    before = as_words(tokens, told, torch.tensor(10.0))
    tokens[:, [question.field for question in QUESTIONS].index("edema")] += 5
    assert as_words(tokens, told, torch.tensor(10.0)) == before


def test_too_few_tokens_for_the_questions_are_refused(model, backbone_folders):
    model.config.num_visual_tokens = 8
    with pytest.raises(InputError, match=r"set model\.num_visual_tokens"):
        TokensAsWords(model, load_tokenizer(str(backbone_folders.language)))


def test_tokens_are_made_as_large_as_words(model):
    patches = torch.randn(2, small_models.TINY.num_patches, small_models.TINY.vision_width)
    words = 7 * torch.randn(50, small_models.TINY.text_width)
    with torch.no_grad():
        match_scale(model.projector, model.project(patches), words)
        assert model.project(patches).pow(2).mean().sqrt() == pytest.approx(7, rel=0.1)
