"""What a radiologist would read out of a report, sentence by sentence, against what ``extract`` reads."""

from __future__ import annotations

import pytest

from braingemma3d.findings.extract import extract, read
from braingemma3d.findings.schema import LOBES, Finding, Findings, Grade, Side

TEXTBRATS_TRUTH = (
    "The lesion area is in the **frontal and parietal regions of the left hemisphere** with mixed signal "
    "intensities of varying levels and speckled high-intensity signal areas. **Edema** is primarily concentrated "
    "in the peripheral regions of the left frontal and parietal lobes, indicating moderate to severe swelling of "
    "the tissues surrounding the lesions. **Necrosis** is observed in some lesion areas displaying low signal "
    "intensity interspersed within regions of high and isointense signals, showing a certain mottled appearance. "
    "**Ventricular compression** is mild deformation of the ventricles, suggesting pressure effects of the lesions "
    "on these regions."
)
TEXTBRATS_GENERATED = (
    "The lesion area is in the **left parietal and frontal lobes** with mixed high-signal areas. **Edema signals "
    "are mainly observed** around these lesions, indicating significant edema presence affecting parts of both "
    "frontal and temporal regions as well as some portions within the parietal lobe. **Necrosis may be present** at "
    "low signal intensity or scattered throughout certain sections of the brain tissue affected by edema but shows "
    "no clear concentration. **Ventricular compression effects** on adjacent ventricles can occur due to pressure "
    "from surrounding tissues near the ventricular system."
)


def place(side: Side, lobes: str = "") -> Finding:
    names = lobes.split()
    assert set(names) <= set(LOBES)
    return Finding(side=side, lobes=tuple(lobe for lobe in LOBES if lobe in names))


def clear(e: Grade = "none", n: Grade = "none", v: Grade = "none") -> Findings:
    """No lesion."""
    return Findings(edema=e, necrosis=n, ventricular_compression=v)


def one(side: Side, lobes: str = "", e: Grade = "none", n: Grade = "none", v: Grade = "none") -> Findings:
    """A single lesion."""
    only = place(side, lobes)
    return Findings(
        lesion=True,
        side=side,
        lobes=only.lobes,
        edema=e,
        necrosis=n,
        ventricular_compression=v,
        lesions=(only,),
    )


def several(side: Side, *places: tuple[Side, str], e: Grade = "none", n: Grade = "none", v: Grade = "none") -> Findings:
    """More than one lesion, in the order of the text."""
    lesions = tuple(place(*where) for where in places)
    return Findings(
        lesion=True,
        side=side,
        lobes=tuple(lobe for lobe in LOBES if any(lobe in lesion.lobes for lesion in lesions)),
        edema=e,
        necrosis=n,
        ventricular_compression=v,
        lesions=lesions,
    )


CASES: dict[str, tuple[str, Findings]] = {
    # Whole reports
    "readme_truth": (TEXTBRATS_TRUTH, one("left", "frontal parietal", e="severe", n="present", v="mild")),
    "readme_generated": (
        TEXTBRATS_GENERATED,
        one("left", "frontal parietal", e="severe", n="possible", v="possible"),
    ),
    "report_all_absent": (
        "The lesion area is in the right temporal lobe with high signal. No edema is observed. Necrosis is absent. "
        "There is no evidence of ventricular compression.",
        one("right", "temporal"),
    ),
    "report_structured": (
        "FINDINGS:\n- Lesion: right parietal lobe, hyperintense\n- Edema: moderate\n- Necrosis: none\n"
        "- Ventricular compression: slight\n",
        one("right", "parietal", e="moderate", v="mild"),
    ),
    "report_gbm": (
        "There is a 4.2 x 3.1 cm heterogeneous mass centered in the left temporal lobe with central necrosis and "
        "marked surrounding vasogenic edema. Effacement of the left lateral ventricle with 6 mm midline shift to the "
        "right. No hydrocephalus. Impression: findings consistent with high-grade glioma.",
        one("left", "temporal", e="severe", n="present", v="present"),
    ),
    "report_indication_skipped": (
        "Indication: left-sided weakness, rule out tumor.\nFindings: A mass in the right frontal lobe. No edema.",
        one("right", "frontal"),
    ),
    "report_low_grade": (
        "Ill-defined FLAIR hyperintensity of the right insula and adjacent temporal operculum, without mass effect "
        "on the ventricles, without necrosis and without edema.",
        one("right", "insula temporal"),
    ),
    "report_edema_lobes_are_not_lesion": (
        "The lesion is in the right frontal lobe. Edema extends to the parietal and temporal lobes. Necrosis is seen "
        "in the center. The ventricles are compressed.",
        one("right", "frontal", e="present", n="present", v="present"),
    ),
    "report_wrapped_lines": (
        "The lesion is located in the deep white matter and the basal ganglia region on the\nleft, with patchy high "
        "signal. There is mild edema around it, no necrosis, and severe\ncompression of the ventricles.",
        one("left", "deep", e="mild", v="severe"),
    ),
    "report_healthy": (
        "Normal brain MRI. No focal lesion. Ventricles and sulci are normal in size. No edema, no necrosis, no "
        "midline shift.",
        clear(),
    ),
    # Place
    "adjective_place": ("Left frontal mass.", one("left", "frontal")),
    "place_first": ("In the right occipital lobe there is a hyperintense lesion.", one("right", "occipital")),
    "lobe_shows": ("The left parietal lobe shows a ring-enhancing lesion.", one("left", "parietal")),
    "several_lobes": (
        "A large tumour involves the right frontal, parietal and temporal lobes.",
        one("right", "frontal parietal temporal"),
    ),
    "side_after": ("Mass in the frontal and temporal lobes of the right hemisphere.", one("right", "frontal temporal")),
    "side_only": ("A lesion in the left hemisphere.", one("left")),
    "left_sided": ("Left-sided glioma.", one("left")),
    "no_side": ("A lesion in the cerebellum.", one("none", "cerebellum")),
    "lesion_only": ("A lesion is seen.", one("none")),
    "of_the_left": ("Tumour of the left thalamus.", one("left", "deep")),
    "compound_hyphen": ("Right temporo-occipital tumor.", one("right", "temporal occipital")),
    "compound_joined": ("Left frontoparietal glioblastoma.", one("left", "frontal parietal")),
    "compound_fronto": ("LEFT FRONTO-PARIETAL MASS.", one("left", "frontal parietal")),
    "compound_three": ("Right temporo-parieto-occipital glioma.", one("right", "temporal parietal occipital")),
    "occipitotemporal": ("A neoplasm in the left occipitotemporal gyrus.", one("left", "temporal occipital")),
    "precentral": ("Small lesion of the right precentral gyrus.", one("right", "frontal")),
    "postcentral": ("Metastasis in the left postcentral gyrus.", one("left", "parietal")),
    "cuneus": ("Lesion within the right cuneus.", one("right", "occipital")),
    "precuneus": ("Lesion within the right precuneus.", one("right", "parietal")),
    "hippocampus": ("A mass arising from the left hippocampus.", one("left", "temporal")),
    "insular": ("Right insular glioma.", one("right", "insula")),
    "sylvian": ("Left perisylvian tumor.", one("left", "insula")),
    "cerebellar": ("Left cerebellar metastasis.", one("left", "cerebellum")),
    "pontine": ("Diffuse pontine glioma.", one("none", "brainstem")),
    "midbrain_medulla": ("The tumor involves the midbrain and medulla oblongata.", one("none", "brainstem")),
    "basal_ganglia": ("Hyperintense lesion in the right basal ganglia.", one("right", "deep")),
    "centrum_semiovale": ("Lesion in the left centrum semiovale.", one("left", "deep")),
    "periventricular_lesion": ("A periventricular tumor on the right.", one("right", "deep")),
    "abbreviation_l": ("L frontal mass.", one("left", "frontal")),
    "abbreviation_rt": ("Mass in the Rt. parietal lobe.", one("right", "parietal")),
    "british": ("Tumour in the left temporal lobe with oedema.", one("left", "temporal", e="present")),
    "adjacent_is_not_inside": (
        "A mass in the left parietal lobe, adjacent to the occipital lobe.",
        one("left", "parietal"),
    ),
    "not_crossing": ("A left frontal mass that does not cross the midline.", one("left", "frontal")),
    "sparing": ("Left temporal glioma sparing the hippocampus and the insula.", one("left", "temporal")),
    "without_extension": (
        "Glioma of the right frontal lobe without extension into the parietal lobe.",
        one("right", "frontal"),
    ),
    "pronoun": ("There is a large mass. It involves the left occipital lobe.", one("left", "occipital")),
    "lesion_after_edema": (
        "The lesion in the left frontal lobe is surrounded by edema and extends into the parietal lobe.",
        one("left", "frontal parietal", e="present"),
    ),
    # Bilateral, midline, several
    "both_hemispheres": ("The lesion involves both hemispheres.", one("bilateral")),
    "both_frontal_lobes": ("A tumor in both frontal lobes.", one("bilateral", "frontal")),
    "both_and": (
        "The lesion affects both the frontal and temporal lobes on the left.",
        one("left", "frontal temporal"),
    ),
    "bilateral_adjective": ("Bilateral thalamic lesions.", one("bilateral", "deep")),
    "left_and_right": ("Lesion in the left and right parietal lobes.", one("bilateral", "parietal")),
    "midline": ("A midline mass.", one("midline")),
    "callosum_alone": ("A lesion in the corpus callosum.", one("midline", "deep")),
    "splenium_left": ("Lesion of the splenium of the corpus callosum on the left.", one("left", "deep")),
    "crossing_midline": (
        "A right frontal glioma crossing the midline through the corpus callosum.",
        one("bilateral", "frontal deep"),
    ),
    "butterfly": ("Butterfly glioma of the frontal lobes.", one("bilateral", "frontal")),
    "one_and_second": (
        "One lesion in the left frontal lobe and a second in the right occipital lobe.",
        several("bilateral", ("left", "frontal"), ("right", "occipital")),
    ),
    "another_same_side": (
        "A mass is seen in the left frontal lobe. Another lesion lies in the left cerebellum.",
        several("left", ("left", "frontal"), ("left", "cerebellum")),
    ),
    "two_lesions_one_one": (
        "Two lesions are present: one in the right insula and one in the left parietal lobe.",
        several("bilateral", ("right", "insula"), ("left", "parietal")),
    ),
    "metastases_list": (
        "Metastases in the left frontal lobe, right cerebellum and right occipital lobe.",
        several("bilateral", ("left", "frontal"), ("right", "cerebellum"), ("right", "occipital")),
    ),
    "two_sentences": (
        "Left frontal metastasis. Right temporal metastasis.",
        several("bilateral", ("left", "frontal"), ("right", "temporal")),
    ),
    "repeated_is_one": (
        "A hyperintense mass in the left frontal lobe. Impression: left frontal glioma.",
        one("left", "frontal"),
    ),
    "contralateral_extension": (
        "Left frontal glioma with extension into the contralateral frontal lobe.",
        one("bilateral", "frontal"),
    ),
    "ipsilateral": ("Right frontal mass extending to the ipsilateral temporal lobe.", one("right", "frontal temporal")),
    # Side words that are not the lesion's side
    "ventricle_side": (
        "A lesion in the right frontal lobe compresses the left lateral ventricle.",
        one("right", "frontal", v="present"),
    ),
    "horn_is_not_lobe": (
        "A right parietal lesion effaces the occipital horn of the right lateral ventricle.",
        one("right", "parietal", v="present"),
    ),
    "shift_to_right": ("Left temporal mass with midline shift of 5 mm to the right.", one("left", "temporal")),
    "shift_towards_left": (
        "The midline is shifted towards the left by a mass in the right parietal lobe.",
        one("right", "parietal"),
    ),
    "right_handed": ("Right-handed patient. Left parietal tumor.", one("left", "parietal")),
    "right_now": ("No tumor is visible right now.", clear()),
    "what_is_left": ("What is left of the tumor lies in the right frontal lobe.", one("right", "frontal")),
    "other_side_normal": (
        "Mass in the left frontal lobe. The right hemisphere is unremarkable.",
        one("left", "frontal"),
    ),
    "other_lobe_normal": (
        "The left frontal lobe appears normal, and a lesion is seen in the left occipital lobe.",
        one("left", "occipital"),
    ),
    "sulci_normal": ("Sulci of the frontal lobes normal. No mass.", clear()),
    "contralateral_normal": (
        "Glioma in the right insula; the contralateral hemisphere is normal.",
        one("right", "insula"),
    ),
    # Lesion words
    "abnormal_signal": ("Abnormal hyperintense signal in the left temporal lobe.", one("left", "temporal")),
    "high_signal_area": ("High signal area in the right frontal lobe.", one("right", "frontal")),
    "abnormality": ("There is an abnormality of the left cerebellum.", one("left", "cerebellum")),
    "space_occupying": ("Space-occupying process in the right parietal lobe.", one("right", "parietal")),
    "infiltrating": ("An infiltrating process of the left insula.", one("left", "insula")),
    "suspicious_for": (
        "Signal change in the left temporal lobe suspicious for tumour.",
        one("left", "temporal"),
    ),
    "possible_lesion": ("Possible small lesion in the left insula.", one("left", "insula")),
    "edema_alone": ("Edema in the left temporal lobe.", one("left", "temporal", e="present")),
    "edema_lesion_denied": (
        "Mild edema in the left temporal lobe. No mass or lesion is seen.",
        clear(e="mild"),
    ),
    "mass_effect_is_no_mass": ("No mass effect.", clear()),
    "mass_effect_alone": ("Left frontal tumor with mass effect and midline shift.", one("left", "frontal")),
    # Negation
    "neg_list": ("Left frontal lesion. No edema, necrosis or ventricular compression.", one("left", "frontal")),
    "neg_lesion_or_edema": ("No lesion or edema.", clear()),
    "neg_but": ("No edema but severe necrosis in the right frontal tumor.", one("right", "frontal", n="severe")),
    "neg_however": (
        "No necrosis is seen; however, the ventricles are moderately compressed.",
        clear(v="moderate"),
    ),
    "neg_although": (
        "Although no edema is seen, the left lateral ventricle is compressed.",
        clear(v="present"),
    ),
    "neg_neither": ("Neither edema nor necrosis is seen.", clear()),
    "neg_nor": ("The mass shows no necrosis, nor is there edema.", one("none")),
    "neg_without_significant": ("Right occipital mass without significant edema.", one("right", "occipital")),
    "neg_significant_shift": ("Left insular mass, no significant midline shift.", one("left", "insula")),
    "neg_free_of": ("The brain is free of lesions.", clear()),
    "neg_negative_for": ("Negative for mass, edema or necrosis.", clear()),
    "neg_absence_of": ("Left frontal glioma with absence of necrosis.", one("left", "frontal")),
    "neg_post_not_observed": ("Edema is not observed around the lesion.", one("none")),
    "neg_post_and": ("Edema and necrosis are absent.", clear()),
    "neg_post_mixed": ("Edema is present and necrosis is absent.", clear(e="present")),
    "neg_post_list": ("Edema, necrosis and ventricular compression are not seen.", clear()),
    "neg_colon_none": ("Edema: mild. Ventricular compression: none.", clear(e="mild")),
    "neg_rather_than": ("Gliosis rather than edema.", clear()),
    "neg_no_longer": ("Edema is no longer visible.", clear()),
    "neg_not_only": (
        "The tumor involves not only the left frontal lobe but also the insula.",
        one("left", "frontal insula"),
    ),
    "neg_no_change": ("No change in the edema around the left frontal lesion.", one("left", "frontal", e="present")),
    "neg_within_lesion": ("There is no necrosis within the right temporal mass.", one("right", "temporal")),
    "neg_then_degree": ("No necrosis, mild edema.", clear(e="mild")),
    "neg_ruled_out": ("Necrosis has been ruled out.", clear()),
    "neg_non_necrotic": ("A non-necrotic mass in the left parietal lobe.", one("left", "parietal")),
    "neg_hemorrhage_list": ("No hemorrhage, edema or necrosis.", clear()),
    "neg_without_contrast": ("MRI without contrast shows a left frontal mass.", one("left", "frontal")),
    "neg_other_lesion": (
        "Left frontal mass. No other lesion in the right hemisphere.",
        one("left", "frontal"),
    ),
    "neg_apart_from": ("Apart from a left frontal lesion, no abnormality is seen.", one("left", "frontal")),
    "neg_not_compressed": ("The ventricles are not compressed.", clear()),
    "neg_not_significant": ("Ventricular compression is not significant.", clear()),
    "neg_not_severe": ("The edema is not severe.", clear(e="present")),
    "neg_not_very_severe": ("The edema is not very severe.", clear(e="present")),
    "neg_looked_for": ("Necrosis was looked for but is not seen.", clear()),
    "neg_lesion_with_edema": ("There is no lesion with surrounding edema.", clear()),
    "plural_two_sides": (
        "Left frontal and right parietal lesions.",
        several("bilateral", ("left", "frontal"), ("right", "parietal")),
    ),
    "single_two_sides": (
        "The lesion involves the left frontal and right parietal lobes.",
        one("bilateral", "frontal parietal"),
    ),
    "neg_lesion_without_edema_place": ("A lesion without edema in the left frontal lobe.", one("left", "frontal")),
    # Uncertainty
    "hedge_possible": ("Left frontal lesion with possible necrosis.", one("left", "frontal", n="possible")),
    "hedge_may_be": ("Edema may be present.", clear(e="possible")),
    "hedge_excluded": ("Necrosis cannot be excluded.", clear(n="possible")),
    "hedge_cannot_exclude": ("We cannot rule out necrosis.", clear(n="possible")),
    "hedge_questionable": ("Questionable ventricular compression.", clear(v="possible")),
    "hedge_suspected": ("Mild edema is suspected.", clear(e="possible")),
    "hedge_suggests": ("Central low signal suggests necrosis.", clear(n="possible")),
    "hedge_suggesting_degree": ("This suggests moderate edema.", clear(e="moderate")),
    "hedge_about_cause": ("Mild edema, likely vasogenic.", clear(e="mild")),
    "hedge_may_compress": (
        "The left frontal tumor may compress the ventricles.",
        one("left", "frontal", v="possible"),
    ),
    "hedge_can_occur": ("Compression of the ventricles can occur.", clear(v="possible")),
    "hedge_may_extend": (
        "Moderate edema may extend into the parietal lobe from the right temporal mass.",
        one("right", "temporal", e="moderate"),
    ),
    "hedge_unlikely": ("Necrosis is unlikely.", clear()),
    # Degree
    "degree_mild_moderate": ("Mild to moderate edema.", clear(e="moderate")),
    "degree_moderate_severe": ("Moderate-to-severe compression of the ventricles.", clear(v="severe")),
    "degree_predicate": ("The edema around the lesion is extensive.", one("none", e="severe")),
    "degree_adverb": ("The left lateral ventricle is slightly compressed.", clear(v="mild")),
    "degree_small_amount": ("A small amount of edema surrounds the tumor.", one("none", e="mild")),
    "degree_of_degree": ("Edema of moderate degree.", clear(e="moderate")),
    "degree_belongs_to_lesion": (
        "A markedly hyperintense lesion in the right insula with edema.",
        one("right", "insula", e="present"),
    ),
    "degree_each": (
        "Minimal edema, extensive necrosis and pronounced ventricular compression.",
        clear(e="mild", n="severe", v="severe"),
    ),
    "degree_more": ("Mild edema, more pronounced in the frontal lobe.", one("none", "frontal", e="mild")),
    "degree_which": ("Edema, which is massive, surrounds the left parietal mass.", one("left", "parietal", e="severe")),
    "degree_swelling": ("Severe swelling of the right hemisphere.", one("right", e="severe")),
    "necrotic_core": ("A cystic-necrotic tumor in the left frontal lobe.", one("left", "frontal", n="present")),
    "edematous": ("The oedematous right temporal lobe surrounds a mass.", one("right", "temporal", e="present")),
    "effacement": ("Marked effacement of the frontal horn.", clear(v="severe")),
    "mass_effect_ventricle": ("Moderate mass effect on the ventricular system.", clear(v="moderate")),
    "sulci_only": ("Effacement of the sulci with preserved ventricles.", clear()),
    # Healthy
    "empty": ("", clear()),
    "blank": (" \n\t", clear()),
    "healthy_short": ("No focal lesion. Normal ventricles.", clear()),
    "healthy_spots": ("A few punctate white matter hyperintensities in both frontal lobes.", clear()),
    "healthy_vessel": ("Hyperintense foci in the left frontal lobe consistent with small-vessel disease.", clear()),
    "healthy_caps": ("Thin periventricular caps, within normal limits for age.", clear()),
    "healthy_ventricles": ("The ventricles are markedly enlarged; age-related atrophy.", clear()),
    "healthy_spaces": ("Prominent Virchow-Robin spaces in the basal ganglia on both sides.", clear()),
    "healthy_signal": ("Brain parenchyma has normal signal in all lobes.", clear()),
    "lesion_and_spots": (
        "A left frontal mass and punctate white matter hyperintensities in the right hemisphere.",
        one("left", "frontal"),
    ),
    # Contracted, answered after a colon, of the next word only, of a degree only
    "contracted": ("There isn't any edema, and the ventricles aren't compressed.", clear()),
    "contracted_doubt": ("Necrosis can't be excluded.", clear(n="possible")),
    "answered_no": ("Tumor: No.\nEdema: No.", clear()),
    "non_of_the_next_word": ("A non-enhancing mass in the left frontal lobe.", one("left", "frontal")),
    "degree_denied": ("The edema is mild, not moderate.", clear(e="mild")),
    "adverb_denied": ("The left lateral ventricle is not severely compressed.", clear()),
    "denial_ends_at_a_statement": (
        "Left frontal lesion, no necrosis, the left lateral ventricle is compressed.",
        one("left", "frontal", v="present"),
    ),
    "denial_ends_at_a_degree": ("No edema or necrosis, ventricles mildly compressed.", clear(v="mild")),
    "denial_of_a_list": ("No edema, necrosis, or compression is seen.", clear()),
    "complete_effacement": ("There is complete effacement of the left lateral ventricle.", clear(v="severe")),
    # Sections and sides that are not the lesion's
    "history_goes_on": ("HISTORY: Seizures. Left frontal glioma in 2019.\nFINDINGS: No lesion is seen.", clear()),
    "history_in_one_line": ("Indication: headache. Left frontal mass on CT. Findings: No mass is seen.", clear()),
    "history_and_nothing_else": ("History: seizures. There is a left frontal mass.", one("left", "frontal")),
    "sentence_with_a_colon": ("Examination shows this: a left frontal mass.", one("left", "frontal")),
    "resected": ("S/p resection of a left frontal glioma. No residual tumor.", clear()),
    "shift_has_a_side": ("Right frontal lesion with left-sided midline shift.", one("right", "frontal")),
    "shift_of_the_midline": ("Right frontal lesion. Left shift of midline structures.", one("right", "frontal")),
    "free_side": ("The mass is in the left frontal lobe, the right side is free.", one("left", "frontal")),
    "lobe_not_affected": ("Left temporal mass. The frontal lobe is not affected.", one("left", "temporal")),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_reads_what_a_radiologist_reads(text: str, expected: Findings) -> None:
    assert extract(text) == expected


def test_asking_for_the_findings_changes_no_reading() -> None:
    reading = read("There is a lesion. Edema is seen in the left frontal lobe.")
    assert reading.findings() == one("left", "frontal", e="present")
    assert reading.lesion_side() == "none", "places of edema alone give none"
    assert reading.findings() == one("left", "frontal", e="present")
