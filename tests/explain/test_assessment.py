"""Surrogates and evidence, on scores whose right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from braingemma3d.explain.assessment import assess
from braingemma3d.explain.lime import LimeSettings
from braingemma3d.explain.targets import Target

SETTINGS = LimeSettings(samples=300, keep_share=0.5)
TARGETS = [Target("side", 0, "It is left.", "It is right.")]


@pytest.fixture
def true(blocks):
    values = torch.zeros(blocks.count)
    values[[4, 12, 20]] = torch.tensor([4.0, -2.0, 1.0])
    return values


def scored_by(values):
    return lambda keep: keep.float() @ values[:, None]


def test_a_linear_model_is_explained_and_trusted(blocks, true):
    other = true.roll(1)
    progress = []
    (surrogate,), (card,) = assess(
        scored_by(true),
        [scored_by(other)],
        TARGETS,
        blocks,
        SETTINGS,
        blocks.labels == 5,
        progress=lambda done, total: progress.append((done, total)),
    )
    assert surrogate.attributions == pytest.approx(true.numpy(), abs=0.15)
    assert card.verdict == "trust"
    assert card.reasons == []
    assert card.r2_held_out > 0.99
    assert card.stability.correlation > 0.99
    assert card.randomisation.passed
    assert card.localisation.pointing
    assert card.score == pytest.approx(3)
    assert card.score_without_brain == 0
    done = [one for one, _ in progress]
    assert done == sorted(done)
    assert progress[-1][0] == progress[-1][1]


def test_a_map_that_survives_shuffled_weights_is_not_to_be_used(blocks, true):
    _, (card,) = assess(scored_by(true), [scored_by(0.5 * true)] * 3, TARGETS, blocks, SETTINGS)
    assert not card.randomisation.passed
    assert card.verdict == "do not use"


def test_one_likeness_is_chance_when_the_next_shuffle_says_the_opposite(blocks, true):
    shuffles = [scored_by(0.5 * true), scored_by(-true), scored_by(true.roll(1))]
    _, (card,) = assess(scored_by(true), shuffles, TARGETS, blocks, SETTINGS)
    assert abs(card.randomisation.correlation) < 0.2
    assert card.randomisation.passed


def test_a_model_that_does_not_look_is_not_to_be_used(blocks, true):
    def constant(keep):
        return torch.full((len(keep), 1), 7.0)

    _, (card,) = assess(constant, [scored_by(true)], TARGETS, blocks, SETTINGS)
    assert card.verdict == "do not use"
    assert "does not depend" in card.reasons[-1]


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (Target("side", 0, "It is left.", "It is right."), True),
        (Target("edema", 0, "Mild edema is seen.", "No edema is seen."), True),
        (Target("edema", 0, "No edema is seen.", "Mild edema is seen."), False),
        (Target("compression", 0, "The left ventricle is compressed.", "It is not."), False),
        (Target("sentence 1", 0, "The lesion is large."), False),
        (Target("report", None, "A lesion is seen in the left frontal lobe."), True),
        (Target("report", None, "No lesion is seen."), False),
    ],
)
def test_a_map_should_point_into_the_lesion_where_what_it_is_about_lies_there(blocks, true, target, wanted):
    elsewhere = blocks.labels == 1
    _, (card,) = assess(scored_by(true), [scored_by(true.roll(1))], [target], blocks, SETTINGS, elsewhere)
    assert not card.localisation.pointing
    assert any("outside the outlined lesion" in reason for reason in card.reasons) == wanted


def test_a_view_that_speaks_for_the_counterfactual_is_named(blocks, true):
    _, (card,) = assess(scored_by(-true), [scored_by(true.roll(1))], TARGETS, blocks, SETTINGS)
    assert card.score < 0
    assert any("counterfactual" in reason for reason in card.reasons)


def test_noise_is_not_to_be_used(blocks, true):
    rng = np.random.default_rng(0)

    def noise(keep):
        return torch.from_numpy(rng.standard_normal((len(keep), 1)))

    _, (card,) = assess(noise, [noise], TARGETS, blocks, SETTINGS)
    assert card.verdict == "do not use"
    assert card.r2_held_out < 0.1
