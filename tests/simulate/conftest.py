"""Cases drawn once for all tests of the simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from braingemma3d.simulate.anatomy import Head, draw_head
from braingemma3d.simulate.case import Case, draw_case
from braingemma3d.simulate.plan import draw_plan
from braingemma3d.simulate.ranges import TRAIN
from braingemma3d.simulate.tumour import Lesion, grow

SEED = 41
CASES = 22
PAIRS = 6


@pytest.fixture(scope="session")
def lesions() -> list[Case]:
    return [draw_case(SEED, index, healthy=0.0) for index in range(CASES)]


@pytest.fixture(scope="session")
def healthy() -> list[Case]:
    """The same heads as the first of ``lesions``, without a lesion."""
    return [draw_case(SEED, index, healthy=1.0) for index in range(PAIRS)]


@pytest.fixture(scope="session")
def head() -> Head:
    return draw_head(np.random.default_rng(3), TRAIN)


@pytest.fixture(scope="session")
def grown(head: Head) -> Callable[..., Lesion]:
    """Grows a lesion into one and the same head; what it is given alters its plan."""

    def grow_one(**changes: object) -> Lesion:
        for seed in range(200):
            plan = replace(draw_plan(np.random.default_rng(seed), TRAIN), lobe="frontal", course="lateral", foci=1)
            lesion = grow(np.random.default_rng(seed), head, replace(plan, **changes), head.hull < 0)
            if lesion is not None:
                return lesion
        raise AssertionError("no lesion fits")

    return grow_one
