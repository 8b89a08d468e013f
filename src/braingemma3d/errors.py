"""The one exception type that a user of the command line ever meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class InputError(ValueError):
    """The input can't be used; the message is one line that says what is wrong and what to do about it.

    Args:
        message: what is wrong and what to do, without a line break.
        code: a short stable name of the problem, such as ``no_brain``.
    """

    def __init__(self, message: str, code: str = "bad_input") -> None:
        super().__init__(message)
        self.code = code


class ModelError(InputError):
    """The model can't be loaded: no scan of a batch could be reported."""

    def __init__(self, message: str, code: str = "bad_model") -> None:
        super().__init__(message, code)


def in_one_line(error: Exception) -> str:
    """What somebody else's exception says, in a line that isn't long: "KeyError: 'x'"."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:240]


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong with a document, as "field: what is wrong"."""
    first = error.errors()[0]
    # pydantic's own words for these are about Python's classes.
    said = {"extra_forbidden": "there is no such field", "model_type": "not an object with fields"}
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), said.get(first["type"], first["msg"]))))
