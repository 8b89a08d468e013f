"""The scorecard: the evidence on each map, and a plain verdict."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from braingemma3d.explain.fidelity import Curve, Localisation, Record, Stability
from braingemma3d.report.report import DISCLAIMER, ModelInfo, ReportWarning

Verdict = Literal["trust", "caution", "do not use"]

TRUSTED_R2, LEAST_R2 = 0.6, 0.3
"""Of the score's variance on samples that the surrogate was not fitted to. Below the first, the model is not as linear
around this scan as the map makes it look; below the second, the map says little about the model at all."""
TRUSTED_STABILITY, LEAST_STABILITY = 0.7, 0.3
"""Correlation of two maps that were each drawn from half of the samples: their noise is larger than the whole map's."""
MOST_RANDOMISED = 0.5
"""A map of the model with its projector shuffled must resemble the map by less than this share of the stability. One
that survives shuffled weights shows the scan or the method, not the model (Adebayo et al. 2018)."""
SHUFFLES = 3
"""Times that the weights are shuffled. What a shuffled model reads from a lesion has either sign, so that one such map
resembles the true one half of the time; only a likeness that stays on average comes from the scan or the method."""
CHANCE_CORRELATION = 0.2
"""Two unrelated maps of a hundred supervoxels correlate by up to this (95 % of them), so that much is no likeness."""
LEAST_VARIATION = 1e-3
"""Nats of standard deviation, below which a score does not depend on the scan; bfloat16 alone gives more."""

THRESHOLDS: dict[str, float] = {
    "trusted_r2": TRUSTED_R2,
    "least_r2": LEAST_R2,
    "trusted_stability": TRUSTED_STABILITY,
    "least_stability": LEAST_STABILITY,
    "most_randomised": MOST_RANDOMISED,
    "shuffles": SHUFFLES,
    "chance_correlation": CHANCE_CORRELATION,
    "least_variation_nats": LEAST_VARIATION,
}
"""What the verdicts are based on, as it stands in every scorecard."""


class Randomisation(Record):
    """Maps of the same scan by the model with its projector's weights shuffled, each time differently."""

    correlation: float = Field(description="Pearson, with the model's own map; mean over the shuffles.")
    rank_correlation: float = Field(description="Spearman, with the model's own map; mean over the shuffles.")
    passed: bool = Field(description="Whether the map changed.")


class MapCard(Record):
    """What is known of one map."""

    name: str = Field(description="report, a finding, or 'sentence N'.")
    sentence: int | None = Field(description="The sentence that it belongs to, from 0; null: the whole report.")
    written: str
    counterfactual: str | None = Field(description="What it is contrasted with; null: the likelihood of the text.")
    score: float = Field(description="Log-likelihood, or its difference to the counterfactual's, of the scan: nats.")
    score_without_brain: float = Field(description="The same with every supervoxel switched off.")
    variation: float = Field(description="Standard deviation of the score over the samples, in nats.")
    r2: float = Field(description="Of the surrogate, on the samples that it was fitted to.")
    r2_held_out: float = Field(description="Of the surrogate, on samples left out in turn.")
    stability: Stability
    deletion: Curve
    insertion: Curve
    randomisation: Randomisation
    localisation: Localisation | None = Field(description="null without an outline of the lesion.")
    verdict: Verdict
    reasons: list[str] = Field(description="Why it is not 'trust'; empty if it is.")


class Sizes(Record):
    """The supervoxels."""

    count: int
    compactness: float
    smallest_ml: float
    median_ml: float
    largest_ml: float


class Scorecard(Record):
    """What ``scorecard.json`` holds."""

    id: str
    scan_sha256: str | None = Field(None, description="Hash of the scan's file.")
    report: str
    model: ModelInfo
    verdict: Verdict = Field(description="On attribution.nii.gz, the first of the maps.")
    reasons: list[str]
    warnings: list[ReportWarning] = Field([], description="Those of the report.")
    method: str
    samples: int
    seed: int
    keep_share: float | None = Field(description="Chance that LIME keeps a supervoxel; null for KernelSHAP.")
    baseline: str = Field(description="What a switched-off supervoxel is replaced by.")
    supervoxels: Sizes
    maps: list[MapCard]
    thresholds: dict[str, float] = THRESHOLDS
    timing_s: dict[str, float]
    disclaimer: str = DISCLAIMER


def judge(
    *,
    trained: bool,
    favoured: bool,
    variation: float,
    r2_held_out: float,
    stability: Stability,
    deletion: Curve,
    insertion: Curve,
    randomisation: Randomisation,
    localisation: Localisation | None,
) -> tuple[Verdict, list[str]]:
    """The verdict on a map, and the reasons against it, the gravest first."""
    grave: list[str] = []
    mild: list[str] = []
    if not favoured:
        mild.append("read without its mirror image, the scan speaks for the counterfactual rather than what is written")
    if not trained:
        grave.append("the model has not been trained")
    if variation < LEAST_VARIATION:
        return "do not use", [*grave, "the score does not depend on the scan"]
    if not randomisation.passed:
        grave.append("the map stays the same when the model's projector is shuffled, so it does not show the model")
    if deletion.gain <= 0:
        grave.append("removing what the map marks first matters no more than removing parts at random")
    for value, least, trusted, much, little in (
        (
            r2_held_out,
            LEAST_R2,
            TRUSTED_R2,
            "the model is far from linear around this scan (R² {value:.2f})",
            "the surrogate explains the model only in part (R² {value:.2f})",
        ),
        (
            stability.correlation,
            LEAST_STABILITY,
            TRUSTED_STABILITY,
            "other samples give another map (correlation {value:.2f})",
            "other samples give a somewhat different map (correlation {value:.2f})",
        ),
    ):
        if value < least:
            grave.append(much.format(value=value))
        elif value < trusted:
            mild.append(little.format(value=value))
    if insertion.gain <= 0:
        mild.append("adding what the map marks first helps no more than adding parts at random")
    if localisation is not None and not localisation.pointing:
        mild.append("the map's strongest point lies outside the outlined lesion")
    if grave:
        return "do not use", [*grave, *mild]
    return ("caution", mild) if mild else ("trust", [])
