"""What explanations cost and how good they are, on simulated tumour patients.

``python benchmarks/explain.py [--model mini] [-n 20] [--samples 500] [--out FOLDER]``; the cases are of a seed that no
training uses. With ``--out`` a second run goes on where the first one stopped.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from braingemma3d.explain.explanation import ExplainSettings, explain
from braingemma3d.explain.fidelity import Localisation
from braingemma3d.explain.lime import LimeSettings, draw_blocks
from braingemma3d.explain.outline import read_outline
from braingemma3d.explain.perturb import Baseline, Perturbation, baseline_pixels
from braingemma3d.explain.score import ModelScorer, ScoreTable
from braingemma3d.explain.scorecard import MapCard, Scorecard
from braingemma3d.explain.supervoxels import make_supervoxels
from braingemma3d.explain.targets import Target, plan_targets
from braingemma3d.files import claim, new_file
from braingemma3d.imaging.grid import labels_to_grid, to_grid
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.imaging.volume import Array, Mask, Volume
from braingemma3d.report.pipeline import Pipeline
from braingemma3d.simulate.case import draw_case
from braingemma3d.simulate.files import save_case

SEED = 50_505
TIMED = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("-n", type=int, default=20, help="cases")
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--supervoxels", type=int, default=ExplainSettings.supervoxels)
    parser.add_argument("--keep-share", type=float, default=LimeSettings.keep_share)
    parser.add_argument("--baseline", default=ExplainSettings.baseline, choices=get_args(Baseline))
    parser.add_argument("--method", default=LimeSettings.method, choices=("lime", "shap"))
    parser.add_argument("--out", type=Path, help="keep each case's scorecard here, and read those that are there")
    parser.add_argument("--throughput-only", action="store_true")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.model)
    settings = ExplainSettings(
        None,
        arguments.supervoxels,
        arguments.baseline,
        LimeSettings(arguments.method, arguments.samples, keep_share=arguments.keep_share),
    )
    asked = repr((pipeline.model_info, settings))
    if arguments.out and not claim(arguments.out / "settings.txt", asked):
        raise SystemExit(f"{arguments.out} is of another model or setting; choose another --out")
    maps: dict[str, list[MapCard]] = defaultdict(list)
    timings: list[dict[str, float]] = []
    if arguments.throughput_only or not (arguments.out and any(arguments.out.glob("*.json"))):
        volume, text, _ = patient(0)
        throughput(pipeline, volume, text, settings)
    if arguments.throughput_only:
        return
    for index in range(arguments.n):
        kept = arguments.out / f"{index}.json" if arguments.out else None
        if kept is not None and kept.exists():
            card = Scorecard.model_validate_json(kept.read_text())
        else:
            volume, _, outline = patient(index)
            card = explain(pipeline, volume, settings, outline).scorecard
            if kept is not None:
                with new_file(kept) as partial:
                    partial.write_text(card.model_dump_json(indent=1))
        timings.append(card.timing_s)
        for one in card.maps:
            maps["a sentence" if one.name.startswith("sentence") else one.name].append(one)
        print(f"{index + 1} of {arguments.n}: {sum(card.timing_s.values()):.0f} s", flush=True)
    seconds, whole = [one["perturb"] for one in timings], [sum(one.values()) for one in timings]
    print(
        f"\n{arguments.samples} perturbations, all maps: median {np.median(seconds):.0f} s, most {max(seconds):.0f} s; "
        f"with report and scorecard: median {np.median(whole):.0f} s ({torch.get_num_threads()} threads)\n"
    )
    quality(maps)


def patient(index: int, seed: int = SEED) -> tuple[Volume, str, Mask]:
    """A simulated tumour patient: scan, reference report, outline of the lesion."""
    with tempfile.TemporaryDirectory() as folder:
        case = draw_case(seed, index, healthy=0.0)
        save_case(Path(folder), case)
        volume = load_scan(Path(folder) / "images" / f"{case.id}.nii.gz")
        return volume, case.report, read_outline(Path(folder) / "masks" / f"{case.id}_seg.nii.gz", volume)


def on_grid(volume: Volume, shape: tuple[int, int, int]) -> tuple[Array, Mask, tuple[float, float, float]]:
    """Pixels and brain (D, H, W) on a grid, and its spacing in millimetres."""
    pixels, affine = to_grid(volume, shape)
    brain = labels_to_grid(volume.brain_mask.astype(np.uint8), volume, shape) > 0
    return pixels, brain, tuple(np.linalg.norm(affine[:3, :3], axis=0).tolist())


def quality(maps: dict[str, list[MapCard]]) -> None:
    """Print one line a kind of map."""
    print(
        "| map | n | R² | R² held out | stability | pointing (chance) | inside (chance) | deletion | insertion | ",
        end="",
    )
    print("shuffled | trust / caution / not |\n|---|" + "---:|" * 10)
    for name, cards in maps.items():
        places: list[Localisation] = [card.localisation for card in cards if card.localisation is not None]
        verdicts = Counter(card.verdict for card in cards)
        row = [
            f"{np.median([card.r2 for card in cards]):.2f}",
            f"{np.median([card.r2_held_out for card in cards]):.2f}",
            f"{np.median([card.stability.correlation for card in cards]):.2f}",
            f"{np.mean([p.pointing for p in places]):.2f} ({np.mean([p.pointing_by_chance for p in places]):.2f})",
            f"{np.mean([p.positive_inside for p in places]):.2f} "
            f"({np.mean([p.positive_by_chance for p in places]):.2f})",
            f"{np.mean([card.deletion.gain > 0 for card in cards]):.2f}",
            f"{np.mean([card.insertion.gain > 0 for card in cards]):.2f}",
            f"{np.mean([card.randomisation.passed for card in cards]):.2f}",
            f"{verdicts['trust']} / {verdicts['caution']} / {verdicts['do not use']}",
        ]
        print(f"| {name} | {len(cards)} | " + " | ".join(row) + " |")
    print("\nR² and stability: medians. Pointing, deletion, insertion and shuffled: share of the cases that pass.")


def throughput(pipeline: Pipeline, volume: Volume, text: str, settings: ExplainSettings) -> None:
    """Print seconds a perturbed volume: in batches, one at a time, and by one plain model call a text."""
    pixels, brain, spacing = on_grid(volume, pipeline.processor.volume_shape)
    pieces = make_supervoxels(pixels, brain, spacing, settings.supervoxels)
    perturbation = Perturbation(pixels, baseline_pixels(pixels, brain, spacing, settings.baseline), pieces)
    rows = draw_blocks(settings.lime, pieces.count)[0]
    batch = settings.lime.batch
    print("| maps | way | seconds a perturbed volume | times as fast |\n|---|---|---:|---:|")
    for what, targets in (("report and all findings", plan_targets(text)), ("side", plan_targets(text, "side"))):

        def scorer(targets: list[Target] = targets) -> ModelScorer:
            return ModelScorer(pipeline.model, pipeline.processor, perturbation, text, targets)

        chosen = scorer()
        ways = {
            "one model call a text, volume and text anew": (
                lambda keep, chosen=chosen: plain(pipeline, perturbation(keep), text, chosen.targets),
                TIMED,
                1,
            ),
            "one volume at a time": (chosen, 2 * TIMED, 1),
            f"batches of {batch}": (scorer(), 2 * batch, batch),
        }
        slowest = None
        for way, (score, count, size) in ways.items():
            score(rows[:1])
            start = time.perf_counter()
            ScoreTable(score, size)(rows[1 : count + 1])
            each = (time.perf_counter() - start) / count
            slowest = slowest or each
            print(f"| {what} | {way} | {each:.3f} | {slowest / each:.1f} |", flush=True)


@torch.inference_mode()
def plain(pipeline: Pipeline, pixels: torch.Tensor, text: str, targets: list[Target]) -> torch.Tensor:
    """Scores (1, targets) without any sharing: the model reads volume, prompt and text for every text."""
    found = []
    for target in targets:
        before = text if target.sentence is None else text[: text.index(target.written)]
        texts = [before + (target.written if target.sentence is not None else "")]
        if target.counterfactual is not None:
            texts.append(before + target.counterfactual)
        likelihoods = []
        for one in texts:
            inputs = pipeline.processor(pixels, reports=[one])
            labels = inputs.pop("labels")[0, 1:]
            logits = pipeline.model(**inputs.to(pipeline.model.device)).logits[0, :-1].float().log_softmax(-1)
            kept = labels != -100
            likelihoods.append(logits[kept].gather(1, labels[kept][:, None]).sum())
        found.append(likelihoods[0] - (likelihoods[1] if len(likelihoods) > 1 else 0))
    return torch.stack(found)[None]


if __name__ == "__main__":
    main()
