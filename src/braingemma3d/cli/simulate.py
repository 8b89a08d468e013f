"""``braingemma3d simulate``: a folder of simulated patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from braingemma3d.cli.output import with_progress


def simulate(
    directory: Annotated[Path, typer.Argument(help="Folder for the cohort.", show_default=False)],
    n: Annotated[int, typer.Option("-n", help="Number of cases.", min=1)] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the cohort; with a case's number it fixes the case.", min=0)] = 0,
    healthy: Annotated[float, typer.Option(help="Chance of a case to have no lesion.", min=0, max=1)] = 0.25,
    shift: Annotated[
        bool, typer.Option("--shift", help="Draw 5 of 15 properties from ranges that training never sees.")
    ] = False,
) -> None:
    """Draw simulated patients: images, lesion masks and DIRECTORY/manifest.jsonl with reports and exact truth.

    Complete cases that are already there are kept, so an interrupted run goes on where it stopped.
    """
    from braingemma3d.simulate.cohort import write_cohort

    print(write_cohort(directory, n, seed, healthy, shift, progress=with_progress))
