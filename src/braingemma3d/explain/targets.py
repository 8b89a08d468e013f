"""Targets: what a map explains, as sums over the tokens of a tree of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from braingemma3d.errors import InputError
from braingemma3d.explain.counterfactual import About, Contrast, contrasts, split_sentences
from braingemma3d.explain.token_tree import TokenTree

REPORT = "report"

Encode = Callable[[str], Sequence[int]]
"""Text to token ids, without special tokens."""


@dataclass(frozen=True)
class Target:
    """One question to the model.

    Attributes:
        name: ``report``, a finding, or ``sentence N``.
        sentence: number of the sentence that the map belongs to; None for the whole report.
        written: the text as the report has it.
        counterfactual: what it is held against; None where the score is the likelihood of ``written`` itself.
        alternatives: the counterfactuals to choose from.
    """

    name: str
    sentence: int | None
    written: str
    counterfactual: str | None = None
    alternatives: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        """The question in words."""
        if self.counterfactual is None:
            what = "the report" if self.sentence is None else "this sentence"
            return f"What makes the model write {what}?"
        return f"What makes it write this, and not “{self.counterfactual}”?"


def plan_targets(text: str, about: About | None = None) -> list[Target]:
    """What can be asked about a report; the first is the main one.

    Args:
        text: the report.
        about: one finding only. By default the whole report, every finding that it states, and every sentence that
            states none.

    Raises:
        InputError: the report is empty, or says nothing about the finding.
    """
    spans = split_sentences(text)
    if not spans:
        raise InputError("the model wrote no report, so there is nothing to explain; try another --model", "no_report")
    found = contrasts(text)
    if about is not None and about not in found:
        known = ", ".join(found) or "none"
        raise InputError(
            f"--about {about}: the report says nothing about it (findings it states: {known}); leave --about out, or "
            "choose another",
            "bad_option",
        )

    def of(contrast: Contrast) -> Target:
        written = spans[contrast.sentence].text
        return Target(contrast.about, contrast.sentence, written, contrast.alternatives[0], contrast.alternatives)

    if about is not None:
        return [of(found[about])]
    told = {contrast.sentence for contrast in found.values()}
    return [
        Target(REPORT, None, text),
        *(of(contrast) for contrast in found.values()),
        *(Target(f"sentence {n + 1}", n, span.text) for n, span in enumerate(spans) if n not in told),
    ]


def writable(text: str, targets: Sequence[Target], can_write: Callable[[str], bool]) -> list[Target]:
    """The targets with those of their counterfactuals that the model can write; without any, a contrast is left out.

    Args:
        text: the report.
        targets: of it.
        can_write: asked of a report's beginning: a word has other vocabulary entries after a blank, after a line break
            and at the start.

    Raises:
        InputError: no target is left.
    """
    kept = []
    spans = split_sentences(text)
    for target in targets:
        before = "" if target.sentence is None else text[: spans[target.sentence].start]
        chosen = tuple(other for other in target.alternatives if can_write(before + other))
        if chosen:
            kept.append(replace(target, counterfactual=chosen[0], alternatives=chosen))
        elif not target.alternatives:
            kept.append(target)
    if not kept:
        raise InputError("the model has no words for the contrary of this finding; leave --about out", "bad_option")
    return kept


def token_weights(text: str, targets: Sequence[Target], encode: Encode) -> tuple[TokenTree, Tensor]:
    """The tree of all texts that the targets need, and how each target adds up its tokens' log-likelihoods.

    A contrast is the log-likelihood of the sentence as written minus that of its counterfactual, both after the same
    beginning of the report; tokens that the two share cancel and are not counted.

    Returns:
        The tree, and weights (targets, nodes): 1 for what is written, -1 for the counterfactual, 0 elsewhere.
    """
    tree = TokenTree()
    spans = split_sentences(text)
    rows: list[dict[int, float]] = []
    for target in targets:
        if target.sentence is None:
            rows.append(dict.fromkeys(tree.add(encode(text)), 1.0))
            continue
        start, end, _ = spans[target.sentence]
        written = tree.add(encode(text[:end]))
        # The likelihood of the sentence alone is held against nothing: its beginning, without the blank after it.
        other = text[:start].rstrip() if target.counterfactual is None else text[:start] + target.counterfactual
        against = tree.add(encode(other)) if other else []
        row = dict.fromkeys(set(written) - set(against), 1.0)
        if target.counterfactual is not None:
            row |= dict.fromkeys(set(against) - set(written), -1.0)
        rows.append(row)
    weights = torch.zeros(len(targets), len(tree))
    for number, row in enumerate(rows):
        weights[number, list(row)] = torch.tensor(list(row.values()))
    return tree, weights


def with_likeliest(text: str, targets: Sequence[Target], score: Callable[[Sequence[Target]], Tensor]) -> list[Target]:
    """Choose each contrast's counterfactual: of its alternatives, the one that the model finds likeliest.

    "Why this?" means "why this rather than that?", and the model's own second choice is the closest "that".

    Args:
        text: the report.
        targets: of it.
        score: targets to their scores (targets,) on the scan as it is.
    """
    tried = [replace(t, counterfactual=other) for t in targets for other in t.alternatives if len(t.alternatives) > 1]
    if not tried:
        return list(targets)
    # The likelier the counterfactual, the lower the contrast.
    order = iter(score(tried).tolist())
    scores = {(t.name, t.counterfactual): value for t, value in zip(tried, order, strict=True)}
    return [_choose(t, scores) if len(t.alternatives) > 1 else t for t in targets]


def _choose(target: Target, scores: dict[tuple[str, str | None], float]) -> Target:
    return replace(target, counterfactual=min(target.alternatives, key=lambda other: scores[target.name, other]))
