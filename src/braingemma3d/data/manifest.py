"""Manifests: one case a line of JSON, with scan, report and findings."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from braingemma3d.errors import InputError, first_fault
from braingemma3d.files import json_lines
from braingemma3d.findings.area import Area
from braingemma3d.findings.schema import Findings
from braingemma3d.imaging.nifti import scan_sha256

SIMULATED = "simulated"
"""The source of cases that were drawn."""


def person(source: str, patient: str) -> str:
    """A patient of a data set, told from those of other data sets, most of which number theirs from 1."""
    return f"{source}/{patient}"


class ManifestCase(BaseModel):
    """A line of ``manifest.jsonl``; other fields, such as the simulation's ``truth``, are left alone.

    Attributes:
        id: distinct within the manifest.
        patient: cases of one patient share it; another patient of another ``source`` may have it, too.
        image: the scan.
        mask: outline of the lesion, values as in BraTS.
        report: the reference report; a blank one is none.
        findings: the truth, where it is known beyond the report.
        source: the data set.
        split: what it is for; training takes those without one, too.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    patient: str
    image: Path
    mask: Path | None = None
    report: str | None = None
    findings: Findings | None = None
    source: str
    split: Literal["train", "val", "test"] | None = None

    @field_validator("report")
    @classmethod
    def _not_blank(cls, report: str | None) -> str | None:
        return report if report and report.strip() else None

    @field_validator("findings")
    @classmethod
    def _agree_with_themselves(cls, findings: Findings | None) -> Findings | None:
        if findings is not None and "lesion" not in findings.model_fields_set:
            raise ValueError("they don't say `lesion`, true or false")
        if findings is not None and not findings.lesion and findings != Findings():
            raise ValueError("they have no lesion, but a place or a grade")
        return _with_places(findings) if findings is not None and findings.lesions else findings

    @property
    def person(self) -> str:
        """The patient, see :func:`person`."""
        return person(self.source, self.patient)

    @property
    def is_for_training(self) -> bool:
        """Whether training takes it: its split is ``train`` or not set."""
        return self.split in ("train", None)

    @property
    def needs_its_mask(self) -> bool:
        """Whether no findings say what is true of it, but a mask can."""
        return self.findings is None and self.mask is not None


def _with_places(findings: Findings) -> Findings:
    """``side`` and ``lobes`` are those of all ``lesions`` together, and need not be written beside them."""
    whole = Area(callosal=False)
    for one in findings.lesions:
        whole.add(Area(sides={one.side}, lobes=set(one.lobes)))
    told = {
        name: value
        for name, value in (("side", whole.side), ("lobes", whole.ordered_lobes))
        if value not in ("none", ())
    }
    for name, value in told.items():
        if name in findings.model_fields_set and getattr(findings, name) != value:
            raise ValueError(f"their {name} and those of their lesions are not the same")
    return findings.model_copy(update=told)


def are_simulated(cases: Sequence[ManifestCase]) -> bool:
    """Whether all of them are, which results have to say."""
    return all(case.source == SIMULATED for case in cases)


def training_cases(cases: Sequence[ManifestCase]) -> list[ManifestCase]:
    """The cases from which a model may learn to report: those with a report whose split is ``train`` or not set."""
    return [case for case in cases if case.report and case.is_for_training]


def held_out(cases: Sequence[ManifestCase]) -> list[ManifestCase]:
    """The cases whose split is ``test``, or all where no case has a split.

    Raises:
        InputError: there are splits, but no test case, or a patient is in training and test.
    """
    if all(case.split is None for case in cases):
        return list(cases)
    chosen = [case for case in cases if case.split == "test"]
    if not chosen:
        raise InputError("no case of the manifest has the split `test`; set it, or leave all splits out")
    both = {case.person for case in chosen} & {case.person for case in cases if case.is_for_training}
    if both:
        raise InputError(f"{len(both)} patients of the manifest have training and test cases; give each one split")
    return chosen


def read_manifest(path: Path) -> list[ManifestCase]:
    """Read a manifest; its relative paths are taken from the folder that it lies in.

    Raises:
        InputError: no such file, a line that is not a case or has a misspelt field, two cases with one id, or no case.
    """
    cases: list[ManifestCase] = []
    known: set[str] = set()
    for number, record in json_lines(path, "manifest"):
        try:
            case = ManifestCase.model_validate(record)
        except ValidationError as error:
            raise InputError(f"{path}: line {number}: {first_fault(error)}; correct it") from error
        for name in record.keys() - ManifestCase.model_fields:
            # A misspelt split would put training cases into the test set.
            meant = get_close_matches(name.lower(), ManifestCase.model_fields.keys() - record.keys(), 1, cutoff=0.75)
            if meant:
                raise InputError(f"{path}: line {number}: no field {name!r}; write {meant[0]!r}, or another name")
        if case.id in known:
            raise InputError(f"{path}: line {number}: a second case {case.id!r}; give every case an id of its own")
        known.add(case.id)
        mask = None if case.mask is None else path.parent / case.mask
        cases.append(case.model_copy(update={"image": path.parent / case.image, "mask": mask}))
    if not cases:
        raise InputError(f"{path}: an empty manifest; write one JSON object a line")
    return cases


def scan_hash(case: ManifestCase) -> str:
    """SHA-256 of a case's scan; empty where there is no such file, or no file can have such a name."""
    try:
        return scan_sha256(case.image)
    except (OSError, ValueError):
        return ""
