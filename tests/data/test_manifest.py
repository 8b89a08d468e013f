"""Manifests: what is read, and what is refused with its line."""

from __future__ import annotations

import json

import pytest

from braingemma3d.data.manifest import ManifestCase, held_out, read_manifest
from braingemma3d.errors import InputError

CASE = {"id": "a", "patient": "p", "image": "images/a.nii.gz", "source": "simulated"}
ON_BOTH_SIDES = {
    "lesion": True,
    "lesions": [{"side": "right", "lobes": ["temporal"]}, {"side": "left", "lobes": ["frontal"]}],
}


@pytest.fixture
def write(tmp_path):
    def write(*lines):
        path = tmp_path / "manifest.jsonl"
        text = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_case_with_everything(write, tmp_path):
    findings = {"lesion": True, "side": "left", "lobes": ["frontal"], "edema": "mild"}
    extra = {"mask": "masks/a.nii.gz", "report": "A lesion.", "findings": findings, "split": "test", "truth": {"x": 1}}
    (case,) = read_manifest(write(CASE | extra))
    assert (case.image, case.mask) == (tmp_path / "images/a.nii.gz", tmp_path / "masks/a.nii.gz")
    assert (case.report, case.split, case.findings.lobes) == ("A lesion.", "test", ("frontal",))


def test_lesions_tell_the_side_and_lobes_of_all_of_them(write):
    (case,) = read_manifest(write(CASE | {"findings": ON_BOTH_SIDES}))
    assert (case.findings.side, case.findings.lobes) == ("bilateral", ("frontal", "temporal"))
    assert {"side", "lobes"} <= case.findings.model_fields_set
    (case,) = read_manifest(write(CASE | {"findings": {"lesion": True, "lesions": [{"lobes": ["deep"]}]}}))
    assert (case.findings.side, "side" in case.findings.model_fields_set) == ("none", False)


def test_what_is_optional_may_be_left_out(write):
    (case,) = read_manifest(write(CASE))
    assert (case.mask, case.report, case.findings, case.split) == (None, None, None, None)


@pytest.mark.parametrize(
    ("name", "meant"), [("splt", "split"), ("finding", "findings"), ("Report", "report"), ("SPLIT", "split")]
)
def test_a_misspelt_field_is_refused(write, name, meant):
    with pytest.raises(InputError, match=f"line 2: no field '{name}'; write '{meant}'"):
        read_manifest(write(CASE, CASE | {"id": "b", name: None}))


def test_fields_of_ones_own_are_left_alone(write):
    assert len(read_manifest(write(CASE | {"age": 61, "scanner": "3T", "split": "test", "splits": [1]}))) == 1


@pytest.mark.parametrize("report", ["", " \n"])
def test_a_blank_report_tells_nothing(write, report):
    (case,) = read_manifest(write(CASE | {"report": report}))
    assert case.report is None


def test_a_mask_is_looked_at_where_nobody_has_told_the_findings(write):
    mask, findings = {"mask": "a.nii"}, {"findings": {"lesion": True}}
    told = [CASE | mask, CASE | mask | {"report": "A lesion."}, CASE | mask | findings, CASE | findings]
    cases = read_manifest(write(*(case | {"id": str(i)} for i, case in enumerate(told))))
    assert [case.needs_its_mask for case in cases] == [True, True, False, False]


def test_findings_must_say_whether_there_is_a_lesion(write):
    with pytest.raises(InputError, match=r"line 1: findings: .*they don't say `lesion`"):
        read_manifest(write(CASE | {"findings": {"side": "left"}}))
    with pytest.raises(InputError, match="they have no lesion, but a place or a grade"):
        read_manifest(write(CASE | {"findings": {"lesion": False, "edema": "severe"}}))


def test_absolute_paths_stay(write):
    (case,) = read_manifest(write(CASE | {"image": "/data/a.nii.gz"}))
    assert str(case.image) == "/data/a.nii.gz"


def test_cases_keep_their_order_and_blank_lines_do_not_count(write):
    path = write("", CASE | {"id": "b"}, "  ", CASE, "")
    assert [case.id for case in read_manifest(path)] == ["b", "a"]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_a_report_may_hold_the_line_breaks_that_json_leaves_alone(write, separator):
    report = f"A lesion.{separator}Edema."
    assert read_manifest(write(CASE | {"report": report}, CASE | {"id": "b"}))[0].report == report


def test_windows_line_ends_and_byte_order_marks_are_no_matter(tmp_path):
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(CASE).encode() + b"\r\n")
    assert read_manifest(path)[0].id == "a"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["{"], "line 1 is not JSON"),
        (["[" * 10_000], "line 1 is not JSON"),
        (["1" * 5000], "line 1 is not JSON"),
        ([CASE, "[1]"], "line 2: not an object"),
        ([{"id": "a"}], "line 1: patient: Field required"),
        ([CASE | {"findings": {"side": "up"}}], "line 1: findings.side"),
        ([CASE | {"findings": {"tumor": True}}], "line 1: findings.tumor"),
        ([CASE, CASE], "line 2: a second case 'a'"),
        ([json.dumps(CASE | {"id": "\ud800"})], "line 1 is not JSON"),
        ([CASE | {"findings": ON_BOTH_SIDES | {"side": "left"}}], "their side and those of their lesions"),
        ([CASE | {"findings": ON_BOTH_SIDES | {"lobes": ["deep"]}}], "their lobes and those of their lesions"),
        ([], "empty manifest"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(write, lines, says):
    path = write(*lines)
    with pytest.raises(InputError, match=r"manifest\.jsonl: ") as caught:
        read_manifest(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(InputError, match="no such manifest"):
        read_manifest(tmp_path / "absent.jsonl")
    with pytest.raises(InputError, match="not a manifest"):
        read_manifest(tmp_path)
    (tmp_path / "image.gz").write_bytes(b"\x1f\x8b\xff\x00")
    with pytest.raises(InputError, match="not a manifest"):
        read_manifest(tmp_path / "image.gz")


def case(name, **fields):
    return ManifestCase.model_validate(CASE | {"id": name, "patient": name, **fields})


def test_the_test_split_is_taken():
    cases = [case("a", split="train"), case("b", split="test"), case("c")]
    assert [one.id for one in held_out(cases)] == ["b"]


def test_without_any_split_all_cases_are():
    assert len(held_out([case("a"), case("b")])) == 2


@pytest.mark.parametrize("other", [None, "val"])
def test_training_cases_are_never_tested_on(other):
    with pytest.raises(InputError, match="split `test`"):
        held_out([case("a", split="train"), case("b", split=other)])


def test_patients_of_two_data_sets_may_have_one_number():
    cases = [case("a", split="train", patient="1"), case("b", split="test", patient="1", source="other")]
    assert [one.id for one in held_out(cases)] == ["b"]
    assert len({one.person for one in cases}) == 2


@pytest.mark.parametrize("learned", ["train", None])
def test_a_patient_is_not_in_training_and_test(learned):
    with pytest.raises(InputError, match="1 patients of the manifest have training and test cases"):
        held_out([case("a", split=learned, patient="p"), case("b", split="test", patient="p")])
