"""The 369 real reports of TextBraTS: how well `extract` reads them, and what one report for all scans scores on them.

    python benchmarks/textbrats.py TextBraTSData/ [--wrong]

The folder is that of the data set, with a `BraTS20_Training_001_flair_text.txt` for each case in it, at any depth. No
scan is needed. `textbrats_findings.jsonl` has what each text says, by our own reading, not a radiologist's: for each
field the likeliest answer, and others that a careful reader could give ("noticeable": severe, moderate, or just there).
The constant reports are chosen among four fifths of the patients and held against the last fifth, five times.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
from pathlib import Path

import numpy as np

from braingemma3d.data.manifest import ManifestCase
from braingemma3d.evaluation.blind import blind_systems
from braingemma3d.evaluation.evaluate import reference
from braingemma3d.evaluation.metrics import measure
from braingemma3d.evaluation.predictions import answers
from braingemma3d.evaluation.table import NAMES
from braingemma3d.findings.extract import extract
from braingemma3d.findings.mirror import mirror_consistent, swap_sides

LABELS = Path(__file__).with_name("textbrats_findings.jsonl")
FIELDS = ("lesion", "side", "lobes", "edema", "necrosis", "ventricular_compression")
FOLDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of TextBraTS")
    parser.add_argument("--wrong", action="store_true", help="print the texts that are read wrong")
    arguments = parser.parse_args()
    texts = {
        path.name.removesuffix("_flair_text.txt"): path.read_text(encoding="utf-8")
        for path in sorted(arguments.folder.rglob("*_flair_text.txt"))
    }
    if not texts:
        parser.error(f"{arguments.folder}: no report of TextBraTS; give the folder that has its *_flair_text.txt")
    how_well_read(texts, arguments.wrong)
    how_steadily_read(texts)
    what_one_report_scores(texts)


def how_well_read(texts: dict[str, str], show_wrong: bool) -> None:
    labels = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
    labels = [label for label in labels if label["case"] in texts]
    likeliest, accepted = dict.fromkeys(FIELDS, 0), dict.fromkeys(FIELDS, 0)
    whole = 0
    for label in labels:
        found = extract(texts[label["case"]]).model_dump(mode="json")
        for field in FIELDS:
            likeliest[field] += found[field] == label[field][0]
            accepted[field] += found[field] in label[field]
        wrong = {field: (found[field], label[field]) for field in FIELDS if found[field] not in label[field]}
        whole += not wrong
        if wrong and show_wrong:
            print(f"{label['case']}: {texts[label['case']]}\n    {wrong}\n")
    print(f"{len(labels)} reports, {whole} of them read right in every field\n")
    print("| field | read as likeliest | read as accepted |\n|---|---:|---:|")
    for field in FIELDS:
        print(f"| {field} | {likeliest[field] / len(labels):.3f} | {accepted[field] / len(labels):.3f} |")


def how_steadily_read(texts: dict[str, str]) -> None:
    rng = np.random.default_rng(0)
    mirrored = shuffled = 0
    for text in texts.values():
        found = extract(text)
        mirrored += mirror_consistent(found, extract(swap_sides(text)))
        sentences = re.split(r"(?<=\.) ", text.strip())
        again = extract(" ".join(rng.permutation(sentences)))
        shuffled += all(getattr(again, field) == getattr(found, field) for field in FIELDS)
    print(f"\nLeft and right swapped: {mirrored} say the mirrored findings; sentences shuffled: {shuffled} the same")


def what_one_report_scores(texts: dict[str, str]) -> None:
    logging.getLogger("absl").setLevel(logging.ERROR)
    references = [
        reference(ManifestCase(id=case, patient=case, image=Path(case), report=text, source="TextBraTS"))
        for case, text in texts.items()
    ]
    written = []
    for fold in range(FOLDS):
        test = references[fold::FOLDS]
        training = [case for case in references if case not in test]
        written += answers(blind_systems(test, training), test)
    metrics = measure(written, references, written[0].system)
    names = list(metrics.systems)
    print(f"\n{len(references)} reports, held against reports that have not seen the scan\n")
    print(f"| metric | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for metric, name in NAMES.items():
        values = [metrics.systems[system].value(metric) for system in names]
        if all(values):
            print(f"| {name} | {' | '.join(f'{value.mean:.3f}' for value in values if value)} |")


if __name__ == "__main__":
    main()
