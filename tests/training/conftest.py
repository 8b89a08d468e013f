"""Two small shards of drawn grids, with a lesion in half of the cases."""

from __future__ import annotations

import json

import numpy as np
import pytest

LEFT = "A lesion is seen in the left frontal lobe. There is mild edema. There is no necrosis."
HEALTHY = "No lesion is seen. There is no edema. There is no necrosis."
SHAPE = (8, 32, 24)


@pytest.fixture
def drawn_shards(tmp_path):
    """Two shards of four cases on the tiny model's grid; every other case has a bright left frontal lesion."""
    rng = np.random.default_rng(0)
    for name in ("000000-000004", "000004-000008"):
        folder = tmp_path / "grids" / name
        folder.mkdir(parents=True)
        lesion = np.zeros((4, *SHAPE), np.uint8)
        anatomy = np.zeros((4, *SHAPE), np.uint8)
        anatomy[..., 2:16, 2:-2] = 2
        anatomy[..., 16:-2, 2:-2] = 1
        anatomy[..., 2:-2, 12:-2] += 9
        lesion[::2, 2:6, 20:26, 4:10] = 3
        lesion[::2, 2:6, 26:28, 4:10] = 2
        pixels = np.where(anatomy > 0, 90 + rng.integers(0, 20, anatomy.shape), 0) + 40 * lesion
        for key, array in {"pixels": pixels, "lesion": lesion, "anatomy": anatomy}.items():
            np.save(folder / f"{key}.npy", array.astype(np.uint8))
        records = [{"id": str(i), "report": HEALTHY if i % 2 else LEFT} for i in range(4)]
        (folder / "records.json").write_text(json.dumps(records))
    return sorted((tmp_path / "grids").iterdir())
