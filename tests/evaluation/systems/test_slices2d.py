"""The 2D baseline, on a small multimodal Gemma 3 with its own processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3Processor, PreTrainedTokenizerFast
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

import phantom
import small_models
from braingemma3d.errors import ModelError
from braingemma3d.evaluation.systems import slices2d
from braingemma3d.evaluation.systems.slices2d import INSTRUCTION, SLICES, Slices2D, conversation, slices
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.imaging.volume import Volume
from braingemma3d.model.processing_braingemma3d import CANONICAL_PROMPT

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_image>", "<image_soft_token>", "<end_of_image>"]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<start_of_image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}\nmodel\n{% endif %}"
)


def processor(template=TEMPLATE):
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=512, special_tokens=SPECIAL, initial_alphabet=alphabet)
    backend.train_from_iterator([INSTRUCTION], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
        extra_special_tokens={
            "boi_token": "<start_of_image>",
            "image_token": "<image_soft_token>",
            "eoi_token": "<end_of_image>",
        },
    )
    images = Gemma3ImageProcessorPil(size={"height": 32, "width": 32})
    return Gemma3Processor(images, tokenizer, chat_template=template, image_seq_length=4)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("multimodal")
    torch.manual_seed(0)
    text = small_models.TINY.text_config.to_dict() | {"max_position_embeddings": 8192}
    config = Gemma3Config(
        text_config=text,
        vision_config=small_models.TINY.vision_config.to_dict(),
        mm_tokens_per_image=4,
        image_token_index=SPECIAL.index("<image_soft_token>"),
        boi_token_index=SPECIAL.index("<start_of_image>"),
        eoi_token_index=SPECIAL.index("<end_of_image>"),
    )
    Gemma3ForConditionalGeneration(config).save_pretrained(folder)
    processor().save_pretrained(folder)
    return folder


@pytest.fixture
def scan(brain_file):
    return load_scan(brain_file)


def test_the_model_sees_every_slice_and_writes_after_the_prompt(checkpoint, scan, monkeypatch):
    monkeypatch.setattr(slices2d, "NEW_TOKENS", 5)
    system = Slices2D(str(checkpoint))
    model, _ = system._loaded
    seen = {}
    generate = model.generate

    def watched(**inputs):
        seen.update(inputs)
        seen["generated"] = generate(**inputs)
        return seen["generated"]

    monkeypatch.setattr(model, "generate", watched)
    texts = system.write(["a", "b"], [scan, scan.mirrored()])
    assert len(texts) == 2
    assert seen["pixel_values"].shape == (SLICES, 3, 32, 32)
    assert (seen["input_ids"] == SPECIAL.index("<image_soft_token>")).sum() == SLICES * 4
    new = seen["generated"][0, seen["input_ids"].shape[1] :]
    assert 1 <= len(new) <= 5
    assert texts[1] == processor().decode(new, skip_special_tokens=True).strip()
    assert seen["do_sample"] is False


def test_the_conversation_is_instruction_numbered_slices_and_prompt(scan):
    (message,) = conversation(scan)
    kinds = [part["type"] for part in message["content"]]
    assert kinds == ["text", *["image", "text"] * SLICES, "text"]
    texts = [part["text"] for part in message["content"] if part["type"] == "text"]
    assert texts == [INSTRUCTION, *(f"SLICE {i}" for i in range(1, SLICES + 1)), CANONICAL_PROMPT.strip()]


def centre_of_bright(picture):
    grey = np.asarray(picture.convert("L"))
    assert (grey == 255).any()
    return np.argwhere(grey == 255).mean(axis=0) / grey.shape


def test_pictures_are_in_radiological_display(scan):
    """The phantom's lesion is on the left, in front and high: to the right, to the top and in the later slices."""
    pictures = slices(scan)
    amount = [(np.asarray(picture)[..., 0] == 255).sum() for picture in pictures]
    brightest = int(np.argmax(amount))
    assert SLICES / 2 < brightest < SLICES * 0.85
    row, column = centre_of_bright(pictures[brightest])
    assert row < 0.45
    assert column > 0.55
    mirrored = slices(scan.mirrored())[brightest]
    assert centre_of_bright(mirrored)[1] == pytest.approx(1 - column, abs=0.03)


def test_the_window_goes_from_black_to_white_and_the_outside_is_black(scan):
    pictures = np.stack([np.asarray(picture) for picture in slices(scan)])
    assert pictures.dtype == np.uint8
    assert (pictures.min(), pictures.max()) == (0, 255)
    assert 100 < np.median(pictures[pictures > 0]) < 200
    assert not pictures[:, :, 0].any()
    assert (pictures[..., 0] == pictures[..., 2]).all()


def test_pictures_are_square_and_do_not_stretch_the_brain(scan):
    affine = scan.affine.copy()
    affine[:, 2] *= 2  # A scan with every second sagittal plane.
    thin = Volume(scan.array[..., ::2], affine, scan.source, scan.brain_mask[..., ::2])
    whole, sparse = (slices(one)[SLICES // 2] for one in (scan, thin))
    assert whole.size[0] == whole.size[1]

    def shape(picture):
        filled = np.argwhere(np.asarray(picture)[..., 0] > 20)
        return np.ptp(filled[:, 1]) / np.ptp(filled[:, 0])

    assert shape(whole) == pytest.approx(66 / 82, abs=0.06)
    assert shape(sparse) == pytest.approx(shape(whole), abs=0.06)


def test_a_scan_of_few_slices_still_gives_all_pictures(scan):
    few = Volume(scan.array[::4], scan.affine, scan.source, scan.brain_mask[::4])
    assert len(slices(few)) == SLICES


@pytest.mark.parametrize(
    ("said", "report"),
    [
        ("**FINDINGS:** A lesion.\n\nIMPRESSION: Glioma.", "A lesion.\nImpression: Glioma."),
        (
            "Clinical history: A left mass.\nTechnique: FLAIR for edema.\nFindings:\nNo lesion is seen.",
            "No lesion is seen.",
        ),
        ("No lesion.\n**Report:**\nNo edema.", "No lesion.\nNo edema."),
        ("Findings show a lesion: large.", "Findings show a lesion: large."),
    ],
)
def test_headings_are_not_part_of_the_report(checkpoint, scan, monkeypatch, said, report):
    system = Slices2D(str(checkpoint))
    model, own = system._loaded
    monkeypatch.setattr(model, "generate", lambda **inputs: inputs["input_ids"])
    monkeypatch.setattr(own, "decode", lambda *_, **__: said)
    assert system.write(["a"], [scan]) == [report]


@pytest.mark.parametrize("source", ["./absent", "google/medgemma-1.5-4b-it"])
def test_weights_that_are_not_there_are_one_line(source):
    with pytest.raises(ModelError) as caught:
        Slices2D(source)
    assert source in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_model_reads_no_pictures(checkpoint, tmp_path):
    from braingemma3d.model.backbones import load_language_model

    load_language_model(checkpoint).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="reads no pictures"):
        Slices2D(str(tmp_path))


def copied(checkpoint, folder, *left_out):
    for path in checkpoint.iterdir():
        if path.name not in left_out:
            (folder / path.name).write_bytes(path.read_bytes())
    return Slices2D(str(folder))


def test_a_folder_without_weights_is_refused_at_once(checkpoint, tmp_path):
    with pytest.raises(ModelError, match="no weights"):
        copied(checkpoint, tmp_path, "model.safetensors")


def test_broken_and_missing_weights_are_refused(checkpoint, tmp_path, scan):
    from safetensors.torch import load_file, save_file

    system = copied(checkpoint, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop(next(name for name in weights if name.endswith("q_proj.weight")))
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights are missing, such as .*q_proj"):
        system.write(["a"], [scan])
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    again = Slices2D(str(tmp_path))
    with pytest.raises(ModelError, match="can't be loaded") as caught:
        again.write(["a"], [scan])
    assert "\n" not in str(caught.value)


def test_a_model_without_a_chat_template_is_refused(checkpoint, tmp_path, scan):
    system = copied(checkpoint, tmp_path, "chat_template.jinja")
    with pytest.raises(ModelError, match="no chat template"):
        system.write(["a"], [scan])


def test_the_phantom_s_lesion_is_where_the_tests_think():
    assert phantom.LESION_RAS_MM[0] < 0 < phantom.LESION_RAS_MM[1]
