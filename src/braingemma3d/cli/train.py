"""``braingemma3d train``: the stages of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from braingemma3d.errors import InputError


def train(
    config: Annotated[Path, typer.Argument(help="YAML file, such as configs/mini.yaml.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the run.", show_default=False)],
    stage: Annotated[
        Literal["pretrain", "ground", "align", "warmup", "specialise"] | None,
        typer.Option(help="Run this stage only; those before it must be done."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that the folder holds.")] = False,
) -> None:
    """Train a model: OUT/<stage>/ for each stage, which `report --model` and from_pretrained take.

    A run that was interrupted goes on from its newest checkpoint with --resume and ends with the same weights.
    """
    from accelerate import PartialState

    from braingemma3d.training.config import read_config
    from braingemma3d.training.run import SETTINGS, Run

    settings = read_config(config)
    if (out / SETTINGS).is_file() and not resume and stage is None:
        raise InputError(f"{out}: holds a run already; add --resume to go on with it, or choose another --out")
    # Of several processes, none makes the folder before all have looked.
    PartialState().wait_for_everyone()
    last = Run(settings, out).go(stage)
    print(f"Written to {last}")
