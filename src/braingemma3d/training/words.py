"""Findings as words: what the first visual tokens learn to be.

A frozen language model knows its own words. So each finding has a visual token of its own, which learns to be the input
embedding of the words for its value ("left", "mild edema"); what is left to learn when reports are written is to repeat
what it reads.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from braingemma3d.findings.extract import read
from braingemma3d.findings.schema import DEGREES, LOBES
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.model.projector import Projector
from braingemma3d.training.processes import fair_count

UNTOLD = -100
"""In place of an answer: the report does not mention it, or tells a value without a word here, such as a hedged one."""


class Question(NamedTuple):
    """What one visual token tells: a field of the findings, and its values with the words for them."""

    field: str
    words: dict[str, str]


QUESTIONS = (
    Question("lesion", {"True": "lesion", "False": "healthy"}),
    Question("side", {"none": "no", **{side: side for side in ("left", "right", "bilateral", "midline")}}),
    *(Question("lobes", {"": "no", lobe: lobe}) for lobe in LOBES),
    Question("edema", {"none": "no edema", "present": "edema", **{one: f"{one} edema" for one in DEGREES}}),
    Question("necrosis", {"none": "no necrosis", "present": "necrosis"}),
    Question(
        "ventricular_compression",
        {"none": "no compression", "present": "compression", **{one: f"{one} compression" for one in DEGREES}},
    ),
)
"""In the order of their visual tokens."""
WORDS = tuple(dict.fromkeys(word for question in QUESTIONS for word in question.words.values()))


def answers(report: str) -> Tensor:
    """(questions,) int64: place in :data:`WORDS` of a report's answer to each question, or :data:`UNTOLD`."""
    reading = read(report)
    findings, known = reading.findings(), reading.mentioned()
    values = findings.model_dump(mode="json")
    # A necrosis has no degrees here: it is there or not.
    values["necrosis"] = "present" if findings.necrosis in DEGREES else findings.necrosis
    chosen = []
    for field, words in QUESTIONS:
        said = values[field]
        value = next((lobe for lobe in said if lobe in words), "") if isinstance(said, list) else str(said)
        chosen.append(WORDS.index(words[value]) if field in known and value in words else UNTOLD)
    return torch.tensor(chosen)


def match_scale(projector: Projector, tokens: Tensor, words: Tensor) -> None:
    """Set the projector's scale so that the visual tokens that it makes are as large as the embeddings of words.

    A scale that Adam moves by a thousandth a step would take thousands of steps to find it.

    Args:
        projector: that made the tokens.
        tokens: (batch, visual tokens, text_dim).
        words: (words, text_dim) input embeddings.
    """
    ratio = words.float().pow(2).mean().sqrt() / tokens.float().pow(2).mean().sqrt()
    projector.scale.data.mul_(ratio)


class TokensAsWords(nn.Module):
    """How far the first visual tokens are from being the words of their findings.

    Args:
        model: whose input embeddings the words have, with at least a visual token for each of :data:`QUESTIONS`.
        tokenizer: that fits it.
    """

    def __init__(self, model: BrainGemma3DForConditionalGeneration, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__()
        embedding = model.get_input_embeddings()
        device = next(embedding.parameters()).device
        with torch.no_grad():
            rows = [embedding(_entries(tokenizer, word).to(device)).float().mean(0) for word in WORDS]
        allowed = torch.tensor([[word in words.values() for word in WORDS] for _, words in QUESTIONS])
        self.register_buffer("words", torch.stack(rows), persistent=False)
        self.register_buffer("allowed", allowed.to(device), persistent=False)

    def forward(self, tokens: Tensor, told: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Two losses.

        Args:
            tokens: (batch, visual tokens, text_dim).
            told: (batch, questions) of :func:`answers`.
            scale: factor of the cosine similarity, the inverse temperature.

        Returns:
            Cross-entropy of each question's answer among its words, by the cosine of token and word around the mean
            of all words; and mean squared distance of tokens and words, in units of a word's mean square.
        """
        words = self.get_buffer("words")
        tokens, centre = tokens[:, : len(QUESTIONS)].float(), words.mean(0)
        with torch.autocast(tokens.device.type, enabled=False):
            near = functional.normalize(tokens - centre, dim=-1) @ functional.normalize(words - centre, dim=-1).T
            alike = near * scale
        alike = alike.masked_fill(~self.get_buffer("allowed"), -torch.inf)
        known = told != UNTOLD
        count = fair_count(known.sum())
        chosen = functional.cross_entropy(alike.flatten(0, 1), told.flatten(), ignore_index=UNTOLD, reduction="sum")
        apart = ((tokens - words[told.clamp_min(0)]).pow(2).mean(-1) * known).sum() / words.pow(2).mean()
        return chosen / count, apart / count


def _entries(tokenizer: PreTrainedTokenizerBase, word: str) -> Tensor:
    # With its blank, as inside a text.
    return torch.tensor(tokenizer(f" {word}", add_special_tokens=False)["input_ids"])
