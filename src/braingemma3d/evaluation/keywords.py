"""The reference implementation's keyword F1, as it defines it: for comparison with published tables only.

A report is reduced to the set of keywords that occur in it, and most of what it says is lost. Negation: "no edema" has
the keyword of "severe edema". Sides: "left frontal, nothing on the right" has those of "right frontal, nothing on the
left". Word forms: "left-sided", "tumors" and "lesions" have none. And nearly all reports of TextBraTS have the same
pathology keywords, so that one constant sentence scores almost 1. Next to these numbers therefore stand those of
:func:`braingemma3d.findings.compare.scores`, on what a report claims.
"""

from __future__ import annotations

from braingemma3d.findings.compare import set_f1

KEYWORDS: dict[str, frozenset[str]] = {
    "laterality_f1": frozenset({"left", "right", "bilateral"}),
    "anatomy_f1": frozenset(
        {"frontal", "parietal", "temporal", "occipital", "cerebellum", "ventricle", "periventricular"}
    ),
    "pathology_f1": frozenset({"edema", "necrosis", "enhancement", "compression", "tumor", "mass", "lesion"}),
}
"""The words of each score; none of them is stemmed."""

_TO_SPACE = str.maketrans(dict.fromkeys(".,;!?()", " "))


def keyword_scores(prediction: str, reference: str) -> dict[str, float]:
    """F1, 0 to 1, of the keywords of a report against those of the reference.

    Returns:
        ``laterality_f1``, ``anatomy_f1`` and ``pathology_f1``. Where the reference has no keyword of a list, 1 if the
        prediction has none either, else 0.
    """
    said, true = _words(prediction), _words(reference)
    return {name: set_f1(said & keywords, true & keywords) for name, keywords in KEYWORDS.items()}


def _words(text: str) -> set[str]:
    return set(text.lower().translate(_TO_SPACE).split())
