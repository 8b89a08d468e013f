"""The explanation of one report: maps of what made the model write it, and their scorecard."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from braingemma3d.errors import InputError
from braingemma3d.explain.assessment import OnProgress, assess
from braingemma3d.explain.counterfactual import About
from braingemma3d.explain.lime import LimeSettings
from braingemma3d.explain.perturb import BASELINES, Baseline, Perturbation, baseline_pixels
from braingemma3d.explain.score import ModelScorer
from braingemma3d.explain.scorecard import SHUFFLES, Scorecard, Sizes
from braingemma3d.explain.supervoxels import COUNT, Supervoxels, make_supervoxels
from braingemma3d.explain.targets import plan_targets
from braingemma3d.imaging.grid import labels_to_grid, to_grid
from braingemma3d.imaging.volume import Affine, Array, Mask, Volume
from braingemma3d.report.pipeline import Pipeline
from braingemma3d.report.report import Report


@dataclass(frozen=True)
class ExplainSettings:
    """What is asked, and how.

    Attributes:
        about: one finding; None: the whole report, all of its findings and sentences.
        supervoxels: how many.
        baseline: what a switched-off supervoxel is replaced by.
        lime: the surrogate.
    """

    about: About | None = None
    supervoxels: int = COUNT
    baseline: Baseline = "healthy"
    lime: LimeSettings = field(default_factory=LimeSettings)


@dataclass(frozen=True)
class Explanation:
    """Maps of one report.

    Attributes:
        report: that is explained.
        volume: its scan.
        supervoxels: on the model's grid.
        grid_affine: of the model's grid, (d, h, w) to RAS millimetres.
        attributions: (maps, supervoxels), in the order of ``scorecard.maps``.
        scorecard: on all maps.
    """

    report: Report
    volume: Volume
    supervoxels: Supervoxels
    grid_affine: Affine
    attributions: NDArray[np.float64]
    scorecard: Scorecard

    def map(self, number: int = 0) -> Array:
        """One map (D, H, W) on the model's grid, in nats; 0 outside the brain."""
        return self.supervoxels.spread(self.attributions[number])


def explain(
    pipeline: Pipeline,
    volume: Volume,
    settings: ExplainSettings | None = None,
    outline: Mask | None = None,
    report: Report | None = None,
    progress: OnProgress | None = None,
) -> Explanation:
    """Explain the report of a scan.

    Args:
        pipeline: the loaded model.
        volume: from :func:`braingemma3d.imaging.preprocess.load_scan`.
        settings: the defaults, if None.
        outline: of the lesion on the volume's grid (D, H, W), to hold the maps against.
        report: of this volume by this pipeline; written here, if None.
        progress: told of every batch.

    Raises:
        InputError: the report is empty, says nothing about what is asked, or the model could not have written it or
            its contrary; the brain is too small for so many supervoxels; or the outline falls between the voxels of
            the model's grid.
    """
    settings = settings or ExplainSettings()
    report = report or pipeline(volume)
    timing = {"report": round(sum(report.timing_s.values()), 3)}
    clock = _Clock(timing)
    shape = pipeline.processor.volume_shape
    pixels, affine = to_grid(volume, shape)
    brain = labels_to_grid(volume.brain.astype(np.uint8), volume, shape) > 0
    lesion = None if outline is None else labels_to_grid(outline.astype(np.uint8), volume, shape) > 0
    if lesion is not None and not lesion.any():
        raise InputError("--mask: the outline is too small for the model's grid; leave it out", "bad_outline")
    spacing = tuple(voxel_sizes(affine).tolist())
    try:
        supervoxels = make_supervoxels(pixels, brain, spacing, settings.supervoxels)
    except ValueError as error:
        raise InputError(f"--supervoxels: {error}", "bad_option") from error
    perturbation = Perturbation(pixels, baseline_pixels(pixels, brain, spacing, settings.baseline), supervoxels)
    targets = plan_targets(report.text, settings.about)
    clock("prepare")

    scorer = ModelScorer(pipeline.model, pipeline.processor, perturbation, report.text, targets)
    surrogates, cards = assess(
        scorer,
        [scorer.shuffled(settings.lime.seed + n) for n in range(SHUFFLES)],
        scorer.targets,
        supervoxels,
        settings.lime,
        lesion,
        trained=pipeline.model.config.writes_reports,
        progress=progress,
        clock=clock,
    )
    sizes = supervoxels.millilitres
    scorecard = Scorecard(
        id=report.id,
        scan_sha256=report.input.sha256,
        report=report.text,
        model=report.model,
        verdict=cards[0].verdict,
        reasons=cards[0].reasons,
        warnings=report.warnings,
        method=settings.lime.method,
        samples=settings.lime.samples,
        seed=settings.lime.seed,
        keep_share=settings.lime.keep_share if settings.lime.method == "lime" else None,
        baseline=BASELINES[settings.baseline],
        supervoxels=Sizes(
            count=supervoxels.count,
            compactness=supervoxels.compactness,
            smallest_ml=round(float(sizes.min()), 2),
            median_ml=round(float(np.median(sizes)), 2),
            largest_ml=round(float(sizes.max()), 2),
        ),
        maps=cards,
        timing_s=timing,
    )
    attributions = np.stack([one.attributions for one in surrogates])
    return Explanation(report, volume, supervoxels, affine, attributions, scorecard)


class _Clock:
    """Notes the seconds since the step before."""

    def __init__(self, timing: dict[str, float]) -> None:
        self.timing = timing
        self.last = time.perf_counter()

    def __call__(self, step: str) -> None:
        now = time.perf_counter()
        self.timing[step] = round(now - self.last, 3)
        self.last = now
