"""The words of brain-MRI reports, as data: what each one means to the extractor.

Patterns are written for text that is lower case, with hyphens and slashes turned into spaces. A space in a pattern
matches one space. **The first matching rule wins**, so a phrase that disarms a word ('frontal horn', 'no change in',
'right handed') stands before the rule for the word itself.
"""

from __future__ import annotations

import re

from braingemma3d.findings.anatomy_terms import LOOKALIKE, REGIONS, SIDES, VENTRICLE
from braingemma3d.findings.kinds import Kind, rule, words

_AROUND = r"(?:surrounding |perifocal |perilesional |peritumou?ral |vasogenic )*"
_MILD = (
    r"mild(?:ly)?|slight(?:ly)?|minimal(?:ly)?|minor|faint(?:ly)?|subtle|subtly|traces?(?: of)?|"
    r"scant|modest(?:ly)?|little|discreet|negligible|"
    r"small amounts? of|small areas? of|small degree of|small foci of|small focus of|"
    r"tiny amounts? of|"
    r"a bit of|limited(?= (?:in extent|surrounding|perifocal|perilesional|vasogenic|o?edema|necrosis|compress))|"
    rf"(?:small|min)(?= {_AROUND}o?edema)|(?<![0-9] )min(?= *(?:$|[,;]))|"
    rf"(?:small|thin|narrow) rims? of(?= {_AROUND}o?edema)"
)
_MODERATE = (
    r"moderate(?:ly)?|mod|intermediate degree of|"
    r"(?:notabl|noticeabl)[ey](?= (?:tissue |ventricular )?(?:o?edema|swelling|compress|deform|narrow|effac|displac))"
)
_SEVERE = (
    r"severe(?:ly)?|sev(?= |$)|marked(?:ly)?|significant(?:ly)?|extensive(?:ly)?|pronounced|massive(?:ly)?|"
    r"profound(?:ly)?|considerabl[ey]|abundant|profuse|florid|substantial(?:ly)?|prominent(?:ly)?|gross(?:ly)?|widespread|striking(?:ly)?|"
    r"large amounts? of|large (?:areas?|range|extent) of|large zones? of|(?:high|great|large) degree of|"
    r"complete(?= effacement of)|strong(?:ly)?(?= (?:compress|deform|displac|mass effect|pressure))|"
    rf"(?:large|sig)(?= {_AROUND}o?edema)"
)
_OF_DEGREE = rf"(?:{_MILD}|{_MODERATE}|{_SEVERE})"
_TO = r" (?:(?:to|or|and|through) )?"

PRESENCE = words(
    "seen observed identified visible visualized visualised present evident detected noted found demonstrated "
    "appreciated apparent recognized recognised shown depicted discernible detectable conspicuous perceptible obvious "
    "appreciable reproduced confirmed redemonstrated"
)
"""Words that say of their subject that it is there."""
_PRESENCE = "|".join(sorted(PRESENCE))
_ADVERB = r"(?:[a-z]+ly )?"
_ASSESS = r"(?:determine|assess|evaluate|confirm|verify|tell|say)"
_EXCLUDED = r"(?:excluded|ruled out|discounted)"
_BEFORE = r"(?:prior|previous|earlier) (?:study|scan|mri?|ct|exam(?:ination)?|imaging|images)"
_LEFT_IN_PLACE = r"(?:biopsy|radiation|radiotherapy|chemo\w*|treatment|partial|subtotal)"
_SHOWED = r"(?:showed|shown|demonstrated|revealed)"
_CHANGED = r"(?:improved|decreased|regressed|diminished|increased|progressed|worsened|is now|are now)"

_PUNCTUATION = (rule(Kind.COMMA, ","), rule(Kind.COLON, "[:–=]"), rule(Kind.BREAK, ";"))

_DISARMED = rule(
    Kind.MASK,
    r"(?:(?:has|have|is|are) )?(?:now )?"
    r"(?:not(?: yet)?|partial(?:ly)?|partly|incomplete(?:ly)?|nearly|almost|largely|mostly)"
    r"(?: completely| entirely| fully)? (?:resolved|disappeared|subsided|cleared|resolution of)",
    r"(?:more|most|less|least|increasingly) "
    r"(?:significant|pronounced|marked|extensive|severe|prominent|subtle|moderate)(?:ly)?",
    r"(?:scalp|soft tissues?|subgaleal|subcutaneous|mucosal|marrow|periorbital|preseptal|facial|mastoid) "
    r"(?:o?edema|swelling)",
    r"(?:scalp|calvarial|skull|osseous|bony|bone|orbital|parotid) (?:lesions?|mass(?:es)?|deposits?|metastas[ie]s)",
    r"(?:criteria|is|are|was|were|been|not|patient) met|met (?:the |all )?criteria",
    r"peri ?lesion(?:al)?(?= (?:area|region|tissue|zone)s?)|moderate to low(?= signal)|absent(?= signals?)",
    r"marked by|characteri[sz]ed by|no doubt|without (?:any )?doubt|lesions? free|tumou?rs? free",
    r"(?:with and )?without (?:iv |intravenous )?(?:contrast|gadolinium)"
    r"(?: (?:enhancement|medium|agent|administration))?",
    r"(?:no|without|not) (?:any )?(?:significant |appreciable |substantial |relevant |obvious )?(?:interval )?"
    r"(?:change|increase|decrease|improvement|progression|regression|reduction|difference)s?(?: (?:in|of|to|with))?",
    r"(?:was |were )?not (?:seen|present|visible|visuali[sz]ed|identified|evident|noted) "
    r"(?:previously|(?:on|in|at) (?:the )?(?:prior|previous|earlier|last|preoperative))",
    r"not (?:only|just|merely|simply)|no longer (?:confined|limited|restricted)",
    r"not (?:confined|limited|restricted)|not (?:changed|without)",
    rf"from {_OF_DEGREE}(?= to {_OF_DEGREE})",
    rf"(?:was|were|had been) {_OF_DEGREE}(?= (?:[a-z]+ ){{0,5}}(?:now|currently)\b)",
    rf"(?:previously|formerly|initially) {_OF_DEGREE}|{_OF_DEGREE}(?= o?edema (?:has |have )?{_CHANGED}\b)",
    r"not (?:well|clearly|sharply|fully|completely|entirely|totally)"
    r"(?= (?:defined|delineated|demarcated|circumscribed|effaced|compressed|obliterated|collapsed|resolved|necrotic|"
    r"separable))",
)

_BENIGN = rule(
    Kind.BENIGN,
    r"punctate|pinpoint|age related|age appropriate|senescent|involutional|fazekas(?: grade)?|atroph(?:y|ic)",
    r"infarct(?:s|ions?)?|encephalomalacia|gliosis|arachnoid cysts?|dva|developmental venous anomal(?:y|ies)",
    r"micro ?ha?emorrhages?|multiple sclerosis",
    r"(?:temporal|hippocampal) sclerosis|leukoaraiosis|artifacts?|artefacts?|normal variants?",
    r"small vessel(?: ischa?emic)?(?: disease| changes?)?|micro ?angiopath(?:y|ic)|micro ?vascular",
    r"chronic ischa?emic|hypertensive|demyelinat(?:ion|ing)",
    r"(?:periventricular |deep |subcortical |cerebral |supratentorial |and ){0,6}white matter (?:t2 |flair )*"
    r"(?:hyperintensities|foci|spots|lesions|changes|disease|signal changes|hyperintense foci)",
    r"periventricular (?:caps?|capping|halos?|rims?|bands?|linings?|(?:t2 |flair )*hyperintensities)",
    r"(?:(?:mild|minimal|smooth|symmetric(?:al)?|non ?specific) )+periventricular (?:white matter |t2 |flair )*"
    r"hyperintensity",
    r"(?:scattered|non ?specific) "
    r"(?:(?:t2|flair|white matter|subcortical|deep|periventricular|small|bright|hyperintense|signal) )*"
    r"(?:foci|spots|hyperintensities)",
    r"virchow robin(?: spaces?)?|perivascular spaces?|ependymitis granularis",
)

# Phrases come before the words they begin with.
_POLARITY = (
    rule(
        Kind.DOUBT,
        rf"(?:cannot|can not|can t|could not|may not) (?:be )?{_ADVERB}"
        rf"(?:be )?{_EXCLUDED}",
        rf"(?:is |are )?not {_EXCLUDED}|(?:not|hard|difficult) to (?:exclude|rule out)",
    ),
    rule(
        Kind.HEDGE,
        r"(?:cannot|can not|can t|could not|difficult to|hard to|unable to) "
        r"(?:entirely |completely |fully |definitely )?(?:exclude|rule out)(?: the (?:possibility|presence) of)?",
    ),
    rule(
        Kind.DENIAL,
        rf"(?:(?:is |are )?not|cannot|can not|can t) (?:be )?{_ADVERB}(?:assess|evaluat|determin|specifi|report)ed",
        rf"unable to (?:be )?{_ASSESS}(?:ed|d)?(?= *(?:$|[,;])| (?:without|on|from|in|due)\b)",
        r"(?<=[:–=] )(?:unknown|unclear|unspecified)|(?:is |are )(?:unknown|unclear|unspecified)(?= *(?:$|[,;]))",
        r"(?:may|might|can|could) be (?:missed|overlooked)",
        value="asked",
    ),
    rule(Kind.DOUBT, rf"but (?:is |are )?not (?:yet )?{_ADVERB}(?:confirmed|proven)"),
    rule(
        Kind.DENIAL,
        r"(?:is |are |was |were |has been |have been |can |could |do |does )?(?:not|no longer|never|nowhere) "
        rf"(?:be )?(?:been )?{_ADVERB}(?:{_PRESENCE}|significant|(?:appear|seem)(?! (?:to|as|any|that)\b)|occur|exist)",
        rf"(?:does|do|did) not (?:appear|seem) to (?:be (?:{_PRESENCE})|exist|occur)",
        rf"(?:cannot|can not|can t) be {_ADVERB}(?:{_PRESENCE})",
        r"(?:is |are |was |were |has been |have been |can be )?"
        rf"(?:{_EXCLUDED}|lacking|missing|unlikely|highly unlikely)",
        r"(?:has |have )?(?:completely |fully )?(?:resolved|disappeared|subsided|cleared)",
        r"(?:(?:has|have) been |was |were )?(?:completely |totally )?(?:resected|removed|excised)",
    ),
    rule(Kind.DENIAL, r"(?:(?<=edema )|(?<=necrosis ))free(?! of)"),
    rule(Kind.NORMAL, r"(?:is |are )?(?:free(?! (?:of|from))|not (?:affected|involved|infiltrated|invaded))"),
    rule(
        Kind.DENIAL,
        r"(?<=[:–=] )(?:no(?: evidence)?|n|false|0(?: ?%)?|n a)(?= *(?:$|[;,]))|(?<=[a-z:–=] )nil(?= *(?:$|[;,]))",
        r"(?:is |are )?not applicable",
        r"(?:is|are|was|were|does|do) not(?= *(?:$|[,;]))",
    ),
    rule(
        Kind.MASK,
        r"not(?= (?:very |particularly |that |too |significantly |especially )?"
        r"(?:mild|moderate|severe|massive|extensive|marked|pronounced|profound|prominent|widespread|large)\b)",
        value="degree",
    ),
    rule(
        Kind.NEGATION,
        r"whether|(?<!as )if(?! any\b)",
        r"(?:cannot|can not|can t|could not|unable to|(?:not possible|impossible|difficult|hard) to) "
        rf"{_ADVERB}{_ASSESS}",
        r"(?:to |please |^|(?<=[:–=] ))(?:further |better )?"
        r"(?:determine|assess|evaluate|confirm|ensure|verify|rule out|exclude|check|monitor|look)(?: for\b)?",
        r"(?:^|(?<=[:–=] ))identify",
        r"(?:evaluat(?:e|ion)|assess(?:ment)?|screen(?:ing)?|check|monitor(?:ed|ing)?|look) for",
        r"(?:typically|usually|commonly|classically|often) (?:shows?|ha(?:s|ve)|presents?|demonstrates?|exhibits?|"
        r"causes?|appears?|contains?|seen|found|associated|accompanied|surrounded)",
        value="asked",
    ),
    rule(
        Kind.NEGATION,
        r"^(?:the following (?:\w+ )?)?(?:pertinent )?"
        r"(?:negatives?(?: findings)?|absent|not (?:seen|present|identified|observed)) ?:",
        r"no (?:clear |definite |convincing |obvious |significant |appreciable |visible |mr |imaging |radiological )?"
        r"(?:evidence|signs?|indications?|suggestion|suspicion|trace|features)"
        r"(?: (?:of|for|to suggest|suggesting|that))?",
        r"(?:can ?not|can t|could not|do not|did not) (?:see|identify|detect|find|appreciate|recogni[sz]e)",
        r"no longer|(?:is |are )?(?:free|devoid|clear) (?:of|from)|(?:is |are )?negative for|absence of",
        r"absent(?= (?:surrounding |perilesional |peritumou?ral |vasogenic |central )*(?:o?edema|necros|swelling))",
        r"lack(?:s|ing)? of|lacks|rather than|instead of|fail(?:s|ed)? to (?:show|demonstrate|reveal)",
        r"(?:complete )?resolution of|disappearance of",
        r"rule out|exclude|rules out|excludes|ruling out|excluding|den(?:ies|y|ied)",
        r"nothing (?:to suggest|suggesting|suspicious for)|nothing|hardly(?: any)?|barely(?: any)?|no|not|without",
        r"neither|nor|never|cannot|nil|none of|none(?= (?:shows?|demonstrates?|exhibits?|has|have)\b)",
    ),
    rule(Kind.NEGATION, r"non", value="next"),
    rule(
        Kind.NEGATION,
        rf"history of|(?:status post|s p)(?! (?:\w+ ){{0,3}}{_LEFT_IN_PLACE})|{_BEFORE} (?:had )?{_SHOWED}",
        r"(?<!partial )(?<!subtotal )(?:resection|removal|excision|extirpation) of|operated(?: case of)?",
        value="past",
    ),
    rule(Kind.DENIAL, r"(?:is |are )?(?:absent|none|negative)"),
    rule(Kind.NORMAL, r"(?:(?:is|are|appears?|remains?) )?spared(?= *(?:$|[,;]))"),
    rule(Kind.SPARED, r"(?:compared|relative|in comparison) (?:to|with)|unlike"),
    rule(Kind.SPARED, r"spar(?:es?|ing|ed)|(?:with )?sparing of|respect(?:s|ing)|preserv(?:es|ing)"),
    rule(Kind.WEAK_HEDGE, r"suggest(?:s|ed|ing|ive)?(?: (?:of|that|for))?|seems?(?: to (?:be|have|show))?"),
    rule(
        Kind.DOUBT,
        r"(?:is |are |remains? )?"
        r"(?:possible|potential|questionable|doubtful|uncertain|equivocal|suspected|presumed|likely|probable|"
        r"conceivable|indeterminate|possibly|probably|perhaps|maybe)"
        r"(?= *$| (?:in|at|on|around|within|with|here|but|present|seen)\b| *[,;])",
        r"(?:is|are) (?:possibly|potentially|probably|presumably) (?:present|seen|visible|indicated|represented)",
        r"(?:is|are) suggested(?! to)",
    ),
    rule(
        Kind.HEDGE,
        r"possibl[ey]|possibility of|probabl[ey]|likely|suspected|suspect|suspicious(?: for)?|suspicion of",
        r"questionable|question of|perhaps|presumabl[ey]|presumed|potential(?:ly)?|equivocal|conceivabl[ey]",
        r"concern(?:ing)? for|worrisome for|raises? the|indeterminate|doubtful|uncertain",
    ),
    rule(Kind.MODAL, r"may|might|could|can|would"),
)

# A range comes before the words it joins, and takes its upper end.
_DEGREES = (
    rule(Kind.DEGREE, rf"(?:{_OF_DEGREE}{_TO}){{1,2}}(?:{_SEVERE})|(?:{_SEVERE}){_TO}{_OF_DEGREE}", degree="severe"),
    rule(Kind.DEGREE, rf"{_OF_DEGREE}{_TO}(?:{_MODERATE})|(?:{_MODERATE}){_TO}{_OF_DEGREE}", degree="moderate"),
    rule(Kind.DEGREE, r"(?:minimal|little|mild|slight) (?:to|or) no", _MILD, degree="mild"),
    rule(Kind.DEGREE, _MODERATE, degree="moderate"),
    rule(Kind.DEGREE, _SEVERE, degree="severe"),
    rule(
        Kind.MEASURE,
        r"(?:degree|amount|extent|level|signs?|areas?|zones?|presence|evidence|component|effects?) of",
    ),
)

_FINDINGS = (
    rule(
        Kind.PRESSURE,
        r"(?:local |regional )?mass effects?|compress(?:ion|ed|es|ing|ive(?: effects?)?)?|efface(?:s|d|ment)?|effacing",
        r"deform(?:s|ed|ity|ities|ing|ation)?|distort(?:s|ed|ing|ion)?|displac(?:es?|ed|ing|ement)",
        r"narrow(?:s|ed|ing|er)|indent(?:s|ed|ing|ation)?|flatten(?:s|ed|ing)|obliterat(?:es?|ed|ing|ion)",
        r"squeez(?:es?|ed|ing)|collaps(?:es?|ed|ing)|slit like|impressions?(?= (?:on|upon))|imping(?:es?|ed|ing|ement)",
        r"encroach(?:es|ed|ing|ment)?|push(?:es|ed|ing)|press(?:es|ed|ing)?|shift(?:s|ed|ing)|dislocat(?:es|ed|ion)",
        r"pressure",
    ),
    rule(Kind.EDEMA, r"o?edema(?:s|tous|ta)?|swelling|swollen"),
    rule(Kind.NECROSIS, r"necros[ie]s|necroti[csz]\w*|necrosed"),
    rule(
        Kind.ANOTHER,
        r"(?:a |the )?(?:first|second|third|fourth|others?|larger|largest|smaller|smallest|biggest)(?: ones?)?"
        r"(?=,? (?:(?:is |are )?(?:seen |noted )?in|within|at|on|is|lies|located|involv|situated|centered|measur))",
        r"another(?: one)?(?= (?:in|within|at|on|is|lies|located|involv))",
        r"one(?= (?:is )?(?:in|within|at|located|involv|lies|on the))",
    ),
    rule(
        Kind.SIGNAL,
        r"(?:(?:(?:abnormal(?:ly)?|increased|elevated|high(?:er)?|bright|hyperintense|mixed|altered|hypointense|"
        r"heterogeneous)(?: t2| flair| and| high| low){0,6}) (?:signals?|intensit(?:y|ies))"
        r"|(?:high|bright) (?:areas?|foci|focus|spots?))"
        r"(?: (?:intensit(?:y|ies)|areas?|changes?|foci|focus|regions?|abnormalit(?:y|ies)|alterations?))*",
        r"hyper ?intens(?:e|ity|ities)|hypo ?intens(?:e|ity|ities)",
        r"signal (?:changes?|alterations?|increase|elevation|hyperintensity)|iso ?intense",
        r"(?:abnormal )?t[12] prolongation|foc(?:us|i) of (?:abnormal |contrast |ring |nodular )*enhancement",
        r"(?:ring |rim |nodular )?enhancing (?:foc(?:us|i)|collections?)",
        r"(?:abnormal|residual|ring|rim|nodular) (?:contrast )?enhancement",
    ),
    rule(
        Kind.LESION,
        r"(?:lesions?|mass(?:es)?|tumou?r\w*|neoplas\w*|gliomatosis|gbm|[hl]gg|dnet|dipg|"
        r"\w*(?:gli|blast|cyt|ependym|meningi?|lymph|germin|pharyngi|neur|neurin|chord|schwann|aden|cavern|papill|terat)omas?|"
        r"\w*sarcomas?|metastas[ie]s|metastatic(?: deposits?)?|mets?|secondaries|"
        r"malignanc(?:y|ies)|sol|icsol|pcnsl|"
        r"(?<!siderin )(?<!calcium )(?<!iron )deposits?|abscess(?:es)?|tuberculomas?|hamartomas?|"
        r"affected (?:areas?|regions?|zones?))"
        r"(?! (?:free|effect|resection|removal|surgery|debulking|bed|cavity))(?: (?:area|region|zone)s?)?",
        r"(?:space occupying|expansile|expansive|infiltrat(?:ive|ing)|neoplastic|destructive) "
        r"(?:process(?:es)?|growth|formation)",
        r"(?:(?:tumou?r|nodular|local) )?recurrences?|abnormalit(?:y|ies)|signal abnormalit(?:y|ies)|nodules?|growth",
        r"neoformation",
        r"abnormal (?:areas?|foci|focus|tissue|regions?)",
    ),
)

_GRAMMAR = (
    rule(Kind.BREAK, r"in (?:this|a|the) (?:\w+ )?(?:patient|case|man|woman|male|female)(?: with| of)?"),
    rule(
        Kind.NORMAL,
        r"clear(?= *(?:$|[,;]))",
        r"(?:within )?normal(?: limits)?|un ?remarkable|intact|preserved|unaffected|uninvolved|patent|symmetrical?",
    ),
    rule(Kind.BREAK, r"although|though|while|whereas|despite|even though", value="subordinate"),
    rule(
        Kind.BREAK,
        r"but|however|yet|nevertheless|nonetheless|except(?: for)?|apart from|other than|aside from|besides",
        r"with (?:the )?exception of",
    ),
    rule(
        Kind.NEAR,
        r"adjacent to|near|nearby|next to|abut(?:s|ting)?|close to|border(?:s|ing)(?: on)?|in the vicinity of",
        r"neighbou?ring|contiguous with|proximity to|separate from|away from|behind|in front of|above|below|beneath",
        r"(?:anterior|posterior|superior|inferior|medial|lateral|caudal|cranial|deep|superficial)(?:ly)? to",
    ),
    rule(Kind.WITH, r"with"),
    rule(Kind.AND, r"and|or|as well as|plus|versus|vs"),
    rule(
        Kind.SPREAD,
        r"extend(?:s|ed|ing)?|extension|involv(?:es?|ed|ing|ement)|infiltrat(?:es?|ing|ion)|invad(?:es?|ing)",
        r"occup(?:y|ies|ying)|locat(?:ed|ion)|locali[sz]ed|situated|cent(?:ered|red)|cross(?:es|ing)",
        r"reach(?:es|ing)|affect(?:s|ed|ing)?|spans?|aris(?:es|ing)|spread(?:s|ing)?|lies|measur(?:es|ing)|site",
    ),
    rule(
        Kind.VERB,
        r"is|are|was|were|has|have|had|shows?|showed|demonstrates?|exhibits?|appears?|remains?|causes?|produces?",
        r"surrounds?|contains?|reveals?|does|do|displays?|presents?|indicates?",
    ),
    rule(
        Kind.PREPOSITION,
        r"in|of|on|at|within|around|surrounding|by|from|to|into|towards?|through|throughout|upon|against|inside",
        r"along|between|for|causing|producing|exert(?:ing|s)|creat(?:ing|es)|due|about|over|showing|demonstrating",
        r"exhibiting|displaying|containing",
        r"indicating|representing|resulting|leading|seen|noted|observed|identified|visible|found|consistent",
        r"compatible|keeping",
    ),
    rule(Kind.DEFINITE, r"the|this|these|that|those|its|said"),
    rule(Kind.INDEFINITE, r"an?"),
    rule(Kind.BOTH, r"both"),
    rule(Kind.PRONOUN, r"it|they|which|there"),
    rule(Kind.WORD, r"[a-z0-9.]+[^\W_]*"),
)

RULES = (
    *_PUNCTUATION,
    LOOKALIKE,
    _DISARMED,
    VENTRICLE,  # before the lobes whose names the horns bear
    _BENIGN,
    *_POLARITY,
    *_DEGREES,
    *_FINDINGS,
    *SIDES,
    *REGIONS,
    *_GRAMMAR,
)

SCANNER = re.compile(
    "|".join(f"({each.pattern})" if each in _PUNCTUATION else rf"(\b(?:{each.pattern})(?![a-z]))" for each in RULES)
)
"""Reads one token at a time; the number of the group that matched, less one, is the index into :data:`RULES`."""
