"""``braingemma3d report``: reports on one scan or many."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from braingemma3d.cli.output import print_error, with_progress
from braingemma3d.errors import InputError, ModelError, in_one_line

if TYPE_CHECKING:
    from braingemma3d.imaging.brain_mask import BrainMaskMethod
    from braingemma3d.report.writers import Outcome, ReportFormat


logger = logging.getLogger(__name__)


def report(
    scans: Annotated[
        # What can't be read is told by its scan, and costs the others nothing.
        list[Path],
        typer.Argument(help="FLAIR scans as NIfTI files, or folders of them.", show_default=False, readable=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("reports"),
    model: Annotated[str, typer.Option(help="mini, medgemma, a checkpoint folder, or a hub id.")] = "mini",
    formats: Annotated[str, typer.Option("--format", help="Which files, comma-separated.")] = "txt,json,png",
    brain_mask: Annotated[
        Literal["auto", "deepbet", "none"],
        typer.Option(help="auto decides from the image; none: the skull is already removed."),
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON on stdout.")] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep reports on the same scans by a model of the same name, a folder's last part. Weights and "
            "--brain-mask are not compared: after changing either, use another --out.",
        ),
    ] = False,
) -> None:
    """Write a report on each scan: report.txt, report.json and overview.png in OUT/SCAN_ID/.

    Of several scans, or of a folder, OUT/summary.csv lists those of this call. Exit code 0: all reported; 1: some
    failed; 2: none could be reported.
    """
    from braingemma3d.files import refuse_unwritable
    from braingemma3d.report.scans import SUMMARY, find_scans
    from braingemma3d.report.writers import FORMATS, as_text

    wanted = [name.strip() for name in formats.split(",")]
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown:
        raise InputError(f"--format: no format {unknown[0]!r}; choose from {','.join(FORMATS)}", "bad_option")
    refuse_unwritable(out)
    if resume and "json" not in wanted:
        raise InputError("--resume: earlier reports are known by their report.json; add json to --format", "bad_option")
    found = find_scans(scans)
    # A folder's scans have other paths than the folder.
    batch = len(scans) > 1 or found[0][1] != scans[0].absolute()
    chosen = [name for name in FORMATS if name in wanted]
    outcomes = _report_all(found, out, model, chosen, brain_mask, resume, batch)
    failed = [outcome for outcome in outcomes if outcome.report is None]
    if failed and not batch:
        raise InputError(failed[0].error, failed[0].code)
    reports = [outcome.report for outcome in outcomes if outcome.report is not None]
    if as_json:
        dumped = [one.model_dump(mode="json") for one in reports]
        print(json.dumps(dumped if batch else dumped[0], indent=2))
    elif not batch:
        print(as_text(reports[0]))
        print(f"Written to {out / reports[0].id}")
    else:
        print(f"{len(reports)} of {len(found)} scans reported; the list is {out / SUMMARY}")
    if failed:
        raise typer.Exit(1 if reports else 2)


def _report_all(
    found: Sequence[tuple[str, Path]],
    out: Path,
    model: str,
    formats: Sequence[ReportFormat],
    brain_mask: BrainMaskMethod,
    resume: bool,
    batch: bool,
) -> list[Outcome]:
    """Report on every scan; each one's files are complete before the next begins. A batch gets a list of its scans."""
    from braingemma3d.files import remove_left_behind
    from braingemma3d.imaging.preprocess import load_scan
    from braingemma3d.report.pipeline import Pipeline, display_name
    from braingemma3d.report.scans import SUMMARY
    from braingemma3d.report.writers import (
        Outcome,
        holds_another,
        read_report,
        refuse_other_files,
        write_report,
        write_summary,
    )

    remove_left_behind(out)
    outcomes: list[Outcome] = []
    pipeline: Pipeline | None = None
    name = display_name(model)
    try:
        for scan_id, scan in with_progress(found, len(found), "Reporting"):
            try:
                earlier = read_report(out / scan_id, scan, name, formats) if resume else None
                if earlier is not None:
                    outcomes.append(Outcome(scan_id, scan, earlier))
                    continue
                refuse_other_files(out / scan_id)
                begun = time.perf_counter()
                volume = load_scan(scan, brain_mask)
                read = {"read": round(time.perf_counter() - begun, 3)}
                pipeline = pipeline or Pipeline.from_pretrained(model)
                report = pipeline(volume, scan_id)
                report = report.model_copy(update={"timing_s": read | report.timing_s})
                if holds_another(out / scan_id, report):
                    logger.warning("%s: held another report, which this one replaces", out / scan_id)
                write_report(report, volume, out / scan_id, formats)
            except ModelError:
                raise
            except InputError as error:
                outcomes.append(Outcome(scan_id, scan, error=str(error), code=error.code))
            except Exception as error:
                # One scan that nobody foresaw must not cost the others of a night's batch.
                if not batch:
                    raise
                outcomes.append(Outcome(scan_id, scan, error=f"{scan}: {in_one_line(error)}", code="unforeseen"))
            else:
                outcomes.append(Outcome(scan_id, scan, report))
            if batch and outcomes[-1].error:
                print_error(outcomes[-1].error)
    finally:
        if batch and outcomes:
            for scan_id, scan in found[len(outcomes) :]:
                earlier = None
                with suppress(OSError):
                    earlier = read_report(out / scan_id, scan, name, formats)
                outcomes.append(Outcome(scan_id, scan, earlier, "not reached: the batch ended before", "not_reached"))
            write_summary(outcomes, out / SUMMARY)
    return outcomes
