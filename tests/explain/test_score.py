"""Scores are those of the plain model, one text and one volume at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import small_models
from braingemma3d.errors import InputError
from braingemma3d.explain import score as score_module
from braingemma3d.explain.perturb import Perturbation
from braingemma3d.explain.score import ModelScorer, ScoreTable, log_likelihoods, shuffled
from braingemma3d.explain.supervoxels import Supervoxels
from braingemma3d.explain.targets import plan_targets
from braingemma3d.model.backbones import load_tokenizer
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor

KEEP = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 0], [1, 0, 0, 0]]).bool()


@pytest.fixture
def perturbation():
    rng = np.random.default_rng(0)
    shape = small_models.TINY.volume_shape
    labels = rng.integers(0, 5, shape).astype(np.int32)
    pixels = rng.random(shape, dtype=np.float32)
    return Perturbation(pixels, np.zeros_like(pixels), Supervoxels(labels, (1.0, 1.0, 1.0)))


@pytest.fixture(params=["after_bos", "before_bos"])
def loaded(request, backbone_folders):
    model = small_models.tiny_model(backbone_folders, visual_placement=request.param)
    # Louder than at its start, so that the scores depend on the volume by more than rounding.
    with torch.no_grad():
        model.projector.scale.fill_(20.0)
    return model, BrainGemma3DProcessor.from_config(model.config, load_tokenizer(backbone_folders.language))


@pytest.fixture
def scorer(loaded, perturbation, report_text):
    return ModelScorer(*loaded, perturbation, report_text, plan_targets(report_text))


@torch.no_grad()
def plain(model, processor, pixels, text, start):
    """Log-likelihood of text after its first ``start`` tokens, through the model's own forward."""
    prompt = processor()["input_ids"]
    ids = torch.tensor([processor.tokenizer.encode(text, add_special_tokens=False)])
    logits = model(input_ids=torch.cat([prompt, ids], dim=1), pixel_values=pixels).logits
    found = logits[0, prompt.shape[1] - 1 : -1].log_softmax(-1).gather(1, ids[0][:, None])[:, 0]
    return float(found[start:].sum())


def test_a_report_of_other_words_than_the_model_writes_is_refused(loaded, perturbation, report_text):
    model, processor = loaded
    model.config.report_tokens = processor.tokenizer.encode(report_text, add_special_tokens=False)[1:2]
    with pytest.raises(InputError, match="can't be explained"):
        ModelScorer(model, processor, perturbation, report_text, plan_targets(report_text))


def test_every_score_is_the_plain_models(scorer, loaded, perturbation, report_text):
    model, processor = loaded
    scores = scorer(KEEP)
    assert scores.shape == (3, len(scorer.targets))
    # Longer than the tiny model's sliding window of 64, which a branch must respect too.
    assert len(processor.tokenizer.encode(report_text)) > 64
    ends = np.cumsum([len(sentence) + 2 for sentence in report_text.split(". ")])
    for row, keep in enumerate(KEEP):
        pixels = perturbation(keep[None])
        for column, target in enumerate(scorer.targets):
            if target.sentence is None:
                expected = plain(model, processor, pixels, report_text, 0)
            else:
                start = 0 if target.sentence == 0 else int(ends[target.sentence - 1])
                before = report_text[:start]
                head = len(processor.tokenizer.encode(before.rstrip(), add_special_tokens=False)) if before else 0
                expected = plain(model, processor, pixels, before + target.written, head)
                if target.counterfactual is not None:
                    expected -= plain(model, processor, pixels, before + target.counterfactual, head)
            assert float(scores[row, column]) == pytest.approx(expected, rel=1e-4, abs=2e-3), target.name


def test_a_sample_scores_the_same_alone_and_in_a_batch(loaded, perturbation, report_text, scorer):
    together = scorer(KEEP)
    assert (together[0] - together[1]).abs().max() > 0.01
    fresh = ModelScorer(*loaded, perturbation, report_text, plan_targets(report_text))
    alone = torch.cat([fresh(row[None]) for row in KEEP])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-3)


def test_the_counterfactual_is_the_models_own_choice(scorer, loaded, perturbation, report_text):
    model, processor = loaded
    lobe = next(target for target in scorer.targets if target.name == "lobe")
    likely = {other: plain(model, processor, perturbation(KEEP[:1]), other, 0) for other in lobe.alternatives}
    assert lobe.counterfactual == max(likely, key=likely.get)


def test_the_shuffled_projector_gives_other_scores_without_encoding_again(scorer, monkeypatch):
    scores = scorer(KEEP)
    monkeypatch.setattr(scorer.model, "encode", lambda *_: pytest.fail("encoded twice"))
    other = scorer.shuffled(0)(KEEP)
    assert other.shape == scores.shape
    assert (other - scores).abs().max() > 0.01
    torch.testing.assert_close(scorer(KEEP), scores)
    torch.testing.assert_close(scorer.shuffled(0)(KEEP), other)


def test_shuffling_keeps_the_values_and_the_original(loaded):
    projector = loaded[0].projector
    before = [parameter.clone() for parameter in projector.parameters()]
    changed = list(shuffled(projector, 1).parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, projector.parameters(), strict=True))
    assert all(torch.equal(a.flatten().sort()[0], b.flatten().sort()[0]) for a, b in zip(before, changed, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(before, changed, strict=True))


def test_log_likelihoods_are_normalised_over_the_whole_vocabulary(monkeypatch):
    monkeypatch.setattr(score_module, "VOCABULARY_CHUNK", 7)
    generator = torch.Generator().manual_seed(0)
    hidden, head = torch.randn(5, 4, generator=generator), torch.randn(30, 4, generator=generator)
    tokens = torch.tensor([0, 6, 7, 29, 15])
    expected = (hidden @ head.T).log_softmax(-1).gather(1, tokens[:, None])[:, 0]
    torch.testing.assert_close(log_likelihoods(hidden, tokens, head), expected)


def test_a_table_scores_each_sample_once_in_batches():
    asked, told = [], []

    def score(keep):
        asked.append(len(keep))
        return keep.float().sum(1, keepdim=True)

    table = ScoreTable(score, batch=2, advance=told.append)
    rows = torch.tensor([[1, 1], [1, 0], [1, 1], [0, 0]]).bool()
    assert table(rows).flatten().tolist() == [2, 1, 2, 0]
    assert asked == told == [2, 1]
    assert table(rows.flip(0)).flatten().tolist() == [0, 2, 1, 2]
    assert asked == [2, 1]
    with pytest.raises(ValueError, match="not 0"):
        ScoreTable(score, batch=0)


def test_with_report_tokens_likelihoods_are_over_them(loaded, on_grid, blocks, scorer, report_text):
    model, processor = loaded
    everything = torch.ones(1, scorer.perturbation.count, dtype=torch.bool)
    free = scorer(everything)[0, 0]
    texts = [report_text, *(t.counterfactual or "" for t in scorer.targets)]
    used = {token for text in texts for token in processor.tokenizer.encode(text, add_special_tokens=False)}
    try:
        model.config.report_tokens = sorted(used)
        bound = ModelScorer(*loaded, scorer.perturbation, report_text, plan_targets(report_text))(everything)[0, 0]
    finally:
        model.config.report_tokens = None
    assert bound > free + 1, "fewer entries to choose from: what is written is likelier"
