"""Make ``assets/tissue_prior.npz`` from the ICBM152 maps in nilearn's wheel: where each tissue lies in a brain's box.

Run: ``python scripts/make_tissue_prior.py`` (needs ``pip install nilearn``).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from monai.transforms import Resize
from scipy import ndimage

from braingemma3d.imaging.contrast import PRIOR_FILE, PRIOR_SHAPE
from braingemma3d.imaging.grid import brain_box
from braingemma3d.imaging.orientation import orientation_code, to_dhw
from braingemma3d.imaging.volume import ScanGrid, Volume

spec = importlib.util.find_spec("nilearn")
if spec is None or spec.origin is None:
    raise SystemExit("pip install nilearn first")
folder = Path(spec.origin).parent / "datasets" / "data"
images = {name: nib.load(folder / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz") for name in ("gm", "wm")}
arrays = {name: to_dhw(image)[0] / 255 for name, image in images.items()}
affine = to_dhw(images["gm"])[1]
brain = ndimage.binary_fill_holes(ndimage.binary_closing(arrays["gm"] + arrays["wm"] > 0.2, iterations=3))
csf = np.clip(1 - arrays["gm"] - arrays["wm"], 0, 1)
grid = ScanGrid(folder, images["gm"].shape, images["gm"].affine, orientation_code(images["gm"].affine))
box = brain_box(Volume(csf, affine, grid, brain_mask=brain))
resize = Resize(PRIOR_SHAPE, mode="trilinear", anti_aliasing=True)
tissues = [resize(torch.from_numpy((m * brain)[box].astype(np.float32))[None])[0] for m in (*arrays.values(), csf)]
prior = (torch.stack(tissues).clip(0, 1) * 255).round().to(torch.uint8).numpy()
np.savez_compressed(PRIOR_FILE, prior=prior)
print(f"{PRIOR_FILE}: {prior.shape}, {PRIOR_FILE.stat().st_size} bytes")
