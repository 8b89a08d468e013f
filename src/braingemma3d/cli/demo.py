"""``braingemma3d demo``: a report on the scan that comes with the package, and what made the model write it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SAMPLES = 80
"""Fewer than ``explain`` takes, so that the demo is soon over."""


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("demo-output"),
) -> None:
    """Report on the bundled scan, a simulated patient, and show what made the model write of an edema."""
    from importlib.resources import as_file, files

    from braingemma3d.cli.explain import explain_report, missing_package
    from braingemma3d.files import refuse_unwritable
    from braingemma3d.imaging.preprocess import load_scan
    from braingemma3d.report.pipeline import Pipeline
    from braingemma3d.report.writers import as_text, write_report

    refuse_unwritable(out)
    with as_file(files("braingemma3d") / "assets" / "simulated_flair.nii.gz") as scan:
        volume = load_scan(scan)
    pipeline = Pipeline.from_pretrained()
    report = pipeline(volume)
    write_report(report, volume, out / report.id)
    print(as_text(report))
    print(f"Written to {out / report.id}\n")
    if missing_package():
        print("What made the model write that? Run pip install 'braingemma3d[explain]', and the demo again.")
        return

    from braingemma3d.explain.explanation import ExplainSettings
    from braingemma3d.explain.files import refuse_other_files
    from braingemma3d.explain.lime import LimeSettings

    refuse_other_files(out / "explanation")
    settings = ExplainSettings("edema", lime=LimeSettings(samples=SAMPLES))
    print("What made the model write of an edema? Parts of the scan are switched off to find out.")
    explain_report(report, pipeline, volume, settings, out / "explanation")
