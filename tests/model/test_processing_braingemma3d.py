"""The processor: where visual tokens go, padding, labels, saving."""

from __future__ import annotations

import pytest
import torch

from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.model.processing_braingemma3d import CANONICAL_PROMPT, BrainGemma3DProcessor

VISUAL, BOS, PAD, EOS = 6, 2, 0, 1


@pytest.fixture
def processor(tiny_checkpoint):
    return BrainGemma3DProcessor.from_pretrained(tiny_checkpoint)


def test_visual_tokens_go_after_bos_and_before_the_prompt(processor):
    ids = processor(torch.zeros(1, 1, 8, 32, 24))["input_ids"][0].tolist()
    assert ids[:17] == [BOS] + [VISUAL] * 16
    assert processor.tokenizer.decode(ids[17:]) == CANONICAL_PROMPT


def test_the_references_order(processor):
    processor.visual_placement = "before_bos"
    ids = processor(torch.zeros(1, 1, 8, 32, 24))["input_ids"][0].tolist()
    assert ids[:17] == [VISUAL] * 16 + [BOS]


def test_volumes_become_pixels_on_the_models_grid(processor, brain_file):
    batch = processor([load_scan(brain_file)] * 2)
    assert batch["pixel_values"].shape == (2, 1, 8, 32, 24)
    assert batch["pixel_values"].min() >= 0
    assert batch["pixel_values"].max() <= 1


def test_texts_are_padded_on_the_left(processor):
    batch = processor(prompts=["a", "a longer prompt"])
    short, mask = batch["input_ids"][0].tolist(), batch["attention_mask"][0].tolist()
    pads = mask.count(0)
    assert pads > 0
    assert short[:pads] == [PAD] * pads
    assert short[pads] == BOS
    assert mask == [0] * pads + [1] * (len(mask) - pads)


def test_labels_cover_the_report_and_the_end_token_only(processor):
    batch = processor(prompts="Report:", reports=["No lesion.", "A lesion in the left frontal lobe."])
    for ids, labels, report in zip(
        batch["input_ids"], batch["labels"], ("No lesion.", "A lesion in the left frontal lobe."), strict=True
    ):
        kept = labels != -100
        assert torch.equal(ids[kept], labels[kept])
        assert labels[kept][-1] == EOS
        assert processor.tokenizer.decode(labels[kept][:-1]) == report


def test_unequal_numbers_are_refused(processor):
    with pytest.raises(ValueError, match=r"equally many, not \[1, 2\]"):
        processor(torch.zeros(1, 1, 8, 32, 24), prompts=["a", "b"])


def test_decoding_drops_the_prompt_and_special_tokens(processor):
    ids = processor(prompts="Report:")["input_ids"]
    answer = torch.tensor([[*processor.tokenizer.encode(" A lesion."), EOS, PAD]])
    assert processor.decode_reports(torch.cat([ids, answer], dim=1), ids.shape[1]) == ["A lesion."]


def test_saved_and_loaded_it_does_the_same(processor, tmp_path):
    processor.save_pretrained(tmp_path)
    loaded = BrainGemma3DProcessor.from_pretrained(tmp_path)
    assert torch.equal(loaded(prompts="x")["input_ids"], processor(prompts="x")["input_ids"])
    assert (tmp_path / "tokenizer.json").is_file()


@pytest.mark.parametrize("at_its_source", [False, True])
def test_a_chat_template_does_no_harm(processor, backbone_folders, tmp_path, at_its_source):
    processor.tokenizer.chat_template = "{{ messages[0].content }}"
    processor.language_source = str(backbone_folders.language) if at_its_source else None
    processor.save_pretrained(tmp_path)
    loaded = BrainGemma3DProcessor.from_pretrained(tmp_path)
    assert torch.equal(loaded(prompts="x")["input_ids"], processor(prompts="x")["input_ids"])
    assert (loaded.tokenizer.chat_template is None) is at_its_source


def test_what_the_language_source_has_is_not_pushed_to_the_hub(processor, backbone_folders, tmp_path, monkeypatch):
    pushed = {}
    there = lambda: sorted(path.name for path in tmp_path.iterdir())  # noqa: E731
    monkeypatch.setattr(
        processor, "push_to_hub", lambda repo_id, **others: pushed.update(files=there(), repo_id=repo_id, **others)
    )
    processor.language_source = str(backbone_folders.language)
    processor.save_pretrained(tmp_path, push_to_hub=True, repo_id="me/tiny", private=True)
    assert pushed == {"files": ["processor_config.json"], "repo_id": "me/tiny", "private": True}


def test_with_a_language_source_the_tokenizer_comes_from_there(processor, backbone_folders, tmp_path):
    processor.language_source = str(backbone_folders.language)
    processor.save_pretrained(tmp_path)
    assert not (tmp_path / "tokenizer.json").exists()
    loaded = BrainGemma3DProcessor.from_pretrained(tmp_path)
    assert torch.equal(loaded(prompts="x")["input_ids"], processor(prompts="x")["input_ids"])
