"""The model as a system, and the same model blindfolded."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from braingemma3d.errors import ModelError
from braingemma3d.evaluation.systems.system import Kind, one_view
from braingemma3d.imaging.volume import Volume
from braingemma3d.model.backbones import local_snapshot
from braingemma3d.report.pipeline import Pipeline


class ModelSystem:
    """A loaded pipeline. It reads each volume with its mirror image: its mirror consistency is 1 by design."""

    kind: Kind = "model"
    needs_scan = True

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        self.pipeline = pipeline
        self.name = name
        self.knows = pipeline.model_info.sha256

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """The model's reports."""
        return self.pipeline.write(self.pipeline.processor(volumes)["pixel_values"])


class OneView(ModelSystem):
    """The same model reading each volume alone: what its mirror consistency is worth, and what both views add."""

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        super().__init__(pipeline, one_view(name))

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """The model's reports."""
        return self.pipeline.write_from_one_view(self.pipeline.processor(volumes)["pixel_values"])


class TrainedSlices(ModelSystem):
    """A model trained with ``configs/mini-slices.yaml``: the same as the evaluated one, but for the third dimension.

    Raises:
        ModelError: no such checkpoint, or one whose patches attend to those of other slices.
    """

    kind: Kind = "baseline"
    name = "slices"

    def __init__(self, source: str = "", revision: str | None = None) -> None:
        if not source:
            raise ModelError("nobody has published slices; train it with configs/mini-slices.yaml, and give its folder")
        self.folder = local_snapshot(source, revision)
        super().__init__(Pipeline.from_pretrained(str(self.folder)), self.name)
        if self.pipeline.model.config.attention != "slice":
            raise ModelError(f"{source}: not a model on slices; train one with configs/mini-slices.yaml")


class BlankVolume(ModelSystem):
    """The model before an empty volume: what it says without any scan."""

    kind: Kind = "blind"
    needs_scan = False

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(pipeline, "model on a blank volume")

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """The same text for every case."""
        return self.pipeline.write(torch.zeros(1, 1, *self.pipeline.processor.volume_shape)) * len(ids)


class ShuffledVoxels(ModelSystem):
    """The model before the scan's own voxels in random order: intensities without places."""

    kind: Kind = "blind"

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(pipeline, "model on shuffled voxels")

    def write(self, ids: Sequence[str], volumes: Sequence[Volume]) -> list[str]:
        """The model's reports on what is left of the volumes."""
        return self.pipeline.write(shuffled_voxels(self.pipeline.processor(volumes)["pixel_values"]))


def shuffled_voxels(pixels: Tensor) -> Tensor:
    """Voxels of each volume (batch, 1, D, H, W), permuted by one fixed permutation."""
    order = torch.randperm(pixels[0].numel(), generator=torch.Generator().manual_seed(0))
    return pixels.flatten(1)[:, order].reshape(pixels.shape)
