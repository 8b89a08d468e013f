"""``metrics.json``: failures, lifts, what is skipped, and what the finding-level metrics can tell apart."""

from __future__ import annotations

import json

import pytest

from braingemma3d.evaluation.metrics import METRICS, Metrics, measure
from braingemma3d.evaluation.predictions import Prediction
from braingemma3d.evaluation.statistics import lift
from braingemma3d.evaluation.systems.system import Reference, describe
from braingemma3d.findings.compare import ALL_FINDINGS, METRIC_OF, scores
from braingemma3d.findings.extract import extract
from braingemma3d.findings.mirror import swap_sides
from braingemma3d.findings.schema import Finding, Findings

REPORTS = {
    "left": "A lesion lies in the left frontal lobe. There is moderate edema around it. Central necrosis is present. "
    "The left lateral ventricle is mildly compressed.",
    "right": "A mass is seen in the right temporal and parietal lobes. There is severe edema. There is no necrosis. "
    "The ventricles are not compressed.",
    "healthy": "No lesion is seen. There is no edema and no necrosis. The ventricles are not compressed.",
}
REFERENCES = [Reference(name, text, extract(text)) for name, text in REPORTS.items()]
OF_LESION = set(METRIC_OF.values())


def says(texts, system="model", kind="model", mirrored=True, seconds=1.0):
    """Predictions of a system; with ``mirrored`` of one that is consistent."""
    return [
        Prediction(
            system=system,
            kind=kind,
            id=name,
            text=text,
            mirrored=swap_sides(text) if mirrored else None,
            seconds=seconds,
        )
        for name, text in texts.items()
    ]


def failed(name, system="model", kind="model"):
    return Prediction(system=system, kind=kind, id=name, text="", error="RuntimeError: no memory")


def blind(text=REPORTS["left"], name="constant"):
    return says(dict.fromkeys(REPORTS, text), name, "blind", mirrored=False)


def means(metrics, system="model"):
    found = {metric: metrics.systems[system].value(metric) for metric in METRICS}
    return {metric: value.mean for metric, value in found.items() if value is not None}


def test_the_true_reports_score_1_and_have_no_flaw():
    found = means(measure(says(REPORTS), REFERENCES, "model"))
    assert found.pop("flawed_text") == 0
    assert found.pop("cider") == pytest.approx(10)
    found.pop("meteor", None)
    found.pop("bertscore", None)
    assert found == pytest.approx(dict.fromkeys(found, 1.0))
    assert set(found) == {*OF_LESION, "healthy_specificity", "mirror_consistency"} | {
        "laterality_f1",
        "anatomy_f1",
        "pathology_f1",
        "bleu1",
        "bleu4",
        "rouge1",
        "rouge2",
        "rougeL",
    }


def test_cases_with_and_without_a_lesion_are_scored_apart():
    metrics = measure(says(REPORTS), REFERENCES, "model")
    assert (metrics.cases, metrics.healthy) == (3, 1)
    system = metrics.systems["model"]
    assert {system.value(metric).n for metric in OF_LESION} == {2}
    assert system.healthy_specificity.n == 1
    assert system.mirror_consistency.n == system.value("bleu1").n == 3


@pytest.mark.parametrize(
    "given",
    [
        [failed(name) for name in REPORTS],
        [failed("left"), failed("right").model_copy(update={"error": ""}), failed("healthy")],
    ],
    ids=["error", "error without words"],
)
def test_a_system_that_fails_everywhere_scores_0_in_everything(given):
    metrics = measure([*given, *blind()], REFERENCES, "model")
    found = means(metrics)
    assert found.pop("flawed_text") == 1
    assert set(found.values()) == {0.0}
    assert {"healthy_specificity", "bleu1", "laterality_f1", *OF_LESION} <= set(found)
    assert [(f.system, f.id) for f in metrics.failures] == [("model", name) for name in REPORTS]


@pytest.mark.parametrize("name", list(REPORTS))
def test_one_failure_costs_its_case_in_every_metric_of_it(name):
    whole = says(REPORTS)
    kept = [p for p in whole if p.id != name]
    before, after = (means(measure(given, REFERENCES, "model")) for given in (whole, [*kept, failed(name)]))
    of_case = {"mirror_consistency", "bleu1", "bleu4", "rouge1", "rouge2", "rougeL", "cider"}
    of_case |= {"laterality_f1", "anatomy_f1", "pathology_f1"}
    of_case |= {"healthy_specificity"} if name == "healthy" else OF_LESION
    cases = {"healthy_specificity": 1, **dict.fromkeys(OF_LESION, 2)}
    for metric in of_case:
        n = cases.get(metric, 3)
        assert after[metric] == pytest.approx(before[metric] * (n - 1) / n), metric
    assert after["flawed_text"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_report_is_a_failure_and_not_a_healthy_brain(text):
    metrics = measure(says(REPORTS | {"healthy": text}), REFERENCES, "model")
    assert metrics.systems["model"].healthy_specificity.mean == 0
    assert metrics.systems["model"].mirror_consistency.mean == pytest.approx(2 / 3)
    assert [(f.id, f.error) for f in metrics.failures] == [("healthy", "the report is empty")]


def test_a_case_without_a_prediction_is_a_failure_of_its_system_only():
    metrics = measure([*says(REPORTS)[:2], *blind()], REFERENCES, "model")
    assert [(f.system, f.id, f.error) for f in metrics.failures] == [
        ("model", "healthy", "no prediction for this case")
    ]
    assert metrics.systems["model"].healthy_specificity.mean == 0
    assert metrics.systems["model"].value("bleu1").n == 3


def test_a_failed_report_s_text_does_not_count():
    given = [p.model_copy(update={"error": "broken off"}) for p in says(REPORTS)]
    found = means(measure([*given, *blind()], REFERENCES, "model"))
    assert found["bleu1"] == found["side_accuracy"] == found["healthy_specificity"] == 0


def test_predictions_on_other_cases_do_not_count():
    extra = Prediction(system="model", id="stranger", text="", error="x")
    assert measure([*says(REPORTS), extra], REFERENCES, "model").failures == []


def test_lift_is_over_the_best_system_that_does_not_look():
    weak, strong = blind("No lesion.", "weak"), blind(name="strong")
    fixed_rule = says(REPORTS, "rule", "no_learning")
    other_model = says(REPORTS, "other", "baseline")
    metrics = measure([*says(REPORTS), *weak, *strong, *other_model], REFERENCES, "model")
    assert metrics.lift["side_accuracy"].over == "strong"
    assert metrics.lift["healthy_specificity"].over == "weak", "the best one is another one for every metric"
    found = metrics.lift["side_accuracy"]
    expected = lift({"left": 1.0, "right": 1.0}, {"left": 1.0, "right": 0.0})
    assert (found.difference, found.p, found.n) == (expected.difference, expected.p, 2)
    assert found.ci95 == (expected.low, expected.high)
    assert "mirror_consistency" not in metrics.lift, "blind systems have no mirror image"
    assert "flawed_text" not in metrics.lift, "less of it is better"
    with_rule = measure([*says(REPORTS), *weak, *fixed_rule], REFERENCES, "model")
    assert (with_rule.lift["side_accuracy"].over, with_rule.lift["side_accuracy"].difference) == ("rule", 0)


def test_what_is_over_all_cases_is_given_for_those_with_and_without_a_lesion_apart():
    found = measure([*says(REPORTS), *blind(REPORTS["healthy"])], REFERENCES, "model").systems["constant"]
    assert found.value("laterality_f1").mean == pytest.approx(1 / 3)
    with_lesion, without = found.apart["lesion"], found.apart["healthy"]
    assert (with_lesion["laterality_f1"].mean, with_lesion["laterality_f1"].n) == (0, 2)
    assert (without["laterality_f1"].mean, without["laterality_f1"].n) == (1, 1)
    assert without["bleu4"].mean == pytest.approx(1)
    assert "mirror_consistency" not in without, "blind systems have no mirror image"
    assert measure(says(REPORTS), REFERENCES[:2], "model").systems["model"].apart == {}, "nothing to tell apart"


def test_scans_of_one_patient_are_no_sample_of_patients():
    reports = [*says(REPORTS), *blind()]
    apart = measure(reports, REFERENCES, "model")
    together = measure(reports, [ref._replace(patient="one") for ref in REFERENCES], "model")
    assert apart.systems["constant"].value("side_accuracy").ci95 == (0, 1)
    assert together.systems["constant"].value("side_accuracy").ci95 == (0.5, 0.5)
    assert (apart.lift["side_accuracy"].ci95, together.lift["side_accuracy"].ci95) == ((0, 1), (0.5, 0.5))


def test_no_lift_without_such_systems_and_none_over_oneself():
    assert measure(says(REPORTS), REFERENCES, "model").lift == {}
    assert measure(blind(), REFERENCES, "constant").lift == {}


def test_the_mirror_test_wants_the_sides_swapped_and_nothing_else():
    same = [p.model_copy(update={"mirrored": p.text}) for p in says(REPORTS)]
    assert measure(same, REFERENCES, "model").systems["model"].mirror_consistency.mean == pytest.approx(1 / 3)
    changed = [p.model_copy(update={"mirrored": swap_sides(p.text).replace("edema", "gliosis")}) for p in same]
    assert measure(changed, REFERENCES, "model").systems["model"].mirror_consistency.mean == pytest.approx(1 / 3)


@pytest.mark.parametrize("text", ["The weather is nice today.", "I cannot interpret images.", "There is no edema."])
def test_a_text_that_says_nothing_of_a_lesion_is_right_in_nothing(text):
    found = measure(says(dict.fromkeys(REPORTS, text)), REFERENCES, "model")
    for metric in (*OF_LESION, "healthy_specificity", "mirror_consistency"):
        assert found.systems["model"].value(metric).mean == 0, metric
    assert found.systems["model"].flawed_text.mean == 1
    assert found.confusion["edema"] == {"moderate": {"not said": 1}, "severe": {"not said": 1}}


def test_mirror_images_are_not_chosen():
    alone = [p if p.id == "left" else p.model_copy(update={"mirrored": None}) for p in says(REPORTS)]
    assert measure(alone, REFERENCES, "model").systems["model"].mirror_consistency.mean == pytest.approx(1 / 3)


def test_silence_about_the_mirror_image_is_no_agreement():
    silent = [p.model_copy(update={"mirrored": " "}) for p in says(REPORTS)]
    assert measure(silent, REFERENCES, "model").systems["model"].mirror_consistency.mean == 0


def test_why_a_metric_could_not_run():
    only_healthy = measure(says(REPORTS, mirrored=False), REFERENCES[2:], "model")
    assert only_healthy.skipped["side_accuracy"] == "no case has a lesion"
    assert only_healthy.skipped["mirror_consistency"] == "there are no reports on mirrored scans"
    only_lesions = measure(says(REPORTS), REFERENCES[:2], "model")
    assert only_lesions.skipped["healthy_specificity"] == "every case has a lesion"
    unread = [Reference(ref.id, None, ref.findings) for ref in REFERENCES]
    skipped = measure(says(REPORTS), unread, "model").skipped
    assert {skipped[metric] for metric in ("bleu1", "cider", "anatomy_f1")} == {"the cases have no reference reports"}


@pytest.mark.parametrize("references", [REFERENCES, REFERENCES[:2], REFERENCES[2:]])
def test_every_metric_is_there_or_has_its_reason(references):
    metrics = measure([*says(REPORTS, mirrored=False), *blind()], references, "model")
    there = {metric for metric in METRICS if metrics.systems["model"].value(metric) is not None}
    assert there.isdisjoint(metrics.skipped)
    assert there | set(metrics.skipped) == set(METRICS)


def test_what_the_truth_does_not_know_is_not_scored():
    known = frozenset({"lesion", "side", "lobes"})
    references = [ref._replace(known=known) for ref in REFERENCES]
    metrics = measure([*says(REPORTS), *blind()], references, "model")
    assert set(metrics.systems["model"].findings) == {"lesion_sensitivity", "side_accuracy", "lobe_f1"}
    assert metrics.skipped["edema_accuracy"] == "the truth of no case with a lesion tells it"
    assert set(metrics.confusion) == {"side", "lobes"}
    assert "edema_accuracy" not in metrics.lift


def test_known_in_some_cases_is_scored_over_those():
    references = [REFERENCES[0]._replace(known=ALL_FINDINGS - {"necrosis"}), *REFERENCES[1:]]
    metrics = measure(says(REPORTS | {"left": REPORTS["left"].replace("present", "absent")}), references, "model")
    assert metrics.systems["model"].findings["necrosis_accuracy"].n == 1
    assert metrics.systems["model"].findings["necrosis_accuracy"].mean == 1
    assert metrics.systems["model"].findings["edema_accuracy"].n == 2


def test_a_finding_that_is_unknown_does_not_cost_specificity():
    compressed = "No lesion is seen. The ventricles are mildly compressed."
    assert scores(extract(compressed), Findings(), ALL_FINDINGS - {"ventricular_compression"}) == {
        "healthy_specificity": 1.0
    }
    assert scores(extract(compressed), Findings()) == {"healthy_specificity": 0.0}
    lesion = extract(REPORTS["left"])
    assert scores(lesion, Findings(), ALL_FINDINGS - {"ventricular_compression"}) == {"healthy_specificity": 0.0}


def test_confusions_have_every_case_with_a_lesion_in_one_cell():
    texts = {"left": REPORTS["right"]}
    metrics = measure([*says(texts), failed("right")], REFERENCES, "model")
    assert metrics.confusion["side"] == {"left": {"right": 1}, "right": {"no report": 1}}
    assert metrics.confusion["edema"] == {"moderate": {"severe": 1}, "severe": {"no report": 1}}
    assert metrics.confusion["lobes"] == {
        "frontal": {"missed": 1},
        "temporal": {"named in error": 1, "missed": 1},
        "parietal": {"named in error": 1, "missed": 1},
    }
    missed = measure(says(dict.fromkeys(REPORTS, REPORTS["healthy"])), REFERENCES, "model")
    assert missed.confusion["necrosis"] == {"present": {"no lesion": 1}, "none": {"no lesion": 1}}


def test_the_time_is_that_of_the_reports_that_were_written():
    given = [p.model_copy(update={"seconds": s}) for p, s in zip(says(REPORTS), (1.0, 2.0, None), strict=True)]
    assert measure(given, REFERENCES, "model").systems["model"].seconds_per_case == 1.5


def test_a_system_without_any_prediction_is_refused():
    with pytest.raises(ValueError, match="no prediction of 'absent', only of \\['model'\\]"):
        measure(says(REPORTS), REFERENCES, "absent")


def test_the_file_keeps_its_promise():
    """The contract of the file, written out: whoever reads it relies on these names."""
    metrics = measure([*says(REPORTS)[:2], *blind()], REFERENCES, "model")
    data = json.loads(metrics.model_dump_json(exclude_none=True))
    assert data["system"] == "model"
    groups = {
        "nlg": {"bleu1", "bleu4", "rouge1", "rouge2", "rougeL", "meteor", "cider", "bertscore"},
        "keyword": {"laterality_f1", "anatomy_f1", "pathology_f1"},
        "findings": {
            "side_accuracy",
            "lobe_f1",
            "edema_accuracy",
            "necrosis_accuracy",
            "compression_accuracy",
            "lesion_sensitivity",
        },
    }
    assert set(data["systems"]) == {"model", "constant"}
    for system in data["systems"].values():
        assert system["kind"] in ("model", "baseline", "blind", "no_learning")
        for group, names in groups.items():
            assert set(system[group]) | set(data["skipped"]) & names == names
            for value in system[group].values():
                assert set(value) == {"mean", "ci95", "n"}
                assert value["ci95"][0] <= value["mean"] <= value["ci95"][1]
        assert set(system["healthy_specificity"]) == {"mean", "ci95", "n"}
    assert set(data["systems"]["model"]["mirror_consistency"]) == {"mean", "ci95", "n"}
    assert "mirror_consistency" not in data["systems"]["constant"]
    assert {"p", "difference", "over"} <= set(data["lift"]["side_accuracy"])
    assert {"id", "error"} <= set(data["failures"][0])
    assert Metrics.model_validate(data) == metrics.model_copy(update={"by_case": {}})


# What the finding-level metrics are worth: each of these changes leaves the keyword F1s where they are, or nearly.

LEFT = REFERENCES[0]


def of_left(text):
    """The model's metrics on the one case."""
    return means(measure(says({"left": text}), [LEFT], "model"))


def test_swapped_sides_are_wrong_sides_and_nothing_else():
    found = of_left(swap_sides(LEFT.report))
    assert found["side_accuracy"] == 0
    assert {found[metric] for metric in OF_LESION - {"side_accuracy"}} == {1.0}
    assert found["bleu1"] > 0.8, "which the usual metrics hardly notice"


def test_negated_findings_are_wrong_findings():
    negated = (
        "No lesion lies in the left frontal lobe. There is no moderate edema around it. Central necrosis is not "
        "present. The left lateral ventricle is not mildly compressed."
    )
    found = of_left(negated)
    assert {found[metric] for metric in OF_LESION} == {0.0}
    assert found["laterality_f1"] == found["anatomy_f1"] == found["pathology_f1"] == 1.0


@pytest.mark.parametrize(
    ("old", "new", "metric"),
    [
        ("There is moderate edema", "There is no edema", "edema_accuracy"),
        ("moderate edema", "mild edema", "edema_accuracy"),
        ("necrosis is present", "necrosis is absent", "necrosis_accuracy"),
        ("is mildly compressed", "is not compressed", "compression_accuracy"),
        ("frontal lobe", "occipital lobe", "lobe_f1"),
    ],
)
def test_one_wrong_finding_costs_its_metric_and_no_other(old, new, metric):
    assert old in LEFT.report
    found = of_left(LEFT.report.replace(old, new))
    assert found[metric] == 0
    assert {found[other] for other in OF_LESION - {metric}} == {1.0}


@pytest.mark.parametrize(
    "text",
    [
        "In the left frontal lobe, a mass is seen, with surrounding edema of moderate degree and a necrotic centre. "
        "Mild compression of the left lateral ventricle.",
        "Left frontal tumor with moderate edema, necrosis, and mild compression of the adjacent ventricle.",
        "FLAIR demonstrates a hyperintense lesion of the frontal lobe on the left. Necrosis is seen. Moderate edema "
        "surrounds it, and the lateral ventricle is slightly compressed.",
    ],
)
def test_other_words_for_the_same_cost_nothing(text):
    found = of_left(text)
    assert {found[metric] for metric in OF_LESION} == {1.0}
    assert found["bleu4"] < 0.4, "while the usual metrics fall"


def test_the_order_of_sentences_does_not_matter():
    sentences = LEFT.report.removesuffix(".").split(". ")
    for shift in range(1, len(sentences)):
        found = of_left(". ".join(sentences[shift:] + sentences[:shift]) + ".")
        assert {found[metric] for metric in OF_LESION} == {1.0}


def test_lesions_that_exchange_their_sides_are_in_the_wrong_lobes():
    text = "A lesion lies in the left frontal lobe. A second lesion lies in the right temporal lobe."
    truth = [Reference("two", text, extract(text))]
    right, wrong = (means(measure(says({"two": t}), truth, "model")) for t in (text, swap_sides(text)))
    assert (right["side_accuracy"], right["lobe_f1"]) == (1, 1)
    assert (wrong["side_accuracy"], wrong["lobe_f1"]) == (1, 0)
    half = text.replace("right temporal", "right occipital")
    assert means(measure(says({"two": half}), truth, "model"))["lobe_f1"] == 0.5


def test_a_list_of_keywords_is_flawed_however_it_scores():
    found = of_left("left frontal lesion edema necrosis ventricle")
    assert found["laterality_f1"] == found["anatomy_f1"] == found["pathology_f1"] == 1.0
    assert found["flawed_text"] == 1


def test_a_lesion_in_a_healthy_brain_costs_specificity_alone():
    text = describe(Findings(lesion=True, side="left", lobes=("frontal",), lesions=(Finding(side="left"),)))
    found = means(measure(says({"healthy": text}), [REFERENCES[2]], "model"))
    assert found["healthy_specificity"] == 0
    assert OF_LESION.isdisjoint(found)
