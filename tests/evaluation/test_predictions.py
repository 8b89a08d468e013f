"""Running systems over a test set: what is kept, what is tried again, and what counts as failed."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

import phantom
from braingemma3d.data.manifest import ManifestCase
from braingemma3d.errors import InputError
from braingemma3d.evaluation import predictions
from braingemma3d.evaluation.predictions import BATCH, predict, read_predictions
from braingemma3d.imaging.nifti import read_nifti

LEFT, RIGHT = "A lesion in the left frontal lobe.", "A lesion in the right frontal lobe."


class Watched:
    """Answers from the brighter half of the volume, and remembers what it was asked."""

    kind = "model"

    def __init__(self, name="model", fails_on=(), knows=""):
        self.name = name
        self.knows = knows
        self.fails_on = set(fails_on)
        self.asked = []

    def write(self, ids, volumes):
        self.asked.append(list(ids))
        if self.fails_on & set(ids):
            raise RuntimeError("no memory\nleft")
        half = volumes[0].array.shape[2] // 2
        return [LEFT if v.array[..., :half].sum() > v.array[..., half:].sum() else RIGHT for v in volumes]


class Blind(Watched):
    kind = "blind"

    def write(self, ids, volumes):
        self.asked.append(list(ids))
        return [f"report of {one}" for one in ids]


@pytest.fixture
def cases(save_scan, monkeypatch):
    """Several names for one scan with a lesion on the left, and no brain mask to wait for."""
    scan = save_scan(phantom.brain_image())
    monkeypatch.setattr(predictions, "load_scan", read_nifti)

    def cases(count=3):
        return [ManifestCase(id=f"c{i}", patient=f"p{i}", image=scan, source="phantom") for i in range(count)]

    return cases


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out" / "predictions.jsonl"


def test_systems_that_look_write_on_the_mirror_image_too(cases, path):
    found = predict([Watched(), Blind("blind")], cases(2), path)
    assert [(p.system, p.id) for p in found] == [("model", "c0"), ("model", "c1"), ("blind", "c0"), ("blind", "c1")]
    assert all((p.text, p.mirrored) == (LEFT, RIGHT) for p in found[:2])
    assert [(p.text, p.mirrored) for p in found[2:]] == [("report of c0", None), ("report of c1", None)]
    assert all(p.error is None and p.seconds >= 0 for p in found)
    assert read_predictions(path) == sorted(found, key=lambda p: p.system != "model")


def test_a_batch_is_a_few_scans_and_their_mirror_images(cases, path):
    system = Watched()
    predict([system], cases(BATCH + 1), path)
    names = [f"c{i}" for i in range(BATCH + 1)]
    assert system.asked == [names[:BATCH] * 2, names[BATCH:] * 2]


def test_every_batch_is_on_disk_before_the_next(cases, path):
    lines = []

    def progress(batches, total, what):
        for batch in batches:
            yield batch
            lines.append(len(path.read_text().splitlines()))

    predict([Watched()], cases(BATCH + 1), path, progress)
    assert lines == [BATCH, BATCH + 1]


def test_what_is_finished_is_kept(cases, path):
    first = predict([Watched()], cases(2), path)
    again = Watched()
    assert predict([again], cases(3), path)[:2] == first
    assert again.asked == [["c2", "c2"]]
    assert len(path.read_text().splitlines()) == 3


def test_what_was_said_of_another_scan_is_not_kept(cases, path, save_scan):
    predict([Watched()], cases(2), path)
    image = phantom.brain_image()
    other = save_scan(nib.Nifti1Image(image.get_fdata()[::-1], image.affine), "other.nii.gz")
    both = [cases(1)[0], cases(2)[1].model_copy(update={"image": other})]
    again = Watched()
    found = predict([again], both, path)
    assert again.asked == [["c1", "c1"]]
    assert [one.text for one in found] == [LEFT, RIGHT]
    assert read_predictions(path) == found


def test_what_a_system_said_that_knew_something_else_is_not_kept(cases, path):
    predict([Watched(knows="mild is commonest")], cases(1), path)
    again = Watched(knows="severe is commonest")
    predict([again], cases(1), path)
    assert again.asked == [["c0", "c0"]]


def test_a_report_of_unknown_origin_is_not_kept(cases, path):
    path.parent.mkdir()
    path.write_text(json.dumps({"system": "model", "id": "c0", "text": "Who knows of what?"}) + "\n")
    again = Watched()
    assert [one.text for one in predict([again], cases(1), path)] == [LEFT]
    assert again.asked == [["c0", "c0"]]


def test_a_system_that_joins_later_runs_alone(cases, path):
    predict([Watched()], cases(2), path)
    model, other = Watched(), Watched("other")
    assert len(predict([model, other], cases(2), path)) == 4
    assert (model.asked, other.asked) == ([], [["c0", "c1"] * 2])


def test_systems_and_cases_that_were_not_asked_for_are_left_out(cases, path):
    predict([Watched(), Watched("other")], cases(3), path)
    assert [(p.system, p.id) for p in predict([Watched("other")], cases(1), path)] == [("other", "c0")]


def test_an_unreadable_scan_is_a_failure_and_the_rest_goes_on(cases, path, tmp_path):
    bad = cases(1)[0].model_copy(update={"id": "bad", "image": tmp_path / "absent.nii"})
    system = Watched()
    found = predict([system, Blind("blind")], [bad, *cases(1)], path)
    assert {(p.system, p.id): (p.text, p.error is None) for p in found} == {
        ("model", "bad"): ("", False),
        ("model", "c0"): (LEFT, True),
        ("blind", "bad"): ("", False),
        ("blind", "c0"): ("report of c0", True),
    }
    assert "no such file" in found[0].error
    assert system.asked == [["c0", "c0"]]


def test_an_unforeseen_error_while_reading_costs_one_scan(cases, path, monkeypatch):
    def fails_once(image, asked=[]):  # noqa: B006
        asked.append(image)
        if len(asked) == 1:
            raise MemoryError("too large")
        return read_nifti(image)

    monkeypatch.setattr(predictions, "load_scan", fails_once)
    found = predict([Watched()], cases(2), path)
    assert "MemoryError: too large" in found[0].error
    assert found[1].error is None


def test_a_system_that_raises_has_failed_on_that_case_and_on_no_other(cases, path):
    found = predict([Watched(fails_on=["c1"]), Watched("other")], cases(3), path)
    assert [p.error for p in found] == [None, "RuntimeError: no memory left", None] + [None] * 3
    assert [p.text for p in found[:3]] == [LEFT, "", LEFT]


def test_a_failure_is_tried_again_and_then_forgotten(cases, path):
    predict([Watched(fails_on=["c0"])], cases(2), path)
    again = predict([Watched()], cases(2), path)
    assert [p.error for p in again] == [None, None]
    idle = Watched()
    assert predict([idle], cases(2), path) == again
    assert idle.asked == []


def test_a_system_that_gives_too_few_texts_has_failed(cases, path):
    class Lazy(Watched):
        def write(self, ids, volumes):
            return [LEFT]

    found = predict([Lazy()], cases(2), path)
    assert ["1 texts for 2 volumes" in p.error for p in found] == [True, True]


def test_an_interrupted_run_goes_on(cases, path):
    class Interrupted(Watched):
        def write(self, ids, volumes):
            if "c8" in ids:
                raise KeyboardInterrupt
            return super().write(ids, volumes)

    with pytest.raises(KeyboardInterrupt):
        predict([Interrupted()], cases(BATCH + 1), path)
    system = Watched()
    assert len(predict([system], cases(BATCH + 1), path)) == BATCH + 1
    assert system.asked == [["c8", "c8"]]


def test_two_runs_do_not_write_into_one_file(cases, path):
    def progress(batches, total, what):
        with pytest.raises(InputError, match="another evaluation is at work here; wait for it"):
            predict([Watched("other")], cases(1), path)
        yield from batches

    assert len(predict([Watched()], cases(1), path, progress)) == 1
    assert len(predict([Watched("other")], cases(1), path)) == 1


@pytest.mark.parametrize("left", ['{"system": "model", "id": "c1", "te', '{"system": "model", "id": "c1", "text": "é'])
def test_half_a_last_line_does_not_stop_a_run_from_going_on(cases, path, left):
    predict([Watched()], cases(1), path)
    with path.open("ab") as file:
        file.write(left.encode()[: len(left)])
    system = Watched()
    found = predict([system], cases(2), path)
    assert [(p.id, p.error) for p in found] == [("c0", None), ("c1", None)]
    assert system.asked == [["c1", "c1"]]
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["c0", "c1"]


def test_a_broken_line_in_the_middle_is_an_error(cases, path):
    path.parent.mkdir()
    path.write_text('{"id"\n{"system": "model", "id": "c0", "text": "x"}\n')
    with pytest.raises(InputError, match="line 1 is not JSON; write one object a line"):
        predict([Watched()], cases(1), path)


def test_texts_survive_the_file_whatever_they_hold(cases, path):
    text = 'two\nlines, "quotes", \u2028 and \x85'

    class Odd(Watched):
        def write(self, ids, volumes):
            return [text] * len(ids)

    predict([Odd()], cases(2), path)
    assert [p.text for p in predict([Watched()], cases(2), path)] == [text, text]


def test_a_second_report_on_a_case_is_refused(path):
    path.parent.mkdir()
    path.write_text('{"id": "a", "text": "one"}\n{"id": "a", "text": "one"}\n{"id": "a", "text": "two"}\n')
    with pytest.raises(InputError, match="line 3: a second report on case 'a'"):
        read_predictions(path)


def test_of_a_failure_and_a_report_the_later_counts(path):
    path.parent.mkdir()
    failed = '{"id": "a", "text": "", "error": "no memory"}'
    path.write_text(f'{failed}\n\n{{"id": "b", "text": "x"}}\n{{"id": "a", "text": "two"}}\n')
    assert [(p.id, p.text, p.system, p.kind) for p in read_predictions(path)] == [
        ("a", "two", "given", "model"),
        ("b", "x", "given", "model"),
    ]


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"text": "a"}', '{"id": 3, "text": "a"}'])
def test_a_line_that_is_no_prediction_is_named(path, line):
    path.parent.mkdir()
    path.write_text('{"id": "a", "text": "one"}\n' + line + "\n")
    with pytest.raises(InputError, match="line 2"):
        read_predictions(path)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_predictions(tmp_path / "absent.jsonl")
    with pytest.raises(InputError, match="not a file of predictions"):
        read_predictions(tmp_path)
    (tmp_path / "latin.jsonl").write_bytes('{"id": "a", "text": "œdème"}'.encode("utf-16"))
    with pytest.raises(InputError, match="UTF-8"):
        read_predictions(tmp_path / "latin.jsonl")


def test_the_phantom_tells_its_sides_apart():
    # Else the mirror tests above would prove nothing.
    array = phantom.brain_array()
    assert not np.array_equal(array, array[::-1])
