"""Pictures of an evaluation."""

from __future__ import annotations

import matplotlib.image
import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from braingemma3d.evaluation import plots
from braingemma3d.evaluation.metrics import LiftValue, Metrics
from braingemma3d.evaluation.plots import save_plots


def lifted(difference, low, high):
    return LiftValue(over="constant", difference=difference, ci95=(low, high), p=0.5, n=9)


METRICS = Metrics(
    system="model",
    cases=9,
    healthy=2,
    systems={},
    lift={
        "side_accuracy": lifted(0.4, 0.2, 0.6),
        "lobe_f1": lifted(-0.3, -0.5, -0.1),
        "bleu1": lifted(0.1, -0.1, 0.2),
    },
    confusion={
        "side": {"left": {"left": 3, "right": 1}, "right": {"right": 2, "no report": 1}},
        "lobes": {"frontal": {"named": 2}},
    },
    failures=[],
    skipped={},
)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """The figures as they were saved, by file name."""
    figures: dict[str, Figure] = {}
    save = plots._save

    def keep(figure, path):
        figures[path.name] = figure
        return save(figure, path)

    monkeypatch.setattr(plots, "_save", keep)
    save_plots(METRICS, tmp_path)
    return figures


def test_one_picture_of_the_gains_and_one_for_each_finding(drawn, tmp_path):
    names = ["confusion-lobes.png", "confusion-side.png", "lift.png"]
    assert sorted(drawn) == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names:
        picture = matplotlib.image.imread(tmp_path / name)
        assert np.ptp(picture[..., :3]) > 0.5


def test_bars_are_as_long_as_the_gains_and_coloured_by_their_certainty(drawn):
    axes = drawn["lift.png"].axes[0]
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    bars = dict(zip(labels, axes.patches, strict=True))
    assert labels == ["BLEU-1", "lobe F1", "side"], "drawn upwards, so that the first metric is on top"
    assert {name: bar.get_width() for name, bar in bars.items()} == {"side": 0.4, "lobe F1": -0.3, "BLEU-1": 0.1}
    assert len({bar.get_facecolor() for bar in bars.values()}) == 3
    (whiskers,) = next(one for one in axes.containers if isinstance(one, ErrorbarContainer)).lines[2]
    ends = {tuple(np.round(segment[:, 0], 6)) for segment in whiskers.get_segments()}
    assert ends == {(0.2, 0.6), (-0.5, -0.1), (-0.1, 0.2)}


def test_counts_stand_in_the_cell_of_their_truth_and_report(drawn):
    axes = drawn["confusion-side.png"].axes[0]
    columns = [tick.get_text() for tick in axes.get_xticklabels()]
    rows = [tick.get_text() for tick in axes.get_yticklabels()]
    counts = {}
    for text in axes.texts:
        column, row = text.get_position()
        counts[rows[row], columns[column]] = int(text.get_text())
    assert counts == {
        ("left", "left"): 3,
        ("left", "right"): 1,
        ("left", "no report"): 0,
        ("right", "left"): 0,
        ("right", "right"): 2,
        ("right", "no report"): 1,
    }
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("report", "truth")


def test_nothing_to_draw(tmp_path):
    save_plots(METRICS.model_copy(update={"lift": {}, "confusion": {}}), tmp_path)
    assert not any(tmp_path.iterdir())
