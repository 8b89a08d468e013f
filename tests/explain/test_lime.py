"""The surrogate, on models whose attributions are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from braingemma3d.explain.lime import LimeSettings, draw_blocks, fit, held_out_r2, sample_weights
from braingemma3d.explain.score import ScoreTable

COUNT = 20
TRUE = (torch.linspace(-2, 3, COUNT) * 64).round() / 64
"""Sums of these are exact in any order, so that a batch's size rounds nothing."""


def linear(keep):
    return torch.stack([keep.float() @ TRUE + 5, -(keep.float() @ TRUE)], dim=1)


@pytest.mark.parametrize("method", ["lime", "shap"])
def test_a_linear_model_is_recovered(method):
    settings = LimeSettings(method, samples=400)
    rows = torch.cat(draw_blocks(settings, COUNT))
    table = ScoreTable(linear, 16)
    for target, sign in ((0, 1), (1, -1)):
        found = fit(rows, table, target, settings)
        assert found.attributions == pytest.approx(sign * TRUE.numpy(), rel=0.05, abs=0.05)
        assert found.r2 == pytest.approx(1, abs=1e-3)
        assert held_out_r2(rows, table(rows)[:, target].double().numpy(), settings) == pytest.approx(1, abs=2e-3)


def test_kernelshap_divides_an_interaction_fairly():
    def both(keep):
        return (keep[:, :1] & keep[:, 1:2]).float()

    settings = LimeSettings("shap", samples=2000)
    found = fit(torch.cat(draw_blocks(settings, 4)), ScoreTable(both), 0, settings).attributions
    # Shapley values of a product of two: one half each, and nothing for the others.
    assert found == pytest.approx([0.5, 0.5, 0, 0], abs=0.05)


def test_all_targets_share_the_models_work():
    asked = []

    def counted(keep):
        asked.append(len(keep))
        return linear(keep)

    settings = LimeSettings(samples=40, keep_share=0.5, batch=16)
    rows = torch.cat(draw_blocks(settings, COUNT))
    table = ScoreTable(counted, settings.batch)
    fit(rows, table, 0, settings)
    different = len({row.numpy().tobytes() for row in rows})
    assert sum(asked) == different
    assert max(asked) == 16
    fit(rows, table, 1, settings)
    assert sum(asked) == different


def test_each_sample_gets_its_own_score_in_any_batch():
    settings = [LimeSettings(samples=60, batch=batch, keep_share=0.5) for batch in (1, 16, 60)]
    rows = torch.cat(draw_blocks(settings[0], COUNT))
    found = [fit(rows, ScoreTable(linear, one.batch), 0, one).attributions for one in settings]
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert found[0] == pytest.approx(found[2], rel=1e-4)


@pytest.mark.parametrize("method", ["lime", "shap"])
def test_draws_depend_on_the_seed_and_on_nothing_else(method):
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    one = draw_blocks(LimeSettings(method, samples=41, seed=7), COUNT)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    again = draw_blocks(LimeSettings(method, samples=41, seed=7), COUNT)
    other = draw_blocks(LimeSettings(method, samples=41, seed=8), COUNT)
    assert [len(block) for block in one] == [21, 20]
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])
    assert not torch.equal(one[0][:20], one[1])
    assert all(block[0].all() for block in one)


def test_lime_keeps_the_share_that_is_asked_for():
    rows = torch.cat(draw_blocks(LimeSettings(samples=500, keep_share=0.8), COUNT))
    assert float(rows.float().mean()) == pytest.approx(0.8, abs=0.02)


def test_samples_that_are_more_like_the_scan_weigh_more():
    rows = torch.ones(3, COUNT).bool()
    rows[1, :5] = rows[2, :15] = False
    whole, most, few = sample_weights(rows, LimeSettings())
    assert whole == pytest.approx(1)
    assert whole > most > few > 0


@pytest.mark.parametrize("method", ["lime", "shap"])
def test_noise_is_not_explained_on_samples_left_out(method):
    settings = LimeSettings(method, samples=100)
    rows = torch.cat(draw_blocks(settings, 60))
    noise = np.random.default_rng(0).standard_normal(100)
    table = ScoreTable(lambda keep: torch.zeros(len(keep), 1))
    table.known = {row.numpy().tobytes(): torch.tensor([x]) for row, x in zip(rows, noise, strict=True)}
    fitted = fit(rows, table, 0, settings).r2
    assert fitted > 0.4 if method == "shap" else fitted < 0.1
    assert held_out_r2(rows, noise, settings) < 0.1


def test_few_supervoxels_that_matter_are_found_among_many_that_do_not():
    def two(keep):
        return 3 * keep[:, :1].float() - 2 * keep[:, 1:2].float()

    settings = LimeSettings(samples=100)
    found = fit(torch.cat(draw_blocks(settings, 90)), ScoreTable(two), 0, settings).attributions
    assert found[:2] == pytest.approx([3, -2], abs=0.1)
    assert np.abs(found[2:]).max() < 0.05


def test_a_score_that_never_changes_is_explained_by_nothing():
    settings = LimeSettings(samples=40)
    rows = torch.cat(draw_blocks(settings, COUNT))
    found = fit(rows, ScoreTable(lambda keep: torch.ones(len(keep), 1)), 0, settings)
    assert np.allclose(found.attributions, 0)
    assert found.r2 == 0
    assert held_out_r2(rows, np.ones(40), settings) == 0


@pytest.mark.parametrize(
    ("option", "value"), [("samples", 7), ("seed", -1), ("keep_share", 0.0), ("keep_share", 1.5), ("method", "grad")]
)
def test_senseless_settings_are_refused_with_their_value(option, value):
    with pytest.raises(ValueError, match=rf"{option}.*{value}"):
        LimeSettings(**{option: value})
