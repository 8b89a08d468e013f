"""The patients that a model has learned from, by which they are kept out of its tests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from braingemma3d.data.manifest import SIMULATED, ManifestCase, person, read_manifest, training_cases
from braingemma3d.errors import ModelError
from braingemma3d.simulate.case import case_id
from braingemma3d.training.config import Data

HISTORY = "training.json"
"""In the folder of a trained model: its configuration, a hash of its cases, keys of its patients, and its curves."""


def key(source: str, patient: str) -> str:
    """16 hex digits that stand for a patient of a data set: a pseudonym, which who guesses the name can confirm."""
    return hashlib.sha256(person(source, patient).encode()).hexdigest()[:16]


def keys(cases: Iterable[ManifestCase]) -> list[str]:
    """The key of each case's patient, in order."""
    return [key(case.source, case.patient) for case in cases]


def to_learn_from(data: Data) -> set[str]:
    """Keys of the patients that a configuration has a model learn from.

    Raises:
        InputError: the manifest can't be read.
    """
    if data.manifest is not None:
        return set(keys(training_cases(read_manifest(data.manifest))))
    return {key(SIMULATED, case_id(data.seed, index)) for index in range(data.simulate or 0)}


def learned_from(folder: Path) -> set[str]:
    """Keys of the patients that the model in a folder has learned from; none where its training left no record.

    Raises:
        ModelError: there is a record that can't be read.
    """
    if not (folder / HISTORY).is_file():
        return set()
    try:
        return set(json.loads((folder / HISTORY).read_text(encoding="utf-8")).get("patients", []))
    except (ValueError, AttributeError, TypeError) as error:
        raise ModelError(f"{folder / HISTORY}: damaged; copy the model's folder again") from error
