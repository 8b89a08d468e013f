"""The pipeline: file, volume, tensors, text, report. Everything that reports on scans calls it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import torch
from nibabel.affines import voxel_sizes
from transformers import LogitsProcessorList

from braingemma3d.errors import InputError, ModelError, in_one_line
from braingemma3d.findings.extract import extract, findings_if_told
from braingemma3d.findings.mirror import mirror_differences
from braingemma3d.imaging.nifti import scan_sha256
from braingemma3d.imaging.preprocess import load_scan
from braingemma3d.imaging.volume import Volume
from braingemma3d.model.both_views import BothViews, swapped_entries
from braingemma3d.model.loading import load_model, weights_sha256
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor
from braingemma3d.report.checks import flaws
from braingemma3d.report.report import Checks, InputInfo, ModelInfo, Report, ReportWarning
from braingemma3d.report.scans import default_id

UNTRAINED = ReportWarning(
    code="untrained_model",
    message="The model has not learned to write: the text is the language model's own and says nothing about the scan.",
)

MIRROR = (
    "Read alone, the scan and its mirror image do not give mirrored findings ({what}): don't rely on that, "
    "and doubt the side named here."
)


class Pipeline:
    """Reports on scans with one loaded model.

    Args:
        model: in evaluation mode.
        processor: that fits it.
        name: how reports call the model.
    """

    def __init__(
        self,
        model: BrainGemma3DForConditionalGeneration,
        processor: BrainGemma3DProcessor,
        name: str,
    ) -> None:
        self.model = model
        self.processor = processor
        language = model.config.language_source or "saved with it"
        self.model_info = ModelInfo(
            name=name,
            revision=f"{model.config.trained_stage}, language model {display_name(language)}",
            sha256=weights_sha256(model),
        )

    @classmethod
    def from_pretrained(cls, name: str = "mini") -> Pipeline:
        """Load a model by name, folder or hub id; see :func:`braingemma3d.model.loading.load_model`.

        Raises:
            ModelError: it can't be had, or is damaged.
        """
        try:
            return cls(*load_model(name), display_name(name))
        except InputError:
            raise
        except Exception as error:
            # No scan is to blame, and the next one would fail with it.
            raise ModelError(f"{name}: can't be loaded ({in_one_line(error)}); see braingemma3d doctor") from error

    def write(self, pixel_values: torch.Tensor) -> list[str]:
        """Texts of a batch (batch, 1, D, H, W) in [0, 1] on the model's grid, each read with its mirror image."""
        batch = len(pixel_values)
        return self._generate(_with_mirror_images(pixel_values), both_views=batch)[:batch]

    def write_from_one_view(self, pixel_values: torch.Tensor) -> list[str]:
        """Texts of a batch as :meth:`write` takes it, each volume read as it is."""
        return self._generate(pixel_values)

    def write_and_check(self, pixel_values: torch.Tensor) -> list[str]:
        """Three texts of one volume (1, 1, D, H, W), for little more than the price of one.

        Returns:
            The text from both views, that of the volume read alone, and that of its mirror image read alone.
        """
        text, _, *alone = self._generate(_with_mirror_images(pixel_values), both_views=1, copies=2)
        return [text, *alone]

    @cached_property
    def _swapped(self) -> torch.Tensor:
        return swapped_entries(self.processor.tokenizer, self.model.config.text_config.vocab_size)

    @torch.inference_mode()
    def _generate(self, pixel_values: torch.Tensor, both_views: int = 0, copies: int = 1) -> list[str]:
        """Texts (copies x batch); the first ``2 x both_views`` rows are volumes and mirror images read together."""
        inputs = self.processor(pixel_values).to(self.model.device)
        visual = self.model.project(self.model.encode(inputs.pop("pixel_values")))
        # A step of the language model takes as long for four rows as for two: its weights are what is waited for.
        rows = {name: value.repeat(copies, 1) for name, value in inputs.items()}
        adjusted = LogitsProcessorList([BothViews(self._swapped, both_views)] if both_views else [])
        generated = self.model.generate(**rows, visual_tokens=visual.repeat(copies, 1, 1), logits_processor=adjusted)
        return self.processor.decode_reports(generated, inputs["input_ids"].shape[1])

    def __call__(self, scan: str | Path | Volume, scan_id: str | None = None) -> Report:
        """Report on one scan.

        Args:
            scan: a file, or a volume that :func:`braingemma3d.imaging.preprocess.load_scan` has loaded.
            scan_id: the file's name without its suffix by default.

        Raises:
            InputError: the scan can't be read or is no usable brain MRI.
        """
        volume = scan if isinstance(scan, Volume) else load_scan(scan)
        trained = self.model.config.writes_reports
        timing: dict[str, float] = {}
        with _timed(timing, "prepare"):
            pixels = self.processor([volume])["pixel_values"]
        with _timed(timing, "write"):
            # What a model at its start writes needs no check.
            text, *alone = self.write_and_check(pixels) if trained else self.write(pixels)
        differences = mirror_differences(*map(findings_if_told, alone)) if alone else None
        findings, source = extract(text), volume.source
        checks = Checks(
            mirror_consistent=None if differences is None else not differences,
            flaws=flaws(text),
        )
        warnings = [ReportWarning(code=w.code, message=w.message) for w in volume.warnings]
        if not trained:
            warnings.insert(0, UNTRAINED)
        elif checks.flaws:
            message = f"The text is not sound ({', '.join(checks.flaws)}): don't rely on it."
            warnings.insert(0, ReportWarning(code="flawed_text", message=message))
        if differences:
            message = MIRROR.format(what=", ".join(name.replace("_", " ") for name in differences))
            warnings.insert(0, ReportWarning(code="mirror_inconsistent", message=message))
        return Report(
            id=scan_id or default_id(source.path),
            text=text,
            findings=findings,
            checks=checks,
            warnings=warnings,
            model=self.model_info,
            input=InputInfo(
                shape=source.shape,
                spacing_mm=tuple(voxel_sizes(source.affine).round(4).tolist()),
                orientation=source.orientation,
                sha256=scan_sha256(source.path) if source.path.is_file() else None,
                brain_mask_ml=round(volume.brain_ml, 1),
            ),
            timing_s=timing,
        )


def display_name(source: str) -> str:
    """What a model is called in a report: of a folder on this machine its name, not where it lies."""
    return Path(source).resolve().name if Path(source).is_dir() else source


def _with_mirror_images(pixel_values: torch.Tensor) -> torch.Tensor:
    return torch.cat([pixel_values, pixel_values.flip(-1)])


@contextmanager
def _timed(timing: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timing[step] = round(time.perf_counter() - start, 3)
