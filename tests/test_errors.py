"""What somebody who uses the command line reads of an error."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from braingemma3d.errors import InputError, ModelError, first_fault, in_one_line


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: int
    inner: Document | None = None


def test_a_model_that_cannot_be_loaded_is_an_input_error_with_a_code_of_its_own():
    assert issubclass(ModelError, InputError)
    assert (InputError("a").code, ModelError("b").code, ModelError("c", "missing_model").code) == (
        "bad_input",
        "bad_model",
        "missing_model",
    )


def test_what_other_code_says_is_one_line_that_is_not_long():
    assert in_one_line(KeyError("x")) == "KeyError: 'x'"
    assert in_one_line(RuntimeError("no memory\n  left")) == "RuntimeError: no memory left"
    assert len(in_one_line(ValueError("long " * 200))) <= 240


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"steps": "many"}, "steps: Input should be a valid integer"),
        ({"steps": 1, "stpes": 2}, "stpes: there is no such field"),
        ({"steps": 1, "inner": {"steps": None}}, "inner.steps: Input should be a valid integer"),
        ([], "not an object with fields"),
    ],
)
def test_the_first_fault_names_its_field_in_plain_words(document, says):
    with pytest.raises(ValidationError) as caught:
        Document.model_validate(document)
    assert first_fault(caught.value).startswith(says)
