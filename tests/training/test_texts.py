"""Texts: sentences and embeddings."""

from __future__ import annotations

import pytest
import torch

from braingemma3d.training import texts
from braingemma3d.training.texts import embed_reports, embed_sentences, sentences

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
