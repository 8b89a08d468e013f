"""What is written of a report, and of a batch of them."""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from braingemma3d.files import new_file, new_folder, refuse_folder
from braingemma3d.imaging.nifti import scan_sha256
from braingemma3d.imaging.volume import Volume
from braingemma3d.report.overview import save_overview
from braingemma3d.report.report import Report

ReportFormat = Literal["txt", "json", "png"]
FORMATS: tuple[ReportFormat, ...] = ("txt", "json", "png")
REPORT_FILES: dict[str, ReportFormat] = {"report.txt": "txt", "report.json": "json", "overview.png": "png"}
TITLE_WIDTH = 110
"""Letters of a line above a picture."""


def as_text(report: Report) -> str:
    """The report for people: warnings, text, findings, disclaimer."""
    found = report.findings
    findings = (
        f"Findings read from the text: {report.headline}; edema {found.edema}; necrosis {found.necrosis}; "
        f"ventricular compression {found.ventricular_compression}."
    )
    parts = [
        f"Report on {report.id}",
        "\n".join(f"Warning ({w.code}): {w.message}" for w in report.warnings),
        "\n".join(textwrap.fill(paragraph, 100) for paragraph in report.text.splitlines() if paragraph.strip()),
        textwrap.fill(findings, 100),
        f"Model: {report.model.name} ({report.model.revision}).\n{textwrap.fill(report.disclaimer, 100)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def refuse_other_files(folder: Path) -> None:
    """Make sure that a folder is free for a report.

    Raises:
        InputError: it is there and holds other things than an earlier one.
    """
    refuse_folder(folder, REPORT_FILES, "a report")


def write_report(report: Report, volume: Volume, folder: Path, formats: Sequence[ReportFormat] = FORMATS) -> None:
    """Write a report's folder as a whole: ``report.txt``, ``report.json`` and ``overview.png``, or nothing.

    Raises:
        InputError: the folder is there and holds other things than an earlier report.
    """
    refuse_other_files(folder)
    with new_folder(folder) as partial:
        if "txt" in formats:
            (partial / "report.txt").write_text(as_text(report), encoding="utf-8")
        if "json" in formats:
            (partial / "report.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if "png" in formats:
            save_overview(volume, partial / "overview.png", _title(report))


def read_report(folder: Path, scan: Path, model: str, formats: Sequence[ReportFormat] = FORMATS) -> Report | None:
    """The report on a scan that a model of this name wrote to a folder earlier.

    Returns:
        None unless all the chosen files are there, and a valid ``report.json`` that is of a file with the same content.
    """
    wanted = [name for name, kind in REPORT_FILES.items() if kind in formats]
    report = _written(folder)
    if report is None or not scan.is_file() or not all((folder / name).is_file() for name in wanted):
        return None
    return report if report.model.name == model and report.input.sha256 == scan_sha256(scan) else None


def holds_another(folder: Path, report: Report) -> bool:
    """Whether a folder holds the report on a file with other content, or one that does not tell what it is on."""
    earlier = _written(folder)
    return folder.is_dir() and (earlier is None or earlier.input.sha256 != report.input.sha256)


def _written(folder: Path) -> Report | None:
    try:
        return Report.model_validate_json((folder / "report.json").read_text(encoding="utf-8"))
    except (ValueError, FileNotFoundError, NotADirectoryError):
        return None


def _title(report: Report) -> str:
    if any(warning.code == "untrained_model" for warning in report.warnings):
        return f"{report.id}: untrained model, its text says nothing about this scan"
    headline = textwrap.wrap(f"{_middle_cut(report.id)}: {report.headline}", TITLE_WIDTH)
    return "\n".join([*headline, *report.cautions])


def _middle_cut(name: str) -> str:
    """A name that fits into a line of the title, with both its ends."""
    half = TITLE_WIDTH // 2 - 2
    return name if len(name) <= TITLE_WIDTH else f"{name[:half]}…{name[-half:]}"


_SUMMARY_COLUMNS = (
    *("id", "scan", "status", "lesion", "side", "lobes"),
    *("edema", "necrosis", "ventricular_compression", "warnings", "code", "error"),
)


@dataclass(frozen=True)
class Outcome:
    """How one scan of a batch ended: with a report, or with an error's line and the short name of its kind."""

    id: str
    scan: Path
    report: Report | None = None
    error: str = ""
    code: str = ""


def write_summary(outcomes: Sequence[Outcome], target: Path) -> None:
    """Write a batch as CSV, one line a scan, failures included."""
    # A name of a file may not be UTF-8.
    with (
        new_file(target) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        table = csv.DictWriter(file, _SUMMARY_COLUMNS, restval="")
        table.writeheader()
        for outcome in outcomes:
            row: dict[str, object] = {"id": outcome.id, "scan": str(outcome.scan)}
            if outcome.report is None:
                table.writerow(row | {"status": "failed", "code": outcome.code, "error": outcome.error})
                continue
            found = outcome.report.findings.model_dump(exclude={"lesions"})
            codes = " ".join(w.code for w in outcome.report.warnings)
            table.writerow(row | found | {"status": "ok", "lobes": " ".join(found["lobes"]), "warnings": codes})
