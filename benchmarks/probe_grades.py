"""Can a reader tell the grades apart? Gradient boosting on what the image shows, against what lesion size gives.

    python benchmarks/probe_grades.py [-n 1500] [--workers 2] [--shift]

The reader is shown where to look, not what is there: it gets the outlines of the whole abnormality and, widened a
little, of the lateral and fourth ventricles from the truth, and of the image within them only intensities: their
histogram, how they change from the rim inwards, how much fluid is dark on either side. It is not given the parts of
the lesion, nor its size. Controls: the most frequent grade, and multinomial logistic regression on a cubic of the log
volume of the core or of the whole abnormality.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from braingemma3d.simulate.atlas import TISSUE
from braingemma3d.simulate.case import Case, draw_case

GRADES = {
    "edema": ("none", "mild", "moderate", "severe"),
    "necrosis": ("none", "present"),
    "ventricular_compression": ("none", "mild", "severe"),
}
LEVELS = np.linspace(0, 2.6, 27)
SHELLS = 6
FLUID = (0.4, 0.5, 0.6, 0.7, 0.8)
FOLDS = 5
Features = list[float]


def box(where: NDArray[np.bool_], margin: int) -> tuple[slice, ...]:
    """The part of the grid around ``where``."""
    return tuple(slice(max(int(w.min()) - margin, 0), int(w.max()) + margin + 1) for w in np.nonzero(where))


def lesion_features(image: NDArray[np.float32], abnormal: NDArray[np.bool_]) -> Features:
    """Intensities inside the outline, by depth, and how lumpy and how far apart two classes of them are."""
    part = box(abnormal, 3)
    image, abnormal = ndimage.gaussian_filter(image[part], 0.4), abnormal[part]
    values = image[abnormal]
    depth = ndimage.distance_transform_edt(abnormal)[abnormal]
    rank = depth.argsort(kind="stable").argsort(kind="stable") / depth.size
    out = (np.histogram(values, LEVELS)[0] / values.size).tolist()
    for shell in range(SHELLS):
        inside = values[(rank >= shell / SHELLS) & (rank < (shell + 1) / SHELLS)]
        out += np.percentile(inside, (10, 50, 90)).tolist() if inside.size else [0.0] * 3
    # Two classes by the threshold that parts them best (Otsu): how far, how many, how deep, how compact.
    for chosen in (np.ones_like(values, bool), values > 1.05):
        kept = np.sort(values[chosen]) if chosen.sum() > 8 else np.sort(values)
        count = np.arange(1, kept.size)
        total = np.cumsum(kept)
        below, above = total[:-1] / count, (total[-1] - total[:-1]) / (kept.size - count)
        between = count * (kept.size - count) * (above - below) ** 2 / kept.size**2
        best = int(between.argmax())
        threshold = kept[best]
        out += [float(above[best] - below[best]), float(between[best] / max(kept.var(), 1e-6)), best / kept.size]
        bright = abnormal & (image > threshold)
        for side in (bright, abnormal & ~bright):
            labels, found = ndimage.label(side)
            largest = float(np.bincount(labels.ravel())[1:].max()) if found else 0.0
            surface = float((side & ~ndimage.binary_erosion(side)).sum())
            out += [largest / values.size, surface / max(float(side.sum()) ** (2 / 3), 1)]
            out += [float(rank[side[abnormal]].mean()) if side.any() else 0.0]
    surface = float((abnormal & ~ndimage.binary_erosion(abnormal)).sum())
    return [*out, surface / values.size ** (2 / 3), float(values.mean()), float(values.std())]


def ventricle_features(case: Case, image: NDArray[np.float32]) -> Features:
    """How much is dark in the box of the ventricles on the lesion's side and on the other, and in the fourth's."""
    ventricles = np.isin(case.tissue, (TISSUE["lateral_ventricle"], TISSUE["choroid_plexus"]))
    part = box(ventricles, 1)
    first = 1 if case.truth.side == "right" else -1
    near = ndimage.binary_dilation(ventricles, iterations=2)[part]
    out: Features = []
    for level in FLUID:
        dark = (image[part] < level) & near & (case.image[part] > 0)
        same, other = (float((dark & (case.side[part] == s)).sum()) + 5 for s in (first, -first))
        out += [np.log(same / other), abs(np.log(same / other))]
    fourth = case.tissue == TISSUE["fourth_ventricle"]
    middle = [round(float(w.mean())) for w in np.nonzero(fourth)]
    around = tuple(slice(max(m - 10, 0), m + 11) for m in middle)
    local = image[around]
    # Balls about the fourth ventricle, so that the cisterns stay out.
    steps = np.ogrid[tuple(slice(n) for n in local.shape)]
    distance = np.sqrt(sum((g - n // 2) ** 2 for g, n in zip(steps, local.shape, strict=True)))
    head = float((case.image > 0).sum())
    for level in FLUID:
        out += [1e4 * float(((local < level) & (distance <= r)).sum()) / head for r in (4, 6, 9)]
    return [*out, float(case.truth.ventricle_measure == "fourth")]


def row(case: Case) -> dict[str, NDArray[np.float64] | str | float]:
    """Features and labels of a case with a lesion."""
    brain = (case.image > 0) & (case.mask == 0)
    image = case.image / float(np.median(case.image[brain]))
    lesion = np.array(lesion_features(image, case.mask > 0))
    return {
        "edema_x": lesion,
        "necrosis_x": lesion,
        "ventricular_compression_x": np.array(ventricle_features(case, image)),
        "core_ml": case.truth.core_ml,
        "whole_ml": case.truth.core_ml + case.truth.edema_ml,
        **{name: str(getattr(case.truth, name)) for name in GRADES},
    }


def one(index: int, seed: int, shift: bool) -> dict[str, NDArray[np.float64] | str | float]:
    """Draw a case and describe it."""
    torch.set_num_threads(1)
    return row(draw_case(seed, index, healthy=0.0, shift=shift))


def collect(n: int, seed: int, shift: bool, workers: int) -> dict[str, NDArray[np.generic]]:
    """Features, labels and volumes of ``n`` cases, stacked."""
    draw: Callable[[int], dict[str, NDArray[np.float64] | str | float]] = partial(one, seed=seed, shift=shift)
    if workers == 1:
        rows = [draw(i) for i in range(n)]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            rows = list(pool.map(draw, range(n), chunksize=8))
    return {key: np.array([r[key] for r in rows]) for key in rows[0]}


def size_control(volume: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Accuracy of logistic regression on a cubic of the log volume, cross-validated."""
    log = np.log(volume)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=10, max_iter=1000))
    predicted = cross_val_predict(model, np.stack([log, log**2, log**3], axis=1), labels, cv=FOLDS)
    return float((predicted == labels).mean())


def probe(features: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cross-validated predictions of boosted and of random trees together."""
    boosted = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.06, max_leaf_nodes=12, l2_regularization=1.0)
    forest = ExtraTreesClassifier(400, min_samples_leaf=2, random_state=0)
    model = VotingClassifier([("boosted", boosted), ("forest", forest)], voting="soft")
    return np.asarray(cross_val_predict(model, features, labels, cv=FOLDS))


def main() -> None:
    """Draw, train, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--shift", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    data = collect(arguments.n, arguments.seed, arguments.shift, arguments.workers)
    print(f"{len(data['core_ml'])} cases, {FOLDS}-fold cross-validation; accuracy unless said otherwise")
    print(f"{'finding':24}{'grades':>7}{'majority':>10}{'core size':>11}{'whole size':>12}{'probe':>8}{'balanced':>10}")
    for name, grades in GRADES.items():
        labels = np.array([grades.index(str(g)) for g in data[name]])
        predicted = probe(data[f"{name}_x"], labels)
        majority = max(Counter(labels.tolist()).values()) / len(labels)
        core, whole = (size_control(data[k], labels) for k in ("core_ml", "whole_ml"))
        accuracy, balanced = float((predicted == labels).mean()), balanced_accuracy_score(labels, predicted)
        print(f"{name:24}{len(grades):7}{majority:10.2f}{core:11.2f}{whole:12.2f}{accuracy:8.2f}{balanced:10.2f}")
        for i, grade in enumerate(grades):
            print(f"  {grade:>10} {[int(((labels == i) & (predicted == j)).sum()) for j in range(len(grades))]}")


if __name__ == "__main__":
    main()
