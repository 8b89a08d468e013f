"""The 3D generalist M3D-LaMed (Bai et al., arXiv:2404.00578) as a baseline, through its own code on the hub.

Its interface is that of its authors' quickstart: an array (1, 32, 256, 256) scaled to [0, 1] from its least to its
greatest value, a prompt that begins with as many ``<im_patch>`` as the model makes visual tokens, and
``generate(images, inputs)``, which returns the new tokens alone.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig

from braingemma3d.errors import ModelError
from braingemma3d.evaluation.systems.system import Kind
from braingemma3d.imaging.grid import brain_box
from braingemma3d.imaging.volume import Array, Shape, Volume
from braingemma3d.model.backbones import check_weights, local_snapshot, readable, refuse_missing
from braingemma3d.model.loading import fast_dtype
from braingemma3d.model.processing_braingemma3d import CANONICAL_PROMPT

logger = logging.getLogger(__name__)

NEW_TOKENS = 256
VISUAL_TOKEN = "<im_patch>"  # noqa: S105
VISUAL_TOKENS = 256
"""Where the model's configuration does not say ``proj_out_num``."""
_CODE = ["*.py", "*.txt", "vision_tower.bin"]
_COMMIT = re.compile(r"[0-9a-f]{40}")


class M3D:
    """M3D-LaMed, or another model with its interface.

    Loading it runs Python code that comes with the weights. That happens for a folder that the user names, or for one
    commit of a hub repository: code that somebody may change there tomorrow is never run.

    Args:
        source: a folder, or a hub id.
        revision: the commit on the hub, 40 hexadecimal digits; for :attr:`default` the one below.

    Raises:
        ModelError: there is no such checkpoint, it has no code of its own, or no commit is named.
    """

    kind: Kind = "baseline"
    needs_scan = True
    knows = ""
    name = "m3d"
    default = "GoodBaiBai88/M3D-LaMed-Phi-3-4B"
    commit: str | None = "a4b916a33bc1eb2c679c8e925d36245ffe2a42e3"
    """Of :attr:`default`: its state since July 2024."""
    shape: Shape = (32, 256, 256)

    def __init__(self, source: str | None = None, revision: str | None = None) -> None:
        source = source or self.default
        if not revision and source == self.default:
            revision = self.commit
        if not Path(source).is_dir() and not _COMMIT.fullmatch(revision or ""):
            raise ModelError(
                f"{self.name}: loading it runs code from {source}; read it there and name the commit, "
                f"{self.name}={source}@COMMIT, or give a downloaded folder",
                "remote_code",
            )
        self.folder = local_snapshot(source, revision, _CODE)
        check_weights(self.folder)
        with readable(self.folder):
            settings, _ = PreTrainedConfig.get_config_dict(self.folder)
            _refuse_code_of_others(self.folder)
        if "AutoModelForCausalLM" not in settings.get("auto_map", {}):
            raise ModelError(
                f"{self.folder}: no model code (`auto_map`) in its config.json; add the code of its authors",
                "wrong_backbone",
            )
        self.visual_tokens = int(settings.get("proj_out_num", VISUAL_TOKENS))

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        logger.info("running the code in %s", self.folder)
        with readable(self.folder, "check its files and the versions that its code needs"):
            tokenizer = AutoTokenizer.from_pretrained(self.folder, trust_remote_code=True)
            model, info = AutoModelForCausalLM.from_pretrained(
                self.folder,
                dtype=fast_dtype(),
                device_map="auto" if torch.cuda.is_available() else None,
                trust_remote_code=True,
                output_loading_info=True,
            )
            missing = set(info["missing_keys"]) - self._load_vision_tower(model)
        refuse_missing(self.folder, missing)
        if tokenizer.convert_tokens_to_ids(VISUAL_TOKEN) in (None, tokenizer.unk_token_id):
            raise ModelError(f"{self.folder}: its tokenizer has no {VISUAL_TOKEN}; download it again")
        return model.eval(), tokenizer

    def _load_vision_tower(self, model: Any) -> set[str]:
        """Load what is saved beside the model; returns the names of the weights in the whole model."""
        return set()

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """One report after the other, as the model's own code takes its volumes."""
        return [self._report(pixels(volume, self.shape)) for volume in volumes]

    @torch.inference_mode()
    def _report(self, array: Array) -> str:
        model, tokenizer = self._loaded
        prompt = VISUAL_TOKEN * self.visual_tokens + CANONICAL_PROMPT.strip()
        inputs = tokenizer(prompt, return_tensors="pt")["input_ids"].to(model.device)
        images = torch.from_numpy(array)[None].to(device=model.device, dtype=model.dtype)
        generated = model.generate(images=images, inputs=inputs, max_new_tokens=NEW_TOKENS, do_sample=False)
        return str(tokenizer.batch_decode(generated, skip_special_tokens=True)[0]).strip()


def pixels(volume: Volume, shape: Shape) -> Array:
    """The brain of a scan as these models' ``.npy`` files have it: (1, D, H, W) float32.

    Scaled to [0, 1] by the least and the greatest value, cropped to the brain, resized. Slices are in radiological
    display, as pictures are that come from viewers: the first row is the front, the first column the patient's right.
    """
    from monai.transforms import Resize

    inside = volume.array[volume.brain]
    low, high = float(inside.min()), float(inside.max())
    scaled = np.where(volume.brain, (volume.array - low) / max(high - low, 1e-6), 0).astype(np.float32)
    crop = torch.from_numpy(scaled[brain_box(volume)][:, ::-1, ::-1].copy())[None]
    resized = Resize(shape, mode="trilinear", anti_aliasing=True)(crop)
    return np.clip(np.asarray(resized, dtype=np.float32), 0, 1)


def _refuse_code_of_others(folder: Path) -> None:
    """``REPOSITORY--module.Class`` in an ``auto_map`` runs what another repository holds today."""
    for name in ("config.json", "tokenizer_config.json"):
        path = folder / name
        found = json.loads(path.read_text(encoding="utf-8")).get("auto_map", {}) if path.is_file() else {}
        if "--" in json.dumps(found):
            raise ModelError(
                f"{path}: its `auto_map` names code of another repository; copy that code into the folder and name it "
                "without the repository",
                "remote_code",
            )
