"""``RESULTS.md``."""

from __future__ import annotations

import re

import pytest

from braingemma3d.evaluation.metrics import METRICS, measure
from braingemma3d.evaluation.predictions import Prediction
from braingemma3d.evaluation.systems.system import Reference
from braingemma3d.evaluation.table import NAMES, results
from braingemma3d.findings.extract import extract

LEFT = "A lesion lies in the left frontal lobe. There is moderate edema."
HEALTHY = "No lesion is seen. There is no edema."
REFERENCES = [Reference("a", LEFT, extract(LEFT)), Reference("b", HEALTHY, extract(HEALTHY))]


def predictions(system, kind, *texts, error=None):
    rows = zip("ab", texts, strict=True)
    return [Prediction(system=system, kind=kind, id=i, text=t, error=None if t else error) for i, t in rows]


@pytest.fixture
def page():
    given = [
        *predictions("my model", "model", LEFT, "", error="RuntimeError: two\n\nlines | and more"),
        *predictions("constant", "blind", LEFT, LEFT),
    ]
    return results(measure(given, REFERENCES, "my model"), "my model on a set", "braingemma3d evaluate --model m")


def table(page, heading):
    """The rows of the table under a heading: first column to the others by the names of the columns."""
    block = page.split(f"## {heading}")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines() if line[:1] == "|"]
    header, _, *body = rows
    assert all(len(row) == len(header) for row in body)
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in body}


def test_the_page_says_what_it_is(page):
    assert page.startswith("# my model on a set\n")
    assert "2 cases, 1 with a lesion and 1 without. Written by `braingemma3d evaluate --model m`." in page


def test_a_row_for_every_system_and_intervals_for_every_number(page):
    found = table(page, "Findings")
    assert list(found) == ["**my model**", "constant"]
    assert found["**my model**"]["kind"] == "learned"
    assert found["constant"]["kind"] == "blind"
    assert found["**my model**"]["side"] == "1.00 (.025–1.00)"
    assert found["**my model**"]["specificity"] == ".000 (.000–.975)"
    assert "mirror" not in found["constant"], "a column without any value is left out"
    usual = table(page, "The field's usual metrics")
    assert re.fullmatch(r"\.500 \(\.000–1\.00\)", usual["**my model**"]["BLEU-1"])


def test_cases_with_and_without_a_lesion_stand_apart(page):
    block = page.split("## With and without a lesion, apart")[1].split("\n## ")[0]
    assert "| **my model** | with a lesion | .000 | 1.00 |" in block
    assert "| **my model** | without | 1.00 | .000 |" in block, "an empty report is flawed, and fails"


def test_two_views_are_told_of_where_one_view_stands_beside():
    both = predictions("m", "model", LEFT, HEALTHY)
    alone = predictions("m, one view", "model", LEFT, HEALTHY)
    assert "together with its mirror image" in results(measure([*both, *alone], REFERENCES, "m"), "t", "c")
    for system, given in (("m, one view", alone), ("m", both)):
        assert "together with its mirror image" not in results(measure(given, REFERENCES, system), "t", "c")


def test_a_value_that_a_system_lacks_is_a_dash():
    given = predictions("model", "model", LEFT, HEALTHY) + predictions("constant", "blind", LEFT, LEFT)
    mirrored = (LEFT.replace("left", "right"), HEALTHY)
    given[:2] = [one.model_copy(update={"mirrored": text}) for one, text in zip(given, mirrored, strict=False)]
    found = table(results(measure(given, REFERENCES, "model"), "t", "c"), "Findings")
    assert (found["**model**"]["mirror"], found["constant"]["mirror"]) == ("1.00 (.158–1.00)", "–")


def test_gains_have_their_sign_and_their_rival(page):
    found = table(page, "What my model gains over the best system that does not look or does not learn")
    assert found["side"] == {
        "gain": "+0.000",
        "95 % interval": "+0.000 to +0.000",
        "p": "1.0000",
        "best of them": "constant",
    }
    assert found["BLEU-1"]["gain"].startswith("-")


def test_confusions_name_truth_and_report(page):
    found = table(page, "Confusions")
    assert found["left"] == {"left": "1"}


def test_failures_are_one_line_each_and_skipped_metrics_have_their_reason(page):
    assert "- my model, b: RuntimeError: two lines | and more\n" in page
    assert re.search(r"## Not computed\n\n(- .*\n)*- mirror: there are no reports on mirrored scans", page)


def test_a_page_without_rivals_lesions_or_failures():
    page = results(measure(predictions("m", "model", LEFT, HEALTHY), REFERENCES, "m"), "t", "c")
    assert "No such system was run." in page
    assert "## Failures" not in page
    healthy = measure([Prediction(system="m", id="b", text=HEALTHY)], REFERENCES[1:], "m")
    assert "No case with a lesion." in results(healthy, "t", "c")


def test_a_finding_that_is_known_in_some_cases_only_says_in_how_many():
    references = [REFERENCES[0]._replace(known=frozenset({"lesion", "side"})), REFERENCES[0]._replace(id="b")]
    page = results(measure(predictions("m", "model", LEFT, LEFT), references, "m"), "t", "c")
    assert "in fewer of the 2 cases with a lesion: lobe F1 1, edema 1, necrosis 1, compression 1.\n" in page
    whole = results(measure(predictions("m", "model", LEFT, LEFT), [REFERENCES[0], references[1]], "m"), "t", "c")
    assert "in fewer" not in whole


def test_no_text_metrics_without_reference_reports():
    unread = [one._replace(report=None) for one in REFERENCES]
    page = results(measure(predictions("m", "model", LEFT, HEALTHY), unread, "m"), "t", "c")
    assert "scan.\n\nNone could be computed.\n" in page


def test_every_metric_has_a_name_for_people():
    assert set(NAMES) == set(METRICS)
