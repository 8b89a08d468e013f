"""Let the cues of a sentence act on the mentions in their scope: negation, doubt, degree, and normality.

The scopes follow NegEx (Chapman et al., 2001) and ConText (Harkema et al., 2009): a cue acts within its clause, ahead
or back, up to a word that ends its reach.
"""

from __future__ import annotations

from collections.abc import Iterable

from braingemma3d.findings.kinds import FINDINGS, FINITE, GRADED, LINKS, NOUN_PHRASE, PLACES, Kind, words
from braingemma3d.findings.lexicon import PRESENCE
from braingemma3d.findings.schema import Grade
from braingemma3d.findings.sentence import PRESSURE_VERBS, Mention, Sentence, label, owner

_BY_STRENGTH: tuple[Grade, ...] = ("none", "possible", "present", "mild", "moderate", "severe")

# Words whose object is not what the sentence is about: 'edema around the lesion is mild'.
_POSITIONAL = words("in of on at within around surrounding surrounds by from to into inside along near upon between")

# Nouns that pass a degree on: 'a moderate degree of edema'.
_MEASURES = words("degree amount amounts extent level sign signs area areas zone zones region regions")

# Verbs after which a modal doubts its subject: 'necrosis may be present', but not 'edema may extend'.
_EXISTENCE = PRESENCE | words("be exist exists occur appear coexist suspected considered also")
# Words at which what was ends, and what is begins: 'history of glioma, *now* with a new mass'.
_NOW = words("with now new newly currently today")
# Words after which 'can' doubts nothing: 'necrosis can be seen'.
_WITNESSED = words(
    "seen observed identified noted found visualized visualised appreciated detected demonstrated "
    "see observe identify note find visualize visualise appreciate detect"
)

# Words after which something is explained: 'no enhancement, *consistent* with necrosis'.
_EXPLAINS = words("consistent compatible keeping representing")

# Words between a modal and its verb.
_AUXILIARY = words("be have also clearly")

# Words of a verb that only says that something is there: 'compression *is present* on the left ventricle'.
THERE = PRESENCE | words("exerted")

# Nouns of a finding's size, which say what its degree is: 'edema of considerable *extent*'.
_SIZES = words("severity intensity extent distribution range expansion")

# What a ventricle that is pressed is not: 'the right ventricle is compressed, while the left is slightly *expanded*'.
_WIDE = words("expanded enlarged dilated widened distended enlargement dilatation dilation")


def strongest(grades: Iterable[Grade]) -> Grade:
    """The most severe of the grades; ``none`` if there are none."""
    return max(grades, key=_BY_STRENGTH.index, default="none")


def grade(mention: Mention) -> Grade:
    """What the cues have made of a mention."""
    if mention.denied:
        return "none"
    if mention.doubted or (mention.weakly and mention.degree == "present"):
        return "possible"
    return mention.degree


def apply_cues(sentence: Sentence) -> None:
    """Mark the mentions and places of a sentence as its cues say."""
    for at in range(len(sentence.tokens)):
        _apply_polarity(sentence, at)
    for at, token in enumerate(sentence.tokens):
        if token.kind is Kind.DEGREE:
            _apply_degree(sentence, at)
    _follow_label(sentence)


def is_normal(sentence: Sentence, at: int) -> bool:
    """Whether the words right around say that the region at this token is normal."""
    phrase = NOUN_PHRASE | {Kind.VERB, Kind.WEAK_HEDGE}
    ends = (sentence.past(at, step, phrase) for step in (-1, 1))
    return any(sentence.kind(end, sentence.clauses[at]) is Kind.NORMAL for end in ends)


def _apply_polarity(sentence: Sentence, cue: int) -> None:
    kind = sentence.kind(cue)
    if kind is Kind.NEGATION:
        _deny_ahead(sentence, cue)
    elif kind is Kind.DENIAL:
        subjects = _subjects(sentence, cue)
        adjective = sentence.tokens[cue].text == "resolved"  # 'a tumor with resolved edema'
        if cue + 1 in sentence.mentions and (adjective or not subjects):
            _deny_ahead(sentence, cue)
            return
        for mention in subjects:
            if sentence.tokens[cue].rule.value == "asked":
                del sentence.mentions[mention.at]
            mention.denied = True
    elif kind is Kind.DOUBT:
        _doubt(_subjects(sentence, cue))
    elif kind in (Kind.HEDGE, Kind.WEAK_HEDGE):
        _doubt_ahead(sentence, cue)
    elif kind is Kind.MODAL:
        ahead = [word.text for word in sentence.tokens[cue + 1 : cue + 4] if word.text not in _AUXILIARY]
        verb = ahead[0] if ahead else ""
        if verb in _WITNESSED and sentence.tokens[cue].text in ("can", "could"):
            return
        if not verb or verb in _EXISTENCE or verb in (",", "but"):
            _doubt(_subjects(sentence, cue))
        _doubt_ahead(sentence, cue)


def _doubt(mentions: Iterable[Mention]) -> None:
    for mention in mentions:
        # 'Unlikely but not excluded' is a doubt.
        mention.doubted, mention.denied = True, False


def _follow_label(sentence: Sentence) -> None:
    """'*Necrosis is* in the center, suggesting a possible necrotic area': the announced is as sure as what follows.

    Reports of TextBraTS begin their sentences so, down to '*Edema is* no edema'. A verb that says that it is there
    makes it more than a label; where it is in doubt itself, so is what follows.
    """
    first = label(sentence)
    if first is None:
        return
    same = [mention for mention in sentence.found() if mention.kind is first.kind]
    after = sentence.tokens[first.at + 2 : first.at + 4]
    if sentence.kind(first.at + 1) is Kind.VERB and after:
        if after[0].text.split()[0] == "no":
            first.denied = all(mention.denied for mention in same if mention is not first)
        hedged = after[0].kind is Kind.INDEFINITE and after[-1].kind is Kind.HEDGE  # 'is a potential area'
        # Edema is seen for what it is; 'possible edema in the next lobe' is more of it.
        explained = first.kind is Kind.NECROSIS and after[0].kind is not Kind.DEGREE and after[0].text not in THERE
        first.doubted = first.doubted or hedged or (explained and any(mention.doubted for mention in same))
    if first.doubted:
        _doubt(mention for mention in same if not mention.denied and mention.degree == "present")


def _deny_ahead(sentence: Sentence, cue: int) -> None:
    clause, captured, listed = sentence.clauses[cue], False, False
    only_next, past, asked = (sentence.tokens[cue].rule.value == value for value in ("next", "past", "asked"))
    shared_lobe = sentence.kind(cue - 1) is Kind.SIDE  # 'the right rather than the left frontal lobe'
    for at in range(cue + 1, cue + 2 if only_next else len(sentence.tokens)):
        kind, following = sentence.kind(at, clause), sentence.kind(at + 1)
        if kind is None or kind is Kind.COLON or (past and sentence.tokens[at].text in _NOW):
            return
        if kind in LINKS:
            if following in LINKS:
                continue
            link = sentence.tokens[at].text
            fresh = following in (Kind.DEGREE, Kind.WITH, Kind.PRONOUN) or (captured and following is Kind.INDEFINITE)
            if not asked and ((fresh and link != "or") or (link == "and" and not captured and not listed)):
                return
            if kind is Kind.COMMA and _begins_statement(sentence, at + 1, clause):
                return
            if kind is Kind.COMMA and any(token.text in _EXPLAINS for token in sentence.tokens[at + 1 : at + 3]):
                return
            listed = listed or kind is Kind.COMMA
        elif kind is Kind.WITH and captured and following is Kind.DEGREE:
            return
        elif captured and sentence.tokens[at].text in ("suggests", "seems"):
            return  # 'the absence of necrosis suggests a low-grade glioma'
        elif kind in PLACES and not (shared_lobe and kind is Kind.LOBE):
            sentence.denied_places.add(at)
        elif kind in FINDINGS and at in sentence.mentions:
            mention = sentence.mentions[at]
            known = _is_presupposed(sentence, mention) or (asked and mention.definite and mention.kind is Kind.LESION)
            if only_next or not known:
                mention.denied = captured = True
                if asked:
                    del sentence.mentions[at]
            elif asked:
                return  # 'to determine the nature of the lesion in the left lobe'
            if only_next:
                return


def _begins_statement(sentence: Sentence, at: int, clause: int) -> bool:
    """Whether what follows a comma has a predicate of its own: 'no edema, *ventricles mildly compressed*'."""
    named = False
    while sentence.kind(at, clause) not in LINKS | {None}:
        kind = sentence.kind(at)
        if named and (kind in FINITE | {Kind.DEGREE} or sentence.tokens[at].text in PRESSURE_VERBS):
            return True
        named = named or at in sentence.mentions
        at += 1
    return False


def _doubt_ahead(sentence: Sentence, cue: int) -> None:
    clause, captured = sentence.clauses[cue], False
    weakly = sentence.kind(cue) is Kind.WEAK_HEDGE
    for at in range(cue + 1, len(sentence.tokens)):
        kind, following = sentence.kind(at, clause), sentence.kind(at + 1)
        if kind in (None, Kind.COMMA, Kind.WITH):
            return
        new_phrase = kind is Kind.AND and following in (Kind.DEGREE, Kind.DEFINITE, Kind.INDEFINITE)
        if captured and (kind is Kind.PREPOSITION or new_phrase):
            return
        mention = sentence.mentions.get(at)
        if mention and not _is_presupposed(sentence, mention):
            mention.weakly = mention.weakly or weakly
            mention.doubted = mention.doubted or not weakly
            captured = captured or mention.kind in FINDINGS


def _subjects(sentence: Sentence, cue: int) -> list[Mention]:
    """The mentions that a cue after them speaks of: the clause's subject, or the one carried over from before."""
    clause, joined = sentence.clauses[cue], False
    subjects: list[Mention] = []
    at = cue - 1
    while sentence.has(at, clause):
        kind = sentence.kind(at)
        joined = joined or kind is Kind.AND
        if kind is Kind.COMMA and not (joined and _is_plain_item(sentence, at - 1, clause)):
            break
        if kind in (Kind.WITH, Kind.COLON) and subjects:
            break
        mention = sentence.mentions.get(at)
        if mention and mention.kind in FINDINGS:
            taken_for_granted = _is_presupposed(sentence, mention) and is_object(sentence, mention)
            if not taken_for_granted:
                subjects.append(mention)
        at -= 1
    if subjects or any(mention.clause == clause for mention in sentence.mentions.values()):
        return subjects
    return [mention for mention in sentence.found() if mention.clause == clause - 1][-1:]


def _is_plain_item(sentence: Sentence, at: int, clause: int) -> bool:
    """Whether the list item that ends here is a bare noun phrase."""
    while sentence.kind(at, clause) not in (None, Kind.COMMA):
        if sentence.kind(at) in PLACES | FINITE | {Kind.WITH, Kind.NEGATION}:
            return False
        at -= 1
    return True


def is_object(sentence: Sentence, mention: Mention) -> bool:
    """Whether the mention is what a preposition rules: 'edema around *the lesion*'."""
    ruler = mention.start - 2 if mention.definite or mention.indefinite else mention.start - 1
    if not sentence.has(ruler, mention.clause):
        return False
    if sentence.tokens[ruler].text == "surrounding" and ruler + 1 == mention.start:
        return sentence.kind(ruler - 1) in FINDINGS  # 'with surrounding edema' has an adjective
    return sentence.tokens[ruler].text in _POSITIONAL or sentence.kind(ruler) is Kind.NEAR


def _is_presupposed(sentence: Sentence, mention: Mention) -> bool:
    """'No edema around the lesion' takes the lesion for granted."""
    if mention.definite and mention.kind is not Kind.PRESSURE:
        if any(token.kind is Kind.HEDGE for token in sentence.tokens[mention.start : mention.at]):
            return False  # 'the possible presence of necrotic tissue'
        return sentence.kind(mention.start - 2) not in (None, Kind.NEGATION, Kind.HEDGE, Kind.WEAK_HEDGE, Kind.MODAL)
    before = sentence.tokens[mention.start - 1].text if mention.start else ""
    return mention.kind is Kind.LESION and before in {"around", "surrounding", "in", "within", "inside", "by"}


def _apply_degree(sentence: Sentence, cue: int) -> None:
    """Give a degree word to the finding it stands before, or else to the one it is said of."""
    tokens, clause, degree = sentence.tokens, sentence.clauses[cue], sentence.tokens[cue].rule.degree
    transparent = PLACES | {Kind.WORD, Kind.VENTRICLE, Kind.MEASURE, Kind.MASK}
    at = cue + 1
    while sentence.has(at, clause):
        if tokens[at].kind in FINDINGS and at in sentence.mentions:
            signal = tokens[at].kind is Kind.SIGNAL or tokens[at].text.startswith("signal")
            shown = _shown_as(sentence, cue, at) if signal else sentence.mentions[at]
            _raise(shown, degree)
            _share(sentence, at, degree)
            return
        if tokens[at].text in _WIDE:
            return
        of_measure = tokens[at].text == "of" and tokens[at - 1].text in _MEASURES
        adjective = tokens[at].text == "surrounding" and sentence.kind(at + 1) is not Kind.DEFINITE
        joins = tokens[at].kind is Kind.AND and sentence.kind(at + 1, clause) is Kind.VENTRICLE
        if not (of_measure or adjective or joins or tokens[at].kind in transparent):
            break
        at += 1
    before = tokens[cue - 1].text if cue else ""
    predicate = before in ("is", "are", "was", "were", "appears", "remains") or sentence.kind(cue - 1) is Kind.COLON
    if at > cue + 1 and not predicate and tokens[cue + 1].text not in _MEASURES | _SIZES:
        return
    earlier = [m for m in sentence.found() if m.at < cue and clause - m.clause <= 1]
    here = [m for m in earlier if m.clause == clause] or earlier
    subjects = [m for m in here if not is_object(sentence, m)] or here
    denied = any(token.rule.value == "degree" for token in tokens[max(0, cue - 2) : cue])  # 'not (very) severe'
    denied = denied or before == "not"  # 'edema is mild, the ventricles are not significantly affected'
    if before == "of" and sentence.kind(cue - 2) in FINDINGS and cue - 2 in sentence.mentions:
        subjects = [sentence.mentions[cue - 2]]  # 'surrounded by edema of moderate degree'
    sized = sentence.has(cue + 1, clause) and tokens[cue + 1].text in _SIZES
    if sized or at == cue + 1:
        subjects = [owner(sentence, mention) for mention in subjects]
    if sized:
        subjects = [mention for mention in subjects if mention.kind in GRADED] or subjects
    if subjects and not denied:
        _raise(subjects[-1], degree)
        if before in ("are", "were", "both") and len(subjects) > 1:
            # 'Edema and ventricular compression are (both) mild.'
            between = {token.kind for token in tokens[subjects[-2].at + 1 : subjects[-1].at]}
            if Kind.AND in between and between <= {Kind.AND, Kind.VENTRICLE, Kind.SIDE, Kind.WORD}:
                _raise(subjects[-2], degree)


def _shown_as(sentence: Sentence, cue: int, signal: int) -> Mention:
    """What a signal with a degree is.

    'A marked *high signal edema*', '*edema* is a marked high signal area', 'extensive signal consistent with *edema*'.
    """
    named = sentence.mentions.get(sentence.past(signal, 1, PLACES | {Kind.WORD, Kind.MEASURE}))
    if named is not None and named.kind in FINDINGS:
        return named
    for mention in sentence.found():
        if mention.kind is Kind.EDEMA and mention.at > signal and mention.clause == sentence.clauses[signal]:
            before = sentence.tokens[max(signal, mention.start - 3) : mention.start]
            if any(token.text in _EXPLAINS for token in before):
                return mention
    verb = cue - 2 if sentence.kind(cue - 1) is Kind.INDEFINITE else cue - 1
    if sentence.kind(verb) is Kind.VERB and verb - 1 in sentence.mentions:
        return sentence.mentions[verb - 1]
    return sentence.mentions[signal]


def _raise(mention: Mention, degree: Grade) -> None:
    mention.degree = strongest((mention.degree, degree))


def _share(sentence: Sentence, at: int, degree: Grade) -> None:
    """'Mild edema and necrosis': a bare noun after 'and' has the same degree."""
    if sentence.kind(at + 1) is Kind.AND:
        after = at + 3 if sentence.kind(at + 2) is Kind.VENTRICLE else at + 2
        mention = sentence.mentions.get(after)
        if mention and mention.kind in FINDINGS:
            _raise(mention, degree)
