"""The words of brain-MRI reports, as data: what each one means to :mod:`braingemma3d.findings.extract`.

Patterns are written for text that is lower case, with hyphens and slashes turned into spaces. A space in a pattern
matches one space. **The first matching rule wins**, so a phrase that disarms a word ('frontal horn', 'no change in',
'right handed') stands before the rule for the word itself.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

from braingemma3d.findings.schema import Grade, Lobe


class Kind(Enum):
    """What a stretch of text does in a sentence."""

    MASK = auto()  # words that look like a cue and are none
    SIDE = auto()
    LOBE = auto()
    LESION = auto()
    SIGNAL = auto()  # an abnormal signal: a lesion only where the text gives it a place
    EDEMA = auto()
    NECROSIS = auto()
    VENTRICLE = auto()
    PRESSURE = auto()  # compression, once it is said of a ventricle
    BENIGN = auto()
    NORMAL = auto()
    NEGATION = auto()  # denies what follows
    DENIAL = auto()  # denies what came before
    HEDGE = auto()  # doubts what follows
    WEAK_HEDGE = auto()  # doubts what follows, unless that has a degree
    DOUBT = auto()  # doubts what came before
    MODAL = auto()  # doubts what follows, and what came before if its verb is one of existence
    DEGREE = auto()
    MEASURE = auto()  # 'amount of', 'areas of': transparent between a degree and its finding
    NEAR = auto()  # makes the place that follows a neighbor of the lesion, not its place
    SPARED = auto()  # makes the place that follows free of the lesion
    ANOTHER = auto()  # announces a further lesion
    RELATION = auto()  # contralateral, ipsilateral
    BREAK = auto()
    COMMA = auto()
    COLON = auto()
    AND = auto()
    WITH = auto()
    VERB = auto()
    SPREAD = auto()  # a verb that carries the subject to a place: extends, involves
    PREPOSITION = auto()
    DEFINITE = auto()
    INDEFINITE = auto()
    BOTH = auto()
    PRONOUN = auto()
    WORD = auto()


Value = str | int | tuple[Lobe, ...] | None


class Rule(NamedTuple):
    kind: Kind
    value: Value
    pattern: str


def words(text: str) -> frozenset[str]:
    """A set of words, written as one string."""
    return frozenset(text.split())


DEGREE_GRADES: tuple[Grade, ...] = ("mild", "moderate", "severe")
"""Grades by the value of a degree word; a larger value wins."""

_MILD = (
    r"mild(?:ly)?|slight(?:ly)?|minimal(?:ly)?|minor|faint(?:ly)?|subtle|subtly|trace|scant|modest(?:ly)?|little|"
    r"discreet|small amounts? of|small areas? of|small degree of|small foci of|small focus of|tiny amounts? of|"
    r"a bit of|limited(?= (?:in extent|surrounding|perifocal|perilesional|vasogenic|o?edema|necrosis))"
)
_MODERATE = r"moderate(?:ly)?|intermediate degree of"
_SEVERE = (
    r"severe(?:ly)?|marked(?:ly)?|significant(?:ly)?|extensive(?:ly)?|pronounced|massive(?:ly)?|profound(?:ly)?|"
    r"considerabl[ey]|substantial(?:ly)?|prominent(?:ly)?|gross(?:ly)?|widespread|striking(?:ly)?|"
    r"large amounts? of|large areas? of|large zones? of|complete effacement(?= of)"
)
_OF_DEGREE = rf"(?:{_MILD}|{_MODERATE}|{_SEVERE})"
_TO = r" (?:to|or|and|through) "

_PRESENCE = (
    r"seen|observed|identified|visible|visuali[sz]ed|present|evident|detected|noted|found|demonstrated|appreciated|"
    r"apparent|recogni[sz]ed|shown|depicted|discernible|detectable|conspicuous|perceptible|obvious|appreciable"
)
_ADVERB = r"(?:clearly |definitely |currently |readily |confidently |reliably |entirely |completely )?"
_EXCLUDED = r"(?:excluded|ruled out|discounted)"
_BODY = (
    r"(?:arm|leg|hand|foot|eye|ear|limb|face|facial|weakness|hemiparesis|hemiplegia|hemianopia|numbness|headaches?|"
    r"handed|handedness|hander|mastoid|maxillary|orbit|sinus)"
)
_LEFT_RIGHT = r"(?:left|right)"

# Word -> lobe. Cingulate, central and opercular regions go where the Desikan-Killiany atlas puts them.
_PLACES: tuple[tuple[tuple[Lobe, ...], str], ...] = (
    (("frontal", "parietal"), r"(?:peri)?rolandic|central sulcus|pericentral|sensorimotor|primary motor and sensory"),
    (("cerebellum", "brainstem"), r"cerebellopontine|cerebello pontine|pontocerebellar"),
    (("deep",), r"(?:anterior |posterior )?(?:internal|external|extreme) capsules?|capsular"),
    (("deep",), r"corpus callosum|callosal|callosum|splenium|genu|forceps (?:major|minor)"),
    (("deep",), r"basal gangli(?:a|on|onic)|basal nuclei|gangliocapsular|thalam(?:us|i|ic)|hypothalam(?:us|ic)"),
    (("deep",), r"caudate|putam(?:en|inal)|pallid(?:us|um|al)|globus pallidus|lentiform|lenticular|striatum|claustrum"),
    (("deep",), r"corona radiata|centrum semiovale|(?:peri|para)ventricular(?:ly)?|subependymal|fornix|pineal"),
    (("deep",), r"deep (?:cerebral |hemispheric )?(?:white matter|gr[ae]y matter|nuclei|gray nuclei|structures|brain)"),
    (("deep",), r"deep (?:portions?|parts?|regions?|areas?|location)|deep seated"),
    (("brainstem",), r"cerebral peduncles?|brain ?stems?|pons|pontine|medulla(?: oblongata)?|medullary"),
    (("brainstem",), r"mid ?brain|mesencephal(?:on|ic)|tect(?:um|al)|tegment(?:um|al)|bulbar"),
    (("cerebellum",), r"cerebell(?:um|ar|i)(?: (?:hemispheres?|peduncles?|tonsils?|vermis))?|vermis|vermian|dentate"),
    (("temporal",), r"temporal(?:ly)?(?: lobes?| pole| operculum)?|temporobasal"),
    (("temporal",), r"(?:para)?hippocamp(?:us|i|al)|amygdal(?:a|ar|oid)|unc(?:us|al)|entorhinal|fusiform|heschl"),
    (("temporal",), r"mesiotemporal|wernicke(?: s)?"),
    (("frontal",), r"frontal(?:ly)?(?: lobes?| pole| operculum)?|(?:pre|orbito)frontal|frontopolar|frontobasal"),
    (("frontal",), r"precentral|paracentral|motor (?:cortex|strip|area)|premotor|supplementary motor|gyrus rectus"),
    (("frontal",), r"broca(?: s)?|olfactory|(?:anterior )?cingulate|cingulum"),
    (("parietal",), r"posterior cingulate|parietal(?:ly)?(?: lobes?| operculum)?|postcentral"),
    (("parietal",), r"(?:somato)?sensory (?:cortex|strip|area)|supramarginal|angular gyrus|precuneus|precuneal"),
    (
        ("occipital",),
        r"occipital(?:ly)?(?: lobes?| pole)?|cuneus|cuneal|lingual gyrus|calcarine|(?:primary )?visual cortex",
    ),
    (("insula",), r"insul(?:a|ar|ae)(?: lobes?| cortex)?|(?:peri)?sylvian"),
    (("frontal",), r"fronto"),
    (("temporal",), r"temporo"),
    (("parietal",), r"parieto"),
    (("occipital",), r"occipito"),
    (("insula",), r"insulo"),
    (("deep",), r"thalamo"),
)

GLUED = re.compile(
    r"(fronto|temporo|parieto|occipito|insulo|thalamo|mesio|medio|latero|antero|postero|supero|infero"
    r"|\bbi(?=frontal|parietal|temporal|occipital|thalamic|insular|hemispheric))(?=[a-z]{3})"
)
"""A combining form with no gap after it ('frontoparietal'), to be set apart before the words are read."""

SIDE_LETTER = re.compile(
    r"\b(?:(lt?)|rt?)\b\.?(?= (?:sided?\b|(?:high|posterior|anterior|medial|mesial|superior|inferior|deep|mid) |hemi"
    r"|cerebr|cerebell|lateral\b|front|pariet|tempor|occip|insul|thalam|basal\b|caudate|putam|hippoc|sylvian|centrum"
    r"|corona|postcentral|precentral|lobe|brain\b))"
)
"""'L', 'R', 'Lt.', 'Rt.' before a word of place. Group 1 stands for left."""

SKIPPED_SECTION = re.compile(
    r"(?:clinical|indications?|history|technique|comparison|reason|protocol|recommendations?|clinical (?:history|"
    r"indication|information|details|data|question)|patient|exam(?:ination)?|procedure|sequences?|request)\b[^:.]{0,30}:"
)
"""The start of a section that tells of something else than this scan's findings."""

MEASURES = words("degree amount amounts extent level sign signs area areas zone zones region regions")
"""Nouns that pass a degree on: 'a moderate degree of edema'."""

MOVE = re.compile(r"shift|displac|deviat|push|herniat|dislocat")
"""Words of movement: the side that they point to is not where anything is."""

POSITIONAL = words("in of on at within around surrounding by from to into inside along near upon between")
"""Prepositions whose object is not what the sentence is about: 'edema around the lesion is mild'."""

BENIGN_LINKS = words(
    "consistent compatible likely probably keeping related due representing reflecting attributable suggestive "
    "suggesting nonspecific possibly"
)
"""Words that explain a signal named before by a benign cause named after."""

EXISTENCE = words(
    "be present exist exists occur appear coexist seen observed identified visible noted found suspected detected "
    "considered also"
)
"""Verbs after which a modal doubts its subject: 'necrosis may be present', but not 'edema may extend'."""

_RULES: list[Rule] = [
    Rule(Kind.COMMA, None, r","),
    Rule(Kind.COLON, None, r":"),
    Rule(Kind.BREAK, None, r";"),
    # Words that disarm.
    Rule(Kind.MASK, None, rf"{_LEFT_RIGHT} (?:sided )?{_BODY}|right (?:now|away|after|before)|all right"),
    Rule(Kind.MASK, None, rf"{_LEFT_RIGHT} to {_LEFT_RIGHT}|left (?:untreated|over|behind|out|as is|alone)"),
    Rule(
        Kind.MASK,
        None,
        r"(?:what|all that|whatever) is left|(?:frontal|temporal|parietal|occipital) (?:bones?|"
        r"sinus(?:es)?|condyles?|calvarium)",
    ),
    Rule(Kind.MASK, None, r"mid ?line (?:shift\w*|structures?|deviation|displacement)|interhemispheric(?: fissure)?"),
    Rule(Kind.MASK, None, r"mid ?line (?:is|are|remains|appears)(?= )|(?:left|right)ward"),
    Rule(
        Kind.MASK,
        None,
        r"(?:more|most|less|least|increasingly) (?:significant|pronounced|marked|extensive|severe|"
        r"prominent|subtle|moderate)(?:ly)?",
    ),
    Rule(
        Kind.MASK,
        None,
        r"marked by|characteri[sz]ed by|no doubt|without (?:any )?doubt|"
        r"(?:with and )?without (?:iv |intravenous )?(?:contrast|gadolinium)(?: (?:enhancement|"
        r"medium|agent|administration))?",
    ),
    Rule(
        Kind.MASK,
        None,
        r"(?:no|without|not) (?:any )?(?:significant |appreciable |substantial |relevant |"
        r"obvious )?(?:interval )?(?:change|increase|decrease|improvement|progression|regression|"
        r"reduction|difference)s?(?: (?:in|of|to|with))?",
    ),
    Rule(
        Kind.MASK,
        None,
        r"not (?:only|just|merely|simply)|no longer (?:confined|limited|restricted)|"
        r"not (?:confined|limited|restricted)|not (?:changed|without)",
    ),
    Rule(
        Kind.MASK,
        None,
        r"not (?:well|clearly|sharply|fully|completely|entirely|totally)(?= (?:defined|delineated|"
        r"demarcated|circumscribed|effaced|compressed|obliterated|collapsed|resolved|necrotic|"
        r"separable))",
    ),
    Rule(Kind.MASK, None, r"lesions? free|tumou?rs? free"),
    # Ventricles before the lobes whose names their horns bear.
    Rule(
        Kind.VENTRICLE,
        None,
        r"(?:frontal|temporal|occipital|anterior|posterior|inferior) horns?|ventric(?:les?|ular|"
        r"ulus)(?: system| horns?| space)?|trigone|atri(?:a|um)",
    ),
    # Benign bystanders.
    Rule(
        Kind.BENIGN,
        None,
        r"punctate|pinpoint|age related|age appropriate|senescent|involutional|fazekas(?: grade)?|"
        r"atroph(?:y|ic)|leukoaraiosis|artifacts?|artefacts?|normal variants?",
    ),
    Rule(
        Kind.BENIGN,
        None,
        r"small vessel(?: ischa?emic)?(?: disease| changes?)?|micro ?angiopath(?:y|ic)|"
        r"micro ?vascular|chronic ischa?emic|hypertensive|demyelinat(?:ion|ing)",
    ),
    Rule(
        Kind.BENIGN,
        None,
        r"(?:periventricular |deep |subcortical |cerebral |supratentorial )*white matter (?:t2 |"
        r"flair )*(?:hyperintensities|foci|spots|lesions|changes|disease|signal changes|"
        r"hyperintense foci)",
    ),
    Rule(
        Kind.BENIGN,
        None,
        r"periventricular (?:caps?|capping|halos?|rims?|bands?|linings?|hyperintensities)|"
        r"virchow robin(?: spaces?)?|perivascular spaces?|ependymitis granularis",
    ),
    # Hedges and negations of several words.
    Rule(
        Kind.DOUBT,
        None,
        rf"(?:cannot|can not|can t|could not|may not) (?:be )?(?:entirely |completely |fully |"
        rf"definitely |safely )?(?:be )?{_EXCLUDED}|(?:is |are )?not {_EXCLUDED}|(?:not|hard|"
        rf"difficult) to (?:exclude|rule out)",
    ),
    Rule(
        Kind.HEDGE,
        None,
        r"(?:cannot|can not|can t|could not|difficult to|hard to|unable to) (?:entirely |"
        r"completely |fully |definitely )?(?:exclude|rule out)(?: the (?:possibility|"
        r"presence) of)?",
    ),
    Rule(
        Kind.DENIAL,
        None,
        rf"(?:is |are |was |were |has been |have been |can |could |do |does )?(?:not|no longer|"
        rf"never|nowhere) (?:be )?(?:been )?{_ADVERB}(?:{_PRESENCE}|significant|appear|occur|"
        rf"exist)|cannot be {_ADVERB}(?:{_PRESENCE})",
    ),
    Rule(
        Kind.DENIAL,
        None,
        rf"(?:is |are |was |were |has been |have been |can be )?(?:{_EXCLUDED}|lacking|missing|"
        rf"unlikely|highly unlikely)|(?:has |have )?(?:completely |fully )?(?:resolved|disappeared|"
        rf"subsided|cleared)",
    ),
    Rule(
        Kind.MASK,
        1,
        r"not(?= (?:very |particularly |that |too )?(?:severe|massive|extensive|marked|pronounced|"
        r"profound|prominent|widespread|large))",
    ),
    Rule(
        Kind.NEGATION,
        None,
        r"no (?:clear |definite |convincing |obvious |significant |appreciable |visible |mr |"
        r"imaging |radiological )?(?:evidence|signs?|indications?|suggestion|suspicion|trace|"
        r"features)(?: (?:of|for|to suggest|suggesting|that))?",
    ),
    Rule(
        Kind.NEGATION,
        None,
        r"no longer|(?:is |are )?(?:free|devoid|clear) (?:of|from)|(?:is |are )?negative for|"
        r"absence of|lack(?:s|ing)? of|lacks|lacking|rather than|instead of|fail(?:s|"
        r"ed)? to (?:show|demonstrate|reveal)|(?:complete )?resolution of|disappearance of",
    ),
    Rule(
        Kind.NEGATION,
        None,
        r"(?:to )?(?:rule out|exclude|rules out|excludes|ruling out|excluding)|(?:evaluate|assess|"
        r"screen|check|screening|evaluation) for|history of|status post|den(?:ies|y|ied)|w/o",
    ),
    Rule(
        Kind.NEGATION,
        None,
        r"nothing (?:to suggest|suggesting|suspicious for)|nothing|hardly(?: any)?|"
        r"barely(?: any)?|no|not|without|neither|nor|never|cannot|nil|none of",
    ),
    Rule(Kind.NEGATION, 1, r"non"),
    Rule(Kind.DENIAL, None, r"(?:is |are )?(?:absent|none|negative)"),
    Rule(Kind.SPARED, None, r"spar(?:es?|ing|ed)|(?:with )?sparing of|respect(?:s|ing)|preserv(?:es|ing)"),
    Rule(
        Kind.WEAK_HEDGE,
        None,
        r"suggest(?:s|ed|ing|ive)?(?: (?:of|that|for))?|"
        r"seems?(?: to (?:be|have|show))?",
    ),
    Rule(
        Kind.DOUBT,
        None,
        r"(?:is |are |remains? )?(?:possible|questionable|doubtful|uncertain|equivocal|suspected|"
        r"presumed|likely|probable|conceivable)(?= *$| (?:in|at|on|around|within|here|but)\b|"
        r" *[,;])",
    ),
    Rule(
        Kind.HEDGE,
        None,
        r"possibl[ey]|possibility of|probabl[ey]|likely|suspected|suspect|suspicious for|"
        r"suspicion of|questionable|question of|perhaps|presumabl[ey]|presumed|potential(?:ly)?|"
        r"equivocal|conceivabl[ey]|concern(?:ing)? for|worrisome for|raises? the|indeterminate|"
        r"doubtful|uncertain",
    ),
    Rule(Kind.MODAL, None, r"may|might|could|can|would"),
    # Degrees.
    Rule(Kind.DEGREE, 2, rf"(?:{_OF_DEGREE}{_TO}){{1,2}}(?:{_SEVERE})|(?:{_SEVERE}){_TO}{_OF_DEGREE}"),
    Rule(Kind.DEGREE, 1, rf"{_OF_DEGREE}{_TO}(?:{_MODERATE})|(?:{_MODERATE}){_TO}{_OF_DEGREE}"),
    Rule(Kind.DEGREE, 0, r"(?:minimal|little|mild|slight) (?:to|or) no"),
    Rule(Kind.DEGREE, 0, _MILD),
    Rule(Kind.DEGREE, 1, _MODERATE),
    Rule(Kind.DEGREE, 2, _SEVERE),
    Rule(
        Kind.MEASURE,
        None,
        r"(?:degree|amount|extent|level|signs?|areas?|zones?|presence|evidence|component|"
        r"effects?) of",
    ),
    # Findings.
    Rule(
        Kind.PRESSURE,
        None,
        r"(?:local |regional )?mass effects?|compress(?:ion|ed|es|ing|ive)?|efface(?:s|d|ment)?|"
        r"effacing|deform(?:s|ed|ity|ities|ing|ation)?|distort(?:s|ed|ing|ion)?|displac(?:es?|ed|"
        r"ing|ement)|narrow(?:s|ed|ing)|indent(?:s|ed|ing|ation)?|flatten(?:s|ed|ing)|"
        r"obliterat(?:es?|ed|ing|ion)|squeez(?:es?|ed|ing)|collapsed|slit like|"
        r"impressions?(?= (?:on|upon))|imping(?:es?|ed|ing|ement)|encroach(?:es|ed|ing|ment)?|"
        r"push(?:es|ed|ing)|press(?:es|ed|ing)?|pressure(?= (?:on|upon|against|effects? (?:on|"
        r"upon)))|shift(?:s|ed|ing)|dislocat(?:es|ed|ion)|pressure",
    ),
    Rule(Kind.EDEMA, None, r"o?edema(?:s|tous|ta)?|swelling|swollen"),
    Rule(Kind.NECROSIS, None, r"necros[ie]s|necroti[csz]\w*|necrosed|nonnecrotic"),
    Rule(
        Kind.ANOTHER,
        None,
        r"(?:a |the )?(?:second|third|fourth|other)(?: one)?(?= (?:in|within|at|on|is|lies|"
        r"located|involv|situated|centered|measur))|(?:the )?other(?: one)?(?= (?:in|is|lies))|"
        r"another(?: one)?(?= (?:in|within|at|on|is|lies|located|involv))|one(?= (?:is )?(?:in|"
        r"within|at|located|involv|lies|on the))",
    ),
    Rule(
        Kind.SIGNAL,
        None,
        r"(?:(?:(?:abnormal(?:ly)?|increased|elevated|high(?:er)?|bright|hyperintense|mixed|"
        r"altered|hypointense|heterogeneous)(?: t2| flair| and| high| low)*) (?:signal|"
        r"intensit(?:y|ies))|(?:high|bright) (?:areas?|foci|focus|spots?))(?: (?:intensit(?:y|"
        r"ies)|areas?|changes?|foci|focus|regions?|abnormalit(?:y|ies)|alterations?))*",
    ),
    Rule(
        Kind.SIGNAL,
        None,
        r"hyper ?intens(?:e|ity|ities)|hypo ?intens(?:e|ity|ities)|signal (?:changes?|"
        r"alterations?|increase|elevation|hyperintensity)|iso ?intense",
    ),
    Rule(
        Kind.LESION,
        None,
        r"(?:lesions?|mass(?:es)?|tumou?r\w*|neoplas\w*|gliomas?|glioblastomas?|gbm|astrocytomas?|"
        r"oligodendrogliomas?|ependymomas?|medulloblastomas?|meningiomas?|lymphomas?|gliomatosis|"
        r"metastas[ie]s|metastatic|malignanc(?:y|ies)|sol)(?! (?:free|effect))(?: (?:area|region|"
        r"zone)s?)?",
    ),
    Rule(
        Kind.LESION,
        None,
        r"(?:space occupying|expansile|expansive|infiltrat(?:ive|ing)|neoplastic|"
        r"destructive) (?:process(?:es)?|growth|formation)|abnormalit(?:y|ies)|"
        r"signal abnormalit(?:y|ies)|nodules?|growth|neoformation|abnormal (?:areas?|foci|focus|"
        r"tissue|regions?)",
    ),
    # Places.
    Rule(
        Kind.SIDE,
        "crossing",
        r"(?:cross(?:es|ing|ed)?|across|over|beyond|straddl(?:es|ing)|span(?:s|ning)|"
        r"traversing)(?: of)? (?:the )?mid ?line|trans ?callosal|butterfly",
    ),
    Rule(Kind.SIDE, "midline", r"mid ?line"),
    Rule(
        Kind.SIDE,
        "bilateral",
        r"bilateral(?:ly)?|bi|both (?:cerebral |cerebellar )?(?:hemispheres|sides)|"
        r"both(?= (?:cerebral |cerebellar )?(?:frontal|parietal|temporal|occipital|insular|"
        r"thalamic|cerebellar)?(?: lobes| regions| horns)\b)|both(?= (?:thalami|insulae|"
        r"hippocampi))|either side|(?:left|right) and (?:left|right)",
    ),
    Rule(Kind.SIDE, "left", r"left"),
    Rule(Kind.SIDE, "right", r"right"),
    Rule(Kind.RELATION, "same", r"ipsi ?lateral(?:ly)?|same side"),
    Rule(Kind.RELATION, "other", r"contra ?lateral(?:ly)?|(?:the )?(?:opposite|other) (?:side|hemisphere)"),
    *(Rule(Kind.LOBE, lobes, pattern) for lobes, pattern in _PLACES),
    Rule(
        Kind.NORMAL,
        None,
        r"(?:within )?normal(?: limits)?|un ?remarkable|intact|preserved|unaffected|uninvolved|"
        r"spared|patent|symmetrical?",
    ),
    # Grammar.
    Rule(Kind.BREAK, "subordinate", r"although|though|while|whereas|despite|even though"),
    Rule(
        Kind.BREAK,
        None,
        r"but|however|yet|nevertheless|nonetheless|except(?: for)?|apart from|other than|"
        r"aside from|besides",
    ),
    Rule(
        Kind.NEAR,
        None,
        r"adjacent to|near|nearby|next to|abut(?:s|ting)?|close to|border(?:s|ing)(?: on)?|"
        r"in the vicinity of|neighbou?ring|contiguous with",
    ),
    Rule(Kind.WITH, None, r"with"),
    Rule(Kind.AND, None, r"and|or|as well as|plus"),
    Rule(
        Kind.SPREAD,
        None,
        r"extend(?:s|ed|ing)?|extension|involv(?:es?|ed|ing|ement)|infiltrat(?:es?|ing|ion)|"
        r"invad(?:es?|ing)|occup(?:y|ies|ying)|locat(?:ed|ion)|locali[sz]ed|situated|cent(?:ered|"
        r"red)|cross(?:es|ing)|reach(?:es|ing)|affect(?:s|ed|ing)?|spans?|aris(?:es|ing)|"
        r"spread(?:s|ing)?|lies|measur(?:es|ing)|site",
    ),
    Rule(
        Kind.VERB,
        None,
        r"is|are|was|were|has|have|had|shows?|showed|reaches|demonstrates?|exhibits?|appears?|"
        r"remains?|causes?|produces?|surrounds?|contains?|reveals?|does|do|displays?|presents?|"
        r"indicates?",
    ),
    Rule(
        Kind.PREPOSITION,
        None,
        r"in|of|on|at|within|around|surrounding|by|from|to|into|towards?|through|throughout|upon|"
        r"against|inside|along|between|for|causing|producing|due|about|over|showing|demonstrating|"
        r"exhibiting|displaying|containing|indicating|representing|resulting|leading|seen|noted|"
        r"observed|identified|visible|found|present|consistent|compatible|keeping",
    ),
    Rule(Kind.DEFINITE, None, r"the|this|these|that|those|its|said"),
    Rule(Kind.INDEFINITE, None, r"an?"),
    Rule(Kind.BOTH, None, r"both"),
    Rule(Kind.PRONOUN, None, r"it|they|which|there"),
    Rule(Kind.WORD, None, r"[a-z0-9.]+(?:[^\W_]*)"),
]

RULES = tuple(_RULES)

SCANNER = re.compile(
    "|".join(
        f"(?P<r{number}>{rule.pattern})"
        if rule.kind in (Kind.COMMA, Kind.COLON) or rule.pattern == ";"
        else f"(?P<r{number}>\\b(?:{rule.pattern})(?![a-z]))"
        for number, rule in enumerate(RULES)
    )
)
"""Reads one token at a time; the name of the group that matched, ``r<n>``, is the index into :data:`RULES`."""
