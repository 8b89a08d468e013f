"""LIME and KernelSHAP over supervoxels: a linear surrogate of the model around one scan."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnLinearModel
from captum.attr import KernelShap, Lime
from captum.attr._core.lime import get_exp_kernel_similarity_function
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LassoCV, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from torch import Tensor
from torch.distributions import Categorical

from braingemma3d.explain.score import BATCH, ScoreTable

Method = Literal["lime", "shap"]

BLOCKS = 2
"""Independently seeded parts of the samples: what they agree on is not chance."""
FOLDS = 5
KERNEL_WIDTH = 0.25
"""Of LIME's exponential kernel on cosine distance, as in its image explainer."""
LEAST = 10
"""Samples of a part: 5 folds of each are left out in turn."""
_SURROGATES: dict[Method, tuple[type[LassoCV | Ridge], dict[str, Any]]] = {
    # Few supervoxels matter: sparse, as captum's own LIME, with the penalty that foretells samples left out best.
    "lime": (LassoCV, {"cv": FOLDS, "eps": 0.01, "max_iter": 2000}),
    # A plain regression: the trace of a penalty settles it with fewer samples than supervoxels, and this solver stays
    # sound with weights of 1,000,000.
    "shap": (Ridge, {"alpha": 1e-3, "solver": "svd"}),
}


@dataclass(frozen=True)
class LimeSettings:
    """How a surrogate is fitted.

    Attributes:
        method: ``lime`` (Ribeiro et al. 2016) or ``shap``, KernelSHAP (Lundberg and Lee 2017).
        samples: perturbed scans.
        seed: of their choice.
        keep_share: chance that LIME keeps a supervoxel; KernelSHAP has its own distribution. Far from the scan, as
            with LIME's customary 0.5, no linear model foretells what the model makes of the patchwork.
        batch: volumes that go through the model together.
    """

    method: Method = "lime"
    samples: int = 500
    seed: int = 0
    keep_share: float = 0.85
    batch: int = BATCH

    def __post_init__(self) -> None:
        if self.samples < LEAST * BLOCKS:
            raise ValueError(f"samples must be at least {LEAST * BLOCKS}, not {self.samples}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be between 0 and 2**32 - 1, not {self.seed}")
        if not 0 < self.keep_share < 1:
            raise ValueError(f"keep_share must be between 0 and 1, not {self.keep_share}")
        if self.method not in ("lime", "shap"):
            raise ValueError(f"method must be lime or shap, not {self.method!r}")


@dataclass(frozen=True)
class Surrogate:
    """A linear model of the score.

    Attributes:
        attributions: (supervoxels,) nats that keeping each adds to the score.
        r2: weighted share of the score's variance that it explains, on the samples it was fitted to.
    """

    attributions: NDArray[np.float64]
    r2: float


def draw_blocks(settings: LimeSettings, count: int) -> list[Tensor]:
    """Samples (n, supervoxels) bool of each block; a block's seed depends on nothing but the setting's."""
    sizes = [len(part) for part in np.array_split(np.arange(settings.samples), BLOCKS)]
    seeds = np.random.SeedSequence(settings.seed).generate_state(BLOCKS)
    return [_draw(settings, count, size, int(seed)) for size, seed in zip(sizes, seeds, strict=True)]


def _draw(settings: LimeSettings, count: int, size: int, seed: int) -> Tensor:
    if settings.method == "lime":
        chance = torch.full((size, count), settings.keep_share)
        rows = torch.bernoulli(chance, generator=torch.Generator().manual_seed(seed)).bool()
        # As in LIME's image explainer, the scan itself is the first sample.
        rows[0] = True
        return rows
    sizes = torch.arange(1, count, dtype=torch.float)
    chances = torch.cat([torch.zeros(1), (count - 1) / (sizes * (count - sizes))])
    # captum draws from torch's global generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = KernelShap(lambda rows: rows).kernel_shap_perturb_generator(
            torch.ones(1, count), num_interp_features=count, num_select_distribution=Categorical(chances)
        )
        return torch.cat([next(drawn) for _ in range(size)]).bool()


def fit(rows: Tensor, table: ScoreTable, target: int, settings: LimeSettings) -> Surrogate:
    """Fit the surrogate of one target with captum.

    Args:
        rows: (n, supervoxels) bool, the samples.
        table: scores them; what it knows already costs nothing, so that all targets share the model's work.
        target: column of the table.
        settings: of the fit.
    """
    count = rows.shape[1]

    def draws(_: Tensor, **__: Any) -> Iterator[Tensor]:
        yield from rows.long().split(1)

    kind, options = _SURROGATES[settings.method]
    surrogate = SkLearnLinearModel(f"linear_model.{kind.__name__}", **options)
    lime = Lime(
        lambda keep: table(keep.bool())[:, target],
        interpretable_model=surrogate,
        similarity_func=_similarity(settings),
        perturb_func=draws,
    )
    with _whatever_the_tolerance():
        found = lime.attribute(
            torch.ones(1, count),
            baselines=torch.zeros(1, count),
            n_samples=len(rows),
            perturbations_per_eval=settings.batch,
            return_input_shape=False,
        )
    attributions = found.flatten().double().numpy()
    scores, weights = table(rows)[:, target].double().numpy(), sample_weights(rows, settings)
    predicted = rows.double().numpy() @ attributions + float(surrogate.bias())
    return Surrogate(attributions, _r2(settings, scores, predicted, weights))


def held_out_r2(rows: Tensor, scores: NDArray[np.float64], settings: LimeSettings) -> float:
    """Share of the variance that a surrogate explains on samples that it was not fitted to, over 5 folds.

    With a hundred supervoxels and a few hundred samples, the share on the fitted samples is high even for noise.
    """
    features, weights = rows.double().numpy(), sample_weights(rows, settings)
    predicted = np.empty(len(features))
    kind, options = _SURROGATES[settings.method]
    for kept, left_out in KFold(FOLDS, shuffle=True, random_state=settings.seed).split(features):
        with _whatever_the_tolerance():
            surrogate = kind(**options).fit(features[kept], scores[kept], sample_weight=weights[kept])
        predicted[left_out] = surrogate.predict(features[left_out])
    return _r2(settings, scores, predicted, weights)


@contextmanager
def _whatever_the_tolerance() -> Iterator[None]:
    """Scores that hardly vary at all never reach it, and the user can do nothing about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def sample_weights(rows: Tensor, settings: LimeSettings) -> NDArray[np.float64]:
    """(n,) weight of each sample: LIME's kernel, or KernelSHAP's 1,000,000 for all and nothing and 1 between."""
    similarity, whole = _similarity(settings), torch.ones(1, rows.shape[1])
    found = [similarity(whole, row, row, num_interp_features=rows.shape[1]) for row in rows.float().split(1)]
    return np.array([float(one) for one in found])


def _similarity(settings: LimeSettings) -> Any:
    if settings.method == "shap":
        return KernelShap(lambda rows: rows).kernel_shap_similarity_kernel
    return get_exp_kernel_similarity_function("cosine", kernel_width=KERNEL_WIDTH)


def _r2(
    settings: LimeSettings, scores: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """Weighted R²; 0 for scores that don't vary, of which there is nothing to explain.

    Not on KernelSHAP's samples of all and nothing: their weight would make them all that counts.
    """
    counted = weights < weights.max() if settings.method == "shap" else np.ones(len(weights), bool)
    if np.ptp(scores[counted]) < 1e-9:
        return 0.0
    return float(r2_score(scores[counted], predicted[counted], sample_weight=weights[counted]))
