"""SLIC inside the brain."""

from __future__ import annotations

import numpy as np
import pytest

from braingemma3d.explain.supervoxels import make_supervoxels


@pytest.fixture
def made(on_grid):
    return make_supervoxels(on_grid.pixels, on_grid.brain, on_grid.spacing, 60)


def test_the_brain_and_nothing_else_is_cut_up_without_gaps(made, on_grid):
    assert np.array_equal(made.labels > 0, on_grid.brain)
    assert np.array_equal(np.unique(made.labels), np.arange(made.count + 1))
    assert 50 <= made.count <= 70


def test_specks_of_the_mask_belong_to_a_piece_too(on_grid):
    brain = on_grid.brain.copy()
    brain[0, 0, 0] = brain[-1, -1, -1] = brain[0, -1, 0:2] = True
    assert np.array_equal(make_supervoxels(on_grid.pixels, brain, on_grid.spacing, 60).labels > 0, brain)


def test_it_is_the_same_every_time(made, on_grid):
    again = make_supervoxels(on_grid.pixels, on_grid.brain, on_grid.spacing, 60)
    assert np.array_equal(made.labels, again.labels)


def test_a_bright_lesion_gets_pieces_of_its_own(made, on_grid):
    share = made.share_inside(on_grid.lesion)
    own = np.isin(made.labels, 1 + np.flatnonzero(share > 0.5))
    assert 2 * (own & on_grid.lesion).sum() / (own.sum() + on_grid.lesion.sum()) > 0.8


def test_sizes_add_up_to_the_brain(made, on_grid):
    assert made.millilitres.sum() == pytest.approx(on_grid.brain.sum() * np.prod(on_grid.spacing) / 1000)
    assert made.millilitres.min() > 0


def test_every_centre_lies_in_its_own_piece(made, blocks):
    assert np.array_equal(made.labels[tuple(made.centres.T)], np.arange(1, made.count + 1))
    # A piece that bends round its centroid.
    bent = np.zeros((5, 5, 1), np.int32)
    bent[0], bent[:, 0] = 1, 1
    assert bent[tuple(type(blocks)(bent, (1.0, 1.0, 1.0)).centres[0])] == 1


def test_values_spread_over_their_pieces(blocks):
    values = np.arange(1.0, 28)
    assert np.array_equal(blocks.spread(values), blocks.labels.astype(np.float32))


def test_share_inside_counts_voxels(blocks):
    mask = np.zeros(blocks.labels.shape, bool)
    mask[1, 1:3, 1:3] = True
    assert blocks.share_inside(mask)[:2].tolist() == [0.5, 0.0]


@pytest.mark.parametrize(("count", "compactness"), [(1, 0.1), (10**6, 0.1), (20, 0.0)])
def test_senseless_settings_are_refused_with_their_value(on_grid, count, compactness):
    with pytest.raises(ValueError, match=str(count) if count != 20 else "0.0"):
        make_supervoxels(on_grid.pixels, on_grid.brain, on_grid.spacing, count, compactness)
