"""``braingemma3d explain``: what in a scan made the model write what it wrote."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from braingemma3d.cli.output import progress_bar
from braingemma3d.errors import InputError

if TYPE_CHECKING:
    from braingemma3d.explain.explanation import ExplainSettings
    from braingemma3d.imaging.volume import Mask, Volume
    from braingemma3d.report.pipeline import Pipeline
    from braingemma3d.report.report import Report


def explain(
    scan: Annotated[Path, typer.Argument(help="A FLAIR scan as a NIfTI file.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("explanation"),
    model: Annotated[str, typer.Option(help="mini, medgemma, a checkpoint folder, or a hub id.")] = "mini",
    about: Annotated[
        Literal["side", "lobe", "edema", "necrosis", "compression", "lesion"] | None,
        typer.Option(help="Explain one finding: the sentence as written against its counterfactual."),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Segmentation of the lesion, to hold the maps against.", show_default=False)
    ] = None,
    samples: Annotated[int, typer.Option(help="Perturbed scans.", min=20)] = 500,
    seed: Annotated[int, typer.Option(help="Of the choice of samples.", min=0, max=2**32 - 1)] = 0,
    supervoxels: Annotated[int, typer.Option(help="Parts that the brain is cut into.", min=2)] = 96,
    baseline: Annotated[
        Literal["healthy", "tissue", "blur", "zero"],
        typer.Option(help="What a part that is switched off is replaced by."),
    ] = "healthy",
    method: Annotated[Literal["lime", "shap"], typer.Option(help="LIME or KernelSHAP.")] = "lime",
    brain_mask: Annotated[
        Literal["auto", "deepbet", "none"],
        typer.Option(help="auto decides from the image; none: the skull is already removed."),
    ] = "auto",
) -> None:
    """Explain the report of a scan: attribution.nii.gz, overlay.png, scorecard.json and explanation.html in OUT.

    The scorecard says whether to believe the map. Open explanation.html in a browser and click on a sentence to see
    what made the model write it.
    """
    if missing := missing_package():
        raise InputError(
            f"explanations need the package {missing}; run pip install 'braingemma3d[explain]'", "missing_extra"
        )
    from braingemma3d.explain.explanation import ExplainSettings
    from braingemma3d.explain.files import refuse_other_files, refuse_other_scan
    from braingemma3d.explain.lime import LimeSettings
    from braingemma3d.explain.outline import read_outline
    from braingemma3d.files import refuse_unwritable
    from braingemma3d.imaging.preprocess import load_scan
    from braingemma3d.report.pipeline import Pipeline
    from braingemma3d.report.writers import as_text

    # It is made beside OUT, and takes its place.
    refuse_unwritable(out.absolute().parent)
    refuse_other_files(out)
    volume = load_scan(scan, brain_mask)
    refuse_other_scan(out, scan)
    outline = None if mask is None else read_outline(mask, volume)
    settings = ExplainSettings(about, supervoxels, baseline, LimeSettings(method, samples, seed))
    pipeline = Pipeline.from_pretrained(model)
    report = pipeline(volume)
    print(as_text(report))
    explain_report(report, pipeline, volume, settings, out, outline)


def explain_report(
    report: Report,
    pipeline: Pipeline,
    volume: Volume,
    settings: ExplainSettings,
    out: Path,
    outline: Mask | None = None,
) -> None:
    """Explain a report, write the files to ``out``, and print the verdict."""
    from braingemma3d.explain.explanation import explain as run
    from braingemma3d.explain.files import write_explanation

    with progress_bar("Explaining") as told:
        explanation = run(pipeline, volume, settings, outline, report, told)
    write_explanation(explanation, out, outline)
    card = explanation.scorecard
    print(f"Verdict on the map ({card.maps[0].name}): {card.verdict.upper()}")
    for reason in card.reasons:
        print(f"- {reason}")
    print(f"Written to {out}; open {out / 'explanation.html'} in a browser")


def missing_package() -> str | None:
    """The first package that explanations need and that is not installed."""
    packages = ("captum", "skimage", "sklearn")
    return next((package for package in packages if importlib.util.find_spec(package) is None), None)
