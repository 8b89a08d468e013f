"""The words for sides, lobes and ventricles, and the words that only look like them.

Patterns are written as in :mod:`braingemma3d.findings.lexicon`, which puts these rules in their order.
"""

from __future__ import annotations

import re

from braingemma3d.findings.kinds import Kind, rule

_LEFT_RIGHT = r"(?:left|right)"
_MM = r"(?: \d+(?:\.\d+)? ?mm)?"
_BODY = (
    r"(?:arm|leg|hand|foot|eye|ear|limb|(?:upper|lower) (?:limb|extremity)|extremit(?:y|ies)|seizures?|face|facial|"
    r"weakness|hemiparesis|hemiplegia|hemianops?ia|numbness|headaches?|handed|handedness|hander|mastoid|maxillary|"
    r"orbit|sinus|lung|breast|kidney|renal|craniotomy|craniectomy)"
)

GLUED = re.compile(
    r"(fronto|temporo|parieto|occipito|insulo|thalamo|mesio|medio|latero|antero|postero|supero|infero"
    r"|\bbi(?=frontal|parietal|temporal|occipital|thalamic|insular|hemispheric))(?=[a-z]{3})"
)
"""A combining form with no gap after it ('frontoparietal'), to be set apart before the words are read."""

SIDE_LETTER = re.compile(
    r"\b(?:(lt?)|rt?)\b\.?(?= (?:sided?\b|(?:high|posterior|anterior|medial|mesial|superior|inferior|deep|mid) |hemi"
    r"|cerebr|cerebell|lateral\b|front|pariet|tempor|occip|insul|thalam|basal\b|caudate|putam|hippoc|sylvian|centrum"
    r"|corona|postcentral|precentral|parasag|convex|cpa?\b|lobe|brain\b))"
)
"""'L', 'R', 'Lt.', 'Rt.' before a word of place. Group 1 stands for left."""

LOOKALIKE = rule(
    Kind.MASK,
    rf"{_LEFT_RIGHT} (?:sided )?{_BODY}|right (?:now|away|after|before)|all right",
    rf"{_LEFT_RIGHT} to {_LEFT_RIGHT}|left (?:untreated|over|behind|out|as is|alone)|(?:left|right)ward",
    r"(?:what|all that|whatever) is left",
    rf"(?:{_LEFT_RIGHT} (?:sided )?)?(?:(?:fronto|parieto|temporo|frontal|temporal|parietal|occipital) ){{1,4}}"
    r"(?:(?:bones?|sinus(?:es)?|condyles?|calvarium)(?: (?:lesions?|mass(?:es)?|deposits?|metastas[ie]s))?|"
    r"craniotomy|craniectomy|burr holes?)",
    rf"(?:{_LEFT_RIGHT}(?:ward)? (?:sided )?)?mid ?line (?:shift\w*|structures?|deviation|displacement)"
    rf"(?:(?: of)?{_MM} (?:to )?{_LEFT_RIGHT}(?! (?:to|\w*(?:front|pariet|tempor|occip|hemis)))(?: side)?)?",
    rf"mls{_MM} (?:to )?{_LEFT_RIGHT}",
    rf"(?:{_LEFT_RIGHT} (?:sided )?)?(?:cerebellar )?(?:subfalcine|uncal|tonsillar|transtentorial)"
    r"(?: (?:and|or) (?:subfalcine|uncal|tonsillar|transtentorial))* herniations?",
    rf"herniation of (?:the )?(?:{_LEFT_RIGHT} )?(?:uncus|cerebellar tonsils?|cingulate gyrus)",
    r"interhemispheric(?: fissure)?|between (?:the )?(?:left and right|right and left)",
    rf"{_LEFT_RIGHT} (?:side|half|part) of the (?:image|scan|picture)(?=,? (?:which )?correspond)",
    r"mid ?line (?:is|are|remains|appears)(?= )",
    rf"{_LEFT_RIGHT}(?:ward)? (?:sided )?(?:shift\w*|deviation|displacement) of (?:the )?mid ?line",
)
"""Words of place that are no place of a finding."""

VENTRICLE = rule(
    Kind.VENTRICLE,
    r"(?:frontal|temporal|occipital|anterior|posterior|inferior) horns?",
    r"(?:vent|ventr)(?= compress)|lv|ventric(?:les?|ular|ulus)(?: system| horns?| space)?|trigone|atri(?:a|um)",
)

SIDES = (
    rule(
        Kind.SIDE,
        r"(?:cross(?:es|ing|ed)?|across|over|beyond|straddl(?:es|ing)|span(?:s|ning)|traversing)(?: of)? "
        r"(?:the )?mid ?line",
        r"trans ?callosal|butterfly",
        value="crossing",
    ),
    rule(Kind.SIDE, r"mid ?line", value="midline"),
    rule(
        Kind.SIDE,
        r"bilateral(?:ly)?|bil(?:at)?|bi|b l|either side|(?:l|r|left|right) ?(?:>+|<+|&|and) ?(?:l|r|left|right)\b",
        r"both (?:cerebral |cerebellar )?(?:hemispheres|sides)|both(?= (?:thalami|insulae|hippocampi))",
        r"both(?= (?:cerebral |cerebellar )?"
        r"(?:frontal|parietal|temporal|occipital|insular|thalamic|cerebellar)?(?: lobes| regions| horns)\b)",
        value="bilateral",
    ),
    rule(Kind.SIDE, r"left", value="left"),
    rule(Kind.SIDE, r"right", value="right"),
    rule(Kind.RELATION, r"ipsi ?lateral(?:ly)?|same side", value="same"),
    rule(Kind.RELATION, r"contra ?lateral(?:ly)?|(?:the )?(?:opposite|other) (?:side|hemisphere)", value="other"),
)

# Cingulate, central and opercular regions go where the Desikan-Killiany atlas puts them.
REGIONS = (
    rule(
        Kind.LOBE,
        r"(?:peri)?rolandic|central sulcus|pericentral|sensorimotor|primary motor and sensory",
        lobes=("frontal", "parietal"),
    ),
    rule(
        Kind.LOBE,
        r"cerebellopontine|cerebello pontine|pontocerebellar|c ?p ?(?:a|angles?)",
        lobes=("cerebellum", "brainstem"),
    ),
    rule(
        Kind.LOBE,
        r"(?:anterior |posterior )?(?:internal|external|extreme) capsules?|capsular",
        r"corpus callosum|callosal|callosum|splenium|genu|forceps (?:major|minor)",
        r"basal gangli(?:a|on|onic)|basal nuclei|gangliocapsular|thalam(?:us|i|ic|o)|hypothalam(?:us|ic)",
        r"caudate|putam(?:en|inal)|pallid(?:us|um|al)|globus pallidus|lentiform|lenticular|striatum|claustrum",
        r"corona radiata|centrum semiovale|(?:peri|para)ventricular(?:ly)?|subependymal|fornix|pineal",
        r"deep (?:cerebral |hemispheric )?(?:white matter|gr[ae]y matter|nuclei|gray nuclei|structures|brain)",
        r"deep (?:portions?|parts?|regions?|areas?|location)|deep seated",
        lobes=("deep",),
    ),
    rule(
        Kind.LOBE,
        r"cerebral peduncles?|brain ?stems?|pons|pontine|medulla(?: oblongata)?|medullary",
        r"mid ?brain|mesencephal(?:on|ic)|tect(?:um|al)|tegment(?:um|al)|bulbar",
        lobes=("brainstem",),
    ),
    rule(
        Kind.LOBE,
        r"cerebell(?:um|ar|i)(?: (?:hemispheres?|peduncles?|tonsils?|vermis))?|vermis|vermian|dentate",
        lobes=("cerebellum",),
    ),
    rule(
        Kind.LOBE,
        r"temporal(?:ly)?(?: lobes?| pole| operculum)?|temporo|entorhinal|fusiform|heschl|wernicke(?: s)?",
        r"(?:para)?hippocamp(?:us|i|al)|amygdal(?:a|ar|oid)|unc(?:us|al)",
        lobes=("temporal",),
    ),
    rule(
        Kind.LOBE,
        r"posterior cingulate|parietal(?:ly)?(?: lobes?| operculum)?|parieto|postcentral",
        r"(?:somato)?sensory (?:cortex|strip|area)|supramarginal|angular gyrus|precuneus|precuneal",
        lobes=("parietal",),
    ),
    rule(
        Kind.LOBE,
        r"frontal(?:ly)?(?: lobes?| pole| operculum)?|fronto|(?:pre|orbito)frontal",
        r"precentral|paracentral|motor (?:cortex|strip|area)|premotor|supplementary motor|gyrus rectus",
        r"broca(?: s)?|olfactory|(?:anterior )?cingulate|cingulum",
        lobes=("frontal",),
    ),
    rule(
        Kind.LOBE,
        r"occipital(?:ly)?(?: lobes?| pole)?|occipito|cuneus|cuneal|lingual gyrus|calcarine",
        r"(?:primary )?visual cortex",
        lobes=("occipital",),
    ),
    rule(Kind.LOBE, r"insul(?:a|ar|ae)(?: lobes?| cortex)?|insulo|(?:peri)?sylvian", lobes=("insula",)),
)
