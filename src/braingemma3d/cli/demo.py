"""``braingemma3d demo``: a report on the scan that comes with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("demo-output"),
) -> None:
    """Report on the bundled scan, a simulated patient, and print the report."""
    from importlib.resources import as_file, files

    from braingemma3d.cli.report import report

    with as_file(files("braingemma3d") / "assets" / "simulated_flair.nii.gz") as scan:
        report([scan], out=out)
