"""Running systems over a test set: every report is on disk before the next batch begins."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError, field_validator

from braingemma3d.data.manifest import ManifestCase, scan_hash
from braingemma3d.errors import InputError, ModelError, first_fault, in_one_line
from braingemma3d.evaluation.systems.system import Kind, Reference, System
from braingemma3d.files import alone, json_lines
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.imaging.volume import Volume
from braingemma3d.pace import Progress, paced

logger = logging.getLogger(__name__)

BATCH = 8
"""Scans at a time; each is written with its mirror image."""
Batch = Sequence[ManifestCase]


def fits_into_a_table(system: str) -> bool:
    """Whether the name of a system can stand in a cell of a Markdown table."""
    return bool(system.strip()) and "|" not in system and len(system.splitlines()) == 1


class Prediction(BaseModel):
    """One report of one system, a line of ``predictions.jsonl``.

    Attributes:
        system, kind: who wrote it.
        id: of the case.
        text: the report; empty where it failed.
        mirrored: the report on the mirrored scan, for systems that see the scan.
        seconds: that it took, the mirrored one and an equal share of its batch included.
        error: why there is no report.
        origin: hash of the scan and of what the system knew beside it; a report of another origin, or of none, is
            not kept. None where something else wrote the report.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    system: str = "given"
    kind: Kind = "model"
    id: str
    text: str
    mirrored: str | None = None
    seconds: FiniteFloat | None = None
    error: str | None = None
    origin: str | None = None

    @field_validator("system")
    @classmethod
    def _is_a_name(cls, system: str) -> str:
        if not fits_into_a_table(system):
            raise ValueError("the name of a system is one line without |")
        return system


def read_predictions(path: Path) -> list[Prediction]:
    """Read a file of predictions; of two lines for one case and system the later counts, if the first one failed or is
    of another origin.

    Raises:
        InputError: no such file, a line without ``id`` and ``text``, or two reports of one system on one case.
    """
    found: dict[tuple[str, str], Prediction] = {}
    for number, line in json_lines(path, "file of predictions"):
        try:
            prediction = Prediction.model_validate(line)
        except ValidationError as error:
            raise InputError(f"{path}: line {number}: {first_fault(error)}; correct it") from error
        earlier = found.get((prediction.system, prediction.id))
        if earlier is None or earlier.error is not None or earlier.origin != prediction.origin:
            found[prediction.system, prediction.id] = prediction
        elif prediction.error is None and earlier.text != prediction.text:
            raise InputError(f"{path}: line {number}: a second report on case {prediction.id!r}; leave one out")
    return list(found.values())


def predict(
    systems: Sequence[System],
    cases: Sequence[ManifestCase],
    path: Path,
    progress: Progress[Batch] = paced,
) -> list[Prediction]:
    """Let every system report on every case and on its mirror image; what ``path`` has of the same scans is kept.

    A scan that can't be read, or a system that fails, is a prediction with an error, and tried again the next time.

    Args:
        systems: that look at the scans, in any order.
        cases: the test set.
        path: ``predictions.jsonl``, appended to batch by batch.
        progress: goes through the batches.

    Raises:
        ModelError: a system can't be loaded, and so would fail on every case.
        InputError: another process is writing into ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.with_suffix(".lock"), "evaluation"):
        return _predict(systems, cases, path, progress)


def _predict(
    systems: Sequence[System], cases: Sequence[ManifestCase], path: Path, progress: Progress[Batch]
) -> list[Prediction]:
    if path.is_file():
        _drop_unfinished_line(path)
    scans = {case.id: scan_hash(case) for case in cases}
    origins = {(system.name, name): _origin(system, scan) for system in systems for name, scan in scans.items()}
    known = {
        (p.system, p.id): p
        for p in (read_predictions(path) if path.is_file() else [])
        if p.error is None and p.origin == origins.get((p.system, p.id))
    }
    wanted = [case for case in cases if any((system.name, case.id) not in known for system in systems)]
    with path.open("a", encoding="utf-8") as file:
        batches = [wanted[i : i + BATCH] for i in range(0, len(wanted), BATCH)]
        for batch in progress(batches, len(batches), "Evaluating"):
            loaded = [_load(case) for case in batch]
            for system in systems:
                todo = [one for one in loaded if (system.name, one[0].id) not in known]
                for written in _report(system, todo):
                    prediction = written.model_copy(update={"origin": origins[written.system, written.id]})
                    known[prediction.system, prediction.id] = prediction
                    file.write(prediction.model_dump_json(exclude_none=True) + "\n")
                # The next system may be a slow one.
                file.flush()
    order = {case.id: place for place, case in enumerate(cases)}
    names = [system.name for system in systems]
    chosen = [p for p in known.values() if p.system in names and p.id in order]
    return sorted(chosen, key=lambda p: (names.index(p.system), order[p.id]))


def _origin(system: System, scan: str) -> str:
    return hashlib.sha256(f"{scan} {system.knows}".encode()).hexdigest()[:16]


def _drop_unfinished_line(path: Path) -> None:
    """Cut off what follows the last line break: a run that was killed may have left half a line, or half a letter."""
    content = path.read_bytes()
    finished = content.rfind(b"\n") + 1
    if finished < len(content):
        with path.open("r+b") as file:
            file.truncate(finished)


def answers(systems: Sequence[System], references: Sequence[Reference]) -> list[Prediction]:
    """What systems that don't look at scans say of all cases."""
    ids = [reference.id for reference in references]
    return [
        Prediction(system=system.name, kind=system.kind, id=name, text=text)
        for system in systems
        for name, text in zip(ids, system.write(ids, []), strict=True)
    ]


def _load(case: ManifestCase) -> tuple[ManifestCase, Volume | str]:
    try:
        return case, load_scan(case.image)
    except InputError as error:
        return case, str(error)
    except Exception as error:
        # One scan that nobody foresaw must not cost a night's evaluation; it counts as failed.
        logger.exception("%s could not be read", case.image)
        return case, f"{case.image}: {in_one_line(error)}"


def _report(system: System, loaded: Sequence[tuple[ManifestCase, Volume | str]]) -> Iterator[Prediction]:
    """Predictions of one system on a batch."""
    read: list[tuple[str, Volume]] = []
    for case, volume in loaded:
        if isinstance(volume, Volume):
            read.append((case.id, volume))
        else:
            yield Prediction(system=system.name, kind=system.kind, id=case.id, text="", error=volume)
    if read:
        yield from _written(system, read)


def _written(system: System, read: Sequence[tuple[str, Volume]]) -> Iterator[Prediction]:
    ids, volumes = [name for name, _ in read], [volume for _, volume in read]
    start = time.perf_counter()
    looks = system.kind != "blind"
    try:
        seen = [*volumes, *(volume.mirrored() for volume in volumes)] if looks else volumes
        texts = system.write(ids * 2 if looks else ids, seen)
        if len(texts) != len(seen):
            raise ValueError(f"{len(texts)} texts for {len(seen)} volumes")
    except ModelError:
        raise
    except Exception as error:
        if len(read) > 1:
            # One of them may have been it, or all together too much.
            for one in read:
                yield from _written(system, [one])
            return
        # One scan that nobody foresaw must not cost a night's evaluation; it counts as failed.
        foreseen = isinstance(error, InputError)
        if not foreseen:
            logger.exception("%s failed on %s", system.name, ids[0])
        said = str(error) if foreseen else in_one_line(error)
        yield Prediction(system=system.name, kind=system.kind, id=ids[0], text="", error=said)
        return
    seconds = round((time.perf_counter() - start) / len(ids), 3)
    for place, name in enumerate(ids):
        yield Prediction(
            system=system.name,
            kind=system.kind,
            id=name,
            text=texts[place],
            mirrored=texts[len(ids) + place] if looks else None,
            seconds=seconds,
        )
