"""Inflation: a 2D convolution becomes a 3D one that sees a stack of equal slices as the 2D one sees the slice.

Center initialisation and mean ("I3D", Carreira and Zisserman 2017) both keep the response to a constant stack.
"""

from __future__ import annotations

import copy
from typing import Any, Literal

import torch
from torch import nn

from braingemma3d.model.stem import Stem


def inflate_conv(
    conv: nn.Conv2d,
    depth: int,
    stride: int,
    padding: int = 0,
    mode: Literal["center", "mean"] = "center",
    channel_fold: Literal["sum", "mean"] = "sum",
) -> nn.Conv3d:
    """Inflate a convolution that sees pixels, and fold its input channels into one.

    Args:
        conv: (out, in, kh, kw) kernel.
        depth: slices that the 3D kernel spans.
        stride: slices from one patch to the next.
        padding: zero slices before and after the volume.
        mode: ``center``: the 2D kernel in slice ``depth // 2``, zeros elsewhere; ``mean``: repeated, divided by depth.
        channel_fold: ``sum`` keeps the response to a grey image; ``mean`` is the reference code's, a third of it.

    Returns:
        A Conv3d with one input channel and an (out, 1, depth, kh, kw) kernel of the same dtype.
    """
    kernel = conv.weight.detach()
    kernel = kernel.sum(1, keepdim=True) if channel_fold == "sum" else kernel.mean(1, keepdim=True)
    if mode == "center":
        weight = kernel.new_zeros(*kernel.shape[:2], depth, *kernel.shape[2:])
        weight[:, :, depth // 2] = kernel
    else:
        weight = kernel.unsqueeze(2).repeat(1, 1, depth, 1, 1) / depth
    inflated = nn.Conv3d(
        1,
        conv.out_channels,
        (depth, conv.kernel_size[0], conv.kernel_size[1]),
        stride=(stride, conv.stride[0], conv.stride[1]),
        padding=(padding, *_plane_padding(conv)),
        bias=conv.bias is not None,
        dtype=weight.dtype,
    )
    with torch.no_grad():
        inflated.weight.copy_(weight)
        if conv.bias is not None and inflated.bias is not None:
            inflated.bias.copy_(conv.bias)
    return inflated


def inflate_patch_embedding(embedding: nn.Conv2d | Stem, *arguments: Any, **options: Any) -> nn.Conv3d | Stem:
    """Inflate a patch embedding; of a stem the convolution that sees pixels, while the others see one level each.

    Arguments as in :func:`inflate_conv`.
    """
    if isinstance(embedding, nn.Conv2d):
        return inflate_conv(embedding, *arguments, **options)
    first, *others = embedding
    if not isinstance(first, nn.Conv2d):
        raise TypeError(f"a stem begins with a convolution, not {type(first).__name__}")
    levels = [_each_level(layer) if isinstance(layer, nn.Conv2d) else copy.deepcopy(layer) for layer in others]
    return Stem(inflate_conv(first, *arguments, **options), *levels)


def _plane_padding(conv: nn.Conv2d) -> tuple[int, int]:
    """SigLIP's own patch embedding says "valid", which is none."""
    return (0, 0) if isinstance(conv.padding, str) else (int(conv.padding[0]), int(conv.padding[1]))


def _each_level(conv: nn.Conv2d) -> nn.Conv3d:
    (height, width), (down, across) = conv.kernel_size, conv.stride
    padding = (0, *_plane_padding(conv))
    same = nn.Conv3d(conv.in_channels, conv.out_channels, (1, height, width), (1, down, across), padding)
    same.load_state_dict(
        {name: value[:, :, None] if value.ndim == 4 else value for name, value in conv.state_dict().items()}
    )
    return same.to(conv.weight.dtype)
