"""Texts: sentences, embeddings, statements."""

from __future__ import annotations

import pytest
import torch

from braingemma3d.findings.extract import extract
from braingemma3d.findings.schema import Findings
from braingemma3d.training import texts
from braingemma3d.training.texts import embed_reports, embed_sentences, holding, sentences, statements, told_apart

REPORT = "A lesion is seen in the left frontal lobe. There is severe edema. There is no necrosis."


def test_sentences_keep_their_stops():
    assert sentences(REPORT) == [
        "A lesion is seen in the left frontal lobe.",
        "There is severe edema.",
        "There is no necrosis.",
    ]


def test_a_text_is_embedded_alike_in_any_company(backbone_folders):
    source = str(backbone_folders.language)
    alone = embed_sentences(["There is edema."], source)
    among = embed_sentences(["No.", "There is edema.", "The lesion is in the left frontal lobe with edema."], source)
    torch.testing.assert_close(alone[0], among[1], atol=1e-4, rtol=1e-3)
    assert not torch.allclose(among[0], among[1], atol=1e-3)


def test_a_report_is_the_mean_of_its_sentences(backbone_folders, tmp_path):
    source = str(backbone_folders.language)
    expected = embed_sentences(sentences(REPORT), source).mean(0)
    torch.testing.assert_close(embed_reports(["No.", REPORT], source, tmp_path)[1], expected, atol=1e-4, rtol=1e-3)


def test_reports_are_embedded_once(backbone_folders, tmp_path, monkeypatch):
    source = str(backbone_folders.language)
    first = embed_reports([REPORT], source, tmp_path)
    monkeypatch.setattr(texts, "embed_sentences", None)
    assert torch.equal(embed_reports([REPORT], source, tmp_path), first)
    with pytest.raises(TypeError):
        embed_reports([REPORT, "Another."], source, tmp_path)


def held(findings):
    return {sentence for (_, _, sentence), one in zip(statements(), holding(findings).tolist(), strict=True) if one}


def test_the_statements_that_hold_are_those_of_the_report():
    assert held(extract(REPORT)) == {
        "There is a lesion.",
        "The lesion is on the left side.",
        "The lesion involves the frontal lobe.",
        "There is severe edema.",
        "There is no necrosis.",
        "The ventricles are not compressed.",
    }


def test_a_healthy_brain_has_no_side():
    assert held(Findings()) == {
        "There is no lesion.",
        "There is no edema.",
        "There is no necrosis.",
        "The ventricles are not compressed.",
    }


@pytest.mark.parametrize("grade", ["mild", "severe", "present"])
def test_necrosis_of_any_degree_is_present(grade):
    assert "There is necrosis." in held(Findings(lesion=True, necrosis=grade))


def test_every_statement_says_what_its_field_does():
    for name, value, sentence in statements():
        said = getattr(extract(sentence if name != "lobes" else sentence.replace("the ", "the left ")), name)
        assert value in said if name == "lobes" else str(said) == value, sentence


def test_sentences_that_hardly_differ_are_told_apart():
    torch.manual_seed(0)
    common, change, other = torch.randn(3, 64)
    embedded = torch.stack([common, common + 0.01 * change, other])
    apart = told_apart(embedded)
    torch.testing.assert_close(apart @ apart.T, torch.eye(3), atol=1e-5, rtol=0)
    assert ((embedded - embedded.mean(0)) * apart).sum(-1).min() > 0
