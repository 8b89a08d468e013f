"""The viewer: one HTML page with scan, maps and report, that opens from disk and needs no network."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from braingemma3d.explain.counterfactual import split_sentences
from braingemma3d.explain.explanation import Explanation
from braingemma3d.explain.scorecard import MapCard
from braingemma3d.explain.targets import Target
from braingemma3d.imaging.orientation import nifti_bytes
from braingemma3d.imaging.volume import Affine, Volume
from braingemma3d.report.picture import windowed

FRAME_MM = 8.0
"""Of the scan around the brain that is put into the page: the skull, and no face that could be recognised."""


def save_viewer(explanation: Explanation, target: Path) -> None:
    """Write the page: about 2.3 MB of NiiVue, the scan at 8 bits, and a few ten kilobytes a map.

    Args:
        explanation: what is shown.
        target: HTML file.
    """
    page = (files("braingemma3d") / "explain" / "viewer.html").read_text(encoding="utf-8")
    parts = {
        "title": html.escape(f"{explanation.report.id}: what made the model write this"),
        "data": json_in_html(_data(explanation)),
        "niivue": script_in_html(niivue()),
    }
    # In one pass: what is put in may itself look like a place to put something.
    target.write_text(re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], page), encoding="utf-8")


def niivue() -> str:
    """The NiiVue library (BSD 2-Clause) that comes with the package, as one classic script."""
    packed = (files("braingemma3d") / "assets" / "niivue" / "niivue.umd.js.gz").read_bytes()
    return gzip.decompress(packed).decode()


def script_in_html(script: str) -> str:
    """A script that may stand between script tags: no string in it can end them or open a comment."""
    return re.sub(r"<(?=/script|script|!--)", r"\\x3C", script, flags=re.IGNORECASE)


def json_in_html(data: Any) -> str:
    """JSON that may stand between script tags."""
    return json.dumps(data).replace("<", "\\u003c")


def _data(explanation: Explanation) -> dict[str, Any]:
    report, card = explanation.report, explanation.scorecard
    return {
        "title": f"{report.id}: {report.headline}",
        "sentences": [span.text for span in split_sentences(report.text)],
        "warnings": [warning.message for warning in report.warnings],
        "scan": _packed(*_eight_bit(explanation.volume)),
        "maps": [_map(explanation, number, one) for number, one in enumerate(card.maps)],
        "method": (
            f"{card.method.upper()} over {card.supervoxels.count} supervoxels (median "
            f"{card.supervoxels.median_ml:.1f} ml), {card.samples} samples; a supervoxel that is switched off is "
            f"replaced by {card.baseline}. Model: {report.model.name} ({report.model.revision})."
        ),
        "disclaimer": report.disclaimer,
    }


def _map(explanation: Explanation, number: int, card: MapCard) -> dict[str, Any]:
    values = explanation.map(number)
    strongest = explanation.supervoxels.centres[int(explanation.attributions[number].argmax())]
    focus = explanation.grid_affine @ np.array([*strongest, 1.0])
    target = Target(card.name, card.sentence, card.written, card.counterfactual)
    return {
        "name": card.name,
        "sentence": card.sentence,
        "question": target.question,
        "verdict": card.verdict,
        "reasons": card.reasons,
        "evidence": _evidence(card),
        "focus": focus[:3].tolist(),
        "limit": float(np.abs(values).max()) or 1.0,
        "image": _packed(values, explanation.grid_affine),
    }


def _evidence(card: MapCard) -> list[tuple[str, str]]:
    what = "log-likelihood" if card.counterfactual is None else "log-odds against the counterfactual"
    found = [
        (what, f"{card.score:.2f} nats; without the brain {card.score_without_brain:.2f}"),
        ("surrogate's R², held out (fitted)", f"{card.r2_held_out:.2f} ({card.r2:.2f})"),
        ("agreement of two sets of samples", f"{card.stability.correlation:.2f}"),
        ("their ranks", f"{card.stability.rank_correlation:.2f}"),
        ("deletion, gain over random order", f"{card.deletion.gain:+.2f} nats"),
        ("insertion, gain over random order", f"{card.insertion.gain:+.2f} nats"),
        ("likeness to a shuffled model's map", f"{card.randomisation.correlation:.2f}"),
    ]
    if card.localisation is not None:
        place = card.localisation
        found += [
            ("points into the outlined lesion", "yes" if place.pointing else "no"),
            (
                "support inside the outline (chance)",
                f"{place.positive_inside:.0%} ({place.positive_by_chance:.0%})",
            ),
        ]
    return found


def _eight_bit(volume: Volume) -> tuple[np.ndarray, Affine]:
    """The brain and what lies close around it, (D, H, W) uint8, and its affine."""
    frame, brain, scaled = windowed(volume, FRAME_MM)
    scaled[distance_transform_edt(~brain, sampling=volume.spacing) > FRAME_MM] = 0
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array([part.start for part in frame])
    return (scaled * 255).round().astype(np.uint8), affine


def _packed(array: np.ndarray, affine: Affine) -> str:
    """A gzipped NIfTI file in base64."""
    return base64.b64encode(nifti_bytes(array, affine, level=6)).decode()
