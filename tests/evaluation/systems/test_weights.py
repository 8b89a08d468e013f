from __future__ import annotations

import pytest

from braingemma3d.errors import ModelError
from braingemma3d.evaluation.systems.weights import check_weights, loading, refuse_missing


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no weights") as caught:
        check_weights(tmp_path)
    assert caught.value.code == "missing_model"
    (tmp_path / "model.safetensors").touch()
    check_weights(tmp_path)


@pytest.mark.parametrize("error", [ImportError("no\nflash_attn"), KeyError("rope"), OSError("torn"), TypeError("odd")])
def test_what_goes_wrong_in_a_repositorys_code_is_one_line(tmp_path, error):
    with pytest.raises(ModelError, match="can't be loaded") as caught, loading(tmp_path):
        raise error
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_what_is_said_already_and_an_interruption_pass(tmp_path):
    with pytest.raises(ModelError, match="said"), loading(tmp_path):
        raise ModelError("said")
    with pytest.raises(KeyboardInterrupt), loading(tmp_path):
        raise KeyboardInterrupt


def test_weights_that_are_not_in_the_files_are_counted(tmp_path):
    refuse_missing(tmp_path, [])
    with pytest.raises(ModelError, match=r"2 weights are missing, such as a\.weight") as caught:
        refuse_missing(tmp_path, ["b.weight", "a.weight"])
    assert caught.value.code == "bad_model"
