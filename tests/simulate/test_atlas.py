from __future__ import annotations

import numpy as np
import pytest

from braingemma3d.errors import InputError
from braingemma3d.simulate import atlas as module
from braingemma3d.simulate.atlas import LOBE_INDEX, TISSUE, TISSUES, atlas_path, load_atlas


def test_atlas_has_every_lobe_and_no_side_in_its_tissues() -> None:
    atlas = load_atlas()
    volumes = np.bincount(atlas.lobe[atlas.hull < 0], minlength=9) / 1000
    assert volumes[LOBE_INDEX["frontal"]] > volumes[LOBE_INDEX["parietal"]] > volumes[LOBE_INDEX["insula"]] > 20
    assert (volumes[1:] > 15).all()
    assert (atlas.tissue[1:] > 0).all()
    halves = atlas.structure[..., : round(-atlas.origin[2])], atlas.structure[..., round(-atlas.origin[2]) :]
    assert set(np.unique(halves[0])) == set(np.unique(halves[1]))


def centre(mask: np.ndarray) -> np.ndarray:
    """RAS mm in the order (z, y, x)."""
    return np.argwhere(mask).mean(axis=0) + load_atlas().origin


def test_lobes_lie_where_they_belong() -> None:
    atlas = load_atlas()
    z, y, x = np.stack([centre((atlas.lobe == value) & (atlas.hull < 0)) for value in LOBE_INDEX.values()]).T
    place = {lobe: number for number, lobe in enumerate(LOBE_INDEX)}
    assert y[place["frontal"]] > y[place["temporal"]] > y[place["parietal"]] > y[place["occipital"]]
    assert z[place["parietal"]] > z[place["temporal"]] > z[place["cerebellum"]]
    assert (np.abs(x) < 4).all(), "each is on both sides"


def test_distances_are_in_mm_and_negative_inside() -> None:
    atlas = load_atlas()
    ventricle = np.isin(atlas.tissue[atlas.structure], TISSUE["white_matter"]) & (atlas.lateral < 0)
    assert ventricle.any(), "fluid is filled with the tissue around it"
    assert (np.diff(atlas.hull, axis=2).__abs__() < 1.5).all()
    assert atlas.hull[0, 0, 0] > 20
    assert atlas.hull[tuple(n // 2 for n in atlas.hull.shape)] < -20


def test_folia_are_in_the_cerebellum_only() -> None:
    atlas = load_atlas()
    names = {TISSUES[value] for value in np.unique(atlas.tissue[atlas.structure[np.abs(atlas.folia) > 0]])}
    assert names <= {"background", "cerebellar_cortex"}


def test_without_its_package_the_atlas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install") as caught:
        atlas_path()
    assert caught.value.code == "atlas_missing"
