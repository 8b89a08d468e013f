"""Text metrics against values computed by hand, without a network, and what they can't see."""

from __future__ import annotations

import math
import socket
import sys
from pathlib import Path
from statistics import fmean
from types import ModuleType, SimpleNamespace

import nltk
import pytest
from nltk.corpus.reader import WordNetCorpusReader
from nltk.corpus.util import LazyCorpusLoader

from braingemma3d.evaluation.nlg import nlg_scores
from braingemma3d.findings.compare import scores
from braingemma3d.findings.extract import extract
from braingemma3d.findings.mirror import swap_sides

ALWAYS = {"bleu1", "bleu4", "rouge1", "rouge2", "rougeL", "cider"}
REPORTS = [
    "The lesion is in the left frontal lobe and shows mixed high signal on FLAIR. Moderate edema surrounds the lesion "
    "and reaches into the adjacent white matter. Areas of low signal in its centre indicate necrosis. There is mild "
    "compression of the adjacent lateral ventricle.",
    "A mass with heterogeneous high signal lies in the right temporal and parietal lobes. It is surrounded by severe "
    "edema of the deep white matter. No area of low signal suggests necrosis. The ventricular system is markedly "
    "compressed, and the midline is displaced.",
    "FLAIR shows a small hyperintense tumor in the right occipital lobe. There is hardly any edema around it, and no "
    "sign of necrosis is seen. The ventricles are symmetric, of normal width and not compressed.",
]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was asked of the network, every request of which fails."""
    asked: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        asked.append(arguments)
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return asked


@pytest.fixture
def no_wordnet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NLTK as it is where nothing was downloaded."""
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    monkeypatch.setattr("nltk.corpus.wordnet", LazyCorpusLoader("wordnet", WordNetCorpusReader, None))


@pytest.fixture
def wordnet_without_synonyms(monkeypatch: pytest.MonkeyPatch) -> None:
    """A WordNet in which no word has a synonym."""
    empty = SimpleNamespace(ensure_loaded=lambda: None, synsets=lambda word: [])
    monkeypatch.setattr("nltk.corpus.wordnet", empty)


def one(metric: str, prediction: str, reference: str) -> float:
    (value,) = nlg_scores([prediction], [reference]).scores[metric]
    return value


def test_bleu_by_hand():
    pair = "a lesion in the right lobe", "a lesion in the left lobe"
    assert one("bleu1", *pair) == pytest.approx(5 / 6)
    assert one("bleu4", *pair) == pytest.approx((5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)


def test_bleu_of_a_short_report_is_reduced():
    assert one("bleu1", "the mass is left", "the mass is in the left lobe") == pytest.approx(math.exp(1 - 7 / 4))


def test_bleu_counts_a_word_as_often_as_the_reference_has_it():
    assert one("bleu1", "edema edema edema edema", "edema in the lobe") == pytest.approx(1 / 4)


def test_bleu_is_smoothed_by_method_1():
    # No four words in a row match, which counts as a tenth of one match of three.
    value = one("bleu4", "a lesion in right frontal lobe", "a lesion in left frontal lobe")
    assert value == pytest.approx((5 / 6 * 3 / 5 * 1 / 4 * 0.1 / 3) ** 0.25)


@pytest.mark.parametrize("metric", ["bleu1", "bleu4", "rouge1", "rouge2", "rougeL"])
def test_the_same_text_scores_1(metric):
    assert nlg_scores(REPORTS, REPORTS).scores[metric] == pytest.approx([1.0] * 3)


def test_case_and_spaces_do_not_matter_but_punctuation_does():
    assert one("bleu1", "The  LEFT\nlobe", "the left lobe") == 1.0
    assert one("bleu1", "the left lobe.", "the left lobe") == pytest.approx(2 / 3)
    assert one("rouge1", "the left lobe.", "the left lobe") == 1.0


def test_rouge_by_hand():
    pair = "Lesion in the left frontal lobe", "Lesions seen in left lobes."
    # Stemmed, four of six and of five words are common, in the same order: lesion in left lobe.
    assert one("rouge1", *pair) == pytest.approx(2 * 4 / (6 + 5))
    assert one("rougeL", *pair) == pytest.approx(2 * 4 / (6 + 5))
    assert one("rouge2", *pair) == 0.0


def test_rouge_l_needs_the_order():
    assert one("rougeL", "edema and necrosis", "necrosis and edema") == pytest.approx(1 / 3)
    assert one("rouge1", "edema and necrosis", "necrosis and edema") == 1.0


def test_cider_by_hand():
    values = nlg_scores(["a d", "c d"], ["a b", "c d"]).scores["cider"]
    # One of two words: cosine 1/2 of the single words, 0 of the pairs; mean over one to four words, times 10.
    assert values == pytest.approx([10 * (1 / 2 + 0 + 0 + 0) / 4, 10 * (1 + 1 + 0 + 0) / 4])


def test_cider_gives_nothing_for_words_of_every_report():
    assert nlg_scores(["lesion", "lesion"], ["lesion left", "lesion right"]).scores["cider"] == [0.0, 0.0]


def test_cider_takes_reports_as_they_are_written():
    true = ["Edema is mild.", "No necrosis."]
    as_written, lowered = (nlg_scores(said, true).scores["cider"][0] for said in (true, [true[0].lower(), true[1]]))
    assert lowered < as_written


def test_cider_weighs_words_by_the_references_alone():
    own = nlg_scores(REPORTS, REPORTS).scores["cider"]
    assert own == pytest.approx([10.0] * 3)
    assert nlg_scores([REPORTS[0], "", "lesion"], REPORTS).scores["cider"][0] == pytest.approx(own[0])


def test_cider_of_one_case_is_skipped():
    found = nlg_scores(REPORTS[:1], REPORTS[:1])
    assert "cider" not in found.scores
    assert "at least 2 cases" in found.skipped["cider"]


def test_values_are_in_the_order_of_the_cases():
    found = nlg_scores([REPORTS[0], REPORTS[0]], [REPORTS[0], REPORTS[1]]).scores
    assert all(found[metric][0] > found[metric][1] for metric in ALWAYS)


@pytest.mark.usefixtures("wordnet_without_synonyms")
@pytest.mark.parametrize("empty", ["", " \n"])
def test_an_empty_prediction_scores_0(empty):
    found = nlg_scores([empty, REPORTS[1]], REPORTS[:2]).scores
    assert {"meteor", *ALWAYS} <= set(found)
    assert {values[0] for values in found.values()} == {0.0}
    assert all(values[1] > 0.9 for values in found.values())


def test_empty_references_score_0():
    found = nlg_scores(["", "lesion"], ["", ""]).scores
    assert set(found) >= ALWAYS
    assert all(values == [0.0, 0.0] for values in found.values())


def test_as_many_predictions_as_references():
    with pytest.raises(ValueError, match="1 predictions for 3 references"):
        nlg_scores(REPORTS[:1], REPORTS)


@pytest.mark.usefixtures("wordnet_without_synonyms")
def test_meteor_by_hand():
    # Five words match in one piece, with a penalty of half the cube of 1/5; stems match too.
    assert one("meteor", "Edema of the left lobe", "edema of the left lobes") == pytest.approx(1 - 0.5 * (1 / 5) ** 3)
    # Two of four words and of two: precision 1, recall 1/2, weighed 1 to 9; one piece of two words.
    expected = (1 * 0.5) / (0.9 * 1 + 0.1 * 0.5) * (1 - 0.5 * (1 / 2) ** 3)
    assert one("meteor", "left lobe", "edema of left lobe") == pytest.approx(expected)


@pytest.mark.usefixtures("no_wordnet")
def test_meteor_is_skipped_where_wordnet_is_not(no_network):
    found = nlg_scores(REPORTS, REPORTS)
    assert "meteor" not in found.scores
    assert "python -m nltk.downloader wordnet" in found.skipped["meteor"]
    assert not no_network


def test_bertscore_is_skipped_where_its_package_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "bert_score", None)
    monkeypatch.setitem(sys.modules, "bert_score.utils", None)
    found = nlg_scores(REPORTS, REPORTS)
    assert "bertscore" not in found.scores
    assert "pip install 'braingemma3d[bertscore]'" in found.skipped["bertscore"]


def test_bertscore_is_skipped_where_its_weights_are_not(monkeypatch, no_network):
    package = ModuleType("bert_score.utils")
    package.bert_cos_score_idf = None
    monkeypatch.setitem(sys.modules, "bert_score", ModuleType("bert_score"))
    monkeypatch.setitem(sys.modules, "bert_score.utils", package)
    found = nlg_scores(REPORTS, REPORTS)
    assert "bertscore" not in found.scores
    assert "hf download roberta-base" in found.skipped["bertscore"]
    assert not no_network


@pytest.fixture
def small_roberta(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A random RoBERTa of two layers, in the place of roberta-base."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    words = ByteLevelBPETokenizer(add_prefix_space=True)
    words.train_from_iterator(
        REPORTS, vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False
    )
    words.save_model(str(tmp_path))
    # Longer than the model can read, as where a tokenizer states no length.
    tokenizer = RobertaTokenizer.from_pretrained(tmp_path, add_prefix_space=True, model_max_length=10_000)
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=130,
    )
    RobertaModel(config).save_pretrained(tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, local_files_only: str(tmp_path))
    monkeypatch.setattr("braingemma3d.evaluation.nlg.BERT_LAYERS", 2)
    return tmp_path


def test_bertscore_is_that_of_its_package(small_roberta, no_network):
    from transformers import RobertaTokenizer

    bert_score = pytest.importorskip("bert_score")
    predictions = [REPORTS[1], REPORTS[1], REPORTS[0]]
    _, _, expected = bert_score.score(predictions, REPORTS, model_type=str(small_roberta), num_layers=2)
    # As published: a text's first word is read as in its middle only if the tokenizer is told so.
    RobertaTokenizer.from_pretrained(small_roberta, add_prefix_space=False).save_pretrained(small_roberta)
    found = nlg_scores([*predictions, "", REPORTS[0] * 5], [*REPORTS, REPORTS[0], REPORTS[0]]).scores["bertscore"]
    assert found[:3] == pytest.approx(expected.tolist(), abs=1e-5)
    assert found[1] == pytest.approx(1.0, abs=1e-5)
    assert found[3] == 0.0
    assert 0 < found[4] < 1
    assert not no_network


@pytest.mark.parametrize("missing", ["vocab.json merges.txt tokenizer.json", "model.safetensors", "config.json"])
def test_bertscore_is_skipped_where_files_are_missing(small_roberta, missing):
    pytest.importorskip("bert_score")
    for name in missing.split():
        (small_roberta / name).unlink(missing_ok=True)
    assert "hf download roberta-base" in nlg_scores(REPORTS, REPORTS).skipped["bertscore"]


@pytest.mark.parametrize(
    ("module", "metrics"),
    [
        ("nltk.translate.bleu_score", {"bleu1", "bleu4"}),
        ("rouge_score.rouge_scorer", {"rouge1", "rouge2", "rougeL"}),
        ("pycocoevalcap.cider.cider", {"cider"}),
        ("nltk.translate.meteor_score", {"meteor"}),
    ],
)
@pytest.mark.usefixtures("wordnet_without_synonyms")
def test_a_missing_package_costs_its_own_metrics_only(monkeypatch, module, metrics):
    monkeypatch.setitem(sys.modules, module, None)
    found = nlg_scores(REPORTS, REPORTS)
    assert {"meteor", *ALWAYS} - metrics <= set(found.scores)
    assert metrics <= set(found.skipped)
    assert all("pip install 'braingemma3d[eval]'" in found.skipped[metric] for metric in metrics)
    assert not set(found.scores) & set(found.skipped)


def test_wrong_sides_are_nearly_invisible():
    swapped = [swap_sides(report) for report in REPORTS]
    found = nlg_scores(REPORTS, swapped).scores
    assert fmean(found["bleu1"]) > 0.9
    assert fmean(found["rougeL"]) > 0.9
    for report, reference in zip(REPORTS, swapped, strict=True):
        assert scores(extract(report), extract(reference))["side_accuracy"] == 0.0
