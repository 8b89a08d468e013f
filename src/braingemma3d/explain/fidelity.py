"""Evidence for and against a map: how stable it is, whether what it marks matters, and where it points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import rankdata
from torch import Tensor

from braingemma3d.explain.score import ScoreTable
from braingemma3d.explain.supervoxels import Supervoxels
from braingemma3d.imaging.volume import Mask

Values = NDArray[np.float64]
STEPS = 10
RANDOM_ORDERS = 5
TOP = 10


class Record(BaseModel):
    """Base of everything in ``scorecard.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Stability(Record):
    """Agreement of maps from independently drawn samples, each fitted to its own part of them."""

    rank_correlation: float = Field(description="Spearman over all supervoxels; most of them carry little but noise.")
    correlation: float = Field(description="Pearson: dominated by the supervoxels that matter.")
    top_overlap: float = Field(description="Share of the ten most supportive supervoxels that they have in common.")


class Curve(Record):
    """Scores while supervoxels are switched off, or on, in the order of their attributions."""

    share: list[float] = Field(description="Share of the supervoxels that is off (deletion) or on (insertion).")
    score: list[float] = Field(description="Score at each share, in nats.")
    area: float = Field(description="Mean height of the curve: low is good for deletion, high for insertion.")
    random_areas: list[float] = Field(description="The same for random orders.")
    gain: float = Field(description="By how much the area is better than the random orders' mean, in nats.")


class Localisation(Record):
    """Where the map points, held against an outline of the lesion."""

    pointing: bool = Field(description="Whether the centre of the most supportive supervoxel lies in the outline.")
    pointing_by_chance: float = Field(description="Share of all supervoxels whose centre does.")
    positive_inside: float = Field(description="Share of the positive attribution that lies in the outline.")
    positive_by_chance: float = Field(description="The same, expected of a random order of the supervoxels.")


def correlation(one: Values, other: Values) -> float:
    """Pearson's, 0 where one of them is constant."""
    if np.ptp(one) < 1e-12 or np.ptp(other) < 1e-12:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def rank_correlation(one: Values, other: Values) -> float:
    """Spearman's, 0 where one of them is constant."""
    return correlation(rankdata(one), rankdata(other))


def stability(maps: Sequence[Values]) -> Stability:
    """Mean agreement over all pairs of maps (supervoxels,)."""
    top = min(TOP, len(maps[0]))
    tops = [{int(k) for k in np.argsort(-one, kind="stable")[:top]} for one in maps]
    return Stability(
        rank_correlation=float(np.mean([rank_correlation(a, b) for a, b in combinations(maps, 2)])),
        correlation=float(np.mean([correlation(a, b) for a, b in combinations(maps, 2)])),
        top_overlap=float(np.mean([len(a & b) / top for a, b in combinations(tops, 2)])),
    )


def keep_after(order: NDArray[np.int64], steps: int) -> Tensor:
    """(steps + 1, supervoxels) bool: all kept, then one more part of ``order`` removed at a time, to nothing."""
    cuts = np.linspace(0, len(order), steps + 1).round().astype(int)
    keep = torch.ones(steps + 1, len(order), dtype=torch.bool)
    for row, cut in enumerate(cuts):
        keep[row, order[:cut].copy()] = False
    return keep


def curve_rows(attributions: Values) -> Tensor:
    """Samples that the deletion curve of a map needs, and after them those of its insertion curve."""
    order = np.argsort(-attributions, kind="stable")
    # Inserting from the best on is the same as deleting from the worst on, read backwards.
    return torch.cat([keep_after(order, STEPS), keep_after(order[::-1], STEPS).flip(0)])


def random_rows(count: int, seed: int) -> Tensor:
    """(RANDOM_ORDERS * (STEPS + 1), supervoxels) bool: deletion in random orders. Backwards it is insertion."""
    rng = np.random.default_rng(seed)
    return torch.cat([keep_after(rng.permutation(count), STEPS) for _ in range(RANDOM_ORDERS)])


def curves(attributions: Values, table: ScoreTable, target: int, random: Tensor) -> list[Curve]:
    """Deletion and insertion curves (Petsiuk et al. 2018) of a map, in nats.

    Args:
        attributions: (supervoxels,).
        table: scores samples.
        target: its column.
        random: what :func:`random_rows` gave.
    """
    scores = table(curve_rows(attributions))[:, target].double().numpy()
    by_chance = table(random)[:, target].double().numpy().reshape(-1, STEPS + 1)
    areas = [_area(one) for one in by_chance]
    share = np.linspace(0, 1, STEPS + 1).round(3).tolist()
    found = []
    for one, better in ((scores[: STEPS + 1], -1.0), (scores[STEPS + 1 :], 1.0)):
        area = _area(one)
        found.append(
            Curve(
                share=share,
                score=one.round(4).tolist(),
                area=area,
                random_areas=areas,
                gain=better * (area - float(np.mean(areas))),
            )
        )
    return found


def _area(scores: Values) -> float:
    return float(np.trapezoid(scores, dx=1 / (len(scores) - 1)))


def localisation(attributions: Values, supervoxels: Supervoxels, mask: Mask) -> Localisation:
    """Hold a map (supervoxels,) against an outline (D, H, W) on the model's grid.

    The pointing game (Zhang et al. 2018) without any tolerance.
    """
    hits = mask[tuple(supervoxels.centres.T)]
    inside = supervoxels.share_inside(mask)
    positive = np.maximum(attributions, 0)
    total = float(positive.sum())
    return Localisation(
        pointing=bool(total > 0 and hits[int(attributions.argmax())]),
        pointing_by_chance=float(hits.mean()),
        positive_inside=float((positive * inside).sum() / total) if total > 0 else 0.0,
        positive_by_chance=float(inside.mean()),
    )
