"""Fixtures: a phantom head that is cheap to make, and small random models in the layouts of the real ones."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
# A machine that has MedGemma in its cache must not change what the tests see.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="braingemma3d-tests-")
# Processes that test side by side share the cores; before torch is imported.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))

import phantom
import small_models


@pytest.fixture(scope="session")
def brain_ras() -> nib.Nifti1Image:
    """A stripped FLAIR-like phantom brain with a bright lesion on the left, RAS, 3 mm."""
    return phantom.brain_image()


@pytest.fixture
def save_scan(tmp_path: Path) -> Callable[..., Path]:
    """Write an image or an array to a NIfTI file under a temporary folder."""

    def save(image: nib.Nifti1Image | np.ndarray, name: str = "scan.nii.gz") -> Path:
        if isinstance(image, np.ndarray):
            image = nib.Nifti1Image(image, np.diag([3.0, 3.0, 3.0, 1.0]))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(image, path)
        return path

    return save


@pytest.fixture
def brain_file(brain_ras: nib.Nifti1Image, save_scan: Callable[..., Path]) -> Path:
    """The phantom brain as a file."""
    return save_scan(brain_ras)


@pytest.fixture(scope="session")
def backbone_folders(tmp_path_factory: pytest.TempPathFactory) -> small_models.BackboneFolders:
    """A tiny SiglipModel and a tiny multimodal Gemma 3, saved by transformers, with a tokenizer."""
    return small_models.save_backbones(tmp_path_factory.mktemp("backbones"))


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory, backbone_folders: small_models.BackboneFolders) -> Path:
    """A whole untrained tiny model with its processor, as ``from_pretrained`` takes it."""
    return small_models.save_tiny_checkpoint(tmp_path_factory.mktemp("tiny"), backbone_folders)
