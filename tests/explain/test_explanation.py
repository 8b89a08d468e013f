"""A whole explanation of the tiny model."""

from __future__ import annotations

import numpy as np
import pytest

from braingemma3d.errors import InputError
from braingemma3d.explain.explanation import ExplainSettings, explain
from braingemma3d.explain.scorecard import Scorecard


def test_the_tiny_model_from_scan_to_scorecard(make_explanation, outline, report_text):
    told = []
    found = make_explanation(outline=outline, progress=lambda done, total: told.append((done, total)))
    card = found.scorecard
    assert card.report == report_text
    assert [one.name for one in card.maps][:2] == ["report", "side"]
    assert card.supervoxels.count == found.supervoxels.count == found.attributions.shape[1]
    assert card.maps[0].localisation is not None
    assert card.verdict == card.maps[0].verdict
    assert {"report", "perturb", "curves", "randomise"} <= set(card.timing_s)
    assert told[-1][0] == told[-1][1]
    assert found.map(1).shape == (8, 32, 24)
    assert Scorecard.model_validate_json(card.model_dump_json()) == card
    again = make_explanation(outline=outline)
    assert np.array_equal(again.attributions, found.attributions)


def test_an_untrained_model_is_never_trusted(make_explanation, pipeline, report_text, monkeypatch):
    monkeypatch.setattr(pipeline.model.config, "trained_stage", "untrained")
    monkeypatch.setattr(pipeline, "write", lambda pixels: [report_text])
    card = make_explanation(about="side").scorecard
    assert [one.name for one in card.maps] == ["side"]
    assert card.verdict == "do not use"
    assert "not been trained" in card.reasons[0]


def test_an_outline_that_the_grid_loses_is_refused(make_explanation, outline):
    thin = np.zeros_like(outline)
    thin[tuple(np.argwhere(outline)[0])] = True
    with pytest.raises(InputError, match="too small for the model's grid"):
        make_explanation(outline=thin)


def test_more_supervoxels_than_brain_are_refused(pipeline, volume):
    with pytest.raises(InputError, match="--supervoxels"):
        explain(pipeline, volume, ExplainSettings(supervoxels=10**6))
