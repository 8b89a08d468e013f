"""Baselines by name, for ``--systems``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from braingemma3d.errors import InputError
from braingemma3d.evaluation.systems.m3d import M3D
from braingemma3d.evaluation.systems.med3dvlm import Med3DVLM
from braingemma3d.evaluation.systems.model import TrainedSlices
from braingemma3d.evaluation.systems.slices2d import Slices2D
from braingemma3d.evaluation.systems.system import System

BASELINES: dict[str, Callable[..., System]] = {one.name: one for one in (Slices2D, Med3DVLM, M3D, TrainedSlices)}


def baseline_sources(wanted: str) -> dict[str, str]:
    """Name and source of each baseline in a comma-separated list.

    Args:
        wanted: such as ``medgemma-2d,m3d=FOLDER,med3dvlm=HUB_ID@COMMIT``; a name alone, whose source is empty, stands
            for its authors' repository on the hub, and ``slices`` has none. Empty for none.

    Raises:
        InputError: no such baseline, or one that is named twice.
    """
    sources: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in wanted.split(","))):
        name, _, source = part.partition("=")
        if name not in BASELINES:
            raise InputError(f"--systems: no system {name!r}; choose from {', '.join(BASELINES)}", "bad_option")
        if name in sources:
            raise InputError(f"--systems: {name!r} is named twice; give it one source", "bad_option")
        sources[name] = source
    return sources


def baselines(wanted: str) -> list[System]:
    """The baselines of such a list.

    Raises:
        InputError: no such baseline, or one that is named twice.
        ModelError: the weights of one can't be had.
    """
    systems: list[System] = []
    for name, source in baseline_sources(wanted).items():
        kind = BASELINES[name]
        if not source:
            systems.append(kind())
        elif "@" in source and not Path(source).is_dir():
            where, _, revision = source.rpartition("@")
            systems.append(kind(where, revision))
        else:
            systems.append(kind(source))
    return systems
