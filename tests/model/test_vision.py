"""The 3D encoder knows where a patch is, along every axis."""

from __future__ import annotations

import pytest
import torch

from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.vision import VisionEncoder3D, coordinate_positions, interpolate_plane


@pytest.fixture
def encoder() -> VisionEncoder3D:
    torch.manual_seed(0)
    encoder = VisionEncoder3D(BrainGemma3DConfig.of_size("tiny")).eval()
    torch.nn.init.normal_(encoder.plane_positions, std=0.02)
    return encoder


def reversed_levels(encoder: VisionEncoder3D, pixels: torch.Tensor) -> torch.Tensor:
    """Tokens of the volume with its levels in reverse order, put back into the order of the volume."""
    depth = encoder.config.tubelet_depth
    turned = pixels.unflatten(2, (-1, depth)).flip(2).flatten(2, 3)
    return encoder(turned).unflatten(1, (encoder.config.patch_grid[0], -1)).flip(1).flatten(1, 2)


def test_shape(encoder):
    assert encoder(torch.rand(2, 1, 8, 32, 24)).shape == (2, 4 * 4 * 3, 32)


def test_the_depth_embedding_starts_without_influence(encoder):
    pixels = torch.rand(1, 1, 8, 32, 24)
    with torch.inference_mode():
        torch.testing.assert_close(reversed_levels(encoder, pixels), encoder(pixels), atol=1e-5, rtol=1e-4)


def test_a_trained_depth_embedding_makes_slice_order_visible(encoder):
    torch.nn.init.normal_(encoder.depth_positions, std=0.02)
    pixels = torch.rand(1, 1, 8, 32, 24)
    with torch.inference_mode():
        assert (reversed_levels(encoder, pixels) - encoder(pixels)).abs().max() > 1e-3


def test_the_depth_embedding_receives_a_gradient(encoder):
    (encoder(torch.rand(1, 1, 8, 32, 24)) ** 3).sum().backward()
    assert encoder.depth_positions.grad.abs().max() > 0


def test_without_a_depth_embedding_slice_order_stays_hidden():
    encoder = VisionEncoder3D(BrainGemma3DConfig.of_size("tiny", positions="plane")).eval()
    torch.nn.init.normal_(encoder.plane_positions, std=0.02)
    pixels = torch.rand(1, 1, 8, 32, 24)
    with torch.inference_mode():
        torch.testing.assert_close(reversed_levels(encoder, pixels), encoder(pixels), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("attention", "mixes"), [("volume", True), ("slice", False)])
def test_levels_see_each_other_unless_attention_stays_within_the_slice(attention, mixes):
    torch.manual_seed(0)
    encoder = VisionEncoder3D(BrainGemma3DConfig.of_size("tiny", attention=attention)).eval()
    pixels = torch.rand(1, 1, 8, 32, 24)
    other = pixels.clone()
    other[:, :, 6:] = 0
    some = torch.tensor([[0, 1, 5, 7, 13, 20, 22, 30, 40, 44]])
    for kept in (None, torch.arange(48)[None], some):
        with torch.inference_mode():
            change = (encoder(pixels, kept) - encoder(other, kept)).abs().amax(-1)[0]
        last = (torch.arange(48) if kept is None else kept[0]) >= 36
        assert change[last].min() > 1e-3
        assert bool(change[~last].max() > 1e-5) is mixes
    with torch.inference_mode():
        torch.testing.assert_close(encoder(pixels, torch.arange(48)[None]), encoder(pixels), atol=1e-5, rtol=1e-4)


def test_the_reference_positions_hide_slice_order():
    """The trap: what all channels share is removed by LayerNorm, however large the network's inputs are."""
    positions = coordinate_positions((4, 4, 3), 32)
    centred = positions - positions.mean(dim=-1, keepdim=True)
    levels = centred.unflatten(0, (4, -1))
    torch.testing.assert_close(levels[0], levels[-1], atol=1e-6, rtol=0)


def test_reference_positions_by_hand():
    positions = coordinate_positions((2, 3, 2), 5).unflatten(0, (2, 3, 2))
    torch.testing.assert_close(positions[1, 2, 0], torch.tensor([2.0, 0.0, 1.0, 1.0, 1.0]))


def test_positions_are_kept_when_the_grid_is_the_same():
    positions = torch.rand(16, 8)
    torch.testing.assert_close(interpolate_plane(positions, 4, 4), positions)


def test_positions_are_interpolated_along_the_right_axes():
    rows = torch.arange(4.0).repeat_interleave(4)[:, None]
    taller = interpolate_plane(rows, 8, 3).reshape(8, 3)
    assert (taller.diff(dim=0) > 0).all()
    torch.testing.assert_close(taller.diff(dim=1), torch.zeros(8, 2), atol=1e-5, rtol=0)


def test_another_shape_is_refused_with_both_in_the_message(encoder):
    with pytest.raises(ValueError, match=r"8, 32, 24.*9, 32, 24"):
        encoder(torch.rand(1, 1, 9, 32, 24))
