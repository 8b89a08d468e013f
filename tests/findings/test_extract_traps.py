"""Labelled answers, history, comparisons and bystanders: sentences that were once read wrongly."""

from __future__ import annotations

import pytest

from braingemma3d.findings.extract import extract

# Text: side and lobes of the lesion ('-' for no lesion), then edema, necrosis and compression.
TRAPS = {
    # A label says nothing by itself.
    "Edema: no edema.": ("-", "none none none"),
    "Edema: No significant edema.": ("-", "none none none"),
    "Edema: there is moderate edema.": ("-", "moderate none none"),
    "Edema: nil": ("-", "none none none"),
    "Edema - no": ("-", "none none none"),
    "Necrosis: No evidence of necrosis.": ("-", "none none none"),
    "Necrosis: No evidence.": ("-", "none none none"),
    "Ventricular Compression: No significant compression of the ventricles.": ("-", "none none none"),
    "Edema: no; necrosis: no; ventricular compression: no.": ("-", "none none none"),
    "**Lesion:** No lesion is seen.": ("-", "none none none"),
    "Lesion: left frontal lobe. Edema: none. Necrosis: absent.": ("left frontal", "none none none"),
    "Ventricles: compressed on the left.": ("-", "none none present"),
    # What was is not what is.
    "Status post resection of right frontal glioma with new lesion in the left parietal lobe.": (
        "left parietal",
        "none none none",
    ),
    "History of left frontal glioma, now with new mass in the right temporal lobe.": (
        "right temporal",
        "none none none",
    ),
    "History of breast cancer with new right cerebellar metastasis.": ("right cerebellum", "none none none"),
    "No lesion. History of left frontal glioma.": ("-", "none none none"),
    "No lesion in either hemisphere. No edema around the lesion.": ("-", "none none none"),
    "No lesion on the right. No edema around the mass in the left frontal lobe.": ("", "none none none"),
    "Prior study showed left parietal mass. Now only right frontal mass.": ("right frontal", "none none none"),
    "Previously severe edema is now mild.": ("-", "mild none none"),
    "Compared to prior, the severe edema has improved to mild.": ("-", "mild none none"),
    # What is denied of a lesion does not deny the lesion.
    "No enhancement is seen in left temporal mass.": ("left temporal", "none none none"),
    "No haemorrhage or calcification in right frontal glioma.": ("right frontal", "none none none"),
    "No necrosis in this patient with left frontal glioma.": ("left frontal", "none none none"),
    "No findings consistent with tumor.": ("-", "none none none"),
    "Necrosis is unlikely but cannot be excluded.": ("-", "none possible none"),
    "Lesion in left frontal lobe versus artifact.": ("left frontal", "none none none"),
    # What a mass does to its neighbors is not where it is.
    "Left temporal mass compressing the right midbrain.": ("left temporal", "none none none"),
    "Left frontal mass displacing the right frontal lobe.": ("left frontal", "none none none"),
    "Left temporal mass compressing the left lateral ventricle.": ("left temporal", "none none present"),
    "Complete collapse of the left lateral ventricle.": ("-", "none none present"),
    # Other sides than the lesion's.
    "Right frontal lesion; left frontal sinus mucosal thickening.": ("right frontal", "none none none"),
    "Right temporal mass; left temporal bone fracture.": ("right temporal", "none none none"),
    "Right frontal lesion with left frontoparietal craniotomy.": ("right frontal", "none none none"),
    "Left hemianopsia; right occipital mass.": ("right occipital", "none none none"),
    "Left lung carcinoma; brain metastasis in the right occipital lobe.": ("right occipital", "none none none"),
    "The left cerebral hemisphere demonstrates a mass while the right cerebral hemisphere is clear.": (
        "left",
        "none none none",
    ),
    # What is compressed, and what only stands beside a ventricle.
    "Mild compression is observed in the right lateral ventricle.": ("-", "none none mild"),
    "Significant mass effect is present on the adjacent lateral ventricle.": ("-", "none none severe"),
    "Effacement is noted of the left lateral ventricle.": ("-", "none none present"),
    "There is effacement of adjacent sulci without ventricular compression.": ("-", "none none none"),
    "Effacement of the adjacent sulci without midline shift or ventricular effacement.": ("-", "none none none"),
    "The fourth ventricle is normal. The pons is compressed.": ("-", "none none none"),
    "Ventricles are unremarkable. The brainstem is compressed.": ("-", "none none none"),
    "Mild sulcal and ventricular effacement.": ("-", "none none mild"),
    "Ventricular compression is seen, with significant compressive effects on the lateral ventricles.": (
        "-",
        "none none severe",
    ),
    # Edema reaches further than its lesion.
    "The lesion is in the right parietal lobe. There is edema around the lesion extending into the temporal lobe.": (
        "right parietal",
        "present none none",
    ),
    "The lesion is in the right parietal lobe. There is edema around the lesion, extending into the temporal lobe.": (
        "right parietal",
        "present none none",
    ),
    "The lesion is in the right parietal lobe. Edema surrounds the lesion and extends into the temporal lobe.": (
        "right parietal",
        "present none none",
    ),
    "Right frontal mass. Edema around the mass crosses the corpus callosum to the left.": (
        "right frontal",
        "present none none",
    ),
    # A denial ends where something else is stated.
    "No hemorrhage, edema is mild.": ("-", "mild none none"),
    "No calcification, necrosis present.": ("-", "none present none"),
    "A mass in the right temporal lobe - necrosis is absent.": ("right temporal", "none none none"),
    "Left frontal mass. Edema (+), necrosis (-).": ("left frontal", "present none none"),
    "Edema +, necrosis -.": ("-", "present none none"),
    # Degrees and doubts.
    "Necrosis is likely present in the center.": ("-", "none possible none"),
    "Large vasogenic edema.": ("-", "severe none none"),
    "A small rim of edema is seen.": ("-", "mild none none"),
    # Spots of age.
    "Few nonspecific T2 hyperintense foci in the frontal lobes bilaterally.": ("-", "none none none"),
    "Scattered T2 hyperintense foci in the white matter of both frontal lobes, nonspecific.": ("-", "none none none"),
    "Mild nonspecific periventricular FLAIR hyperintensity.": ("-", "none none none"),
    "A nonspecific enhancing lesion in the left frontal lobe.": ("left frontal", "none none none"),
    # Tumors by their names.
    "There is a meningioma on the left.": ("left", "none none none"),
    "Acoustic neurinoma on the right.": ("right", "none none none"),
    "PCNSL in the right frontal lobe.": ("right frontal", "none none none"),
    "Ring-enhancing focus in the right parietal lobe.": ("right parietal", "none none none"),
    "Abnormal T2 prolongation in the left frontal lobe, with mass effect.": ("left frontal", "none none none"),
    "Left frontal ganglioglioma with moderate edema in the left parietal lobe.": ("left frontal", "moderate none none"),
    "Anaplastic oligoastrocytoma in the left insula.": ("left insula", "none none none"),
    "Left frontal gliosarcoma.": ("left frontal", "none none none"),
    "Left cerebellar haemangioblastoma.": ("left cerebellum", "none none none"),
    "Left vestibular schwannoma.": ("left", "none none none"),
    "Left frontal LGG.": ("left frontal", "none none none"),
    "Right frontal hematoma.": ("-", "none none none"),
    # Lines that were wrapped, and lists that were not.
    "There is a left frontal mass. No\nnecrosis is seen. There is no\nedema.": ("left frontal", "none none none"),
    "No acute infarct, haemorrhage or\nmass is identified.": ("-", "none none none"),
    "There is a large mass in the left frontal\nlobe, which is surrounded by edema that\nis marked.": (
        "left frontal",
        "severe none none",
    ),
    "Left frontal mass\nMild edema\nNo necrosis": ("left frontal", "mild none none"),
    "left frontal mass\nmild edema\nno necrosis": ("left frontal", "mild none none"),
    "Mass in the left frontal lobe\nModerate edema": ("left frontal", "moderate none none"),
    # Structured reports that name no lesion.
    "Location: left frontal lobe. Edema: mild. Necrosis: none.": ("left frontal", "mild none none"),
    "Side: left\nLobe: frontal\nEdema: moderate\nNecrosis: absent": ("left frontal", "moderate none none"),
    "| Side | left |\n| Lobe | temporal |\n| Edema | moderate |": ("left temporal", "moderate none none"),
    "Side: none\nLobe: none\nEdema: none": ("-", "none none none"),
    "No lesion. Location: none.": ("-", "none none none"),
    "There is an edema-free mass in the left frontal lobe.": ("left frontal", "none none none"),
    "Left frontal mass. I can't see any necrosis.": ("left frontal", "none none none"),
    "Left frontal mass. Edema? Necrosis?": ("left frontal", "possible possible none"),
    "Left frontal mass with severe œdema.": ("left frontal", "severe none none"),
    "Left frontal mass with abundant edema.": ("left frontal", "severe none none"),
    "Resection cavity in the left frontal lobe with nodular recurrence.": ("left frontal", "none none none"),
    # Shortened words, and what ends a sentence.
    "Left frontal mass. Edema: mod. Necrosis: present.": ("left frontal", "moderate present none"),
    "Left frontal mass. Edema: sev. Necrosis: none.": ("left frontal", "severe none none"),
    "Left frontal glioma with mod. oedema.": ("left frontal", "moderate none none"),
    "Left frontal mass. Vent compression: mild.": ("left frontal", "none none mild"),
    "Right temporal mass. Effacement of the LV.": ("right temporal", "none none present"),
    # What has gone, and what has not gone yet.
    "Left frontal glioma with resolved edema.": ("left frontal", "none none none"),
    "Left frontal glioma with partially resolved edema.": ("left frontal", "present none none"),
    "Left frontal glioma. The edema has not resolved.": ("left frontal", "present none none"),
    "Left frontal glioma. The edema has resolved.": ("left frontal", "none none none"),
    "Gross total resection of the left frontal glioma. No residual tumor is seen.": ("-", "none none none"),
    "The left temporal tumor has been completely resected, without residual enhancement.": ("-", "none none none"),
    "Subtotal resection of a left frontal glioma, with residual tumor.": ("left frontal", "none none none"),
    # Words that say that something is there.
    "Left frontal mass. Necrosis may be evident.": ("left frontal", "none possible none"),
    "Left frontal mass. Necrosis can be detected within it.": ("left frontal", "none present none"),
    "Left frontal mass. Mild compression is shown on the left lateral ventricle.": ("left frontal", "none none mild"),
    # A signal takes no place away from its lesion.
    "Left frontal mass hyperintense on FLAIR.": ("left frontal", "none none none"),
    "Mass involving the left frontal lobe appearing hypointense on T1 and hyperintense on T2/FLAIR.": (
        "left frontal",
        "none none none",
    ),
    "Left frontal mass hyperintense on FLAIR. Edema extends to the right parietal lobe.": (
        "left frontal",
        "present none none",
    ),
    # "There is" begins something new.
    "Mass in the right frontal lobe. There is an old infarct in the left cerebellum.": (
        "right frontal",
        "none none none",
    ),
    "Mass in the right frontal lobe. There is a left frontal developmental venous anomaly.": (
        "right frontal",
        "none none none",
    ),
    "Mass in the right frontal lobe. There is extension into the temporal lobe.": (
        "right frontal temporal",
        "none none none",
    ),
    # What a lesion presses on is not where it is.
    "There is a mass in the left frontal lobe compressing the corpus callosum.": ("left frontal", "none none none"),
    "A mass in the left frontal lobe compressing the left lateral ventricle and displacing the thalamus.": (
        "left frontal",
        "none none present",
    ),
    "The mass in the right temporal lobe exerts mass effect on the brainstem.": ("right temporal", "none none none"),
    "Left frontal mass with mass effect over the left lateral ventricle.": ("left frontal", "none none present"),
    "Right frontal mass anterior to the central sulcus.": ("right frontal", "none none none"),
    # Denials with "appear", and what is not denied.
    "There do not appear to be any lesions or masses in this scan.": ("-", "none none none"),
    "Right frontal mass. The lesion does not appear to be necrotic.": ("right frontal", "none none none"),
    "Right frontal mass. Necrosis does not seem to be present.": ("right frontal", "none none none"),
    "No abnormality with the exception of a left frontal mass.": ("left frontal", "none none none"),
    "New left frontal lesion not seen on the previous examination.": ("left frontal", "none none none"),
    "Left frontal mass. Necrosis cannot be reliably assessed on this sequence.": ("left frontal", "none none none"),
    "Right parietal mass. The heterogeneous signal suggests the presence of necrosis.": (
        "right parietal",
        "none possible none",
    ),
    "Left frontal mass. Absent perilesional edema.": ("left frontal", "none none none"),
    # Long lines end, too.
    "There is a 4.1 x 3.9 cm mass in the left frontal and parietal lobes with edema\nNecrosis is absent": (
        "left frontal parietal",
        "present none none",
    ),
    # The degree of an edema that is called a signal first.
    "Left temporal mass with extensive T2 hyperintense vasogenic edema.": ("left temporal", "severe none none"),
    # What was taken out, and what was only treated.
    "Post-operative MRI after resection of right frontal glioma. No residual enhancement.": ("-", "none none none"),
    "Partial resection of right frontal glioma.": ("right frontal", "none none none"),
    "Status post radiation therapy for right frontal glioma, which has increased in size, with edema.": (
        "right frontal",
        "present none none",
    ),
    "Postsurgical changes from prior left frontal tumor resection. No evidence of recurrence.": (
        "-",
        "none none none",
    ),
    "Patient with left lower extremity weakness. Right frontal mass.": ("right frontal", "none none none"),
    "Epicenter: left frontal lobe. Edema: mild.": ("left frontal", "mild none none"),
    "Left frontal mass. Necrosis: indeterminate.": ("left frontal", "none possible none"),
    # Signals that have another cause, and lesions that may have.
    "Left parietal mass. Abnormal signal in the right frontal lobe is due to prior infarct.": (
        "left parietal",
        "none none none",
    ),
    "Left parietal lesion, possibly an infarct or a glioma.": ("left parietal", "none none none"),
    "Left frontal glioma and white matter hyperintensities of small vessel disease.": (
        "left frontal",
        "none none none",
    ),
    # Numbered lesions, and tables of three columns.
    "Two metastases. The first is in the left frontal lobe without edema. The second is in the right parietal lobe "
    "with mild edema.": ("bilateral frontal parietal", "mild none none"),
    "| Feature | Finding | Notes |\n|---|---|---|\n| Location | left frontal lobe | - |\n| Edema | mild | vasogenic |\n"
    "| Necrosis | none | - |": ("left frontal", "mild none none"),
    # Lists of lesions.
    "Multiple enhancing lesions as follows:\n1. Left frontal lobe, 12 mm\n2. Right temporal lobe, 9 mm\n"
    "3. Left cerebellum, 6 mm\nMild edema around the left frontal lesion.": (
        "bilateral frontal temporal cerebellum",
        "mild none none",
    ),
    "Lesions:\n1. Right frontal, 14 mm, mild edema.\n2. Right parietal, 9 mm.\n3. Left temporal, 7 mm, necrotic.": (
        "bilateral frontal parietal temporal",
        "mild present none",
    ),
    "No lesions in the following regions:\n- Left frontal lobe\n- Right temporal lobe": ("-", "none none none"),
    # Short forms.
    "L CP angle mass.": ("left cerebellum brainstem", "none none none"),
    "R parasagittal meningioma.": ("right", "none none none"),
    "Single met, R occipital, 8 mm, no edema.": ("right occipital", "none none none"),
    "RANO criteria for progression are met. No tumour.": ("-", "none none none"),
    "Right frontal GBM: min oedema, no necrosis.": ("right frontal", "mild none none"),
    "Left frontal lesion. No sig edema.": ("left frontal", "none none none"),
    "Left frontal lesion with sig. perilesional oedema.": ("left frontal", "severe none none"),
    "There is a trace of perilesional oedema. Left cerebellar metastasis.": ("left cerebellum", "mild none none"),
    "Moderate perilesional edema & mass effect on left lateral ventricle. Left parietal glioma.": (
        "left parietal",
        "moderate none moderate",
    ),
    # Lesions of other organs, and what is left of a tumor.
    "Left parietal bone metastasis. Brain parenchyma is normal.": ("-", "none none none"),
    "Left orbital mass. No brain lesion.": ("-", "none none none"),
    "Tumour bed right temporal: no residual. Small recurrence in the right insula.": (
        "right insula",
        "none none none",
    ),
    "Condition after extirpation of right frontal meningioma. No recurrence.": ("-", "none none none"),
    # What a signal, or its absence, is explained as.
    "Right frontal mass. No enhancement centrally, in keeping with necrosis.": (
        "right frontal",
        "none present none",
    ),
    "Left parietal metastasis. Extensive surrounding FLAIR signal abnormality compatible with vasogenic edema.": (
        "left parietal",
        "severe none none",
    ),
    "Few T2 hyperintense foci in the bilateral frontal white matter - chronic ischemic changes. No SOL.": (
        "-",
        "none none none",
    ),
    "Left frontal lesion – old infarct in the right cerebellum.": ("left frontal", "none none none"),
    "Lesions in right frontal and left frontal lobes. None shows necrosis.": (
        "bilateral frontal",
        "none none none",
    ),
    # What is only asked, advised, or said of tumors in general.
    "I cannot determine whether there is a lesion, edema or necrosis.": ("-", "none none none"),
    "To determine the presence of a lesion or edema, please consult a radiologist.": ("-", "none none none"),
    "The images are too blurry to determine if a tumor is present.": ("-", "none none none"),
    "Right parietal lesion. Recommend contrast MRI to evaluate for necrosis and tumor grade.": (
        "right parietal",
        "none none none",
    ),
    "Left parietal lesion. If there is edema, steroids may be considered.": ("left parietal", "none none none"),
    "It is hard to tell whether the lesion in the right frontal lobe is neoplastic.": (
        "right frontal",
        "none none none",
    ),
    "Left frontal mass. High-grade gliomas typically show necrosis and severe edema.": (
        "left frontal",
        "none none none",
    ),
    "No tumor seen. However, small lesions may be missed on low-resolution images.": ("-", "none none none"),
    "Left temporal lesion. Necrosis: unable to assess without contrast.": ("left temporal", "none none none"),
    # More denials and doubts.
    "Left frontal mass. Necrosis: not definitively identified.": ("left frontal", "none none none"),
    "Left frontal mass. Necrosis cannot be definitively ruled out.": ("left frontal", "none possible none"),
    "Right frontal mass. Necrosis is suspected but not confirmed.": ("right frontal", "none possible none"),
    "Left frontal mass. Edema is seen, necrosis is not.": ("left frontal", "present none none"),
    "Right frontal lesion. It does not appear that the ventricles are compressed.": ("right frontal", "none none none"),
    "Pertinent negatives: edema, necrosis. Left frontal mass.": ("left frontal", "none none none"),
    "The edema around the right frontal lesion is minimal, and the ventricles are not significantly affected.": (
        "right frontal",
        "mild none none",
    ),
    "I can see a mass in the left parietal lobe. I can also see moderate edema.": (
        "left parietal",
        "moderate none none",
    ),
    # Places that the lesion is held against, or only near.
    "Compared with the left temporal lobe, the right temporal lobe shows a lesion.": (
        "right temporal",
        "none none none",
    ),
    "The tumor is in the left parietal lobe, just behind the frontal lobe and above the temporal lobe.": (
        "left parietal",
        "none none none",
    ),
    "There is an asymmetry between the left and right hemispheres, with a mass in the right temporal lobe.": (
        "right temporal",
        "none none none",
    ),
    "The tumor is on the right side (left side of the image), within the parietal lobe.": (
        "right parietal",
        "none none none",
    ),
    "There is a mass with edema in the left frontal lobe. The edema involves the left frontal and parietal lobes.": (
        "left frontal",
        "present none none",
    ),
    "A lesion crossing the corpus callosum and involving both frontal lobes, with necrosis.": (
        "bilateral frontal deep",
        "none present none",
    ),
    # Headings, templates and other marks.
    "### Edema\nModerate\n### Necrosis\nNone\n### Lesion\nLeft frontal lobe": ("left frontal", "moderate none none"),
    "**Necrosis:**\n*   None\n**Location:**\n*   Left parietal lobe": ("left parietal", "none none none"),
    "### Right Frontal Lobe\n- Hyperintense mass\n### Left Frontal Lobe\n- Normal": ("right frontal", "none none none"),
    "Affected side: left\nAffected lobes: frontal, parietal\nEdema grade: moderate": (
        "left frontal parietal",
        "moderate none none",
    ),
    "| Lesion | Yes | Left frontal lobe |\n| Edema | Yes | Moderate |\n| Necrosis | No | - |": (
        "left frontal",
        "moderate none none",
    ),
    '{"tumor_present": false, "edema": false, "ventricular_compression": false}': ("-", "none none none"),
    "Edema:\nNecrosis:\nVentricular compression:": ("-", "none none none"),
    "Edema: [none/mild/moderate/severe]": ("-", "none none none"),
    "Lesion: right parietal lobe (confidence: high)\nEdema: mild (confidence: moderate)": (
        "right parietal",
        "mild none none",
    ),
    "Lesion - Left temporal lobe\nVentricular compression - No\nNecrosis - No": ("left temporal", "none none none"),
    "Left frontal mass.\nNecrosis: ✗\nEdema: ✓": ("left frontal", "present none none"),
    "Findings: Right parietal lesion | Edema: mild | Necrosis: none": ("right parietal", "mild none none"),
    # A degree of two findings.
    "Left frontal mass. Edema and ventricular compression are both mild.": ("left frontal", "mild none mild"),
    "Left frontal mass. There is edema, and the ventricles are mildly compressed.": (
        "left frontal",
        "present none mild",
    ),
}


@pytest.mark.parametrize(("text", "expected"), TRAPS.items(), ids=TRAPS.keys())
def test_reads_what_is_said(text: str, expected: tuple[str, str]) -> None:
    found = extract(text)
    lesion = " ".join(filter(lambda word: word != "none", (found.side, *found.lobes))) if found.lesion else "-"
    grades = f"{found.edema} {found.necrosis} {found.ventricular_compression}"
    assert (lesion, grades) == expected
