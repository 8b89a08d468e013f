"""Which words of pressure are said of a ventricle."""

from __future__ import annotations

import re

from braingemma3d.findings.kinds import FINITE, LESIONS, LINKS, NOUN_PHRASE, Kind
from braingemma3d.findings.scope import THERE, is_normal
from braingemma3d.findings.sentence import Mention, Sentence, is_act, label

# What happens to a ventricle, and not to the midline or to the brain as a whole.
_OF_SHAPE = re.compile("compress|deform|narrow|flatten|collaps|effac|distort")


def compressions(sentence: Sentence, inherited: bool) -> list[Mention]:
    """The pressure mentions that are said of a ventricle; ``inherited``: the sentence before spoke of one."""
    named = [mention for mention in sentence.mentions.values() if mention.kind is Kind.VENTRICLE]
    abnormal = [mention.at for mention in named if not is_normal(sentence, mention.at)]
    announced = _announces(sentence)
    found: list[Mention] = []
    for mention in sentence.found():
        if mention.kind is Kind.PRESSURE:
            carried = inherited or any(ventricle.clause < mention.clause for ventricle in named)
            if (
                _is_modified(sentence, mention, abnormal)
                or _has_object(sentence, mention, abnormal)
                or (_can_have_subject(sentence, mention) and _has_subject(sentence, mention, abnormal, carried))
                or (announced and _is_of_shape(sentence, mention))
            ):
                found.append(mention)
    return found


def _announces(sentence: Sentence) -> bool:
    """'*Ventricular compression is* noted with …': what follows is said of ventricles, unless it is denied."""
    first = label(sentence)
    if first is None or first.kind is not Kind.PRESSURE or first.denied:
        return False
    return sentence.kind(0) is Kind.VENTRICLE and sentence.kind(2) is Kind.VERB


def _is_of_shape(sentence: Sentence, mention: Mention) -> bool:
    return bool(_OF_SHAPE.match(sentence.tokens[mention.at].text)) and _can_have_subject(sentence, mention)


def _is_modified(sentence: Sentence, mention: Mention, ventricles: list[int]) -> bool:
    """'Ventricular compression', 'the ventricle is compressed'."""
    before = [at for at in ventricles if mention.at - 3 <= at < mention.at and sentence.has(at, mention.clause)]
    between = NOUN_PHRASE | {Kind.VERB, Kind.NEGATION, Kind.WEAK_HEDGE}
    return bool(before) and all(token.kind in between for token in sentence.tokens[before[-1] + 1 : mention.at])


def _after(sentence: Sentence, mention: Mention) -> int:
    """The token after a word of pressure, and after a verb that only says that it is there."""
    after = mention.at + 1
    seen = sentence.kind(after, mention.clause) is Kind.VERB and sentence.has(after + 1, mention.clause)
    return after + 2 if seen and sentence.tokens[after + 1].text in THERE else after


def _takes_preposition(sentence: Sentence, mention: Mention) -> bool:
    after = _after(sentence, mention)
    within = sentence.has(after, mention.clause)
    if not within or sentence.tokens[after].text not in ("of", "on", "upon", "against", "to", "in", "over"):
        return False
    # 'Compressed on the left (side)' says where.
    side = sentence.kind(after + 1) is Kind.DEFINITE and sentence.kind(after + 2) is Kind.SIDE
    end = sentence.tokens[after + 3 : after + 5]
    end = end[1:] if end and end[0].text == "side" else end[:1]
    return not (side and (not end or end[0].kind in LINKS | {Kind.BREAK, Kind.PREPOSITION, Kind.WITH}))


def _has_object(sentence: Sentence, mention: Mention, ventricles: list[int]) -> bool:
    """'Compression of the ventricle', 'compresses the ventricle', but not 'mass effect, ventricles …'."""
    text = sentence.tokens[mention.at].text
    reaches = _takes_preposition(sentence, mention)
    if not reaches and ("mass effect" in text or text == "pressure"):
        return False
    transitive = is_act(sentence.tokens[mention.at])
    after = _after(sentence, mention)
    while sentence.kind(after, mention.clause) not in FINITE | {None, Kind.WITH, Kind.NEGATION}:
        if after in ventricles:
            return True
        if sentence.kind(after) in LINKS and not (reaches or transitive):
            return False
        after += 1
    return False


def _can_have_subject(sentence: Sentence, mention: Mention) -> bool:
    """'Compression of the sulci' is of nothing else."""
    return not _takes_preposition(sentence, mention) or sentence.tokens[_after(sentence, mention)].text == "in"


def _has_subject(sentence: Sentence, mention: Mention, ventricles: list[int], carried: bool) -> bool:
    """'The ventricle … is compressed', or 'it is compressed' where a ventricle was spoken of before."""
    before, verb = mention.at - 1, False
    while sentence.kind(before, mention.clause) not in (None, Kind.WITH):
        if before in ventricles:
            return True
        verb = verb or sentence.kind(before) in (Kind.VERB, Kind.PRONOUN)
        before -= 1
    others = LESIONS | {Kind.WORD, Kind.LOBE}
    alone = not any(token.kind in others for token in sentence.tokens[before + 1 : mention.at])
    return alone and verb and carried
