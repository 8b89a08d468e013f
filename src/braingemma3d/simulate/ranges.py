"""What the simulation draws from: every range as data, one set for training and one that training never sees.

Intensities are in units of the reference brain intensity (white matter is drawn around 1), lengths in mm, volumes
in ml, angles in degrees. A range is ``(low, high)``, drawn uniformly unless a field says otherwise.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

Range = tuple[float, float]


class Ranges(BaseModel):
    """Ranges of anatomy, lesions, contrast and degradation.

    Raises:
        ValueError: a range's low end lies above its high end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Anatomy
    rotation: Range = (-12.0, 12.0)
    """About each axis, degrees."""
    scale: Range = (0.87, 1.03)
    """Per axis; the atlas brain (1.75 l with sulci and fissures) is on the large side."""
    shear: Range = (-0.05, 0.05)
    translation: Range = (-6.0, 6.0)
    bend: Range = (1.0, 3.5)
    """Standard deviation of the smooth random deformation, mm."""
    bend_scale: Range = (28.0, 45.0)
    """Distance between its control points, mm."""
    ventricle_ml: Range = (4.5, 34.0)
    """One lateral ventricle before any tumour, log-uniform: slit-like in the young to wide in the old. Mean adult
    values are 7-12 ml (Barron et al., Neuroradiology 1976; Scahill et al., Arch. Neurol. 2003)."""
    native_ratio: Range = (0.92, 1.0)
    """Smaller to larger lateral ventricle in a person without mass effect: within the ``none`` band."""
    sulcus: Range = (0.2, 1.6)
    """By how much sulci are narrower than in the atlas, mm on each bank."""

    # Contrast
    white: Range = (0.85, 1.0)
    grey_over_white: Range = (1.0, 1.28)
    csf: Range = (0.04, 0.30)
    """Fluid over white matter; 0.3 is incomplete suppression."""
    structure_jitter: Range = (0.01, 0.05)
    texture: Range = (0.01, 0.045)
    bias: Range = (0.02, 0.16)
    """Standard deviation of the log bias field."""

    # Lesion signal
    edema_signal: Range = (1.42, 2.2)
    core_signal: Range = (1.25, 2.2)
    necrosis_signal: Range = (0.15, 0.98)

    # Confounders
    caps: Range = (0.0, 0.6)
    """Periventricular caps and rims: signal added at the ventricle's wall."""
    spots: Range = (0.0, 14.0)
    """Number of punctate white-matter spots."""
    septum_rim: Range = (0.0, 0.5)
    flow: Range = (0.0, 0.35)
    """Signal of flow artefact added inside the ventricles."""

    # Degradation
    blur: Range = (0.2, 1.1)
    """Gaussian standard deviation, mm."""
    slice_thickness: Range = (1.0, 6.0)
    noise: Range = (0.005, 0.05)
    """Standard deviation of the noise over brain intensity."""
    mask_margin: Range = (-1.6, 1.8)
    """Brain-mask edge against the true hull, mm; negative is eroded."""
    bites: Range = (0.0, 2.5)
    """Number of pieces the brain mask has lost."""
    crop_probability: float = 0.2
    crop: Range = (4.0, 26.0)
    """Field of view cut off at the top or bottom of the brain, mm."""
    gamma: Range = (0.85, 1.2)
    intensity: Range = (150.0, 900.0)
    """Stored value of the reference brain intensity, log-uniform."""

    @model_validator(mode="after")
    def _ordered(self) -> Ranges:
        for name, value in self:
            if isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{name}: low end {value[0]} lies above high end {value[1]}")
        return self


TRAIN = Ranges()

SHIFT = Ranges(
    rotation=(12.0, 18.0),
    scale=(0.82, 0.87),
    shear=(0.05, 0.08),
    bend=(3.5, 4.5),
    grey_over_white=(1.28, 1.42),
    csf=(0.30, 0.42),
    structure_jitter=(0.05, 0.08),
    texture=(0.045, 0.07),
    bias=(0.16, 0.25),
    blur=(1.1, 1.6),
    slice_thickness=(6.0, 7.5),
    noise=(0.05, 0.08),
    mask_margin=(1.8, 3.0),
    bites=(2.5, 5.0),
    gamma=(0.72, 0.85),
)
"""Where ``shift=True`` draws: beyond the training ranges in the fields that are named here, elsewhere as in training.
Signed quantities (rotation, shear) take either sign."""

SHIFTED = tuple(name for name in Ranges.model_fields if name in SHIFT.model_fields_set)
"""Fields whose shifted range has no inner point in common with the training range."""

SHIFTED_PER_CASE = 5
"""Fields that one shifted case has outside training. All fifteen at once would be a scan that nobody could read."""


def ranges_for(shift: bool, rng: np.random.Generator) -> Ranges:
    """The ranges of one case: those of training, or with some fields of :data:`SHIFTED` moved outside them."""
    if not shift:
        return TRAIN
    chosen = rng.choice(SHIFTED, SHIFTED_PER_CASE, replace=False)
    return TRAIN.model_copy(update={str(name): getattr(SHIFT, str(name)) for name in chosen})
