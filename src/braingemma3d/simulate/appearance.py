"""FLAIR contrast for a labelled head, with or without a lesion, drawn label by label.

Domain randomisation in the manner of SynthSeg (Billot et al., Medical Image Analysis 2023) and SynthStrip (Hoopes
et al., NeuroImage 2022), kept to FLAIR's order of tissues: fluid dark, grey matter a little brighter than white.
Every draw comes from the ``rng`` in an order that doesn't depend on the lesion, so a head looks the same with and
without one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braingemma3d.simulate.anatomy import COARSE, Anatomy, coarse_grid
from braingemma3d.simulate.atlas import TISSUE, TISSUES, load_atlas
from braingemma3d.simulate.fields import Array, between, sample, smooth_noise, upsample
from braingemma3d.simulate.ranges import Range, Ranges
from braingemma3d.simulate.tumour import Lesion

OVER_WHITE: dict[str, Range] = {
    "white_matter": (1.0, 1.0),
    "callosum": (0.85, 1.0),
    "thalamus": (0.96, 1.12),
    "caudate": (1.0, 1.2),
    "putamen": (0.97, 1.16),
    "pallidum": (0.8, 1.0),
    "diencephalon": (0.9, 1.08),
    "brainstem": (0.88, 1.08),
    "cerebellar_cortex": (0.94, 1.16),
    "cerebellar_white_matter": (0.9, 1.04),
}
"""Mean signal of a tissue over that of cerebral white matter; cortex is drawn from the ranges. Pallidum and dentate
are darker for their iron."""
LIMBIC_OVER_CORTEX: Range = (1.0, 1.1)
SULCAL_OVER_CSF: Range = (0.8, 2.0)
"""Fluid in sulci is less well suppressed than in ventricles, and never without pial vessels."""
DURA: Range = (0.0, 0.9)
"""What a mask that is too wide shows outside the brain."""
FOLIA: Range = (0.02, 0.14)
CAP_MM = 3.0
SPOT_RADIUS: Range = (1.2, 2.6)
SPOT_SIGNAL: Range = (0.2, 0.7)
LESION_TEXTURE: Range = (0.02, 0.07)

VENTRICLES = tuple(TISSUE[n] for n in ("lateral_ventricle", "third_ventricle", "fourth_ventricle", "choroid_plexus"))


def paint(rng: np.random.Generator, ranges: Ranges, anatomy: Anatomy, lesion: Lesion | None) -> Array:
    """Intensities (N,) over ``anatomy.head.inside`` before the scanner spoils them; brain is around 1."""
    atlas = load_atlas()
    head, tissue, fluid = anatomy.head, anatomy.tissue, anatomy.fluid
    coarse = coarse_grid()
    broad = _everywhere(smooth_noise(rng, coarse, 4.0), head.inside)
    grain = _everywhere(rng.standard_normal(coarse, dtype=np.float32), head.inside)
    patches = _everywhere(smooth_noise(rng, coarse, 2.5), head.inside)
    speck = rng.standard_normal(head.inside.size, dtype=np.float32)

    white = between(rng, ranges.white)
    means = _means(rng, ranges, white)
    volume = means[atlas.structure]
    signal = sample(volume, anatomy.atlas_point)
    texture = between(rng, ranges.texture)
    signal *= 1 + texture * (broad + 0.8 * grain + 0.4 * speck)
    cerebellar = np.flatnonzero(tissue == TISSUE["cerebellar_cortex"])
    stripes = sample(atlas.folia, np.ascontiguousarray(anatomy.atlas_point[:, cerebellar]))
    signal[cerebellar] *= 1 - between(rng, FOLIA) * np.abs(stripes)

    signal += white * _confounders(rng, ranges, anatomy, patches)
    csf = white * between(rng, ranges.csf)
    sulcal = min(csf * between(rng, SULCAL_OVER_CSF), 0.5 * white)
    flow = white * between(rng, ranges.flow) * np.clip(patches - 0.5, 0, 1)
    within = np.isin(tissue, VENTRICLES)
    dark = np.where(within | (anatomy.ventricle_distance < 4), csf + flow, sulcal).astype(np.float32)
    plexus = between(rng, (0.2, 1.0))
    dark[tissue == TISSUE["choroid_plexus"]] += white * plexus * 0.5
    signal += (dark - signal) * fluid

    dura = white * between(rng, DURA)
    outside = np.clip(head.hull / 1.5 + 0.3, 0, 1)
    signal += (sulcal + dura * np.clip(0.5 + 0.6 * patches, 0, 1.4) - signal) * outside

    uneven = between(rng, LESION_TEXTURE)
    if lesion is not None:
        reference = white * 1.05
        here = np.flatnonzero((lesion.edema > 0) | (lesion.core > 0) | (lesion.necrosis > 0))
        tumour, clear = signal[here], np.where(within[here], 0, 1).astype(np.float32)
        rough = 1 + uneven * (0.6 * patches[here] + 0.6 * grain[here])
        level = 1 + (lesion.plan.edema_signal - 1) * (1 - lesion.plan.edema_fading * lesion.fading[here])
        tumour += (reference * level * rough - tumour) * lesion.edema[here] * clear * (1 - fluid[here])
        tumour += (reference * lesion.plan.core_signal * rough - tumour) * lesion.core[here] * clear
        tumour += (reference * lesion.plan.necrosis_signal * rough - tumour) * lesion.necrosis[here]
        signal[here] = tumour
    return np.maximum(signal, 0.01).astype(np.float32)


def _everywhere(coarse: Array, inside: NDArray[np.int64]) -> Array:
    return upsample(coarse, COARSE).ravel()[inside]


def _means(rng: np.random.Generator, ranges: Ranges, white: float) -> Array:
    """Mean signal of every atlas structure; each gets its own small deviation, the same on both sides."""
    cortex = white * between(rng, ranges.grey_over_white)
    limbic = cortex * between(rng, LIMBIC_OVER_CORTEX)
    by_tissue = np.zeros(len(TISSUES), np.float32)
    for name, limits in OVER_WHITE.items():
        by_tissue[TISSUE[name]] = white * between(rng, limits)
    by_tissue[TISSUE["cortex"]] = cortex
    by_tissue[[TISSUE["limbic_cortex"], TISSUE["hippocampus"]]] = limbic
    tissue = load_atlas().tissue
    jitter = between(rng, ranges.structure_jitter) * rng.standard_normal(tissue.size)
    return (by_tissue[tissue] * (1 + np.clip(jitter, -0.12, 0.12))).astype(np.float32)


def _confounders(rng: np.random.Generator, ranges: Ranges, anatomy: Anatomy, patches: Array) -> Array:
    """Signal added by periventricular caps and rims, a bright septum and punctate white-matter spots."""
    head, distance = anatomy.head, anatomy.ventricle_distance
    white = np.isin(anatomy.tissue, (TISSUE["white_matter"], TISSUE["callosum"]))
    rim = np.exp(-np.clip(distance, 0, None) / CAP_MM) * (distance < 4 * CAP_MM)
    # Half of all people have next to none (Fazekas grade 0).
    caps = between(rng, ranges.caps) * (rng.random() < 0.5)
    added = caps * rim * white * np.clip(0.6 + 0.6 * patches, 0, 1.3)
    septum = between(rng, ranges.septum_rim) * (rng.random() < 0.4)
    added += septum * rim * (np.abs(anatomy.midline_mm) < 2.5) * (distance < 3)
    count = round(between(rng, ranges.spots)) * (rng.random() < 0.6)
    # Places are drawn in the head, not among its white voxels: their number changes with a lesion.
    for _ in range(4 * round(ranges.spots[1])):
        centre = int(rng.integers(head.inside.size))
        radius, height = between(rng, SPOT_RADIUS), between(rng, SPOT_SIGNAL)
        if count == 0 or not white[centre] or head.hull[centre] > -8:
            continue
        count -= 1
        offset = head.position - head.position[:, [centre]]
        near = np.flatnonzero((np.abs(offset) < 3 * radius).all(axis=0))
        square = (offset[:, near] ** 2).sum(axis=0) / radius**2
        added[near] += height * np.exp(-(square**1.5) / 1.5) * white[near]
    return added.astype(np.float32)
