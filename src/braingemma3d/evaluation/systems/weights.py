"""What loading any baseline's checkpoint has in common: each way to fail is one clear line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from braingemma3d.errors import ModelError, in_one_line

_FAILURES = (ImportError, OSError, ValueError, AttributeError, TypeError, RuntimeError, KeyError, SafetensorError)
"""How code from a repository fails that was written for other versions of its libraries, and how broken files do."""


def check_weights(folder: Path) -> None:
    """Refuse a folder without weights before anything is loaded.

    Raises:
        ModelError: there is no safetensors file.
    """
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder}: no weights (*.safetensors) in this folder; download it again", "missing_model")


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Turn what goes wrong while a checkpoint is loaded into one line.

    Raises:
        ModelError: with the cause.
    """
    try:
        yield
    except ModelError:
        raise
    except _FAILURES as error:
        raise ModelError(
            f"{folder}: can't be loaded ({in_one_line(error)}); check its files and the versions it needs"
        ) from error


def refuse_missing(folder: Path, missing: Collection[str]) -> None:
    """Refuse a model of which weights were not in the files: transformers goes on with random ones.

    Raises:
        ModelError: some are missing.
    """
    if missing:
        raise ModelError(
            f"{folder}: {len(missing)} weights are missing, such as {min(missing)}; download it again", "bad_model"
        )
