"""``braingemma3d train``: the stages of a configuration."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from braingemma3d.errors import InputError

PATIENCE = timedelta(hours=24)


def train(
    config: Annotated[Path, typer.Argument(help="YAML file, such as configs/mini.yaml.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the run.", show_default=False)],
    stage: Annotated[
        Literal["pretrain", "ground", "align", "warmup", "specialise"] | None,
        typer.Option(help="Run this stage only; those before it must be done."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that the folder holds.")] = False,
) -> None:
    """Train a model: OUT/STAGE/ for each stage, which `report --model` and from_pretrained take (not `pretrain`'s).

    A run that was interrupted goes on from its newest checkpoint with --resume and ends with the same weights.
    """
    import torch
    from accelerate import PartialState

    from braingemma3d.training.config import read_config
    from braingemma3d.training.run import Run, begun

    settings = read_config(config)
    if begun(out) and not resume and stage is None:
        raise InputError(f"{out}: holds a run already; add --resume to go on with it, or choose another --out")
    # Of several processes, none makes the folder before all have looked. Later, all wait for the one that draws or
    # reads the cases, which takes longer than the minutes that torch would wait.
    processes = PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
    processes.wait_for_everyone()
    if not processes.is_main_process:
        # What one of them says of all is enough.
        logging.getLogger("braingemma3d").setLevel(logging.WARNING)
    last = Run(settings, out).go(stage)
    if processes.is_main_process:
        print(f"Written to {last}")
