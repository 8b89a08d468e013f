"""Maps: shares of labels in cells of patches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import small_models
from braingemma3d.findings.schema import LOBES
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.training.grids import RIGHT, VENTRICLE_CLASS, mirrored_anatomy
from braingemma3d.training.maps import (
    AMOUNTS,
    ANATOMY_CELLS,
    ANATOMY_KINDS,
    LESION_KINDS,
    MapHead,
    amounts_loss,
    as_seen,
    cell_shares,
    joint_shares,
    lesion_cells,
    mirrored_amounts,
    soft_cross_entropy,
    total_amounts,
)


def test_shares_say_what_lies_in_each_cell():
    labels = np.zeros((4, 32, 24), np.uint8)
    labels[0, 0:4, 4:8] = 2
    shares = cell_shares(labels, 4, (2, 8, 8), (1, 2, 2))
    assert shares.shape == (2 * 4 * 3, 4, 4)
    torch.testing.assert_close(shares.sum(-1), torch.ones(24, 4))
    assert shares[0, 1, 2] == 0.5, "first patch, upper row of cells, second column: one of its two slices"
    assert shares[..., 2].sum() == 0.5


def test_patches_are_ordered_as_the_encoders():
    labels = np.zeros((4, 32, 24), np.uint8)
    labels[2:, 8:16, 16:] = 1
    shares = cell_shares(labels, 2, (2, 8, 8), (1, 2, 2))
    (full,) = torch.nonzero(shares[..., 1].sum(-1)).flatten().tolist()
    assert full == 1 * 12 + 1 * 3 + 2


def test_cells_are_cut_along_every_axis_and_what_no_patch_holds_is_left_out():
    labels = np.zeros((5, 14, 11), np.uint8)
    labels[1, 5, 2] = labels[:, -1, :] = 1
    shares = cell_shares(labels, 2, (2, 6, 4), (2, 3, 2))
    assert shares.shape == (2 * 2 * 2, 12, 2)
    (there,) = torch.nonzero(shares[..., 1]).tolist()
    assert there == [0, 1 * 6 + 2 * 2 + 1], "second slice, third row, second column of cells"
    assert shares[tuple(there)][1] == 1 / 4


def test_cells_may_differ_by_a_voxel():
    labels = np.zeros((1, 7, 7), np.uint8)
    labels[:, :3] = 1
    shares = cell_shares(labels, 2, (1, 7, 7), lesion_cells((1, 7, 7)))
    assert shares.shape == (1, 9, 2)
    torch.testing.assert_close(shares[0, :, 1], torch.tensor([1.0] * 3 + [0.0] * 6))


def test_the_lesions_cells_are_of_two_voxels():
    assert lesion_cells((4, 8, 8)) == (2, 4, 4)
    assert lesion_cells((1, 14, 14)) == (1, 7, 7)


def test_the_head_learns_its_maps():
    torch.manual_seed(0)
    head = MapHead(16, (2, 8, 8))
    patches = torch.randn(2, 6, 16)
    lesion = torch.nn.functional.one_hot((patches[..., :4] > 0).long().argmax(-1), LESION_KINDS).float()
    anatomy = torch.nn.functional.one_hot(patches[..., :8].argmax(-1), ANATOMY_KINDS).float()
    lesion, anatomy = lesion[:, :, None].expand(-1, -1, 16, -1), anatomy[:, :, None].expand(-1, -1, 4, -1)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    first = None
    for _ in range(60):
        losses = head.losses(patches, lesion, anatomy)
        first = first or [x.item() for x in losses]
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
    assert all(now.item() < 0.2 * then for now, then in zip(losses, first, strict=True))


def maps_of(*kinds, cells=1200):
    """Shares of one patch's cells: all healthy but the first ones, whose kinds are given."""
    lesion = torch.zeros(1, cells, 1, LESION_KINDS)
    lesion[:, len(kinds) :, :, 0] = 1
    for cell, kind in enumerate(kinds):
        lesion[:, cell, :, kind] = 1
    return lesion


def lesion_loss(lesion, logits):
    """The loss of a head that says the same of every cell."""
    head = MapHead(4, (1, 2, 2))
    torch.nn.init.zeros_(head.lesion.weight)
    with torch.no_grad():
        head.lesion.bias.copy_(torch.tensor(logits))
    patches = torch.zeros(1, lesion.shape[1], 4)
    anatomy = torch.full((1, lesion.shape[1], ANATOMY_CELLS[1] * ANATOMY_CELLS[2], ANATOMY_KINDS), 1 / ANATOMY_KINDS)
    return head.losses(patches, lesion, anatomy)[0].item()


def test_a_single_ill_cell_counts_as_much_as_all_healthy_ones():
    healthy = lesion_loss(maps_of(), [4.0, 0, 0, 0])
    assert lesion_loss(maps_of(3), [4.0, 0, 0, 0]) - healthy > 4


def test_parts_of_a_lesion_count_alike_however_small():
    rim, core = [0.0, 0, 2, 0], [0.0, 0, 0, 2]
    mild = maps_of(2, *[3] * 9)
    assert lesion_loss(mild, rim) == pytest.approx(lesion_loss(mild, core))
    assert lesion_loss(maps_of(*[3] * 9), rim) > lesion_loss(maps_of(*[3] * 9), core)


def test_small_lesions_count_as_much_as_large_ones():
    both = torch.cat([maps_of(*[3] * 8), maps_of(*[3] * 800)])
    which = torch.eye(2)[:, None].expand(-1, both.shape[1], -1)
    anatomy = torch.full((*both.shape[:2], 4, ANATOMY_KINDS), 1 / ANATOMY_KINDS)

    def loss(seen):
        """Of a head that takes all cells of one of the two volumes for core."""
        head = MapHead(2, (1, 2, 2))
        for parameter in head.lesion.parameters():
            torch.nn.init.zeros_(parameter)
        with torch.no_grad():
            head.lesion.weight[3, seen] = 4
        return head.losses(which, both, anatomy)[0].item()

    assert loss(seen=0) == pytest.approx(loss(seen=1))


def map_losses(head_of_feature, lesion, anatomy, which, cells=(1, 2, 2)):
    """Both losses of a head whose logits are given for each of a patch's features: 4 for the kind, 0 for the others."""
    head = MapHead(which.shape[-1], cells)
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        for part, kinds in head_of_feature.items():
            logits = getattr(head, part).weight.view(-1, {"lesion": LESION_KINDS, "anatomy": ANATOMY_KINDS}[part], 2)
            for feature, kind in enumerate(kinds):
                logits[:, kind, feature] = 4
    return [loss.item() for loss in head.losses(which, lesion, anatomy)]


def one_hot(kinds, cells, of):
    """Shares (1, patches, cells, kinds) of patches that are of one kind each."""
    return torch.nn.functional.one_hot(torch.tensor(kinds), of).float()[None, :, None].expand(-1, -1, cells, -1)


def test_one_ventricle_counts_as_much_as_all_other_places():
    places = [VENTRICLE_CLASS, *[1] * 400]
    which = one_hot([0, *[1] * 400], 1, 2)[:, :, 0]
    lesion, anatomy = one_hot([0] * 401, 1, LESION_KINDS), one_hot(places, 4, ANATOMY_KINDS)

    def loss(*kinds):
        return map_losses({"anatomy": kinds}, lesion, anatomy, which)[1]

    assert loss(1, 1) == pytest.approx(loss(VENTRICLE_CLASS, VENTRICLE_CLASS))
    assert loss(1, 1) > loss(VENTRICLE_CLASS, 1) + 1


def test_a_healthy_volume_beside_it_does_not_make_a_lesion_count_less():
    which = one_hot([0] * 8 + [1] * 92, 1, 2)[:, :, 0]
    ill, well = one_hot([3] * 8 + [0] * 92, 1, LESION_KINDS), one_hot([0] * 100, 1, LESION_KINDS)
    anatomy = one_hot([1] * 100, 4, ANATOMY_KINDS)

    def lesion_term(wrong, *volumes):
        """Of a head that takes the lesion's patches for what is given, and all else of the volumes for healthy."""
        seen = torch.cat([which, *[one_hot([1] * 100, 1, 2)[:, :, 0]] * (len(volumes) - 1)])
        maps = torch.cat([*volumes]), anatomy.expand(len(volumes), -1, -1, -1)
        return map_losses({"lesion": (wrong, 0)}, *maps, seen)[0]

    alone = lesion_term(1, ill) - lesion_term(3, ill)
    assert lesion_term(1, ill, well) - lesion_term(3, ill, well) == pytest.approx(alone)
    assert alone > 3


def test_a_speck_counts_by_its_size():
    which, anatomy = torch.ones(1, 10, 2), one_hot([1] * 10, 4, ANATOMY_KINDS)
    healthy = one_hot([0] * 10, 4, LESION_KINDS).clone()
    speck, patch = healthy.clone(), healthy.clone()
    speck[0, 0, 0] = torch.tensor([0.95, 0, 0.05, 0])
    patch[0, 0] = torch.tensor([0.0, 0, 1, 0])
    base, small, large = (
        map_losses({"lesion": (0, 0)}, lesion, anatomy, which, (1, 4, 4))[0] for lesion in (healthy, speck, patch)
    )
    assert small - base < 0.05 * (large - base)


def test_soft_cross_entropy_is_least_at_the_shares():
    shares = torch.tensor([[0.7, 0.3]])
    best = soft_cross_entropy(shares.log(), shares)
    assert best < soft_cross_entropy(torch.tensor([[0.0, 0.0]]), shares)
    assert best.item() == pytest.approx(-(0.7 * np.log(0.7) + 0.3 * np.log(0.3)), abs=1e-6)


def test_ventricles_come_after_the_lobes():
    assert len(LOBES) + 1 == VENTRICLE_CLASS == RIGHT
    assert ANATOMY_KINDS == 1 + 2 * RIGHT


def labels_of(seed):
    rng = np.random.default_rng(seed)
    size = (4, 32, 24)
    return rng.integers(0, LESION_KINDS, size).astype(np.uint8), rng.integers(0, ANATOMY_KINDS, size).astype(np.uint8)


def test_amounts_count_lesion_parts_by_place_and_both_ventricles():
    lesion, anatomy = np.zeros((2, 4, 32, 24), np.uint8)
    anatomy[:] = 2
    anatomy[2:, :8, :8] = VENTRICLE_CLASS + RIGHT
    lesion[:2, :8, 8:16] = 3
    joint = joint_shares(lesion, anatomy, (2, 8, 8))
    cells = np.prod(ANATOMY_CELLS)
    assert joint.shape == (24, cells, LESION_KINDS, ANATOMY_KINDS)
    total = total_amounts(joint)
    assert total.shape == (AMOUNTS,)
    assert total[2 * ANATOMY_KINDS + 2] == cells, "one patch of core in the second lobe"
    assert total[-2:].tolist() == [0, cells]
    assert total.sum() == 2 * cells


def test_mirrored_amounts_are_those_of_the_mirrored_maps():
    lesion, anatomy = labels_of(0)
    mirrored = joint_shares(lesion[..., ::-1], mirrored_anatomy(anatomy), (2, 8, 8))
    there = total_amounts(joint_shares(lesion, anatomy, (2, 8, 8)))
    torch.testing.assert_close(mirrored_amounts(there), total_amounts(mirrored))


def test_joint_shares_add_up_to_those_of_either_map():
    lesion, anatomy = labels_of(1)
    joint = joint_shares(lesion, anatomy, (2, 8, 8))
    for summed, labels, kinds in ((joint.sum(-1), lesion, LESION_KINDS), (joint.sum(-2), anatomy, ANATOMY_KINDS)):
        torch.testing.assert_close(summed, cell_shares(labels, kinds, (2, 8, 8), ANATOMY_CELLS))


def test_ventricles_count_as_much_as_the_lesion():
    amounts = torch.zeros(1, AMOUNTS)
    ventricle, everything_else = torch.zeros(2, 1, AMOUNTS)
    ventricle[:, -2:] = 1
    everything_else[:, :-2] = 1
    torch.testing.assert_close(amounts_loss(ventricle, amounts), amounts_loss(everything_else, amounts))


def test_a_volume_falls_into_the_patches_of_its_model():
    volume = np.arange(1, small_models.TINY.volume_shape[0] + 1, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2))
    assert as_seen(volume, small_models.TINY) is volume
    last = len(volume)

    def seen(**changes):
        config = BrainGemma3DConfig.of_size("tiny", **changes)
        slices = as_seen(volume, config)[:, 0, 0].astype(int).tolist()
        assert len(slices) == config.patch_grid[0] * config.tubelet_depth
        return slices

    assert seen(tubelet_depth=2, tubelet_stride=1)[:6] == [1, 2, 2, 3, 3, 4]
    assert seen(tubelet_depth=1, tubelet_stride=2)[:3] == [1, 3, 5]
    padded = seen(tubelet_depth=2, tubelet_stride=1, depth_padding=1)
    assert (padded[:4], padded[-2:]) == ([0, 1, 1, 2], [last, 0])


def test_amounts_are_learned_as_logarithms():
    amounts = torch.full((1, AMOUNTS), 7.0)
    assert amounts_loss(amounts.log1p(), amounts) == 0
