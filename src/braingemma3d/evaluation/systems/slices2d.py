"""A 2D baseline: the axial slices of a scan, one picture each, in one prompt of a multimodal Gemma 3 such as MedGemma.

The prompt has the order of the reference's baseline: an instruction, then every slice with its number, then the
report's prompt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from braingemma3d.errors import ModelError
from braingemma3d.evaluation.systems.system import Kind
from braingemma3d.imaging.grid import brain_box
from braingemma3d.imaging.volume import Volume
from braingemma3d.model.backbones import check_weights, checkpoint_config, local_snapshot, readable, refuse_missing
from braingemma3d.model.loading import fast_dtype
from braingemma3d.model.processing_braingemma3d import CANONICAL_PROMPT

SLICES = 64
WINDOW = (1.0, 99.0)
"""Percentiles of the brain's intensities that become black and white, as in the reference's baseline."""
NEW_TOKENS = 256
INSTRUCTION = (
    "You are a neuroradiologist. These are axial FLAIR slices of one brain MRI, numbered from the skull base to the "
    "vertex, with the front of the head at the top and the patient's right on the left side of each picture. This is "
    "MRI and not CT: bright areas in the brain are edema or tumor, not blood or bone, and a dark area within them may "
    "be necrosis. Compare the ventricles of both sides. Say where the lesion is, on which side, how it looks, and "
    "whether there are edema, necrosis and compression of the ventricles, or say that there is no lesion."
)
_HEADING = re.compile(r"^[ \t*#]*(findings|impression|report|technique|clinical history)[ \t*]*:[ \t*]*", re.I | re.M)
_ASKED = {"": "", "findings": "", "report": "", "impression": "Impression: "}
"""What stays of a heading and its section. No report of TextBraTS has headings; but what an impression says again is no
repeat, and it has to be told from the findings."""


class Slices2D:
    """A multimodal Gemma 3 that reads a scan slice by slice.

    Weights are loaded with the first scan, so that a finished evaluation needs none.

    Args:
        source: a checkpoint folder or a hub id.
        revision: branch, tag or commit on the hub.

    Raises:
        ModelError: there is no such checkpoint, or it can't read pictures.
    """

    kind: Kind = "baseline"
    needs_scan = True
    knows = ""
    name = "medgemma-2d"
    default = "google/medgemma-1.5-4b-it"

    def __init__(self, source: str = default, revision: str | None = None) -> None:
        self.folder = local_snapshot(source, revision)
        config = checkpoint_config(self.folder)
        if not hasattr(config, "vision_config"):
            raise ModelError(f"{source}: a {config.model_type} model, which reads no pictures", "wrong_backbone")
        check_weights(self.folder)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        with readable(self.folder):
            processor = AutoProcessor.from_pretrained(self.folder)
            model, info = AutoModelForImageTextToText.from_pretrained(
                self.folder,
                dtype=fast_dtype(),
                device_map="auto" if torch.cuda.is_available() else None,
                output_loading_info=True,
            )
        refuse_missing(self.folder, info["missing_keys"])
        if not getattr(processor, "chat_template", None):
            raise ModelError(f"{self.folder}: no chat template; give an instruction-tuned model", "wrong_backbone")
        return model.eval(), processor

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """One report after the other: the slices of a single scan are some 17,000 tokens."""
        return [self._report(volume) for volume in volumes]

    @torch.inference_mode()
    def _report(self, volume: Volume) -> str:
        model, processor = self._loaded
        inputs = processor.apply_chat_template(
            conversation(volume), add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        ).to(model.device, dtype=model.dtype)
        generated = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)
        text = processor.decode(generated[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return without_headings(text)


def without_headings(text: str) -> str:
    """A model's report as those of TextBraTS are, without headings, the patient's history or the technique."""
    first, *rest = _HEADING.split(text)
    sections = [("", first), *zip(rest[::2], rest[1::2], strict=True)]
    kept = [(_ASKED[name.lower()], said.strip()) for name, said in sections if name.lower() in _ASKED]
    return "\n".join(heading + said for heading, said in kept if said)


def conversation(volume: Volume) -> list[dict[str, Any]]:
    """The messages for a scan: instruction, each slice followed by its label, prompt."""
    content: list[dict[str, Any]] = [{"type": "text", "text": INSTRUCTION}]
    for number, picture in enumerate(slices(volume), 1):
        content += [{"type": "image", "image": picture}, {"type": "text", "text": f"SLICE {number}"}]
    content.append({"type": "text", "text": CANONICAL_PROMPT.strip()})
    return [{"role": "user", "content": content}]


def slices(volume: Volume) -> list[Image.Image]:
    """Axial slices at equal distances over the brain's height, from the skull base up.

    A scan with fewer slices shows some of them twice, as in the reference.

    Returns:
        Square RGB pictures in radiological display, with square pixels and black around the brain.
    """
    box = brain_box(volume)
    low, high = np.percentile(volume.array[volume.brain], WINDOW)
    window = np.clip((volume.array[box] - low) / max(high - low, 1e-6), 0, 1)
    grey = np.where(volume.brain[box], window * 255, 0).round().astype(np.uint8)
    _, height_mm, width_mm = (n * s for n, s in zip(grey.shape, volume.spacing, strict=True))
    pixel_mm = min(volume.spacing[1:])
    size = round(width_mm / pixel_mm), round(height_mm / pixel_mm)
    levels = np.linspace(0, len(grey) - 1, SLICES).round().astype(int)
    return [
        _square(Image.fromarray(grey[level, ::-1, ::-1]).resize(size, Image.Resampling.BICUBIC)) for level in levels
    ]


def _square(picture: Image.Image) -> Image.Image:
    """Centred on black: the model's processor stretches every picture to a square."""
    side = max(picture.size)
    canvas = Image.new("L", (side, side))
    canvas.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return canvas.convert("RGB")
