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
        patient: whose case it is; empty where that is not known.
        measured: volumes and shares of the lesion in its mask, by name; empty where no mask was read.
    """

    id: str
    report: str | None
    findings: Findings
    known: frozenset[str] = ALL_FINDINGS
    patient: str = ""
    measured: Mapping[str, float] = {}

    @property
    def person(self) -> str:
        """The patient; the case itself where that is not known."""
        return self.patient or self.id


class System(Protocol):
    """Writes a report on each volume of a batch.

    Attributes:
        name: in tables and files.
        kind: ``model`` and ``baseline`` look at the scan and have learned; ``blind`` systems don't look, or see a scan
            that says nothing; ``no_learning`` ones follow a fixed rule, with the scan or without.
        needs_scan: whether it reads the volumes; one that does not answers for scans that can't be read, too.
        knows: what one that needs the scan was made from, as any string: the reports that it has learned from, or a
            hash of its weights. A kept report is taken again only if this is the same.
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
_GRADES: dict[Grade, str] = {"none": "no", "present": "definite"}


def describe(findings: Findings) -> str:
    """The plainest report that says the findings; :func:`braingemma3d.findings.extract.extract` reads them back."""
    if not findings.lesion:
        return "No lesion is seen. There is no edema. There is no necrosis. The ventricles are not compressed."
    side = "" if findings.side == "none" else f"{findings.side} "
    lobes = " and ".join(_AREAS.get(lobe, f"{lobe} lobe") for lobe in findings.lobes)
    place = f" in the {side}{lobes}" if lobes else ""
    lesion = f"There is a lesion{place}." if lobes or not side else f"There is a lesion on the {side}side."
    graded: dict[str, Grade] = {
        "edema": findings.edema,
        "necrosis": findings.necrosis,
        "compression of the ventricles": findings.ventricular_compression,
    }
    return " ".join([lesion, *(f"There is {_GRADES.get(grade, grade)} {what}." for what, grade in graded.items())])
