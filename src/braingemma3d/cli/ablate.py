"""``braingemma3d ablate``: what each stage and each component contributes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from braingemma3d.cli.evaluate import Manifest, Out, read_references, refuse_learned, spelled
from braingemma3d.cli.output import with_progress
from braingemma3d.errors import InputError


def ablate(
    run: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Folder of a training run.", show_default=False)],
    data: Manifest,
    out: Out,
    steps: Annotated[
        int, typer.Option(min=1, help="Steps of `ground` in each row; of the others in proportion.")
    ] = 150,
) -> None:
    """Evaluate each stage of a run, and train and evaluate one row for each component: ABLATION.md, ablation.json.

    Rows that are finished are kept, so an interrupted ablation goes on where it stopped. Takes hours. Exit code 1: some
    rows failed, and are tried again the next time, or the masks of some cases could not be read.
    """
    from braingemma3d.data.manifest import held_out, read_manifest
    from braingemma3d.evaluation.ablation import ablate as run_ablation
    from braingemma3d.training.config import read_config
    from braingemma3d.training.patients import learned_from, to_learn_from
    from braingemma3d.training.run import SETTINGS

    if not (run / SETTINGS).is_file():
        raise InputError(f"{run}: not the folder of a training run; give the --out of `braingemma3d train`")
    config = read_config(run / SETTINGS)
    given = read_manifest(data)
    chosen = held_out(given)
    learned = to_learn_from(config.data).union(*(learned_from(run / stage.name) for stage in config.stages))
    refuse_learned(chosen, learned, str(run))
    cases, references, left_out = read_references(chosen)
    ablation = run_ablation(
        run,
        config,
        cases,
        references,
        out,
        steps,
        spelled("ablate", run, "--data", data, "-o", out, "--steps", steps),
        with_progress,
        len(left_out),
        given,
    )
    failed = [*ablation.failed, *left_out]
    print(f"Written to {out / 'ABLATION.md'}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    if failed:
        raise typer.Exit(1)
