"""Can a reader tell the grades apart? A small network on ground-truth crops against what lesion size alone gives.

    python benchmarks/probe_grades.py [-n 1500] [--cache CROPS.npz] [--shift]

Crops of the final image around the lesion (scaled to 24 x 24 x 24, so absolute size is lost), around both lateral
ventricles (lesion side turned to the left) and around the fourth ventricle go into one small 3D network per finding.
Controls: the most frequent grade, and multinomial logistic regression on a cubic of the log volume of the core or of
the whole abnormality.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from braingemma3d.simulate.atlas import TISSUE
from braingemma3d.simulate.cohort import Case, draw_case

GRADES = {"edema": ("none", "mild", "moderate", "severe"), "necrosis": ("none", "present")}
GRADES["ventricular_compression"] = ("none", "mild", "severe")
SIZE = 24
TEST_SHARE = 0.25
Row = dict[str, NDArray[np.float32] | str | float]


def crop(image: NDArray[np.float32], where: NDArray[np.bool_], margin: int, flip: bool) -> NDArray[np.float32]:
    """A cube of the image around ``where``, scaled to SIZE along each axis."""
    low = np.array([int(w.min()) for w in np.nonzero(where)]) - margin
    high = np.array([int(w.max()) + 1 for w in np.nonzero(where)]) + margin
    half = int((high - low).max() + 1) // 2
    centre = (low + high) // 2
    padded = np.pad(image, half)
    start = centre
    cube = padded[tuple(slice(int(s), int(s) + 2 * half) for s in start)]
    if flip:
        cube = cube[:, :, ::-1]
    tensor = torch.from_numpy(np.ascontiguousarray(cube))[None, None]
    mode = torch.nn.functional.interpolate(tensor, size=(SIZE,) * 3, mode="trilinear", align_corners=False)
    return mode[0, 0].numpy()


def row(case: Case) -> Row:
    """Crops and labels of a case with a lesion."""
    brain = (case.image > 0) & (case.mask == 0)
    image = case.image / float(np.median(case.image[brain]))
    ventricles = (case.tissue == TISSUE["lateral_ventricle"]) | (case.tissue == TISSUE["choroid_plexus"])
    truth = case.truth
    flip = truth.side == "right"
    return {
        "lesion": crop(image, case.mask > 0, 2, flip),
        "lateral": crop(image, ventricles, 1, flip),
        "fourth": crop(image, case.tissue == TISSUE["fourth_ventricle"], 7, flip),
        "core_ml": truth.core_ml,
        "whole_ml": truth.core_ml + truth.edema_ml,
        "infratentorial": float(truth.ventricle_measure == "fourth"),
        **{name: getattr(truth, name) for name in GRADES},
    }


def one(index: int, seed: int, shift: bool) -> Row:
    """Draw a case and cut its crops."""
    torch.set_num_threads(1)
    return row(draw_case(seed, index, healthy=0.0, shift=shift))


def collect(n: int, seed: int, shift: bool, workers: int) -> dict[str, NDArray[np.generic]]:
    """Crops, labels and volumes of ``n`` cases, stacked."""
    draw: Callable[[int], Row] = partial(one, seed=seed, shift=shift)
    if workers == 1:
        rows = [draw(i) for i in range(n)]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            rows = list(pool.map(draw, range(n), chunksize=8))
    return {key: np.array([r[key] for r in rows]) for key in rows[0]}


class Probe(nn.Module):
    """Three strided convolutions and a linear layer."""

    def __init__(self, channels: int, classes: int, width: int = 12) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((channels, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [nn.Conv3d(before, after, 3, stride=2, padding=1), nn.BatchNorm3d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.4))
        self.head = nn.Linear(4 * width * (SIZE // 8) ** 3 + 1, classes)

    def forward(self, x: torch.Tensor, flag: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.body(x), flag[:, None]], dim=1))


def fit(
    crops: NDArray[np.float32], flag: NDArray[np.float32], labels: NDArray[np.int64], train: int, epochs: int
) -> NDArray[np.int64]:
    """Predicted classes for everything after the first ``train`` rows."""
    torch.manual_seed(0)
    x, f, y = torch.from_numpy(crops), torch.from_numpy(flag), torch.from_numpy(labels)
    model = Probe(x.shape[1], int(labels.max()) + 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.03)
    steps = epochs * (train // 32 + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        model.train()
        for chosen in torch.randperm(train, generator=generator).split(32):
            batch = x[chosen]
            if torch.rand((), generator=generator) < 0.5:
                batch = batch.flip(2)
            loss = nn.functional.cross_entropy(
                model(batch * (0.9 + 0.2 * torch.rand(len(batch), 1, 1, 1, 1)), f[chosen]), y[chosen]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        return model(x[train:], f[train:]).argmax(dim=1).numpy()


def size_control(volume: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Accuracy and balanced accuracy of logistic regression on a cubic of the log volume, 5-fold."""
    log = np.log(volume)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=10, max_iter=1000))
    predicted = cross_val_predict(model, np.stack([log, log**2, log**3], axis=1), labels, cv=5)
    return float((predicted == labels).mean()), float(balanced_accuracy_score(labels, predicted))


def main() -> None:
    """Draw, train, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--shift", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--cache", type=Path, help="keep the crops here, and use them if they are there")
    arguments = parser.parse_args()
    if arguments.cache and arguments.cache.exists():
        data = dict(np.load(arguments.cache))
    else:
        data = collect(arguments.n, arguments.seed, arguments.shift, arguments.workers)
        if arguments.cache:
            np.savez(arguments.cache, **data)
    n = len(data["core_ml"])
    train = round(n * (1 - TEST_SHARE))
    started = time.perf_counter()
    print(f"{n} cases, {train} to train on, {n - train} to test on")
    print(f"{'finding':24}{'grades':>7}{'majority':>10}{'core size':>11}{'whole size':>12}{'probe':>8}{'balanced':>10}")
    for name, grades in GRADES.items():
        labels = np.array([grades.index(str(g)) for g in data[name]])
        inputs = ("lesion",) if name != "ventricular_compression" else ("lateral", "fourth")
        crops = np.stack([data[k] for k in inputs], axis=1).astype(np.float32).clip(0, 3) - 1
        flag = data["infratentorial"].astype(np.float32)
        predicted = fit(crops, flag, labels, train, arguments.epochs)
        truth = labels[train:]
        majority = max(Counter(truth.tolist()).values()) / len(truth)
        core, whole = (size_control(data[k], labels)[0] for k in ("core_ml", "whole_ml"))
        accuracy, balanced = float((predicted == truth).mean()), balanced_accuracy_score(truth, predicted)
        print(f"{name:24}{len(grades):7}{majority:10.2f}{core:11.2f}{whole:12.2f}{accuracy:8.2f}{balanced:10.2f}")
        table = np.array(
            [[((truth == i) & (predicted == j)).sum() for j in range(len(grades))] for i in range(len(grades))]
        )
        for grade, line in zip(grades, table, strict=True):
            print(f"  {grade:>10} {line}")
    print(f"trained in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
