"""From a manifest to the results: which cases, which truth, which systems, which files."""

from __future__ import annotations

import json
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

import phantom
from braingemma3d.data.manifest import ManifestCase
from braingemma3d.errors import InputError
from braingemma3d.evaluation.blind import ENOUGH
from braingemma3d.evaluation.evaluate import (
    all_systems,
    evaluate,
    reference,
    without_a_model,
    write_results,
)
from braingemma3d.evaluation.predictions import Prediction
from braingemma3d.evaluation.systems.model import ModelSystem
from braingemma3d.evaluation.systems.system import one_view
from braingemma3d.findings.compare import ALL_FINDINGS
from braingemma3d.findings.extract import extract
from braingemma3d.findings.schema import Findings

LEFT = "A lesion lies in the left frontal lobe. There is moderate edema."
HEALTHY = "No lesion is seen. There is no edema."

UNLOADED = SimpleNamespace(model_info=SimpleNamespace(sha256=""))


def case(name, **fields):
    return ManifestCase.model_validate({"id": name, "patient": name, "image": "a.nii", "source": "x", **fields})


class Says:
    kind = "model"
    needs_scan = True
    knows = ""

    def __init__(self, text, name="model"):
        self.text, self.name = text, name

    def write(self, ids, volumes):
        return [self.text] * len(ids)


def test_an_empty_report_tells_nothing(save_scan, brain_file):
    mask = save_scan(phantom.lesion_mask(), "mask.nii.gz")
    found = reference(case("a", image=brain_file, report="", mask=mask))
    assert (found.report, found.findings.side) == (None, "left")


def test_findings_win_over_the_report():
    found = reference(case("a", report=LEFT, findings={"lesion": True, "side": "right"}))
    assert (found.report, found.findings.side, found.patient) == (LEFT, "right", "x/a")


def test_findings_that_nobody_filled_in_are_unknown():
    assert reference(case("a", findings={"lesion": True, "side": "right"})).known == {"lesion", "side"}
    assert reference(case("a", findings={"lesion": False})).known == ALL_FINDINGS
    assert reference(case("a", findings=Findings(lesion=True).model_dump())).known == ALL_FINDINGS


def test_a_report_alone_gives_its_findings():
    assert reference(case("a", report=LEFT)).findings == extract(LEFT)


def test_what_a_report_on_a_lesion_leaves_unsaid_or_open_is_unknown():
    said = reference(case("a", report="There is a lesion in the left frontal lobe with edema and possible necrosis."))
    assert said.known == {"lesion", "side", "lobes", "edema"}
    assert reference(case("a", report=HEALTHY)).known == ALL_FINDINGS


def test_a_scan_that_cannot_be_read_still_counts_where_its_report_tells_the_truth(save_scan, tmp_path):
    broken = tmp_path / "broken.nii"
    broken.write_text("not an image")
    mask = save_scan(phantom.lesion_mask(), "mask.nii.gz")
    assert reference(case("a", image=broken, mask=mask, report=LEFT)).findings == extract(LEFT)
    with pytest.raises(InputError, match=r"broken\.nii"):
        reference(case("a", image=broken, mask=mask))


def test_a_mask_alone_gives_what_it_tells(save_scan, brain_file):
    mask = save_scan(phantom.lesion_mask(), "mask.nii.gz")
    found = reference(case("a", image=brain_file, mask=mask))
    assert (found.report, found.findings.side, found.findings.lobes) == (None, "left", ("frontal",))
    assert found.known == {"lesion", "side", "lobes"}


def test_a_mask_is_asked_before_the_report_and_the_report_for_the_rest(save_scan, brain_file):
    mask = save_scan(phantom.lesion_mask(), "mask.nii.gz")
    report = "A lesion lies in the right temporal lobe. There is moderate edema. The ventricles are mildly compressed."
    found = reference(case("a", image=brain_file, mask=mask, report=report))
    assert (found.report, found.known) == (report, ALL_FINDINGS - {"necrosis"})
    assert (found.findings.side, found.findings.lobes) == ("left", ("frontal",))
    assert found.findings.places == {("left", "frontal")}
    assert (found.findings.edema, found.findings.ventricular_compression) == ("moderate", "mild")


UNREAD = [
    "Follow-up after resection.",
    "Es zeigt sich ein Glioblastom links frontal.",
    "There is moderate edema.",
    "A cavity is seen. The remaining brain is normal, and the ventricles are normal.",
    "The scan is not normal.",
    "The signal is high relative to normal brain.",
    "The healthy side of the brain shows nothing new.",
]


@pytest.mark.parametrize("report", UNREAD)
def test_a_report_that_tells_of_no_lesion_and_denies_none_is_no_healthy_case(report):
    with pytest.raises(InputError, match="'a': its report tells of no lesion and denies none"):
        reference(case("a", report=report))


@pytest.mark.parametrize(
    "report",
    [
        "No lesion.",
        "Normal MRI of the brain.",
        "IMPRESSION: Unremarkable study.",
        "The parenchyma has the expected signal on FLAIR.",
        "Brain MRI: normal.",
        "The brain looks healthy.",
        "An age-appropriate appearance of the brain.",
        "Negative study.",
        "No pathological signal.",
        "Nothing to report.",
    ],
)
def test_a_report_that_denies_a_lesion_or_calls_all_normal_is_one(report):
    assert reference(case("a", report=report))[2:4] == (Findings(), ALL_FINDINGS)


def test_what_findings_call_possible_is_unknown():
    said = reference(case("a", findings={"lesion": True, "side": "left", "necrosis": "possible"}))
    assert said.known == {"lesion", "side"}


def test_beside_a_mask_a_report_tells_grades_unless_it_denies_the_lesion(save_scan, brain_file):
    mask = save_scan(phantom.lesion_mask(), "mask.nii.gz")
    place = {"lesion", "side", "lobes"}
    for report, known in ((UNREAD[2], place | {"edema"}), (HEALTHY, place), (UNREAD[0], place)):
        found = reference(case("a", image=brain_file, mask=mask, report=report))
        assert (found.known, found.findings.side) == (known, "left")


def test_volumes_of_a_mask_are_kept(save_scan, brain_file, tmp_path):
    told = reference(case("a", image=brain_file, mask=save_scan(phantom.lesion_mask(), "mask.nii.gz")))
    assert told.measured["core_ml"] > 10
    write_results([Prediction(id="a", text=LEFT)], [told], "given", tmp_path, "t", "c")
    assert json.loads((tmp_path / "cases.jsonl").read_text())["measured"] == told.measured


def test_an_empty_mask_outweighs_a_report_of_a_lesion(save_scan, brain_file):
    mask = phantom.lesion_mask()
    mask = save_scan(nib.Nifti1Image(np.zeros(mask.shape, np.uint8), mask.affine), "mask.nii.gz")
    report = f"{LEFT} The left lateral ventricle is mildly compressed."
    assert reference(case("a", image=brain_file, report=report, mask=mask)).findings == Findings()


def test_a_mask_beside_findings_is_not_looked_at():
    assert reference(case("a", findings={"lesion": False}, mask="absent.nii")).findings == Findings()


def test_nothing_to_hold_a_report_against():
    with pytest.raises(InputError, match="case 'a' has no findings, no report and no mask"):
        reference(case("a"))


def test_everything_is_compared_and_named_apart():
    model = ModelSystem(UNLOADED, "model")
    cases = [case("a", report=LEFT, split="test"), case("b", report=HEALTHY, split="test")]
    systems = all_systems(model, [reference(one) for one in cases], cases)
    assert systems[0] is model
    names = [system.name for system in systems]
    assert len(set(names)) == len(names) == 12
    assert names[1] == "model, one view"
    kinds = [system.kind for system in systems]
    assert (kinds.count("no_learning"), kinds.count("blind")) == (3, 7)


@pytest.mark.parametrize(
    ("count", "split", "said"), [(ENOUGH, "train", HEALTHY), (ENOUGH, None, HEALTHY), (ENOUGH - 1, "train", LEFT)]
)
def test_blind_systems_learn_from_training_cases_alone_where_there_are_enough(count, split, said):
    trained = [case(f"t{i}", report=HEALTHY, split=split) for i in range(count)]
    cases = [*(case(name, report=LEFT, split="test") for name in "ab"), *trained]
    references = [reference(one) for one in cases if one.split == "test"]
    systems = {system.name: system for system in all_systems(ModelSystem(UNLOADED, "model"), references, cases)}
    assert systems["constant report"].write(["a"], [None]) == [said]
    assert extract(systems["majority of each finding"].write(["a"], [None])[0]).lesion is (said == LEFT)


def test_training_cases_without_reports_leave_the_test_reports_to_blind_systems():
    tested = [case(name, report=LEFT, split="test") for name in "ab"]
    trained = [case(f"t{i}", findings={"lesion": False}, split="train") for i in range(3)]
    references = [reference(one) for one in tested]
    asked = all_systems(ModelSystem(UNLOADED, "m"), references, [*tested, *trained])
    systems = {system.name: system for system in asked}
    assert systems["constant report"].write(["a"], [None]) == [LEFT]


def test_from_scans_to_files(brain_file, tmp_path):
    cases = [case("a", image=brain_file, report=LEFT), case("b", image=brain_file, report=HEALTHY)]
    out = tmp_path / "new" / "out"
    systems = [Says(LEFT), Says(HEALTHY, "other")]
    metrics = evaluate(systems, cases, [reference(one) for one in cases], out, "a set", "command")
    assert metrics.system == "model"
    assert json.loads((out / "metrics.json").read_text())["systems"]["other"]["healthy_specificity"]["mean"] == 1
    assert (out / "RESULTS.md").read_text().startswith("# a set\n")
    assert (out / "confusion-side.png").is_file()
    assert len((out / "predictions.jsonl").read_text().splitlines()) == 4


def test_a_scan_that_cannot_be_read_fails_the_systems_that_look(brain_file, tmp_path):
    cases = [case("a", image=brain_file, report=LEFT), case("b", image=tmp_path / "absent.nii", report=LEFT)]
    references = [reference(one) for one in cases]
    systems = [Says(LEFT), *without_a_model(references, cases)]
    metrics = evaluate(systems, cases, references, tmp_path / "out", "t", "c")
    assert {one.system for one in metrics.failures} == {"model", "brighter hemisphere", "brightest blob"}
    assert metrics.systems["constant report"].findings["side_accuracy"].mean == 1
    assert metrics.lift["side_accuracy"].difference == -0.5
    kept = [json.loads(line)["system"] for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert "constant report" not in kept, "what it says of the cases that there are now is no measurement to be kept"


def test_two_systems_of_one_name_are_refused_before_any_work(tmp_path):
    with pytest.raises(InputError, match="two systems are called 'model'"):
        evaluate([Says(LEFT), Says(HEALTHY)], [case("a")], [], tmp_path / "out", "t", "c")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a|b", "two\nlines", " "])
def test_a_name_that_no_table_can_show_is_refused_before_any_work(tmp_path, name):
    with pytest.raises(InputError, match="one line without"):
        evaluate([Says(LEFT, name)], [case("a")], [], tmp_path / "out", "t", "c")
    assert not (tmp_path / "out").exists()


def test_each_case_tells_what_was_read_and_what_is_true(tmp_path):
    references = [
        reference(case("a", report=LEFT)),
        reference(case("b", report=HEALTHY)),
        reference(case("c", report=LEFT)),
    ]
    said = [
        Prediction(id="a", text=LEFT.replace("left", "right"), mirrored=LEFT),
        Prediction(id="b", text="No mass. No mass.", mirrored=LEFT),
        *(Prediction(system=one_view("given"), id=name, text=LEFT, mirrored=LEFT) for name in "abc"),
    ]
    write_results(said, references, "given", tmp_path, "t", "c")
    first, second = [json.loads(line) for line in (tmp_path / "cases.jsonl").read_text().splitlines()]
    assert (first["id"], first["read"]["side"], first["truth"]["side"]) == ("a", "right", "left")
    assert "necrosis" not in first["truth"], "the report that is the truth does not mention it"
    assert (first["scores"]["side_accuracy"], first["scores"]["edema_accuracy"], first["flaws"]) == (0, 1, [])
    assert (first["scores"]["mirror_consistency"], first["scores"]["laterality_f1"]) == (1, 0)
    assert (second["scores"]["healthy_specificity"], second["flaws"]) == (1, ["repeats itself"])
    assert second["scores"]["mirror_consistency"] == 0
    assert first["scores"]["mirror_consistency_of_one_view"] == 0, "each view names the left"
    assert "by_case" not in json.loads((tmp_path / "metrics.json").read_text())


def test_results_are_written_anew(tmp_path):
    references = [reference(case("a", report=LEFT))]
    for text, score in ((LEFT, 1.0), (HEALTHY, 0.0)):
        write_results([Prediction(id="a", text=text)], references, "given", tmp_path, "t", "c")
        values = json.loads((tmp_path / "metrics.json").read_text())["systems"]["given"]["findings"]
        assert values["side_accuracy"]["mean"] == score
