"""Sentences in the manner of other radiologists and of small language models, none of which shaped the rules."""

from __future__ import annotations

import pytest

from braingemma3d.findings.extract import extract
from braingemma3d.findings.schema import LOBES, Finding, Findings

# id: (text, lesions as 'side lobe lobe', edema necrosis compression)
STYLES: dict[str, tuple[str, list[str], str]] = {
    "telegram": (
        "4 cm mass R frontal lobe, marked perilesional edema, no necrosis.",
        ["right frontal"],
        "severe none none",
    ),
    "centered": (
        "Large necrotic mass centered within the left parietal white matter.",
        ["left parietal"],
        "none present none",
    ),
    "epicenter": (
        "Expansile FLAIR hyperintensity with epicenter in the right amygdala and hippocampus.",
        ["right temporal"],
        "none none none",
    ),
    "in_keeping": (
        "Findings in keeping with a high-grade glioma of the left temporal lobe, with extensive vasogenic edema.",
        ["left temporal"],
        "severe none none",
    ),
    "effaced_horn": ("The frontal horn of the left lateral ventricle is partially effaced.", [], "none none present"),
    "mild_effacement_by": (
        "There is mild effacement of the right lateral ventricle by the adjacent parietal mass.",
        ["none parietal"],
        "none none mild",
    ),
    "no_sulcal": ("No sulcal effacement, ventricular compression or midline shift.", [], "none none none"),
    "no_hydro": (
        "The ventricles are of normal size and configuration, without evidence of compression.",
        [],
        "none none none",
    ),
    "ventricle_comma": ("Left frontal tumor, ventricles not compressed.", ["left frontal"], "none none none"),
    "surrounded": (
        "The mass in the right occipital lobe is surrounded by moderate edema.",
        ["right occipital"],
        "moderate none none",
    ),
    "rim": ("A thin rim of mild edema encircles the right cerebellar lesion.", ["right cerebellum"], "mild none none"),
    "without_both": (
        "Solid lesion in the left thalamus, without necrosis and without surrounding edema.",
        ["left deep"],
        "none none none",
    ),
    "with_no": (
        "Right insular tumour with no edema and no mass effect on the ventricles.",
        ["right insula"],
        "none none none",
    ),
    "not_appreciated": ("Perilesional edema is not appreciated.", [], "none none none"),
    "nothing": ("Nothing to suggest tumor.", [], "none none none"),
    "lm_affirm": (
        "The MRI shows a tumor located in the left hemisphere, specifically in the frontal lobe.",
        ["left frontal"],
        "none none none",
    ),
    "lm_no_abnormal": ("The brain appears healthy with no visible lesions, edema, or necrosis.", [], "none none none"),
    "lm_repeat": (
        "The lesion area is in the left frontal lobe. The lesion area is in the left frontal lobe.",
        ["left frontal"],
        "none none none",
    ),
    "lm_area": (
        "The lesion area is mainly located in the right parietal and occipital lobes, with uneven signal.",
        ["right parietal occipital"],
        "none none none",
    ),
    "lm_edema_is": (
        "Edema is significant, mainly in the right temporal lobe, around the lesion in the right insula.",
        ["right insula"],
        "severe none none",
    ),
    "lm_necrosis_low": (
        "Necrosis is evident, with low signals in the central part of the lesion.",
        ["none"],
        "none present none",
    ),
    "lm_vc_evident": (
        "Ventricular compression is evident, with the left lateral ventricle being significantly compressed.",
        [],
        "none none severe",
    ),
    "lm_vc_not_obvious": ("Ventricular compression is not obvious.", [], "none none none"),
    "lm_vc_pushed": ("The lateral ventricles are pushed and deformed by the lesion.", ["none"], "none none present"),
    "lm_no_clear": (
        "There are no clear signs of necrosis, and no obvious ventricular compression is observed.",
        [],
        "none none none",
    ),
    "lm_json": (
        "lesion: yes, left temporal lobe; edema: mild; necrosis: none; ventricular compression: moderate",
        ["left temporal"],
        "mild none moderate",
    ),
    "lm_markdown": (
        "**Location:** right frontal lobe\n**Lesion:** hyperintense mass\n**Edema:** severe",
        ["right frontal"],
        "severe none none",
    ),
    "lm_suggesting": ("Low signal areas within the lesion suggest possible necrosis.", ["none"], "none possible none"),
    "lm_edema_spread": (
        "The edema extends from the left parietal lobe to the left temporal lobe, and the lesion is in the left "
        "parietal lobe.",
        ["left parietal"],
        "present none none",
    ),
    "lm_healthy_all": (
        "No abnormal signal is seen in the frontal, parietal, temporal or occipital lobes bilaterally.",
        [],
        "none none none",
    ),
    "lm_midline": (
        "Midline structures are centered, the ventricular system is symmetrical and not compressed.",
        [],
        "none none none",
    ),
    "two_foci": (
        "Two enhancing nodules: one in the right cerebellar hemisphere, the other in the left frontal lobe.",
        ["right cerebellum", "left frontal"],
        "none none none",
    ),
    "multiple": ("Multiple metastases in both cerebral hemispheres.", ["bilateral"], "none none none"),
    "additional": (
        "Dominant mass in the left temporal lobe. An additional smaller lesion in the right parietal lobe.",
        ["left temporal", "right parietal"],
        "none none none",
    ),
    "first_second": (
        "The first lesion is in the right frontal lobe, the second is in the right thalamus.",
        ["right frontal", "right deep"],
        "none none none",
    ),
    "bifrontal": (
        "Bifrontal mass crossing the genu of the corpus callosum.",
        ["bilateral frontal deep"],
        "none none none",
    ),
    "vermis": (
        "Midline cerebellar tumor arising from the vermis, compressing the fourth ventricle.",
        ["midline cerebellum"],
        "none none present",
    ),
    "brainstem": ("Expansion of the pons by an infiltrative glioma.", ["none brainstem"], "none none none"),
    "not_temporal": (
        "The tumor is confined to the left frontal lobe and does not involve the temporal lobe.",
        ["left frontal"],
        "none none none",
    ),
    "right_rather": (
        "The mass lies in the right rather than the left frontal lobe.",
        ["right frontal"],
        "none none none",
    ),
    "shift_right_left": (
        "Right frontal glioma with 8 mm of right-to-left midline shift.",
        ["right frontal"],
        "none none none",
    ),
    "displaced_midline": (
        "Midline structures are displaced to the left by a right parietal tumour.",
        ["right parietal"],
        "none none none",
    ),
    "subfalcine": ("Left parietal mass with subfalcine herniation to the right.", ["left parietal"], "none none none"),
    "trace": ("Only trace edema around a left occipital metastasis.", ["left occipital"], "mild none none"),
    "hardly": ("There is hardly any edema.", [], "none none none"),
    "little_if_any": ("Little if any edema surrounds the mass.", ["none"], "mild none none"),
    "considerable": (
        "Considerable swelling accompanies the right temporal tumor.",
        ["right temporal"],
        "severe none none",
    ),
    "moderately": ("The body of the right lateral ventricle is moderately narrowed.", [], "none none moderate"),
    "could_represent": (
        "The hypointense core of the left frontal mass could represent necrosis.",
        ["left frontal"],
        "none possible none",
    ),
    "cannot_be_ruled": ("A small area of necrosis cannot be ruled out.", [], "none possible none"),
    "equivocal": ("Equivocal compression of the left lateral ventricle.", [], "none none possible"),
    "no_definite": ("No definite necrosis; minimal edema.", [], "mild none none"),
    "resolved": ("Previously noted edema has resolved.", [], "none none none"),
    "persistent": (
        "Persistent severe edema, unchanged, around the left frontal tumor.",
        ["left frontal"],
        "severe none none",
    ),
    "wm_singular": (
        "A solitary FLAIR hyperintense lesion is present in the subcortical white matter of the right frontal lobe.",
        ["right frontal"],
        "none none none",
    ),
    "healthy_aging": (
        "Mild generalized atrophy with prominent sulci and ventricles. No acute abnormality.",
        [],
        "none none none",
    ),
    "healthy_micro": (
        "Scattered nonspecific T2/FLAIR white matter foci, likely chronic microvascular ischemic changes. No mass.",
        [],
        "none none none",
    ),
    "healthy_asym": (
        "Mild asymmetry of the lateral ventricles, left larger than right, a normal variant.",
        [],
        "none none none",
    ),
    "healthy_both": (
        "Both cerebral hemispheres are normal. Brainstem and cerebellum are unremarkable.",
        [],
        "none none none",
    ),
    "healthy_scan": (
        "This scan does not show any tumor, swelling, dead tissue, or pressure on the ventricles.",
        [],
        "none none none",
    ),
    "everything": (
        "Within the left temporo-insular region there is a bulky tumor; necrotic center; edema marked; "
        "left lateral ventricle severely compressed.",
        ["left temporal insula"],
        "severe present severe",
    ),
    "past_history": (
        "History of breast cancer. There is a new 1 cm lesion in the right postcentral gyrus with mild edema.",
        ["right parietal"],
        "mild none none",
    ),
    "second_posthorn": (
        "Intra-axial mass in the posterior left frontal lobe, 35 x 28 mm, with a central area of "
        "necrosis and moderate perifocal oedema; the body of the left lateral ventricle is slightly "
        "compressed.",
        ["left frontal"],
        "moderate present mild",
    ),
    "second_pressing": (
        "A big tumor on the right side of the brain is pressing on the ventricle.",
        ["right"],
        "none none present",
    ),
    "second_tumor_free": (
        "No sign of a tumor anywhere in the brain.",
        [],
        "none none none",
    ),
    "second_left_occ_spared": (
        "The lesion occupies the left parietal lobe. The occipital lobe is spared.",
        ["left parietal"],
        "none none none",
    ),
    "second_right_clear": (
        "Tumor in the left hemisphere; nothing abnormal on the right.",
        ["left"],
        "none none none",
    ),
    "second_extending_up": (
        "Mass in the right temporal pole extending up to the insula, without reaching the frontal lobe.",
        ["right temporal insula"],
        "none none none",
    ),
    "second_compress_absent": (
        "Signs of ventricular compression are absent.",
        [],
        "none none none",
    ),
    "second_not_cause": (
        "The tumor does not cause compression of the ventricles or edema.",
        ["none"],
        "none none none",
    ),
    "second_shows_neither": (
        "The left occipital mass shows neither necrosis nor surrounding edema.",
        ["left occipital"],
        "none none none",
    ),
    "second_most_likely": (
        "Left frontal intra-axial lesion, most likely a low-grade glioma.",
        ["left frontal"],
        "none none none",
    ),
    "second_dd": (
        "Differential diagnosis includes metastasis and lymphoma. The mass is in the right parietal lobe.",
        ["right parietal"],
        "none none none",
    ),
    "second_severity_of": (
        "The severity of edema is moderate.",
        [],
        "moderate none none",
    ),
    "second_edema_extent": (
        "Edema is limited in extent.",
        [],
        "mild none none",
    ),
    "second_finger": (
        "Finger-like vasogenic oedema radiates into the left frontal white matter from the mass in the "
        "left parietal lobe.",
        ["left parietal"],
        "present none none",
    ),
    "second_wide_vents": (
        "Both lateral ventricles are dilated but not compressed; no mass.",
        [],
        "none none none",
    ),
    "second_vent_shape": (
        "The shape of the ventricles is preserved, with no displacement.",
        [],
        "none none none",
    ),
    "second_third": (
        "The third ventricle is displaced to the left by a right thalamic tumor.",
        ["right deep"],
        "none none present",
    ),
    "second_two_numbered": (
        "1. Left frontal metastasis with severe edema.\n2. Right cerebellar metastasis without edema.",
        ["left frontal", "right cerebellum"],
        "severe none none",
    ),
    "second_possible_edema_mass": (
        "Right frontal mass with questionable mild edema.",
        ["right frontal"],
        "possible none none",
    ),
    "second_foci_necrosis": (
        "Several foci of necrosis are scattered in the tumor.",
        ["none"],
        "none present none",
    ),
    "second_bright_patch": (
        "There is a bright patch in the left temporal lobe, which suggests a tumor.",
        ["left temporal"],
        "none none none",
    ),
    "second_no_lesion_right": (
        "There is no lesion in the right hemisphere, but there is one in the left frontal lobe.",
        ["left frontal"],
        "none none none",
    ),
    "second_mainly": (
        "Lesions are distributed in the bilateral frontal lobes and corpus callosum.",
        ["bilateral frontal deep"],
        "none none none",
    ),
    "second_edema_minimal_no": (
        "Minimal to no edema.",
        [],
        "mild none none",
    ),
    "second_lacks": (
        "The lesion in the right caudate lacks necrosis.",
        ["right deep"],
        "none none none",
    ),
    "second_neg_signal": (
        "FLAIR signal of both hemispheres is normal. There is no abnormally increased signal.",
        [],
        "none none none",
    ),
    "second_fluid": (
        "There is swelling, but no necrosis, in the left parietal region around the tumor.",
        ["left parietal"],
        "present none none",
    ),
    "second_degree_last": (
        "Ventricular compression - severe; necrosis - possible; edema - none",
        [],
        "none possible severe",
    ),
    "second_apparent": (
        "The left ventricle appears compressed.",
        [],
        "none none present",
    ),
    "second_patient": (
        "The patient has a 2 cm right-sided cerebellar tumor and a 1 cm left-sided one in the pons.",
        ["right cerebellum", "left brainstem"],
        "none none none",
    ),
    "third_denied_pair": (
        "The mass is in the left frontal lobe and no edema or necrosis is seen.",
        ["left frontal"],
        "none none none",
    ),
    "third_normal_pair": (
        "The scan is normal and no edema or necrosis is evident.",
        [],
        "none none none",
    ),
    "third_first_bullet": (
        "- Location: right insula, right frontal operculum\n- Edema: severe\n- Necrosis: no",
        ["right frontal insula"],
        "severe none none",
    ),
    "third_numbered": (
        "1) Left temporal mass.\n2) No edema.",
        ["left temporal"],
        "none none none",
    ),
    "third_question": (
        "Lesion present? No\nEdema? No\nNecrosis? No",
        [],
        "none none none",
    ),
    "third_answer": (
        "Is a lesion present? Yes, in the left frontal lobe. Edema? Moderate.",
        ["left frontal"],
        "moderate none none",
    ),
    "third_question_of_the_referrer": (
        "Indication: tumor? Mild edema surrounds a mass in the left frontal lobe.",
        ["left frontal"],
        "mild none none",
    ),
    "third_edema_mainly": (
        "The lesion is in the right insula. Edema is distributed around the lesion, mainly in the right frontal lobe.",
        ["right insula"],
        "present none none",
    ),
    "third_not_applicable": (
        "The scan is normal.\nNecrosis: N/A\nEdema: -",
        [],
        "none none none",
    ),
    "third_false": (
        "Lesion: false\nEdema = no\nNecrosis nil.",
        [],
        "none none none",
    ),
    "third_shift_mm": (
        "Left frontal mass with midline shift 5 mm right.",
        ["left frontal"],
        "none none none",
    ),
    "third_mls": (
        "Left frontal mass, MLS 5 mm right.",
        ["left frontal"],
        "none none none",
    ),
    "third_spared": (
        "Mass in the left frontal lobe; the right frontal lobe is spared.",
        ["left frontal"],
        "none none none",
    ),
    "third_with_spared": (
        "Mass in the left temporal lobe with the insula spared.",
        ["left temporal"],
        "none none none",
    ),
    "third_abscess": (
        "Left frontal abscess. No oedema.",
        ["left frontal"],
        "none none none",
    ),
    "third_mets": (
        "3 mets: L frontal, R parietal, R cerebellar.",
        ["left frontal", "right parietal", "right cerebellum"],
        "none none none",
    ),
    "third_affected": (
        "The affected area is in the left frontal lobe.",
        ["left frontal"],
        "none none none",
    ),
    "third_enhancement": (
        "Abnormal enhancement in the left parietal lobe.",
        ["left parietal"],
        "none none none",
    ),
    "third_degree_adjective": (
        "Left frontal mass.\nEdema: mild perilesional\nNecrosis: extensive central",
        ["left frontal"],
        "mild severe none",
    ),
    "third_of_degree": (
        "The left frontal mass is surrounded by vasogenic edema of moderate degree.",
        ["left frontal"],
        "moderate none none",
    ),
    "third_short_degree": (
        "Left frontal mass with mod. oedema.",
        ["left frontal"],
        "moderate none none",
    ),
    "third_short_range": (
        "Left frontal mass with mild-mod oedema.",
        ["left frontal"],
        "moderate none none",
    ),
    "third_was": (
        "Left frontal mass. Oedema was severe and is now mild.",
        ["left frontal"],
        "mild none none",
    ),
    "third_from_to": (
        "Left frontal mass. Oedema has decreased from severe to mild.",
        ["left frontal"],
        "mild none none",
    ),
    "third_resumed_lesion": (
        "Metastases: left frontal, right parietal and right cerebellum. Mild oedema around the frontal lesion only.",
        ["left frontal", "right parietal", "right cerebellum"],
        "mild none none",
    ),
    "third_resumed_pair": (
        "Two lesions, one left frontal, one right temporal. The right temporal one grew, the left frontal one shrank.",
        ["left frontal", "right temporal"],
        "none none none",
    ),
    "third_scalp": (
        "Left parietal scalp swelling. No intracranial abnormality.",
        [],
        "none none none",
    ),
    "third_vessel": (
        "Pontine glioma. The right vertebral artery is dominant.",
        ["none brainstem"],
        "none none none",
    ),
    "third_herniation": (
        "Left frontal mass with left uncal herniation.",
        ["left frontal"],
        "none none none",
    ),
    "third_indication": (
        "INDICATION: Headache. There is a left frontal mass with mild edema. IMPRESSION: Glioma.",
        ["left frontal"],
        "mild none none",
    ),
    "third_comparison": (
        "Comparison: MRI 2021. Left frontal mass increased. Impression: progression.",
        ["left frontal"],
        "none none none",
    ),
    "third_more_right": (
        "Mass in R>L frontal lobes.",
        ["bilateral frontal"],
        "none none none",
    ),
    "third_not_confirmed": (
        "The suspected lesion is not confirmed.",
        [],
        "none none none",
    ),
    "third_cannot": (
        "Left frontal mass. Necrosis can't be seen.",
        ["left frontal"],
        "none none none",
    ),
    "third_keys": (
        '{"lesion_location": "left frontal lobe", "edema": "mild", "ventricular_compression": "none"}',
        ["left frontal"],
        "mild none none",
    ),
    "label_then_possible": (
        "Necrosis is in the middle of the lesion, where dark areas are mixed in, suggesting a possible necrotic core.",
        ["none"],
        "none possible none",
    ),
    "label_and_place_elsewhere_free": (
        "Necrosis is one large dark region in the left frontal lobe, with no obvious widespread necrosis.",
        ["left frontal"],
        "none present none",
    ),
    "label_possible": ("Necrosis is possible with dark spots in the mass.", ["none"], "none possible none"),
    "label_possibly_present": (
        "Necrosis is possibly present in the core, with necrotic parts that lie close together.",
        [],
        "none possible none",
    ),
    "label_suggested": (
        "Necrosis is suggested by dark areas, with necrotic tissue near the rim.",
        [],
        "none possible none",
    ),
    "label_and_possibly_more": (
        "Edema is mainly around the mass, with possible edema in the temporal lobe.",
        ["none temporal"],
        "present none none",
    ),
    "label_potential_area": ("Necrosis is a potential area in the core of the mass.", ["none"], "none possible none"),
    "label_seen_in_spite_of_doubt": (
        "Necrosis is observed in the core, with signs of possible necrosis at the rim.",
        [],
        "none present none",
    ),
    "label_suspicious": (
        "There is a suspicious necrotic area in the right frontal mass.",
        ["right frontal"],
        "none possible none",
    ),
    "label_of_nothing": (
        "Ventricular compression is no visible sign of ventricular compression.",
        [],
        "none none none",
    ),
    "label_then_degree": (
        "Ventricular compression is noted with slight signs of compression near the left horn.",
        [],
        "none none mild",
    ),
    "label_with_side": (
        "Ventricular compression is seen with mild compression on the left side.",
        [],
        "none none mild",
    ),
    "label_of_ventricles_only": (
        "Ventricular compression is mild, with marked mass effect and severe compression of the sulci.",
        [],
        "none none mild",
    ),
    "label_not_too_severe": (
        "Ventricular compression is seen, although its degree of compression is not significantly severe.",
        [],
        "none none present",
    ),
    "edema_as_signal": (
        "Edema is a marked high-signal area around the left frontal mass.",
        ["left frontal"],
        "severe none none",
    ),
    "edema_after_signal": ("A pronounced high-signal edema area lies around the mass.", ["none"], "severe none none"),
    "edema_by_extent": (
        "Edema is seen around the mass, mostly near its frontal lesion area, with extensive distribution.",
        ["none frontal"],
        "severe none none",
    ),
    "edema_high_degree": ("Edema of the right side, with a high degree of swelling.", ["right"], "severe none none"),
    "edema_quite_pronounced": ("Edema is visible with high signal, quite pronounced.", [], "severe none none"),
    "noticeably_pressed": (
        "The left lateral ventricle is noticeably compressed, while the right one shows slight deformation.",
        [],
        "none none moderate",
    ),
    "other_one_wide": (
        "The right lateral ventricle is compressed, while the left one appears slightly expanded.",
        [],
        "none none present",
    ),
    "strong_pressure": (
        "The mass exerts strong compression on the left lateral ventricle.",
        ["none"],
        "none none severe",
    ),
    "possible_presence": (
        "Necrosis is dark areas in the mass, indicating the possible presence of necrotic tissue.",
        ["none"],
        "none possible none",
    ),
    "absent_signal": ("Necrosis is marked by low or absent signal in the mass.", ["none"], "none present none"),
    "around_the_lesion": (
        "A lesion in the left parietal lobe. Edema is marked, extends to the frontal lobe, and covers the peri-lesion "
        "area.",
        ["left parietal"],
        "severe none none",
    ),
    "signals": ("The right parietal lobe shows a mix of high and low signals.", ["right parietal"], "none none none"),
}


@pytest.mark.parametrize(("text", "lesions", "grades"), STYLES.values(), ids=STYLES.keys())
def test_reads_other_styles(text: str, lesions: list[str], grades: str) -> None:
    found = extract(text)
    expected = [
        Finding.model_validate({"side": side, "lobes": [lobe for lobe in LOBES if lobe in lobes]})
        for side, *lobes in (lesion.split() for lesion in lesions)
    ]
    assert found.lesion is bool(lesions)
    assert list(found.lesions) == expected
    assert f"{found.edema} {found.necrosis} {found.ventricular_compression}" == grades
    assert found.model_copy(update={"lesions": ()}) == _joined(found, expected)


def _joined(found: Findings, lesions: list[Finding]) -> Findings:
    sides = {lesion.side for lesion in lesions} - {"none"}
    side = "bilateral" if {"left", "right"} <= sides or "bilateral" in sides else "".join(sides) or "none"
    lobes = {lobe for lesion in lesions for lobe in lesion.lobes}
    return Findings.model_validate(
        found.model_dump() | {"side": side, "lobes": [lobe for lobe in LOBES if lobe in lobes], "lesions": ()}
    )
