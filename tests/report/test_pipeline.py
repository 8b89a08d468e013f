"""The pipeline, from a file to a report."""

from __future__ import annotations

import json
import re
import shutil

import nibabel as nib
import numpy as np
import pytest
import torch

import phantom
from braingemma3d.errors import InputError, ModelError
from braingemma3d.findings.extract import extract
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.report.pipeline import Pipeline


@pytest.fixture(scope="module")
def pipeline(tiny_checkpoint):
    return Pipeline.from_pretrained(str(tiny_checkpoint))


def test_a_report_says_what_it_rests_on(pipeline, brain_file):
    report = pipeline(brain_file)
    assert report.id == "scan"
    assert report.text
    assert report.findings == extract(report.text)
    assert report.warnings[0].code == "untrained_model"
    assert "already_stripped" in [w.code for w in report.warnings]
    assert report.input.orientation == "RAS"
    assert report.input.shape == (56, 68, 52)
    assert report.input.spacing_mm == pytest.approx((3, 3, 3))
    assert 1200 < report.input.brain_mask_ml < 1600
    assert len(report.model.sha256) == 64
    assert set(report.timing_s) == {"prepare", "write"}
    assert report.checks.mirror_consistent is None, "what an untrained model writes is not worth a check"


def test_the_same_scan_gives_the_same_text(pipeline, brain_file):
    assert pipeline(brain_file).text == pipeline(load_scan(brain_file), "other").text


def test_the_scan_reaches_the_language_model(pipeline, brain_file, save_scan, monkeypatch):
    seen = []
    generate = pipeline.model.generate

    def watched(**inputs):
        seen.append(inputs["visual_tokens"])
        return generate(**inputs)

    monkeypatch.setattr(pipeline.model, "generate", watched)
    pipeline(brain_file)
    pipeline(save_scan(phantom.brain_image(lesion=False), "healthy.nii.gz"))
    assert not torch.equal(seen[0], seen[1])


def test_the_spacing_is_that_of_the_files_axes(pipeline, save_scan):
    brain = phantom.brain_image()
    uneven = nib.Nifti1Image(np.asarray(brain.dataobj), np.diag([2.9, 3.0, 3.1, 1.0]))
    turned = uneven.as_reoriented(nib.orientations.axcodes2ornt("PSL"))
    report = pipeline(save_scan(turned, "turned.nii.gz"))
    ornt = nib.aff2axcodes(turned.affine)
    spacing = {"L": 2.9, "R": 2.9, "P": 3.0, "A": 3.0, "S": 3.1, "I": 3.1}
    assert report.input.orientation == "".join(ornt) != "RAS"
    assert report.input.spacing_mm == pytest.approx([spacing[axis] for axis in ornt])


SIDE = re.compile("left|right", re.IGNORECASE)
LEFT = "A lesion is in the left frontal lobe. There is mild edema."


def trained(pipeline, monkeypatch, *texts):
    """The pipeline of a trained model that writes these: from both views, from one, and from the mirror image."""
    monkeypatch.setattr(pipeline.model.config, "trained_stage", "specialise")
    monkeypatch.setattr(pipeline, "write_and_check", lambda pixels: list(texts))


def test_grounding_alone_is_no_training_to_write(pipeline, brain_file, monkeypatch):
    monkeypatch.setattr(pipeline.model.config, "trained_stage", "ground")
    assert pipeline(brain_file).warnings[0].code == "untrained_model"


def test_the_report_of_the_mirrored_scan_is_the_mirrored_report(pipeline):
    torch.manual_seed(0)
    pixels = torch.rand(3, 1, *pipeline.processor.volume_shape)
    texts = pipeline.write(pixels)
    of_mirror = pipeline.write(pixels.flip(-1))
    assert len(set(texts)) > 1
    # Sides that a random model spells letter by letter stay.
    assert [SIDE.sub("side", text) for text in of_mirror] == [SIDE.sub("side", text) for text in texts]
    assert pipeline.write_from_one_view(pixels) != texts
    known = pipeline.processor.tokenizer.get_vocab()
    pairs = [(known[text], known[text.replace("left", "right")]) for text in known if text.strip("\u0120") == "left"]
    assert pairs
    assert all((pipeline._swapped[left], pipeline._swapped[right]) == (right, left) for left, right in pairs)


def test_one_generation_writes_the_report_and_what_it_is_checked_with(pipeline, monkeypatch):
    torch.manual_seed(1)
    pixels = torch.rand(1, 1, *pipeline.processor.volume_shape)
    apart = [*pipeline.write(pixels), *pipeline.write_from_one_view(torch.cat([pixels, pixels.flip(-1)]))]
    assert len(set(apart)) == 3
    encoded = []
    encode = pipeline.model.encode
    monkeypatch.setattr(pipeline.model, "encode", lambda volumes: encoded.append(len(volumes)) or encode(volumes))
    assert pipeline.write_and_check(pixels) == apart
    assert encoded == [2], "the scan and its mirror image, once"


def test_what_is_returned_is_of_the_scan_and_not_of_its_mirror_image(pipeline, monkeypatch):
    def generate(pixels, both_views=0, copies=1):
        return [f"{'scan' if volume[..., 0].any() else 'mirror'} {copy}" for copy in range(copies) for volume in pixels]

    monkeypatch.setattr(pipeline, "_generate", generate)
    pixels = torch.zeros(2, 1, *pipeline.processor.volume_shape)
    pixels[..., 0] = 1
    assert pipeline.write(pixels) == ["scan 0"] * 2
    assert pipeline.write_and_check(pixels[:1]) == ["scan 0", "scan 1", "mirror 1"]


def test_a_trained_model_is_asked_about_the_scan_and_its_mirror_image_alone(pipeline, brain_file, monkeypatch):
    mild = LEFT.replace("mild", "moderate")
    trained(pipeline, monkeypatch, LEFT, mild, mild.replace("left", "right"))
    report = pipeline(brain_file)
    assert report.text == LEFT
    assert report.checks.mirror_consistent is True
    assert not {"untrained_model", "mirror_inconsistent", "flawed_text"} & {w.code for w in report.warnings}


def test_a_side_that_does_not_swap_is_called_unreliable(pipeline, brain_file, monkeypatch):
    trained(pipeline, monkeypatch, LEFT, LEFT, LEFT)
    report = pipeline(brain_file)
    assert report.checks.mirror_consistent is False
    assert report.warnings[0].code == "mirror_inconsistent"
    assert "(side)" in report.warnings[0].message


def test_texts_that_say_nothing_of_a_lesion_are_no_mirror_images(pipeline, brain_file, monkeypatch):
    trained(pipeline, monkeypatch, LEFT, "There is no edema. There is no necrosis.", "There is no edema.")
    report = pipeline(brain_file)
    assert report.checks.mirror_consistent is False
    assert "(lesion)" in report.warnings[0].message


def test_a_text_that_contradicts_itself_is_warned_of(pipeline, brain_file, monkeypatch):
    trained(pipeline, monkeypatch, f"{LEFT} {LEFT}", LEFT, LEFT.replace("left", "right"))
    report = pipeline(brain_file)
    assert report.checks.flaws == ["repeats itself"]
    assert report.warnings[0].code == "flawed_text"


def test_a_bad_scan_is_refused(pipeline, tmp_path):
    with pytest.raises(InputError):
        pipeline(tmp_path / "absent.nii.gz")


@pytest.mark.parametrize(
    ("file", "text"),
    [("config.json", '"compressor_heads": 0'), ("config.json", '"volume_shape": []'), ("processor_config.json", None)],
)
def test_a_damaged_model_is_one_line(tiny_checkpoint, tmp_path, file, text):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "model")
    settings = json.loads((folder / file).read_text())
    damaged = [] if text is None else settings | json.loads("{" + text + "}")
    (folder / file).write_text(json.dumps(damaged))
    with pytest.raises(ModelError, match=r"model.*download"):
        Pipeline.from_pretrained(str(folder))
