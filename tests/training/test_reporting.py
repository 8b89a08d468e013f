"""Reporting: items, and a tiny model that learns to tell two reports apart from patches alone."""

from __future__ import annotations

import pytest
import torch

import small_models
from braingemma3d.model.backbones import load_tokenizer
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor
from braingemma3d.training.config import Stage
from braingemma3d.training.features import cache_features
from braingemma3d.training.grounding import in_turn
from braingemma3d.training.reporting import ReportDataset, Reporting


@pytest.fixture
def parts(drawn_shards, backbone_folders, tmp_path):
    model = small_models.tiny_model(backbone_folders)
    processor = BrainGemma3DProcessor.from_config(model.config, load_tokenizer(backbone_folders.language))
    stage = Stage(name="specialise", rates={"projector": 1e-3}, steps=4, batch=4)
    features = cache_features(model.vision_encoder, drawn_shards, tmp_path / "features", flips=True)
    model.add_lora()
    return Reporting(model, processor), ReportDataset(drawn_shards, features, stage)


def test_a_mirrored_case_has_the_mirrored_report(parts):
    _, data = parts
    items = {in_turn(i, 8, data.stage): data[i] for i in range(16)}
    assert "left frontal" in items[0, False]["report"]
    assert "right frontal" in items[0, True]["report"]
    assert not torch.equal(items[0, False]["patches"], items[0, True]["patches"])


def test_labels_are_the_reports(parts):
    learner, data = parts
    batch = learner.collate([data[0], data[1]])
    for labels, item in zip(batch["labels"], (data[0], data[1]), strict=True):
        kept = labels[labels != -100]
        assert learner.processor.tokenizer.decode(kept[:-1]) == item["report"]
        assert kept[-1] == learner.processor.tokenizer.eos_token_id


def test_visual_tokens_start_as_large_as_words(parts):
    learner, data = parts
    batch = learner.collate([data[i] for i in range(4)])
    learner.match_scale(batch)
    words = learner.model.get_input_embeddings()(batch["labels"][batch["labels"] != -100])
    visual = learner.model.project(batch["patches"])
    assert visual.pow(2).mean().sqrt().item() == pytest.approx(words.pow(2).mean().sqrt().item(), rel=1e-3)


def test_the_state_leaves_the_frozen_language_model_out(parts):
    learner, _ = parts
    learner.requires_grad_(False)
    for parameter in learner.parts()["lora"]:
        parameter.requires_grad_(True)
    names = set(learner.state_dict())
    assert names
    assert all("lora_" in name for name in names)


def test_reports_are_learned_from_patches(parts):
    learner, data = parts
    items = {in_turn(i, 8, data.stage): data[i] for i in range(16)}
    batch = learner.collate([items[0, False], items[1, False]])
    # The patches of an untrained encoder hardly differ: here two kinds that do.
    two = torch.randn(2, 1, batch["patches"].shape[-1], generator=torch.Generator().manual_seed(0))
    batch["patches"] = two.expand_as(batch["patches"]).contiguous()
    # At its random start the tiny language model gives every word the same chance, whatever it reads.
    with torch.no_grad():
        learner.model.get_input_embeddings().weight.mul_(20)
    learner.match_scale(batch)
    learner.requires_grad_(False)
    chosen = [p for part in learner.parts().values() for p in part]
    for parameter in chosen:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(chosen, lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        learner(**batch).loss.backward()
        optimizer.step()
    own = learner(**batch).loss
    exchanged = learner(**{**batch, "patches": batch["patches"].flip(0)}).loss
    assert own < exchanged - 0.1


def test_words_that_tell_of_findings_count_more(parts):
    learner, data = parts
    learner.emphasis = 5.0
    batch = learner.collate([data[0], data[1]])
    for labels, weights in zip(batch["labels"], batch["label_weights"], strict=True):
        told = learner.processor.tokenizer.decode(labels[(labels != -100) & (weights == 5)]).split()
        rest = learner.processor.tokenizer.decode(labels[(labels != -100) & (weights == 1)]).split()
        assert "necrosis" in told
        assert not {"no", "No", "mild", "left", "right", "frontal"} & set(rest)
        assert "is" in rest


def test_the_vocabulary_holds_what_mirrored_reports_need(parts):
    learner, data = parts
    tokenizer = learner.processor.tokenizer
    known = data.vocabulary(tokenizer)
    assert known == sorted(known)
    assert tokenizer.eos_token_id in known
    mirrored = "A lesion is seen in the right frontal lobe. There is mild edema. There is no necrosis."
    assert set(tokenizer.encode(mirrored, add_special_tokens=False)) <= set(known)
    assert len(known) < len(tokenizer)
