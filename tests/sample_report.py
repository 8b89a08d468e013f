"""A report as the pipeline makes it, without running a model."""

from __future__ import annotations

from braingemma3d.findings.extract import extract
from braingemma3d.report.report import Checks, InputInfo, ModelInfo, Report, ReportWarning

TEXT = "The lesion is in the left frontal lobe with moderate edema. There is no necrosis."


def make_report(text: str = TEXT, scan_id: str = "scan", scan_sha256: str | None = None) -> Report:
    return Report(
        id=scan_id,
        text=text,
        findings=extract(text),
        checks=Checks(),
        warnings=[ReportWarning(code="thick_slices", message="Slices are 5.5 mm apart.")],
        model=ModelInfo(name="tiny", revision="untrained", sha256="0" * 64),
        input=InputInfo(
            shape=(1, 2, 3), spacing_mm=(1.0, 1.0, 1.0), orientation="RAS", sha256=scan_sha256, brain_mask_ml=1300.0
        ),
        timing_s={"write": 1.0},
    )
