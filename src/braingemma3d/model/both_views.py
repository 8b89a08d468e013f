"""Writing from two views: a volume and its mirror image are read together, and their texts are mirror images."""

from __future__ import annotations

import re

import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from braingemma3d.findings.mirror import swap_sides


class BothViews(LogitsProcessor):
    """Lets two views of each volume write one text, the second view with left and right swapped.

    A batch's first rows are the volumes, the next as many their mirror images, in the same order. Both views choose the
    token that both together find likeliest, so the text of a mirrored volume is the mirrored text whatever the model
    has learned, but where rounding decides between two tokens. Averaging over mirror images is how nnU-Net predicts
    (Isensee et al., Nature Methods 2021;18:203). For greedy search: drawn at random, the views would part.

    Args:
        swapped: mirror images of the vocabulary's entries, see :func:`swapped_entries`.
        volumes: that are read so; rows after their two views are left alone.
    """

    def __init__(self, swapped: Tensor, volumes: int) -> None:
        self.swapped = swapped
        self.volumes = volumes

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(2 x volumes + others, vocabulary) scores of the next token to those that both views agree on."""
        views, alone = scores.float().log_softmax(-1).tensor_split([2 * self.volumes])
        view, mirrored = views.chunk(2)
        swapped = self.swapped.to(scores.device)
        both = view + mirrored[:, swapped]
        return torch.cat([both, both[:, swapped], alone])


def swapped_entries(tokenizer: PreTrainedTokenizerBase, entries: int) -> Tensor:
    """The mirror image of each vocabulary entry (entries,): itself, but for those that spell left or right."""
    vocabulary = tokenizer.get_vocab().items()
    sides = [entry for text, entry in vocabulary if entry < entries and re.search("left|right", text, re.IGNORECASE)]
    spelled = {tokenizer.decode([entry]): entry for entry in sides}
    swapped = torch.arange(entries)
    for text, entry in spelled.items():
        swapped[entry] = spelled.get(swap_sides(text), entry)
    return swapped
