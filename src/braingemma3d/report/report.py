"""The report: what ``report.json`` holds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from braingemma3d.findings.schema import Findings

DISCLAIMER = (
    "Written by a research prototype. Not a medical device: not for diagnosis or treatment, and no substitute for a "
    "radiologist's reading."
)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Checks(_Record):
    """What the program found out about its own report; null where a check did not run."""

    mirror_consistent: bool | None = Field(
        default=None, description="Whether the scan and its mirror image, each read alone, differ in their sides only."
    )
    flaws: list[str] = Field(default=[], description="What is degenerate or contradictory in the text.")


class ReportWarning(_Record):
    """A limit of the scan or of the model that the reader has to know of."""

    code: str = Field(description="Stable name of the problem.")
    message: str = Field(description="The problem in words.")


class ModelInfo(_Record):
    """Which model wrote the report."""

    name: str
    revision: str = Field(description="Last training stage, and the language model.")
    sha256: str = Field(description="Hash of everything that trains: all weights but the frozen language model's own.")


class InputInfo(_Record):
    """The scan as the file stores it."""

    shape: tuple[int, int, int] = Field(description="Voxels along the file's own axes.")
    spacing_mm: tuple[float, float, float] = Field(description="Of the voxels along the file's own axes.")
    orientation: str = Field(description="The file's axis codes, such as LPS.")
    sha256: str | None = Field(description="Hash of the file; null for a volume that came from none.")
    brain_mask_ml: float = Field(description="Volume of the brain mask in millilitres.")


class Report(_Record):
    """A report on one scan. ``findings`` are read from ``text``, which is the only source."""

    id: str
    text: str
    findings: Findings
    checks: Checks
    warnings: list[ReportWarning]
    model: ModelInfo
    input: InputInfo
    timing_s: dict[str, float] = Field(description="Seconds by step.")
    disclaimer: str = DISCLAIMER

    @property
    def cautions(self) -> list[str]:
        """What a picture says beside the findings, where they have to be doubted: no line, or one."""
        codes = [warning.code.replace("_", " ") for warning in self.warnings if warning.code != "already_stripped"]
        return [f"Warning: {', '.join(codes)}; see the report"] if codes else []

    @property
    def headline(self) -> str:
        """The findings in one line, for lists and pictures."""
        found = self.findings
        if not found.lesion:
            return "no lesion described"
        where = " ".join([found.side if found.side != "none" else "", "/".join(found.lobes)]).strip()
        return f"lesion, {where}" if where else "lesion, place not given"
