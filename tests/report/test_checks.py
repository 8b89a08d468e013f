"""Flaws in texts: each kind is seen, and sound reports have none."""

from __future__ import annotations

import pytest

from braingemma3d.report.checks import flaws
from braingemma3d.simulate.case import draw_case

SOUND = "A lesion is in the left frontal lobe. There is moderate edema around it. Necrosis is absent."


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", "empty"),
        ("The weather is nice today.", "says nothing of a lesion"),
        ("\n", "empty"),
        (SOUND[:-1], "unfinished sentence"),
        (f"{SOUND} There is moderate edema around it.", "repeats itself"),
        (f"FINDINGS: {SOUND} Necrosis is absent.\nIMPRESSION: As above.", "repeats itself"),
        (
            "Edema: the white matter around the lesion in the left frontal lobe shows moderate edema and",
            "unfinished sentence",
        ),
        (f"{SOUND}\nNo other lesion is seen.\n- Ventricles: not", "unfinished sentence"),
        ("- Left frontal lesion.\n- Edema: mild.\nNecrosis is seen within the", "unfinished sentence"),
        ("The lesion is in the left lobe in the left lobe in the left lobe.", "repeats itself"),
        ("The lesion is in the right right right right frontal lobe.", "repeats itself"),
        (f"{SOUND} No lesion is seen in the brain.", "denies and describes a lesion"),
        ("No lesion is seen. The lesion is bright.", "denies and describes a lesion"),
        (f"{SOUND} No tumour is seen.", "denies and describes a lesion"),
        (f"{SOUND} No perilesional edema is seen.", "denies and describes edema"),
        (f"{SOUND} Necrosis is seen within the lesion.", "denies and describes necrosis"),
        (
            "A mass is in the left frontal lobe. No ventricular compression is seen. Ventricular compression is mild.",
            "denies and describes ventricular compression",
        ),
        ("No lesion is seen. There is severe edema.", "findings without a lesion"),
        (f"{SOUND} The lesion lies in the right frontal lobe.", "two sides for one lesion"),
    ],
)
def test_a_flaw_is_named(text, flaw):
    assert flaw in flaws(text)


@pytest.mark.parametrize(
    "text",
    [
        SOUND,
        "No lesion is seen. There is no edema.",
        f"FINDINGS: {SOUND}\n\nIMPRESSION: Left frontal lesion with moderate edema. Necrosis is absent.",
        "- Lesion: left frontal lobe\n- Edema: mild\n- Necrosis: none",
        "**Lesion:** left frontal\n**Edema:** severe",
        "No lesion is seen in either hemisphere. No necrosis is seen within the lesion.",
        "Two lesions are seen, one in the left frontal lobe. The other is in the right parietal lobe.",
        "A lesion is in the left frontal lobe. The right lateral ventricle is compressed.",
        f"{SOUND} There is no mass effect on the ventricles.",
        "A lesion is in the left frontal lobe. **Necrosis is absent.**",
        "A left frontal lesion is seen. Is there edema? No. Is there necrosis? No.",
        "Findings:\n1. A lesion is in the left frontal lobe.\n2. Mild edema.\nRecommendations:\n1. Contrast MRI.\n"
        "2. Follow-up.",
        "No abnormality except a left frontal mass.",
        "Right parietal lesion. Recommend contrast MRI to evaluate for necrosis and tumor grade.",
        f"{SOUND} No massive edema is seen.",
        f"{SOUND} No mass is seen in the cerebellum.",
        "There is a left frontal lesion of 2.3 cm. The edema measures 4.1 cm.",
        "The lesion in the left frontal lobe measures 2.3 x 1.8 cm and its core 1.2 x 0.9 cm.",
        f"No new lesion is seen. {SOUND}",
        f"{SOUND} No other lesion is seen.",
        f"{SOUND} No other mass lesion.",
        f"{SOUND} No edema is seen in the right hemisphere.",
        "A left frontal mass compresses the left lateral ventricle. The fourth ventricle is not compressed.",
        "A left frontal mass compresses the left lateral ventricle. There is no compression of the right one.",
        "Right frontal mass. The right lateral ventricle is compressed, while the left one has more pressure in it but "
        "shows no deformation.",
        "Two masses are seen. The left frontal one has necrosis; no necrosis is seen in the right parietal one.",
        f"{SOUND} Otherwise, no mass is seen.",
        f"{SOUND} No mass is seen elsewhere.",
        f"{SOUND} No extra-axial mass.",
        "Left frontal metastasis. Right cerebellar metastasis.",
        "There is a left frontal lesion. There is a right temporal lesion.",
        "Left frontal mass. Edema extends into the right frontal lobe.",
        "A mass lies in the left frontal and parietal lobes. Edema is seen in the left frontal and parietal lobes.",
    ],
)
def test_a_sound_report_has_none(text):
    assert flaws(text) == []


def test_a_finding_denied_in_the_lesion_does_not_deny_the_lesion():
    text = (
        "Multiple lesions are located in the left frontal lobe. They show high signal on FLAIR. The lesions are "
        "surrounded by mild edema, with high signal on FLAIR. The lesions contain no necrosis. There is no necrosis in "
        "the lesions. There is no compression of the ventricles."
    )
    assert flaws(text) == []


def test_reports_of_simulated_truths_are_sound():
    for index in range(4):
        text = draw_case(5, index, healthy=0.25).report
        assert flaws(text) == []
