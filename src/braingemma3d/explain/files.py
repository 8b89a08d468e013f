"""The files of an explanation, written as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib

from braingemma3d.errors import InputError
from braingemma3d.explain.explanation import Explanation
from braingemma3d.explain.overlay import attribution_image, save_overlay
from braingemma3d.explain.scorecard import Scorecard
from braingemma3d.explain.viewer import save_viewer
from braingemma3d.files import new_folder, refuse_folder, remove_left_behind
from braingemma3d.imaging.nifti import scan_sha256
from braingemma3d.imaging.volume import Mask

FILES = ("attribution.nii.gz", "explanation.html", "overlay.png", "scorecard.json")


def refuse_other_files(folder: Path) -> None:
    """Make sure that a folder is free for an explanation.

    Raises:
        InputError: it is there and holds other things than an earlier one.
    """
    refuse_folder(folder, FILES, "an explanation")


def refuse_other_scan(folder: Path, scan: Path) -> None:
    """Make sure that a folder holds no explanation of another scan: minutes of work, and the next one's by default.

    Raises:
        InputError: it does.
    """
    try:
        earlier = Scorecard.model_validate_json((folder / "scorecard.json").read_text(encoding="utf-8"))
    except (ValueError, FileNotFoundError, NotADirectoryError):
        return
    if earlier.scan_sha256 not in (None, scan_sha256(scan)):
        raise InputError(
            f"{folder}: holds the explanation of another scan ({earlier.id}); choose another --out", "bad_option"
        )


def write_explanation(explanation: Explanation, folder: Path, outline: Mask | None = None) -> None:
    """Write the first map and all that belongs to it: the :data:`FILES`.

    Args:
        explanation: what is written.
        folder: replaced as a whole.
        outline: of the lesion on the volume's grid (D, H, W), drawn into the overlay.

    Raises:
        InputError: the folder holds other things than an earlier explanation.
    """
    refuse_other_files(folder)
    remove_left_behind(folder.parent)
    with new_folder(folder) as partial:
        nib.save(attribution_image(explanation), partial / "attribution.nii.gz")
        save_overlay(explanation, partial / "overlay.png", outline)
        scorecard = explanation.scorecard.model_dump_json(indent=2)
        (partial / "scorecard.json").write_text(scorecard + "\n", encoding="utf-8")
        save_viewer(explanation, partial / "explanation.html")
