"""The whole model: saving, loading, generating, learning."""

from __future__ import annotations

import json
import types

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

import small_models
from braingemma3d.model.backbones import load_language_model
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.interop import REFERENCE_COMPONENTS
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor


@pytest.fixture
def model(backbone_folders):
    return small_models.tiny_model(backbone_folders)


@pytest.fixture
def processor(tiny_checkpoint):
    return BrainGemma3DProcessor.from_pretrained(tiny_checkpoint)


@pytest.fixture
def pixels():
    return torch.rand(2, 1, 8, 32, 24, generator=torch.Generator().manual_seed(0))


def logits(model, inputs):
    with torch.inference_mode():
        return model(**inputs).logits


def stir_lora(model):
    """Adapters start without effect; make them matter."""
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)


def test_saved_and_loaded_it_gives_identical_logits(model, processor, pixels, tmp_path):
    model.save_pretrained(tmp_path)
    loaded = BrainGemma3DForConditionalGeneration.from_pretrained(tmp_path)
    inputs = processor(pixels)
    assert torch.equal(logits(loaded, inputs), logits(model, inputs))


@pytest.mark.parametrize("changes", [REFERENCE_COMPONENTS, {"positions": "plane"}], ids=["reference", "plane"])
def test_so_does_one_of_other_components(changes, backbone_folders, pixels, tmp_path):
    """What is in no checkpoint, such as positions that are computed, has to be there after loading, too."""
    config = BrainGemma3DConfig.of_size("tiny", language_source=str(backbone_folders.language), **changes)
    language = load_language_model(str(backbone_folders.language))
    model = BrainGemma3DForConditionalGeneration.from_backbones(config, None, language)
    model.save_pretrained(tmp_path)
    loaded = BrainGemma3DForConditionalGeneration.from_pretrained(tmp_path)
    with torch.inference_mode():
        assert torch.equal(loaded.project(loaded.encode(pixels)), model.project(model.encode(pixels)))
    assert all(buffer.isfinite().all() for buffer in loaded.buffers())


def test_fresh_lora_is_float32_whatever_the_model_is(model):
    model.to(torch.bfloat16).add_lora()
    kinds = {parameter.dtype for name, parameter in model.named_parameters() if "lora_" in name}
    assert kinds == {torch.float32}
    assert model.get_input_embeddings().weight.dtype == torch.bfloat16


def test_with_lora_too(model, processor, pixels, tmp_path):
    inputs = processor(pixels)
    plain = logits(model, inputs)
    model.add_lora()
    torch.testing.assert_close(logits(model, inputs), plain)
    stir_lora(model)
    expected = logits(model, inputs)
    assert (expected - plain).abs().max() > 1e-3
    model.save_pretrained(tmp_path)
    loaded = BrainGemma3DForConditionalGeneration.from_pretrained(tmp_path)
    assert loaded.has_lora
    assert torch.equal(logits(loaded, inputs), expected)
    assert not any(p.requires_grad for p in loaded.language_model.parameters())
    trainable = BrainGemma3DForConditionalGeneration.from_pretrained(tmp_path, is_trainable=True)
    names = {name for name, p in trainable.language_model.named_parameters() if p.requires_grad}
    assert names
    assert all("lora_" in name for name in names)


def test_a_language_source_keeps_the_language_model_out_of_the_checkpoint(
    backbone_folders, processor, pixels, tmp_path
):
    model = small_models.tiny_model(backbone_folders, language_source=str(backbone_folders.language))
    model.add_lora()
    stir_lora(model)
    model.save_pretrained(tmp_path)
    assert not (tmp_path / "language_model").exists()
    assert not any(key.startswith("language_model") for key in load_file(tmp_path / "model.safetensors"))
    inputs = processor(pixels)
    loaded = BrainGemma3DForConditionalGeneration.from_pretrained(tmp_path)
    assert torch.equal(logits(loaded, inputs), logits(model, inputs))


def test_adapters_name_their_base_as_the_configuration_does_and_no_folder_of_this_machine(model, tmp_path):
    model.add_lora()
    model.save_pretrained(tmp_path)
    assert model.config.language_source is None
    adapter = json.loads((tmp_path / "lora_adapters" / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] is None


def test_adapters_that_go_on_learning_do_so_in_float32(model, tmp_path):
    model.add_lora()
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    for trainable, kind in ((True, torch.float32), (False, torch.bfloat16)):
        loaded = BrainGemma3DForConditionalGeneration.from_pretrained(tmp_path, is_trainable=trainable)
        assert {parameter.dtype for parameter in loaded.lora_parameters()} == {kind}


def test_a_volume_is_read_once_however_it_is_written(model, processor, pixels, monkeypatch):
    inputs = processor(pixels)
    plain = model.generate(**inputs, max_new_tokens=5)
    encode, read = model.encode, []
    monkeypatch.setattr(model, "encode", lambda volumes: read.append(len(volumes)) or encode(volumes))
    assert torch.equal(model.generate(**inputs, max_new_tokens=5, use_cache=False), plain)
    assert len(model.generate(**inputs, max_new_tokens=5, num_beams=3)) == len(pixels)
    assert read == [len(pixels)] * 2


def test_saving_writes_safetensors_only(model, tmp_path):
    model.add_lora()
    model.save_pretrained(tmp_path)
    suffixes = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert ".safetensors" in suffixes
    assert suffixes <= {".safetensors", ".json", ".md"}


def test_pushing_to_the_hub_uploads_every_part(model, tmp_path, monkeypatch):
    from transformers.utils import hub

    uploaded = set()

    class HubApi:
        def create_repo(self, repo_id, **_):
            return types.SimpleNamespace(repo_id=repo_id)

        def create_commit(self, repo_id, operations, **_):
            uploaded.update(operation.path_in_repo for operation in operations)

    monkeypatch.setattr(hub, "hf_api", HubApi)
    monkeypatch.setattr(hub, "create_commit", HubApi().create_commit, raising=False)
    model.add_lora()
    model.push_to_hub("me/tiny")
    assert {"config.json", "model.safetensors", "lora_adapters/adapter_model.safetensors"} <= uploaded
    assert "language_model/model.safetensors" in uploaded


def test_what_is_saved_for_the_hub_stays_private(model, tmp_path, monkeypatch):
    pushed = {}
    monkeypatch.setattr(model, "push_to_hub", lambda repo_id, **others: pushed.update(repo_id=repo_id, **others))
    model.save_pretrained(tmp_path, push_to_hub=True, repo_id="me/tiny", private=True, token="secret")
    assert pushed == {"repo_id": "me/tiny", "private": True, "token": "secret"}


def test_the_auto_classes_know_it(tiny_checkpoint):
    assert isinstance(
        AutoModelForImageTextToText.from_pretrained(tiny_checkpoint), BrainGemma3DForConditionalGeneration
    )
    assert isinstance(AutoProcessor.from_pretrained(tiny_checkpoint), BrainGemma3DProcessor)


def test_generation_with_the_cache_is_generation_without_it(model, processor, pixels):
    inputs = processor(pixels)
    with_cache = model.generate(**inputs, max_new_tokens=12, min_new_tokens=12)
    without = model.generate(**inputs, max_new_tokens=12, min_new_tokens=12, use_cache=False)
    assert torch.equal(with_cache, without)
    assert with_cache.shape == (2, inputs["input_ids"].shape[1] + 12)


def test_unequal_prompts_in_a_batch_give_what_each_gives_alone(model, processor, pixels):
    prompts = ["Where is it?", "Generate a radiology report for this scan, please, and be brief."]
    inputs = processor(pixels, prompts)
    options = {"max_new_tokens": 10, "min_new_tokens": 10, "no_repeat_ngram_size": 0, "repetition_penalty": 1.0}
    together = model.generate(**inputs, **options)[:, inputs["input_ids"].shape[1] :]
    for row, prompt in enumerate(prompts):
        alone = processor(pixels[row : row + 1], [prompt])
        expected = model.generate(**alone, **options)[:, alone["input_ids"].shape[1] :]
        assert torch.equal(together[row], expected[0])


def test_the_volume_changes_what_is_said(model, processor, pixels):
    with torch.no_grad():
        model.projector.scale.fill_(20.0)
    assert (logits(model, processor(pixels)) - logits(model, processor(1 - pixels))).abs().max() > 1e-4


def test_the_volume_may_enter_at_three_depths(model, processor, pixels):
    inputs = processor(pixels)
    expected = logits(model, inputs)
    text = {key: inputs[key] for key in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        patches = model.encode(pixels)
        torch.testing.assert_close(model(**text, patches=patches).logits, expected)
        torch.testing.assert_close(model(**text, visual_tokens=model.project(patches)).logits, expected)


def test_hidden_states_and_attentions_come_when_asked_for(model, processor, pixels):
    model.language_model.set_attn_implementation("eager")
    inputs = processor(pixels[:1])
    layers = model.config.text_config.num_hidden_layers
    out = model(**inputs, output_hidden_states=True, output_attentions=True)
    assert len(out.hidden_states) == layers + 1
    assert len(out.attentions) == layers
    torch.testing.assert_close(model.language_model.lm_head(out.hidden_states[-1]), out.logits)
    options = {"max_new_tokens": 3, "min_new_tokens": 3, "return_dict_in_generate": True}
    written = model.generate(**inputs, **options, output_hidden_states=True)
    assert [len(step) for step in written.hidden_states] == [layers + 1] * 3


def test_the_loss_is_the_cross_entropy_of_the_labels(model, processor, pixels):
    inputs = processor(pixels, reports=["A lesion.", "No lesion is seen at all."])
    labels = inputs.pop("labels")
    with torch.inference_mode():
        full = model(**inputs).logits[:, :-1]
        loss = model(**inputs, labels=labels).loss
        summed = model(**inputs, labels=labels, num_items_in_batch=10).loss
    expected = torch.nn.functional.cross_entropy(full.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(summed * 10, expected * (labels != -100).sum())


def test_logits_are_computed_where_labels_are_and_nowhere_else(model, processor, pixels, monkeypatch):
    inputs = processor(pixels, reports=["A lesion.", "No lesion is seen at all."])
    vocabulary, rows = model.config.text_config.vocab_size, []
    linear = torch.nn.functional.linear

    def seen(x, weight, bias=None):
        rows.extend([x.shape[:-1].numel()] if len(weight) == vocabulary else [])
        return linear(x, weight, bias)

    monkeypatch.setattr(torch.nn.functional, "linear", seen)
    model(**inputs)
    assert rows == [(inputs["labels"] != -100).sum()]


def test_one_batch_can_be_learned(model, processor, pixels):
    """Compressor, projector and LoRA together bring the loss down."""
    model.add_lora()
    inputs = processor(pixels, reports=["The lesion is in the left lobe.", "No edema."])
    trained = [p for n, p in model.named_parameters() if not n.startswith("vision_encoder") and p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=2e-2)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.5


def test_a_wrong_number_of_visual_places_is_refused(model, processor, pixels):
    inputs = processor(pixels)
    inputs["input_ids"][0, 3] = 40
    with pytest.raises(ValueError, match="mark 31 visual tokens"):
        model(**inputs)


def test_the_big_model_is_built_on_the_meta_device():
    with torch.device("meta"):
        model = BrainGemma3DForConditionalGeneration(BrainGemma3DConfig.of_size("medgemma"))
    assert all(parameter.is_meta for parameter in model.parameters())
    assert 3.8e9 < sum(p.numel() for p in model.language_model.parameters()) < 4.0e9


def test_the_random_start_is_the_same_every_time(backbone_folders):
    one, two = (small_models.tiny_model(backbone_folders) for _ in range(2))
    for (name, a), (_, b) in zip(one.named_parameters(), two.named_parameters(), strict=True):
        assert torch.equal(a, b), name


SOME_TOKENS = [1, 40, 41, 57, 90, 200]


def test_with_report_tokens_nothing_else_is_written(model, processor, pixels, tmp_path):
    inputs = processor(pixels)
    everything = logits(model, inputs)
    model.config.report_tokens = SOME_TOKENS
    some = logits(model, inputs)
    torch.testing.assert_close(some[..., SOME_TOKENS], everything[..., SOME_TOKENS])
    assert some.isinf().sum() == some.numel() - some[..., SOME_TOKENS].numel()
    model.save_pretrained(tmp_path)
    loaded = BrainGemma3DForConditionalGeneration.from_pretrained(tmp_path)
    assert torch.equal(logits(loaded, inputs), some)
    written = loaded.generate(**inputs, min_new_tokens=12, max_new_tokens=12)[:, inputs["input_ids"].shape[1] :]
    assert set(written.flatten().tolist()) <= set(SOME_TOKENS)


def test_the_loss_over_report_tokens_is_normalised_over_them(model, processor, pixels):
    inputs = processor(pixels)
    size = inputs["input_ids"].shape
    labels = torch.full(size, -100)
    labels[:, -2:] = torch.tensor([[41, 57], [200, 1]])
    model.config.report_tokens = SOME_TOKENS
    picked = logits(model, inputs)[:, -3:-1][..., SOME_TOKENS]
    wanted = torch.tensor([[2, 3], [5, 0]])
    expected = torch.nn.functional.cross_entropy(picked.flatten(0, 1), wanted.flatten())
    torch.testing.assert_close(model(**inputs, labels=labels).loss, expected)


def test_a_label_that_reports_cannot_be_written_with_is_refused(model, processor, pixels):
    inputs = processor(pixels)
    model.config.report_tokens = SOME_TOKENS
    with pytest.raises(ValueError, match=r"\[42\] are not among the model's 6"):
        model(**inputs, labels=torch.full(inputs["input_ids"].shape, 42))


def test_labels_count_by_their_weights(model, processor, pixels):
    inputs = processor(pixels)
    labels = torch.full(inputs["input_ids"].shape, -100)
    labels[:, -2:] = 7
    one = torch.zeros(labels.shape)
    one[:, -1] = 3
    only_last = labels.clone()
    only_last[:, -2] = -100
    torch.testing.assert_close(
        model(**inputs, labels=labels, label_weights=one).loss, model(**inputs, labels=only_last).loss
    )
