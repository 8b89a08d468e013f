"""Cut the text of a report into sentences, and each sentence into tokens that know what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from braingemma3d.findings.anatomy_terms import GLUED, SIDE_LETTER
from braingemma3d.findings.kinds import TELLING, Kind, Rule
from braingemma3d.findings.lexicon import RULES, SCANNER

_LONGEST_SENTENCE = 120  # tokens; keeps the time linear for text without full stops
_SHORT_LINE = 60  # characters; a line that ends earlier was ended on purpose, unless its paragraph was set as narrow
_NARROW = 30  # characters; no paragraph is set narrower than this

_ROW = re.compile(
    r"^[ \t]*\|([^|\n]+)\|(?:[ \t]*(?:yes|present)[ \t]*\|(?=[ \t]*\w))?([^|\n]+)\|(?:[^|\n]*\|)*[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_NOISE = re.compile(r"[*_#`~]")
_BRACKETS = re.compile(r"[\"“”()\[\]{}]")
_ASIDE = re.compile(
    r"\((?:[^()\n]{0,40}\b(?:confidence|certainty)\b[^()\n]{0,40}|[\d.]{1,6} ?%|"
    r"(?:the )?(?:left|right) (?:side )?of the (?:image|picture|scan))\)"
    r"|\[[^\[\]\n\"/]{1,40}/[^\[\]\n\"]{1,80}\]"
    r"|\[(?:describe|insert|specify|state|enter)\b[^\[\]\n]{0,80}\]",
    re.IGNORECASE,
)
"""In brackets: how sure a model is, the side of a picture, and the choices of a template."""
_TITLE = re.compile(
    r"^(?:(?=[ \t]*#)|(?=[^\n]{0,80}:\**[ \t]*$))[ \t#*_]*(?:\d{1,2}[.)][ \t]*)?"
    r"((?:[a-z]+[ \t]){0,2}(?:o?edema|swelling|necrosis|compression|lesion|location|ventricles|"
    r"lobes?|hemispheres?|cerebellum|brainstem))"
    r"[*_:]*[ \t]*\n\s*(?:[-•*+][ \t]+)?(?![^:\n]{1,40}:)(?=\w)",
    re.IGNORECASE | re.MULTILINE,
)
"""A heading or label that has its answer in the next line: '## Necrosis'."""
_BULLET = re.compile(r"(?:^|\n)[ \t]*(?:[-•–\u2010\u2011*]|\d{1,2}[.)])[ \t\xa0]+")
_UNDERSCORE = re.compile(r"(?<=[a-z])_(?=[a-z])", re.IGNORECASE)
_DASH = re.compile(r"(?<=\s)[-–—]+(?=\s)|[–—]+")
_SIGN = re.compile(r"\( ?([+-]) ?\)|(?<=[a-z:])[ \t]+([+✓✔✅✗✘❌-])(?= *(?:[,.;]|$))", re.IGNORECASE | re.MULTILINE)
_SHORTENED = re.compile(r"\b((?i:mod|sev|min|sig))\.(?=[ \t]+[a-z])")
_QUESTION = re.compile(r"([^.!?:\n]{1,80})\?+(?=\s|$)")
_ANSWERED = re.compile(
    r"([^.!?:\n]{1,80})\?+\s*(?:a(?:nswer)?\s*:\s*)?"
    r"(?=(?:yes|no|none|nil|absent|present|mild|moderate|severe)(?:ly)?\s*(?:[.,;!\n]|$))"
)
_OPEN_END = re.compile(
    r",$|(?<![:?=–—-] )(?<!/)"
    r"\b(?:a|an|the|no|not|any|and|or|of|in|on|at|to|by|for|from|with|without|is|are|was|were)$"
)
_QUERY = re.compile(r"(?:(?<=\s)|^)\?+\s*(?=[a-z])")
_CONTRACTED = re.compile(r"(?<=[a-z])(?<!ca)n['’]t\b")
_BLANKS = re.compile(r"[ \t]{2,}")
_JOINER = re.compile(r"['’‐‑‒/-]")
_HEADING = re.compile(r"[a-z ]{1,40}:|(?:findings?|impressions?|conclusions?|results?|report|opinion|summary)$")
_SUMMED = re.compile("impression|conclusion|opinion|summary")
_STOP = re.compile(r"(?<!\bapprox)(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bca)[.!?]+(?=\s|$)")

# A section that tells of something else than this scan's findings: by its heading, which is no sentence.
_SKIPPED_SECTION = re.compile(
    r"(?:(?P<past>clinical(?: (?:history|indication|information|details|data|question))?|indications?|history|"
    r"reason|patient|request)|"
    r"comparison|technique|protocol|recommendations?|exam(?:ination)?|procedure|sequences?)"
    r"(?:\b(?![^:]*\b(?:shows?|showed|demonstrates?d?|reveals?|revealed|includes?d?|is|are|was|were|has|have)\b)"
    r"[^:.]{0,30}:|$)"
)


class Token(NamedTuple):
    """A word or phrase of a sentence, with the rule that it matched."""

    text: str
    rule: Rule

    @property
    def kind(self) -> Kind:
        return self.rule.kind


def sentences(text: str) -> Iterator[list[Token]]:
    """The sentences of ``text`` as tokens, without the sections that are not about this scan's findings."""
    lines = [line for line in _told(_clean(_BRACKETS.sub("", _unwrap(_without_markup(text))))).split("\n") if line]
    for place, line in enumerate(lines, 1):
        for sentence in _of_findings([piece.strip() for piece in _STOP.split(line)], last=place == len(lines)):
            tokens = [Token(match[0], RULES[(match.lastindex or 1) - 1]) for match in SCANNER.finditer(sentence)]
            for start in range(0, len(tokens), _LONGEST_SENTENCE):
                yield tokens[start : start + _LONGEST_SENTENCE]


def telling_spans(text: str) -> list[tuple[int, int]]:
    """Where words of a text tell of findings: begin and end of each word or phrase, by its characters.

    The span of a place takes in the character after it: whether a comma, a full stop or a blank follows tells whether
    the lesion has another place.
    """
    plain = _JOINER.sub(" ", text.lower())
    read = [(match, RULES[(match.lastindex or 1) - 1].kind) for match in SCANNER.finditer(plain)]
    return [(match.start(), match.end() + (kind is Kind.LOBE)) for match, kind in read if kind in TELLING]


def _of_findings(line: Sequence[str], last: bool) -> Iterator[str]:
    """The sentences of a line without its sections to be skipped; ``last``: no line follows.

    A section of the past takes in all its sentences, unless nothing else is told: 'History: seizures. There is a mass.'
    """
    skipping = False
    for place, sentence in enumerate(line, 1):
        heading = _SKIPPED_SECTION.match(sentence)
        if heading:
            # Findings follow, unless they have a heading of their own; an impression comes after them.
            own = any(_HEADING.match(later) and not _SUMMED.match(later) for later in line[place:])
            skipping = bool(heading["past"]) and (own or not last)
            continue
        skipping = skipping and not _HEADING.match(sentence)
        if not skipping:
            yield sentence


def _told(text: str) -> str:
    """Without sections to be skipped whose heading has a line of its own; a blank line or another heading ends them."""
    lines: list[str] = []
    skipped: list[str] | None = None
    for line in text.split("\n"):
        heading = _SKIPPED_SECTION.match(line)
        if heading and heading.end() == len(line):
            skipped = []
        elif skipped is not None and not _HEADING.match(line) and (line or not any(skipped)):
            skipped.append(line)
        else:
            skipped = None
            lines.append(line)
    return "\n".join(lines)


def _without_markup(text: str) -> str:
    """Without signs of Markdown; an item of a list, and a row of a table with two columns, is a line of its own."""
    plain = _ROW.sub(lambda row: f"\n{row[1].strip()}: {row[2].strip()}\n", text.replace("\r", ""))
    plain = _ASIDE.sub("", _TITLE.sub(r"\n\1: ", plain.replace(" | ", "\n")))
    plain = _SHORTENED.sub(r"\1", _UNDERSCORE.sub(" ", plain))
    plain = _SIGN.sub(lambda sign: " absent" if set("-✗✘❌") & set(sign[0]) else " present", plain)
    return _NOISE.sub("", _BULLET.sub("\n\n", plain))


def _unwrap(text: str) -> str:
    """One sentence or more per line: join the lines that were only wrapped."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    pieces: list[str] = []
    for paragraph in _paragraphs(lines):
        width = max(map(len, paragraph))
        # Words were set into lines of this width if none has room for the first word of the next.
        set_narrow = width >= _NARROW and all(
            len(line) + 1 + len(after.split()[0]) > width for line, after in pairwise(paragraph)
        )
        pieces += ["\n", paragraph[0]]
        for line, after in pairwise(paragraph):
            goes_on = (len(line) >= _SHORT_LINE or set_narrow) and not after[:2].istitle()
            joined = goes_on or _OPEN_END.search(line.lower())
            pieces += [" " if joined else "\n", after]
    return "".join(pieces)


def _paragraphs(lines: Sequence[str]) -> list[list[str]]:
    """Lines that follow each other without a blank one; a heading begins a paragraph, and a blank line is one."""
    paragraphs: list[list[str]] = []
    for line in lines:
        before = paragraphs[-1][-1].lower() if paragraphs else ""
        begins = _HEADING.match(line.lower()) and not _OPEN_END.search(before)
        if line and before and not begins:
            paragraphs[-1].append(line)
        else:
            paragraphs.append([line])
    return paragraphs


def _clean(text: str) -> str:
    """Lower case without hyphens, glued compounds and letters for sides, as the lexicon expects it."""
    clean = text.lower().replace("w/o", "without").replace(" & ", " and ").replace("œ", "oe")
    clean = _DASH.sub(" – ", clean)
    clean = _CONTRACTED.sub(" not", clean)
    clean = _ANSWERED.sub(r"\1: ", clean)
    clean = _QUESTION.sub(r" questionable \1.", _QUERY.sub(" questionable ", clean))
    clean = _JOINER.sub(" ", clean)
    clean = _BLANKS.sub(" ", GLUED.sub(r"\1 ", clean))
    return SIDE_LETTER.sub(lambda match: "left" if match[1] else "right", clean)
