"""The 3D generalist Med3DVLM (Xin et al., arXiv:2503.20047) as a baseline.

Its code is adapted from M3D's and has the same interface, at 128 x 256 x 256 voxels. Its authors' demo loads the
vision tower's weights from ``vision_tower.bin`` beside the model; so does this, where there is such a file.
"""

from __future__ import annotations

import pickle
from typing import Any

import torch

from braingemma3d.errors import ModelError
from braingemma3d.evaluation.systems.m3d import M3D
from braingemma3d.imaging.volume import Shape


class Med3DVLM(M3D):
    """Med3DVLM; of its repository on the hub the user has to name the commit whose code may run."""

    name = "med3dvlm"
    default = "MagicXin/Med3DVLM-Qwen-2.5-7B"
    commit = None
    shape: Shape = (128, 256, 256)

    def _load_vision_tower(self, model: Any) -> set[str]:
        path = self.folder / "vision_tower.bin"
        if not path.is_file():
            return set()
        try:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise ModelError(f"{path}: more than bare tensors, which is not loaded; download it again") from error
        tower = model.get_model().vision_tower
        tower.load_state_dict(weights)
        prefix = next(name for name, module in model.named_modules() if module is tower)
        return {f"{prefix}.{name}" for name in weights}
