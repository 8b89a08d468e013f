"""The average brain of the tissue prior, with the brightness of each tissue chosen."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from braingemma3d.imaging.contrast import PRIOR_FILE


def average_brain(grey: float, white: float, csf: float) -> tuple[np.ndarray, np.ndarray]:
    """(D, H, W) float32 with some noise, 150 x 190 x 150 mm, 0 outside the brain; and its affine."""
    with np.load(PRIOR_FILE) as file:
        prior = torch.from_numpy(file["prior"].astype(np.float32) / 255)
    shares = functional.interpolate(prior[None], (50, 63, 50), mode="trilinear")[0].numpy()
    array = np.tensordot([grey, white, csf], shares, axes=1)
    array *= 1 + 0.05 * np.random.default_rng(0).standard_normal(array.shape)
    inside = np.pad(np.where(shares.sum(axis=0) > 0.5, array, 0), 3).astype(np.float32)
    affine = np.array([[0, 0, 3.0, 0], [0, 3.0, 0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1]])
    return inside, affine
