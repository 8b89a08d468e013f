"""Inflation: a 2D convolution becomes a 3D one that sees a stack of equal slices as the 2D one sees the slice.

Center initialisation and mean ("I3D", Carreira and Zisserman 2017) both keep the response to a constant stack.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn


def inflate_conv(
    conv: nn.Conv2d,
    depth: int,
    stride: int,
    padding: int = 0,
    mode: Literal["center", "mean"] = "center",
    channel_fold: Literal["sum", "mean"] = "sum",
) -> nn.Conv3d:
    """Inflate a patch embedding and fold its input channels into one.

    Args:
        conv: (out, in, kh, kw) kernel without padding.
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
        padding=(padding, 0, 0),
        bias=conv.bias is not None,
        dtype=weight.dtype,
    )
    with torch.no_grad():
        inflated.weight.copy_(weight)
        if conv.bias is not None and inflated.bias is not None:
            inflated.bias.copy_(conv.bias)
    return inflated
