"""Writing from two views: a volume and its mirror image are read together, and their texts are mirror images."""

from __future__ import annotations

import re

import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from braingemma3d.findings.mirror import swap_sides


class BothViews(LogitsProcessor):
    """Lets the two halves of a batch write one text, the second half with left and right swapped.

    Row ``i`` of the second half sees the mirror image of what row ``i`` of the first half sees. Both choose the token
    that both together find likeliest, so the text of a mirrored volume is the mirrored text whatever the model has
    learned, but where rounding decides between two tokens. Averaging over mirror images is how nnU-Net predicts
    (Isensee et al., Nature Methods 2021;18:203). For greedy search: drawn at random, the halves would part.

    Args:
        tokenizer: of the model.
        entries: of its vocabulary.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, entries: int) -> None:
        self.swapped = swapped_entries(tokenizer, entries)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(2 x batch, vocabulary) scores of the next token to those that both halves agree on."""
        view, mirrored = scores.float().log_softmax(-1).chunk(2)
        swapped = self.swapped.to(scores.device)
        both = view + mirrored[:, swapped]
        return torch.cat([both, both[:, swapped]])


def swapped_entries(tokenizer: PreTrainedTokenizerBase, entries: int) -> Tensor:
    """The mirror image of each vocabulary entry (entries,): itself, but for those that spell left or right."""
    vocabulary = tokenizer.get_vocab().items()
    sides = [entry for text, entry in vocabulary if entry < entries and re.search("left|right", text, re.IGNORECASE)]
    spelled = {tokenizer.decode([entry]): entry for entry in sides}
    swapped = torch.arange(entries)
    for text, entry in spelled.items():
        swapped[entry] = spelled.get(swap_sides(text), entry)
    return swapped
