"""The files of an explanation, written as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib

from braingemma3d.explain.explanation import Explanation
from braingemma3d.explain.overlay import attribution_image, save_overlay
from braingemma3d.explain.viewer import save_viewer
from braingemma3d.files import new_folder, refuse_folder, remove_left_behind
from braingemma3d.imaging.volume import Mask

FILES = ("attribution.nii.gz", "explanation.html", "overlay.png", "scorecard.json")
WHAT = "an explanation"


def write_explanation(explanation: Explanation, folder: Path, outline: Mask | None = None) -> None:
    """Write the first map and all that belongs to it: the :data:`FILES`.

    Args:
        explanation: what is written.
        folder: replaced as a whole.
        outline: of the lesion on the volume's grid (D, H, W), drawn into the overlay.

    Raises:
        InputError: the folder holds other things than an earlier explanation.
    """
    refuse_folder(folder, FILES, WHAT)
    remove_left_behind(folder.parent)
    with new_folder(folder) as partial:
        nib.save(attribution_image(explanation), partial / "attribution.nii.gz")
        save_overlay(explanation, partial / "overlay.png", outline)
        scorecard = explanation.scorecard.model_dump_json(indent=2)
        (partial / "scorecard.json").write_text(scorecard + "\n", encoding="utf-8")
        save_viewer(explanation, partial / "explanation.html")
