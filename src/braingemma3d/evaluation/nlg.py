"""The field's text metrics, as the reference implementation computes them: for comparison with published tables only.

For BLEU and METEOR they are lower-cased and split at white space: punctuation stays on its word, "lobe." is not "lobe".
ROUGE has a tokenizer of its own: letters and digits, stemmed.

CIDEr sees the reports as they are written, split at white space: the reference implementation does not run the
PTBTokenizer of ``pycocoevalcap`` before it, which lower-cases, strips punctuation, and starts Java.

No metric downloads anything. One that can't run is skipped with its reason, and never counts as 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

BERT, BERT_LAYERS = "roberta-base", 10
"""The reference implementation's model, and the layer that ``bert_score`` takes of it (Zhang et al., ICLR 2020)."""


class NlgScores(NamedTuple):
    """``scores``: metric to one value per case, in the order of the cases; ``skipped``: metric to why it could not run.

    Metrics are ``bleu1``, ``bleu4``, ``rouge1``, ``rouge2``, ``rougeL``, ``meteor``, ``cider`` (0 to 10) and
    ``bertscore``; all others are 0 to 1, and BERTScore without rescaling is close to 1 for any English text.
    """

    scores: dict[str, list[float]]
    skipped: dict[str, str]


class _Unavailable(Exception):
    """A metric can't run here; the message says what to do."""


def wording_scores(predictions: Sequence[str], references: Sequence[str]) -> list[float]:
    """What quick metrics give each case's wording: BLEU-1 and CIDEr together, as in :func:`nlg_scores`.

    A single case has no CIDEr, and BLEU-1 alone.

    Raises:
        ImportError: their libraries are not installed.
    """
    matches = _bleu(predictions, references)[0]
    weighed = _cider(predictions, references)[0] if len(references) > 1 else [0.0]
    return [bleu + cider for bleu, cider in zip(matches, weighed, strict=True)]


def nlg_scores(predictions: Sequence[str], references: Sequence[str]) -> NlgScores:
    """Every text metric of every case.

    Args:
        predictions: one report per case; an empty one scores 0.
        references: the true report of each case. CIDEr weighs words by all of them: its values hold for this set only.

    Raises:
        ValueError: not as many predictions as references.
    """
    if len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions for {len(references)} references")
    scores: dict[str, list[float]] = {}
    skipped: dict[str, str] = {}
    for names, compute in _METRICS.items():
        try:
            rows = compute(predictions, references)
        except ImportError as error:
            extra = "bertscore" if compute is _bertscore else "eval"
            skipped |= dict.fromkeys(names, f"{error}: run `pip install 'braingemma3d[{extra}]'`")
        except _Unavailable as error:
            skipped |= dict.fromkeys(names, str(error))
        else:
            scores |= zip(names, rows, strict=True)
    return NlgScores(scores, skipped)


def _tokens(text: str) -> list[str]:
    return text.lower().split()


def _bleu(predictions: Sequence[str], references: Sequence[str]) -> list[list[float]]:
    """BLEU-1 and BLEU-4 (Papineni et al., ACL 2002), smoothed: no match of some order counts as 0.1 of one."""
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    smoothing = SmoothingFunction().method1
    weights = [(1.0, 0.0, 0.0, 0.0), (0.25, 0.25, 0.25, 0.25)]
    pairs = [
        sentence_bleu([_tokens(reference)], _tokens(prediction), weights, smoothing)
        for prediction, reference in zip(predictions, references, strict=True)
    ]
    return [[float(pair[place]) for pair in pairs] for place in range(len(weights))]


def _rouge(predictions: Sequence[str], references: Sequence[str]) -> list[list[float]]:
    """F1 of ROUGE-1, ROUGE-2 and ROUGE-L (Lin, 2004)."""
    from rouge_score.rouge_scorer import RougeScorer

    kinds = ["rouge1", "rouge2", "rougeL"]
    scorer = RougeScorer(kinds, use_stemmer=True)
    found = [
        scorer.score(target=reference, prediction=prediction)
        for prediction, reference in zip(predictions, references, strict=True)
    ]
    return [[float(one[kind].fmeasure) for one in found] for kind in kinds]


def _meteor(predictions: Sequence[str], references: Sequence[str]) -> list[list[float]]:
    """METEOR (Lavie & Agarwal, 2007) with stems and WordNet's synonyms."""
    from nltk.corpus import wordnet
    from nltk.translate.meteor_score import meteor_score

    try:
        wordnet.ensure_loaded()
    except (LookupError, OSError) as error:
        raise _Unavailable(
            "NLTK finds no complete WordNet on this machine: run `python -m nltk.downloader wordnet`, or copy "
            "`corpora/wordnet` of another machine's nltk_data folder"
        ) from error
    return [
        [
            float(meteor_score([_tokens(reference)], _tokens(prediction), wordnet=wordnet))
            for prediction, reference in zip(predictions, references, strict=True)
        ]
    ]


def _cider(predictions: Sequence[str], references: Sequence[str]) -> list[list[float]]:
    """CIDEr-D (Vedantam et al., CVPR 2015) with document frequencies of these references."""
    from pycocoevalcap.cider.cider import Cider

    if len(references) < 2:
        raise _Unavailable(
            f"CIDEr weighs words by how many references have them, which {len(references)} can't tell: "
            "give at least 2 cases"
        )
    if not any(_tokens(reference) for reference in references):
        return [[0.0] * len(references)]
    true = {place: [text] for place, text in enumerate(references)}
    said = {place: [text] for place, text in enumerate(predictions)}
    _, values = Cider().compute_score(true, said)
    return [[float(value) for value in values]]


def _bertscore(predictions: Sequence[str], references: Sequence[str]) -> list[list[float]]:
    """F1 of BERTScore without idf weights or rescaling, as ``bert_score.score(..., model_type="roberta-base")`` has it.

    That function itself would ask the hub for its files, and with transformers 5 it fails on empty text and reads the
    first word as if it continued another; so the model is loaded here, and only the score is computed there.
    """
    import torch
    from bert_score.utils import bert_cos_score_idf
    from huggingface_hub import snapshot_download
    from transformers import AutoModel, AutoTokenizer

    try:
        folder = snapshot_download(BERT, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
        model = AutoModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise _Unavailable(_NO_BERT) from error
    # transformers makes a tokenizer without any words where the files of its vocabulary are missing.
    if len(tokenizer) != model.config.vocab_size:
        raise _Unavailable(_NO_BERT)
    tokenizer.model_max_length = model.config.max_position_embeddings - 2  # RoBERTa counts positions from 2.
    model.encoder.layer = model.encoder.layer[:BERT_LAYERS]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = defaultdict(lambda: 1.0, {tokenizer.cls_token_id: 0.0, tokenizer.sep_token_id: 0.0})

    values = [0.0] * len(references)
    written = [i for i in range(len(values)) if predictions[i].strip() and references[i].strip()]
    if written:
        found = bert_cos_score_idf(
            model.eval().to(device),
            [references[i] for i in written],
            [predictions[i] for i in written],
            tokenizer,
            weights,
            device=device,
        )
        for i, (_, _, f1) in zip(written, found.tolist(), strict=True):
            values[i] = f1
    return [values]


_NO_BERT = (
    f"the weights of {BERT} are not complete in the Hugging Face cache: run "
    f'`hf download {BERT} --include "*.json" "merges.txt" "model.safetensors"` where the hub can be reached'
)

_METRICS: dict[tuple[str, ...], Callable[[Sequence[str], Sequence[str]], list[list[float]]]] = {
    ("bleu1", "bleu4"): _bleu,
    ("rouge1", "rouge2", "rougeL"): _rouge,
    ("meteor",): _meteor,
    ("cider",): _cider,
    ("bertscore",): _bertscore,
}
