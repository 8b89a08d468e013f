"""The parameter table: how many parameters each component of a model has."""

from __future__ import annotations

import torch

from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration


def parameter_table(size: str) -> dict[str, int]:
    """Parameters by component of a named size, with its LoRA adapters; nothing is allocated.

    Returns:
        Component to count: ``vision encoder``, ``compressor``, ``projector``, ``language model``, ``LoRA``.
    """
    with torch.device("meta"):
        model = BrainGemma3DForConditionalGeneration(BrainGemma3DConfig.of_size(size))
        model.add_lora()
    counts = dict.fromkeys(("vision encoder", "compressor", "projector", "language model", "LoRA"), 0)
    for name, parameter in model.named_parameters():
        component = "LoRA" if "lora_" in name else name.split(".")[0].replace("_", " ")
        counts[component] += parameter.numel()
    return counts
