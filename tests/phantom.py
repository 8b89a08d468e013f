"""A phantom brain: an ellipsoid with grey matter around white, dark ventricles and one bright lesion."""

from __future__ import annotations

import nibabel as nib
import numpy as np

SPACING = 3.0
SHAPE = (56, 68, 52)
LESION_RAS_MM = (-30.0, 30.0, 20.0)
"""Left, frontal, high."""


def coordinates(shape: tuple[int, int, int] = SHAPE, spacing: float = SPACING) -> tuple[np.ndarray, np.ndarray]:
    """Millimetres (3, x, y, z) around the centre of a RAS grid, and its affine."""
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = -spacing * (np.array(shape) - 1) / 2
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")).astype(float)
    return grid * spacing + affine[:3, 3][:, None, None, None], affine


def brain_array(lesion: bool = True, seed: int = 0) -> np.ndarray:
    """(x, y, z) float32 intensities; 0 outside the brain."""
    (x, y, z), _ = coordinates()
    depth = np.sqrt((x / 66) ** 2 + (y / 82) ** 2 + (z / 62) ** 2)
    brain = np.where(depth < 0.85, 300.0, 330.0)
    ventricles = (np.abs(np.abs(x) - 12) < 8) & (np.abs(y) < 30) & (np.abs(z - 5) < 12)
    brain[ventricles] = 60
    if lesion:
        a, b, c = LESION_RAS_MM
        brain[(x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < 15**2] = 620
    brain *= 1 + 0.03 * np.random.default_rng(seed).standard_normal(brain.shape)
    return np.where(depth < 1, brain, 0).astype(np.float32)


def brain_image(lesion: bool = True) -> nib.Nifti1Image:
    """The phantom in RAS with its affine in both the sform and the qform."""
    image = nib.Nifti1Image(brain_array(lesion), coordinates()[1])
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1)
    return image


def head_array(seed: int = 0) -> np.ndarray:
    """(x, y, z) float32: the phantom in a skull and a bright scalp, with noise in the air."""
    (x, y, z), _ = coordinates()
    depth = np.sqrt((x / 66) ** 2 + (y / 82) ** 2 + (z / 62) ** 2)
    head = brain_array(lesion=False)
    head[(depth >= 1) & (depth < 1.1)] = 30
    head[(depth >= 1.1) & (depth < 1.2)] = 500
    noise = np.random.default_rng(seed).standard_normal((2, *head.shape)) * 12
    return np.hypot(head + noise[0], noise[1]).astype(np.float32)


def lesion_mask(value: int = 1) -> nib.Nifti1Image:
    """The lesion of the phantom on its grid, uint8."""
    (x, y, z), affine = coordinates()
    a, b, c = LESION_RAS_MM
    inside = (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < 15**2
    return nib.Nifti1Image(np.where(inside, value, 0).astype(np.uint8), affine)
