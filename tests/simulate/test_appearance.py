from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import ndimage

from braingemma3d.simulate.anatomy import Head, label
from braingemma3d.simulate.appearance import paint
from braingemma3d.simulate.atlas import TISSUE
from braingemma3d.simulate.ranges import TRAIN
from braingemma3d.simulate.truth import CORE, EDEMA
from braingemma3d.simulate.tumour import Lesion

Grown = Callable[..., Lesion]


def painted(lesion: Lesion, edema_signal: float) -> np.ndarray:
    bright = replace(lesion, plan=replace(lesion.plan, edema_signal=edema_signal))
    return paint(np.random.default_rng(1), TRAIN, lesion.anatomy, bright)


def test_a_lesion_without_edema_shows_none(grown: Grown) -> None:
    lesion = grown(edema_share=0.0)
    assert not lesion.edema.any()
    assert np.array_equal(painted(lesion, 1.5), painted(lesion, 2.2))


def test_edema_is_painted_where_the_mask_has_it(grown: Grown) -> None:
    lesion = grown(edema_share=0.5)
    change = painted(lesion, 2.2) - painted(lesion, 1.5)
    head = lesion.anatomy.head
    near = ndimage.distance_transform_edt(~head.on_grid(lesion.mask == EDEMA))
    far = near.ravel()[head.inside] > 5
    assert (far & (lesion.mask == CORE)).any()
    assert np.abs(change[far]).max() < 0.01
    assert np.median(change[lesion.mask == EDEMA]) > 0.3


def test_tissues_have_the_order_of_a_flair(head: Head) -> None:
    anatomy = label(head)
    fluids, greys = [], []
    for seed in range(8):
        signal = paint(np.random.default_rng(seed), TRAIN, anatomy, None)
        fluid, white, cortex = (
            np.median(signal[(anatomy.tissue == TISSUE[name]) & (np.abs(anatomy.fluid - full) < 0.01)])
            for name, full in (("lateral_ventricle", 1), ("white_matter", 0), ("cortex", 0))
        )
        fluids.append(fluid / white)
        greys.append(cortex / white)
    assert max(fluids) < 0.6
    assert 1.02 < np.mean(greys) < 1.25
