"""Make ``assets/simulated_flair.nii.gz``, the scan of ``braingemma3d demo``: ``python scripts/make_demo_scan.py``.

A simulated patient of a seed that is used for nothing else.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from braingemma3d.imaging.orientation import nifti_bytes
from braingemma3d.simulate.case import draw_case

SEED, INDEX = 20_261, 54

case = draw_case(SEED, INDEX, healthy=0.0)
target = Path(str(files("braingemma3d"))) / "assets" / "simulated_flair.nii.gz"
target.write_bytes(nifti_bytes(case.image.astype("int16"), case.affine))
print(f"{target}: {target.stat().st_size} bytes\n{case.report}")
