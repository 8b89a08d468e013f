"""Which patients a model has learned from."""

from __future__ import annotations

import json

import pytest

from braingemma3d.data.manifest import ManifestCase
from braingemma3d.errors import ModelError
from braingemma3d.training.config import Data
from braingemma3d.training.patients import key, keys, learned_from, to_learn_from


def row(name, **fields):
    return {"id": name, "patient": f"p-{name}", "image": "a.nii", "source": "site", "report": "No lesion.", **fields}


def test_of_a_manifest_those_it_may_learn_from(tmp_path):
    rows = [row("a"), row("b", split="train"), row("c", split="test"), row("d", split="val"), row("e", report=" ")]
    path = tmp_path / "manifest.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    assert to_learn_from(Data(manifest=path)) == {key("site", "p-a"), key("site", "p-b")}


def test_of_a_simulation_its_first_cases():
    simulated = {"image": "a.nii", "source": "simulated"}
    cases = [ManifestCase(id=f"x{i}", patient=f"sim7-{i:06d}", **simulated) for i in range(4)]
    learned = to_learn_from(Data(simulate=3, seed=7))
    assert [found in learned for found in keys(cases)] == [True, True, True, False]


def test_one_number_at_two_sites_is_two_patients_and_no_key_names_one():
    assert len({key("site", "1234567"), key("other", "1234567"), key("site", "12345678")}) == 3
    assert "1234567" not in key("site", "1234567")


def test_a_model_without_a_record_tells_none(tmp_path):
    assert learned_from(tmp_path) == set()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"patients": 3}'])
def test_a_damaged_record_is_no_permission_to_test(tmp_path, text):
    (tmp_path / "training.json").write_text(text)
    with pytest.raises(ModelError, match=r"training.json: damaged"):
        learned_from(tmp_path)
