"""The report and its JSON Schema."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from pydantic import ValidationError

from braingemma3d.report.report import Report
from sample_report import TEXT, make_report


def schema() -> dict:
    return json.loads((files("braingemma3d") / "report" / "report.schema.json").read_text(encoding="utf-8"))


def test_the_packaged_schema_is_the_models():
    """If this fails, write ``Report.model_json_schema()`` to report.schema.json again."""
    assert schema() == Report.model_json_schema()


def test_a_report_is_valid_by_the_packaged_schema():
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(make_report().model_dump(mode="json"), schema())


@pytest.mark.parametrize(
    ("field", "value"), [("side", "port"), ("lobes", ["heart"]), ("edema", "enormous"), ("lesion", "maybe")]
)
def test_the_schema_refuses_what_is_not_in_the_vocabulary(field, value):
    record = make_report().model_dump(mode="json")
    record["findings"][field] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, schema())


def test_an_unknown_field_is_refused():
    with pytest.raises(ValidationError):
        Report.model_validate({**make_report().model_dump(), "diagnosis": "x"})


def test_json_round_trip():
    report = make_report()
    assert Report.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, "lesion, left frontal"),
        ("There is no lesion.", "no lesion described"),
        ("A mass is seen.", "lesion, place not given"),
    ],
)
def test_headlines(text, expected):
    assert make_report(text).headline == expected
