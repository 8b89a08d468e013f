"""Cases drawn once for all tests of the simulation."""

from __future__ import annotations

import pytest

from braingemma3d.simulate.case import Case, draw_case

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
