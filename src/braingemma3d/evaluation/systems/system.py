"""The interface of everything that is evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from braingemma3d.findings.compare import ALL_FINDINGS
from braingemma3d.findings.schema import Findings, Grade
from braingemma3d.imaging.volume import Volume

Kind = Literal["model", "baseline", "blind", "no_learning"]


class Reference(NamedTuple):
    """What a test case is held against: its report, if it has one, and the findings that are true of it.

    Attributes:
        known: the fields of ``findings`` that the truth knows; the others are scored in no metric.
        patient: whose case it is; the case's own id where that is not known.
        measured: volumes and shares of the lesion in its mask, by name; empty where no mask was read.
    """

    id: str
    report: str | None
    findings: Findings
    known: frozenset[str] = ALL_FINDINGS
    patient: str = ""
    measured: Mapping[str, float] = {}


class System(Protocol):
    """Writes a report on each volume of a batch.

    Attributes:
        name: in tables and files.
        kind: ``model`` and ``baseline`` look at the scan and have learned; ``blind`` systems don't look, or see a scan
            that says nothing; ``no_learning`` ones follow a fixed rule, with the scan or without.
        needs_scan: whether it reads the volumes; one that does not answers for scans that can't be read, too.
        knows: what one that needs the scan brings to it, in whatever form tells it apart: what it has been told of
            reports, or a hash of its weights; empty if nothing.
    """

    name: str
    kind: Kind
    needs_scan: bool
    knows: str

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """The reports, in order. ``ids`` are for systems that answer by case; they may get no volumes."""
        ...


def one_view(name: str) -> str:
    """Name of a model that reads each scan alone, beside the same model reading it with its mirror image."""
    return f"{name}, one view"


_AREAS = {
    "insula": "insula",
    "cerebellum": "cerebellum",
    "brainstem": "brainstem",
    "deep": "deep white matter",
}
_GRADES: dict[Grade, str] = {"present": "definite", "possible": "possible"}


def describe(findings: Findings) -> str:
    """The plainest report that says the findings; :func:`braingemma3d.findings.extract.extract` reads them back."""
    if not findings.lesion:
        return "No lesion is seen. There is no edema. There is no necrosis. The ventricles are not compressed."
    side = {"bilateral": "bilateral ", "midline": "midline ", "none": ""}.get(findings.side, f"{findings.side} ")
    lobes = " and ".join(_AREAS.get(lobe, f"{lobe} lobe") for lobe in findings.lobes)
    place = f" in the {side}{lobes}" if lobes else ""
    parts = [f"There is a lesion{place}." if lobes or not side else f"There is a lesion on the {side}side."]
    for what, grade in (("edema", findings.edema), ("necrosis", findings.necrosis)):
        parts.append(f"There is {'no' if grade == 'none' else _GRADES.get(grade, grade)} {what}.")
    grade = findings.ventricular_compression
    degree = "no" if grade == "none" else _GRADES.get(grade, grade)
    return " ".join([*parts, f"There is {degree} compression of the ventricles."])
