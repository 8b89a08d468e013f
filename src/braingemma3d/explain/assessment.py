"""The assessment: a surrogate of each target, and the evidence for and against its map."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from braingemma3d.explain.fidelity import (
    STEPS,
    correlation,
    curve_rows,
    curves,
    localisation,
    random_rows,
    rank_correlation,
    stability,
)
from braingemma3d.explain.lime import LimeSettings, Surrogate, draw_blocks, fit, held_out_r2
from braingemma3d.explain.score import Score, ScoreTable
from braingemma3d.explain.scorecard import CHANCE_CORRELATION, MOST_RANDOMISED, MapCard, Randomisation, judge
from braingemma3d.explain.supervoxels import Supervoxels
from braingemma3d.explain.targets import REPORT, Target
from braingemma3d.findings.extract import extract
from braingemma3d.imaging.volume import Mask

OnProgress = Callable[[int, int], None]
"""Called with the number of perturbed volumes scored so far and the number in all."""


def assess(
    score: Score,
    randomised: Sequence[Score],
    targets: Sequence[Target],
    supervoxels: Supervoxels,
    settings: LimeSettings,
    lesion: Mask | None = None,
    *,
    trained: bool = True,
    progress: OnProgress | None = None,
    clock: Callable[[str], None] = lambda _: None,
) -> tuple[list[Surrogate], list[MapCard]]:
    """Fit the surrogate of every target and gather the evidence on it.

    Args:
        score: (n, supervoxels) bool to (n, targets).
        randomised: the same by the model with shuffled weights, of several shuffles.
        targets: what the columns are.
        supervoxels: of the scan.
        settings: of the surrogate.
        lesion: (D, H, W) on the model's grid.
        trained: whether the model has been.
        progress: told of every batch.
        clock: told the name of each step as it ends.
    """
    count = supervoxels.count
    blocks = draw_blocks(settings, count)
    rows = torch.cat(blocks)
    random = random_rows(count, settings.seed)
    fixed = torch.stack([torch.ones(count), torch.zeros(count)]).bool()
    total = len(rows) + len(random) + len(targets) * 2 * (STEPS + 1) + len(randomised) * len(blocks[0])
    counter = _Counter(total, progress)
    table = ScoreTable(score, settings.batch, counter)

    surrogates = [fit(rows, table, n, settings) for n in range(len(targets))]
    clock("perturb")
    needed = [random, fixed, *(curve_rows(one.attributions) for one in surrogates)]
    # Asked for together, so that no batch is left half full.
    table(torch.cat(needed))
    clock("curves")
    shuffled_tables = [ScoreTable(one, settings.batch, counter) for one in randomised]
    for one in shuffled_tables:
        one(blocks[0])
    counter.finish()
    clock("randomise")

    cards = [
        _card(n, target, one, table, shuffled_tables, blocks, fixed, random, supervoxels, settings, lesion, trained)
        for n, (target, one) in enumerate(zip(targets, surrogates, strict=True))
    ]
    clock("judge")
    return surrogates, cards


def _card(
    number: int,
    target: Target,
    surrogate: Surrogate,
    table: ScoreTable,
    shuffled_tables: Sequence[ScoreTable],
    blocks: Sequence[Tensor],
    fixed: Tensor,
    random: Tensor,
    supervoxels: Supervoxels,
    settings: LimeSettings,
    lesion: Mask | None,
    trained: bool,
) -> MapCard:
    rows = torch.cat(list(blocks))
    scores = table(rows)[:, number].double().numpy()
    agreement = stability([fit(block, table, number, settings).attributions for block in blocks])
    deletion, insertion = curves(surrogate.attributions, table, number, random)
    changed = [fit(blocks[0], one, number, settings).attributions for one in shuffled_tables]
    alike = float(np.mean([correlation(surrogate.attributions, one) for one in changed]))
    randomisation = Randomisation(
        correlation=alike,
        rank_correlation=float(np.mean([rank_correlation(surrogate.attributions, one) for one in changed])),
        passed=alike <= max(MOST_RANDOMISED * agreement.correlation, CHANCE_CORRELATION),
    )
    place = None if lesion is None else localisation(surrogate.attributions, supervoxels, lesion)
    r2 = held_out_r2(rows, scores, settings)
    whole, nothing = table(fixed)[:, number].tolist()
    verdict, reasons = judge(
        trained=trained,
        favoured=target.counterfactual is None or whole > 0,
        variation=float(scores.std()),
        r2_held_out=r2,
        stability=agreement,
        deletion=deletion,
        insertion=insertion,
        randomisation=randomisation,
        localisation=place if _lies_in_the_lesion(target) else None,
    )
    return MapCard(
        name=target.name,
        sentence=target.sentence,
        written=target.written,
        counterfactual=target.counterfactual,
        score=whole,
        score_without_brain=nothing,
        variation=float(scores.std()),
        r2=surrogate.r2,
        r2_held_out=r2,
        stability=agreement,
        deletion=deletion,
        insertion=insertion,
        randomisation=randomisation,
        localisation=place,
        verdict=verdict,
        reasons=reasons,
    )


def _lies_in_the_lesion(target: Target) -> bool:
    """Whether what a map is about does: not pressed ventricles, what is said to be absent, or any other sentence."""
    said = extract(target.written)
    present = {
        REPORT: said.lesion,
        "side": True,
        "lobe": True,
        "lesion": said.lesion,
        "edema": said.edema != "none",
        "necrosis": said.necrosis != "none",
    }
    return present.get(target.name, False)


class _Counter:
    """Adds up the volumes that are scored; those asked for twice are scored once, so the end may come early."""

    def __init__(self, total: int, progress: OnProgress | None) -> None:
        self.total = total
        self.done = 0
        self.progress = progress

    def __call__(self, more: int) -> None:
        self.done = min(self.done + more, self.total)
        if self.progress is not None:
            self.progress(self.done, self.total)

    def finish(self) -> None:
        self(self.total - self.done)
