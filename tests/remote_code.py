"""A folder like those of the 3D generalists on the hub: a model with Python code of its own, and its interface.

The stand-in looks at what it is given: it says where the brightest voxel is, and keeps what it was called with.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

WORDS = ["<pad>", "<unk>", "</s>", "<im_patch>", "picture-left", "picture-right", "front", "back", "low", "high"]
CONFIGURATION = """
from transformers import PretrainedConfig


class StandInConfig(PretrainedConfig):
    model_type = "stand_in"
"""
MODELING = """
import torch
from transformers import PreTrainedModel

from .configuration_stand_in import StandInConfig


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.vision_tower = torch.nn.Linear(2, 2)


class StandInForCausalLM(PreTrainedModel):
    config_class = StandInConfig

    def __init__(self, config):
        super().__init__(config)
        self.model = Inner()
        self.head = torch.nn.Linear(2, 2, bias=False)
        self.calls = []
        self.post_init()

    def get_model(self):
        return self.model

    def _init_weights(self, module):
        pass

    def generate(self, images=None, inputs=None, seg_enable=False, **kwargs):
        self.calls.append({"images": images, "inputs": inputs, **kwargs})
        d, h, w = (int(place) for place in torch.unravel_index(images[0, 0].argmax(), images.shape[2:]))
        in_first = [place < size / 2 for place, size in zip((w, h, d), images.shape[:1:-1])]
        return torch.tensor([[first if said else first + 1 for first, said in zip((4, 6, 8), in_first)] + [2]])
"""


def save_stand_in(folder: Path, proj_out_num: int | None = 7, vision_tower: bool = False, head: bool = True) -> Path:
    """Write the folder.

    Args:
        folder: that exists.
        proj_out_num: visual tokens; None leaves it out of the configuration.
        vision_tower: save the tower's weights in ``vision_tower.bin`` and not with the others.
        head: whether the head's weights are there.
    """
    (folder / "configuration_stand_in.py").write_text(CONFIGURATION)
    (folder / "modeling_stand_in.py").write_text(MODELING)
    settings = {
        "model_type": "stand_in",
        "architectures": ["StandInForCausalLM"],
        "auto_map": {
            "AutoConfig": "configuration_stand_in.StandInConfig",
            "AutoModelForCausalLM": "modeling_stand_in.StandInForCausalLM",
        },
    }
    if proj_out_num is not None:
        settings["proj_out_num"] = proj_out_num
    (folder / "config.json").write_text(json.dumps(settings))
    tower = {"weight": torch.full((2, 2), 3.0), "bias": torch.full((2,), 4.0)}
    weights = {"head.weight": torch.ones(2, 2)} if head else {}
    if vision_tower:
        torch.save(tower, folder / "vision_tower.bin")
    else:
        weights |= {f"model.vision_tower.{name}": value for name, value in tower.items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    save_words(folder, WORDS)
    return folder


def save_words(folder: Path, words: list[str]) -> None:
    """A tokenizer of whole words."""
    backend = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = [word for word in words if word == "<im_patch>"]
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="</s>",
        extra_special_tokens={"patch": special[0]} if special else {},
    ).save_pretrained(folder)
