"""Pictures of an evaluation: what is gained over blind systems, and which findings are confused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from braingemma3d.evaluation.metrics import Metrics
from braingemma3d.evaluation.table import NAMES
from braingemma3d.files import new_file


def save_plots(metrics: Metrics, folder: Path) -> None:
    """Write ``lift.png`` and a ``confusion-<finding>.png`` for each finding, where there is anything to show."""
    if metrics.lift:
        _save(_lift(metrics), folder / "lift.png")
    for name, rows in metrics.confusion.items():
        _save(_confusion(name, rows), folder / f"confusion-{name}.png")


def _save(figure: Figure, path: Path) -> None:
    with new_file(path) as partial:
        figure.savefig(partial, dpi=120, format="png", bbox_inches="tight")


def _lift(metrics: Metrics) -> Figure:
    names = list(metrics.lift)[::-1]
    values = [metrics.lift[name] for name in names]
    figure = Figure(figsize=(7, 0.32 * len(names) + 1))
    axes = figure.subplots()
    means = np.array([value.difference for value in values])
    bounds = np.array([value.ci95 for value in values]).T
    errors = np.abs(bounds - means)
    colours = ["#2a7f62" if value.ci95[0] > 0 else "#b0413e" if value.ci95[1] < 0 else "#8a8a8a" for value in values]
    axes.barh([NAMES[name] for name in names], means, xerr=errors, color=colours, height=0.6)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("gain over the best blind or fixed-rule system (95 % interval)")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _confusion(name: str, rows: dict[str, dict[str, int]]) -> Figure:
    truths = sorted(rows)
    columns = sorted({column for row in rows.values() for column in row})
    counts = np.array([[rows[truth].get(column, 0) for column in columns] for truth in truths])
    shares = counts / counts.sum(axis=1, keepdims=True)
    figure = Figure(figsize=(1.1 * len(columns) + 1.6, 0.55 * len(truths) + 1.4))
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        axes.text(
            column, row, str(count), ha="center", va="center", color="white" if shares[row, column] > 0.5 else "black"
        )
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(truths)), truths)
    axes.set_xlabel("report")
    axes.set_ylabel("truth")
    axes.set_title(name.replace("_", " "))
    return figure
