"""The mirror image of findings and of texts: left and right swap, and nothing else."""

from __future__ import annotations

import re

from braingemma3d.findings.anatomy_terms import SIDE_LETTER
from braingemma3d.findings.schema import Finding, Findings, Side

_MIRRORED: dict[Side, Side] = {"left": "right", "right": "left"}
_SIDE_WORD = re.compile(r"\b(left|right)(?=\b|wards?\b)", re.IGNORECASE)
_SIDE_LETTER = re.compile(SIDE_LETTER.pattern.replace("(?= ", r"(?=[)\]*]*[ -]"), re.IGNORECASE)
_OTHER_LETTER = str.maketrans("lrLR", "rlRL")


def mirrored(findings: Findings) -> Findings:
    """The findings of the scan seen in a mirror: left and right swap, and nothing else."""
    return findings.model_copy(
        update={
            "side": _MIRRORED.get(findings.side, findings.side),
            "lesions": tuple(
                Finding(side=_MIRRORED.get(one.side, one.side), lobes=one.lobes) for one in findings.lesions
            ),
        }
    )


def mirror_differences(findings: Findings | None, of_mirror: Findings | None) -> list[str]:
    """The fields in which the findings of the mirrored scan are not those of the scan with the sides swapped.

    A text that tells nothing of a lesion (None) is no mirror image, not even of another such text.
    The order and number in which lesions are told is wording; what they say together counts: ``lesions`` differ where
    side and lobes over all of them agree, but not which lobe is on which side.
    """
    if findings is None or of_mirror is None:
        return ["lesion"]
    expected = mirrored(findings)
    fields = [name for name in Findings.model_fields if name != "lesions"]
    differing = [name for name in fields if getattr(expected, name) != getattr(of_mirror, name)]
    if not {"side", "lobes"} & set(differing) and expected.places != of_mirror.places:
        differing.append("lesions")
    return differing


def mirror_consistent(findings: Findings | None, of_mirror: Findings | None) -> bool:
    """Whether there are no :func:`mirror_differences`."""
    return not mirror_differences(findings, of_mirror)


def swap_sides(text: str) -> str:
    """``text`` with every left turned into right and back, case kept: the report of the mirrored scan.

    'L', 'Rt.' and the like count where a place follows, as in what is read from a text.
    """

    def swap(match: re.Match[str]) -> str:
        word = match.group(1)
        other = "right" if word.lower() == "left" else "left"
        if word.isupper():
            return other.upper()
        return other.capitalize() if word[0].isupper() else other

    letters = _SIDE_LETTER.sub(lambda match: match[0][0].translate(_OTHER_LETTER) + match[0][1:], text)
    return _SIDE_WORD.sub(swap, letters)
