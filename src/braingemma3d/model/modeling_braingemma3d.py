"""The model: inflated vision encoder, compressor, projector and a Gemma 3 text tower."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import save_torch_state_dict
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoModelForImageTextToText,
    Cache,
    Gemma3ForCausalLM,
    GenerationMixin,
    PreTrainedModel,
    SiglipVisionModel,
)
from transformers.modeling_outputs import CausalLMOutputWithPast

from braingemma3d.errors import ModelError
from braingemma3d.model.backbones import HUB_OPTIONS, UPLOAD_OPTIONS, complete, load_language_model, local_snapshot
from braingemma3d.model.compressor import AverageCompressor, PerceiverCompressor
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.projector import Projector
from braingemma3d.model.vision import VisionEncoder3D

LANGUAGE_FOLDER = "language_model"
LORA_FOLDER = "lora_adapters"


def load_lora(language: Gemma3ForCausalLM, folder: Path, **adapter: Any) -> None:
    """Put LoRA adapters on a language model.

    Args:
        language: that they fit.
        folder: that they come from, for the error's sake.
        **adapter: arguments of ``load_adapter``.

    Raises:
        ModelError: some of their weights are missing; transformers would go on with random ones.
    """
    missing = language.load_adapter(**adapter).missing_keys
    if missing:
        raise ModelError(f"{folder}: {len(missing)} weights of its LoRA are missing; save or download it again")


class BrainGemma3DForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """Writes a report from a volume.

    The places of the visual tokens are marked in ``input_ids`` by ``config.visual_token_id``, as the processor does.
    What trains is saved in ``model.safetensors`` and ``lora_adapters/``; the frozen language model is named by
    ``config.language_source``, or saved beside them in ``language_model/`` where that is None.
    """

    config_class = BrainGemma3DConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _no_split_modules = ("SiglipEncoderLayer", "Gemma3DecoderLayer", "PerceiverLayer")

    def __init__(self, config: BrainGemma3DConfig, with_language_model: bool = True) -> None:
        super().__init__(config)
        self.vision_encoder = VisionEncoder3D(config)
        self.compressor = PerceiverCompressor(config) if config.compressor == "perceiver" else AverageCompressor(config)
        self.projector = Projector(config)
        self.language_model: Gemma3ForCausalLM | None = (
            Gemma3ForCausalLM(config.text_config) if with_language_model else None
        )
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, Projector):
            # The reference's start: small enough that visual tokens don't drown the prompt.
            for name, parameter in module.layers.named_parameters():
                if name.endswith("weight"):
                    nn.init.xavier_uniform_(parameter, gain=0.5)
                else:
                    nn.init.zeros_(parameter)
            nn.init.ones_(module.scale)
        elif isinstance(module, PerceiverCompressor):
            nn.init.normal_(module.queries, std=0.02)
        elif isinstance(module, VisionEncoder3D):
            if module.config.positions != "coordinates":
                nn.init.normal_(module.plane_positions, std=0.02)
            if module.config.positions == "learned":
                nn.init.zeros_(module.depth_positions)

    @classmethod
    def from_backbones(
        cls,
        config: BrainGemma3DConfig,
        vision: SiglipVisionModel | None,
        language: Gemma3ForCausalLM,
        seed: int = 0,
    ) -> BrainGemma3DForConditionalGeneration:
        """Build an untrained model around pretrained backbones.

        Args:
            config: sizes that match the backbones'.
            vision: the 2D tower to inflate; None leaves the encoder at its random start.
            language: the text tower.
            seed: of the random start of everything that the backbones don't give.

        Raises:
            ModelError: a backbone is of another width than ``config`` says.
        """
        widths = [("text_config", language.config.hidden_size, config.text_width)]
        if vision is not None:
            widths.append(("vision_config", vision.config.hidden_size, config.vision_width))
        for name, given, wanted in widths:
            if given != wanted:
                raise ModelError(
                    f"a backbone is {given} wide and {name} is for {wanted}; set model.{name} to its sizes"
                )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = cls(config, with_language_model=False)
        if vision is not None:
            model.vision_encoder.load_2d(vision)
        model.language_model = language
        # The reference's decoding: a base model without training repeats itself for ever under plain greedy search.
        model.generation_config.update(
            eos_token_id=language.generation_config.eos_token_id,
            bos_token_id=language.generation_config.bos_token_id,
            pad_token_id=language.generation_config.pad_token_id,
            do_sample=False,
            max_new_tokens=160,
            min_new_tokens=10,
            repetition_penalty=1.2,
            no_repeat_ngram_size=3,
        )
        return model.eval()

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, *args: Any, **kwargs: Any
    ) -> BrainGemma3DForConditionalGeneration:
        """Load from a folder or the hub; arguments as in :meth:`transformers.PreTrainedModel.from_pretrained`.

        ``dtype``, ``device_map`` (one device for all) and ``quantization_config`` go to both halves; a quantization
        touches the language model only. LoRA adapters are loaded frozen, in the type of the rest; ``is_trainable=True``
        leaves them trainable, in float32. Not taken: ``subfolder``, ``output_loading_info``.
        """
        hub = {name: kwargs.pop(name) for name in HUB_OPTIONS & kwargs.keys()}
        folder = local_snapshot(pretrained_model_name_or_path, kwargs.pop("revision", None), **hub)
        quantization = kwargs.pop("quantization_config", None)
        is_trainable = kwargs.pop("is_trainable", False)
        kwargs.setdefault("dtype", kwargs.pop("torch_dtype", "auto"))
        model = complete(super(), folder, *args, with_language_model=False, **kwargs)
        model.language_model = load_language_model(
            model.config.language_source or folder / LANGUAGE_FOLDER,
            dtype=model.dtype,
            quantization_config=quantization,
            device_map=kwargs.get("device_map"),
            **hub,
        )
        if (folder / LORA_FOLDER).is_dir():
            adapters = folder / LORA_FOLDER
            load_lora(model.language_model, adapters, peft_model_id=str(adapters), is_trainable=is_trainable)
            if is_trainable:
                model._lora_in_float32()
        return model.eval()

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any) -> None:
        """Save what trains, and the language model too where ``config.language_source`` is None.

        With ``push_to_hub``, ``repo_id`` (the folder's name by default), ``private``, ``token`` and the other arguments
        of :meth:`transformers.PreTrainedModel.push_to_hub` go there.
        """
        folder = Path(save_directory)
        hub = {name: kwargs.pop(name) for name in UPLOAD_OPTIONS & kwargs.keys()}
        if not kwargs.get("is_main_process", True):
            return
        # What an earlier model left would be loaded with this one.
        shutil.rmtree(folder / LORA_FOLDER, ignore_errors=True)
        if kwargs.get("state_dict") is None:
            kwargs["state_dict"] = self.state_dict()
        kwargs["state_dict"] = {k: v for k, v in kwargs["state_dict"].items() if not k.startswith("language_model.")}
        super().save_pretrained(folder, **kwargs)
        language = self.attached_language()
        if self.has_lora:
            # By the name that config.json has for it: peft's is the folder that it was loaded from, on this machine.
            for adapter in language.peft_config.values():
                adapter.base_model_name_or_path = self.config.language_source
            language.save_pretrained(folder / LORA_FOLDER)
        if self.config.language_source is None:
            base = {
                name.replace(".base_layer", ""): value
                for name, value in language.state_dict().items()
                if "lora_" not in name and name != "lm_head.weight"
            }
            (folder / LANGUAGE_FOLDER).mkdir(exist_ok=True)
            save_torch_state_dict(base, folder / LANGUAGE_FOLDER, metadata={"format": "pt"})
            language.config.save_pretrained(folder / LANGUAGE_FOLDER)
        if push_to_hub:
            self.push_to_hub(hub.pop("repo_id", folder.name), **hub)

    @property
    def has_lora(self) -> bool:
        """Whether LoRA adapters are on the language model."""
        return bool(getattr(self.language_model, "_hf_peft_config_loaded", False))

    def add_lora(self, seed: int = 0) -> None:
        """Put fresh LoRA adapters on the language model's q, k, v and o, in float32; they start without effect."""
        from peft import LoraConfig

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.attached_language().add_adapter(
                LoraConfig(
                    r=self.config.lora_rank,
                    lora_alpha=self.config.lora_alpha,
                    target_modules=["q_proj", "k_proj", "v_proj", "o_proj"],
                )
            )
        self._lora_in_float32()

    def _lora_in_float32(self) -> None:
        """For training: PEFT gives adapters the frozen weights' type; in bfloat16 small steps would be rounded away."""
        for parameter in self.lora_parameters():
            parameter.data = parameter.data.float()

    def lora_parameters(self) -> list[nn.Parameter]:
        """Those of the LoRA adapters, if there are any."""
        return [parameter for name, parameter in self.named_parameters() if "lora_" in name]

    def attached_language(self) -> Gemma3ForCausalLM:
        """The language model.

        Raises:
            RuntimeError: the model was built without it.
        """
        if self.language_model is None:
            raise RuntimeError("this model was built without its language model")
        return self.language_model

    def get_input_embeddings(self) -> nn.Module:
        """The language model's token embedding."""
        return self.attached_language().get_input_embeddings()

    def get_output_embeddings(self) -> nn.Module | None:
        """The language model's output head; None before the language model is attached."""
        return None if self.language_model is None else self.language_model.lm_head

    def output_rows(self) -> Tensor:
        """(entries, text_dim): the output head's weights, of the entries that a report can be written with."""
        weight = self.attached_language().lm_head.weight
        return weight if self.config.report_tokens is None else weight[torch.tensor(self.config.report_tokens)]

    def rows_of(self, tokens: Tensor) -> Tensor:
        """The rows of :meth:`output_rows` that stand for vocabulary entries, of any shape.

        Raises:
            ValueError: reports can't be written with one of them.
        """
        if self.config.report_tokens is None:
            return tokens
        known = torch.tensor(self.config.report_tokens, device=tokens.device)
        rows = torch.searchsorted(known, tokens.contiguous()).clamp_max(len(known) - 1)
        if not torch.equal(known[rows], tokens):
            missing = sorted(set(tokens[known[rows] != tokens].tolist()))
            raise ValueError(f"vocabulary entries {missing} are not among the model's {len(known)} report_tokens")
        return rows

    def encode(self, pixel_values: Tensor) -> Tensor:
        """(batch, 1, D, H, W) pixels in [0, 1] to vision patches (batch, patches, vision_dim)."""
        return self.vision_encoder(pixel_values)

    def project(self, patches: Tensor) -> Tensor:
        """(batch, patches, vision_dim) patches to visual tokens (batch, visual tokens, text_dim)."""
        return self.projector(self.compressor(patches.to(self.projector.scale.dtype)))

    def _embed(self, input_ids: Tensor, visual_tokens: Tensor | None) -> Tensor:
        embeds = self.get_input_embeddings()(input_ids)
        if visual_tokens is None:
            return embeds
        places = input_ids == self.config.visual_token_id
        marked, (volumes, each, _) = int(places.sum()), visual_tokens.shape
        if marked != volumes * each:
            raise ValueError(f"input_ids mark {marked} visual tokens, the volumes give {volumes} x {each}")
        visual = visual_tokens.to(embeds.device, embeds.dtype)
        return embeds.masked_scatter(places.unsqueeze(-1), visual)

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        patches: Tensor | None = None,
        visual_tokens: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        label_weights: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        num_items_in_batch: int | Tensor | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Run the model; the volume enters at one of three depths.

        Args:
            input_ids: (batch, tokens), with ``visual_token_id`` where visual tokens go.
            pixel_values: (batch, 1, D, H, W) in [0, 1].
            patches: (batch, patches, vision_dim), the output of :meth:`encode`, in place of pixels.
            visual_tokens: (batch, visual tokens, text_dim), the output of :meth:`project`, in place of both.
            attention_mask: (batch, tokens), 0 on padding.
            position_ids: (batch, tokens).
            past_key_values: the cache of earlier steps.
            inputs_embeds: (batch, tokens, text_dim) in place of ``input_ids``.
            labels: (batch, tokens), -100 where nothing is predicted. With labels, logits are computed only where
                there is one, and are not returned.
            label_weights: (batch, tokens), how much each label counts in the loss; all the same by default.
            use_cache: whether to return the cache.
            logits_to_keep: how many of the last positions get logits (0: all), or the positions that do.
            num_items_in_batch: labels over all accumulated batches, or the sum of their weights, by which the loss is
                then divided.
            **kwargs: passed to the Gemma 3 text tower, such as ``output_hidden_states`` and ``output_attentions``.

        Returns:
            ``loss`` with labels. Without them ``logits`` (batch, kept tokens, vocabulary), minus infinity outside
            ``config.report_tokens``, and what else the text tower was asked for.

        Raises:
            ValueError: ``input_ids`` don't mark as many places as there are visual tokens, or a label is none of
                ``config.report_tokens``.
        """
        if patches is None and pixel_values is not None:
            patches = self.encode(pixel_values)
        if visual_tokens is None and patches is not None:
            visual_tokens = self.project(patches)
        if inputs_embeds is None:
            if input_ids is None:
                raise ValueError("give input_ids or inputs_embeds")
            inputs_embeds = self._embed(input_ids, visual_tokens)
        language = self.attached_language()
        outputs = language.model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **kwargs,
        )
        hidden = outputs.last_hidden_state
        if labels is not None:
            # Gemma's vocabulary has 262,144 entries: logits of the prompt would cost more than the model.
            targets = labels[:, 1:]
            kept = targets != -100
            logits = functional.linear(hidden[:, :-1][kept], self.output_rows()).float()
            losses = functional.cross_entropy(logits, self.rows_of(targets[kept]), reduction="none")
            weights = torch.ones_like(losses) if label_weights is None else label_weights[:, 1:][kept]
            items = weights.sum() if num_items_in_batch is None else num_items_in_batch
            loss = (losses * weights).sum() / items
            return CausalLMOutputWithPast(loss=loss)
        if isinstance(logits_to_keep, int):
            logits_to_keep = torch.arange(hidden.shape[1])[-logits_to_keep:]
        logits = functional.linear(hidden[:, logits_to_keep], self.output_rows())
        if self.config.report_tokens is not None:
            everything = logits.new_full((*logits.shape[:-1], language.config.vocab_size), -torch.inf)
            everything[..., torch.tensor(self.config.report_tokens)] = logits
            logits = everything
        return CausalLMOutputWithPast(
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
        )

    @torch.no_grad()
    def generate(self, *args: Any, pixel_values: Tensor | None = None, **kwargs: Any) -> Any:
        """As in transformers; each volume is read once, however many beams, samples or steps it takes."""
        if pixel_values is not None:
            kwargs["visual_tokens"] = self.project(self.encode(pixel_values))
        return super().generate(*args, **kwargs)

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, is_first_iteration: bool = False, use_cache: bool = True, **kwargs: Any
    ) -> dict[str, Any]:
        """Inputs of one decoding step: the volume is read at the first one only, then the cache holds it."""
        volume = {name: kwargs.pop(name, None) for name in ("pixel_values", "patches", "visual_tokens")}
        inputs = super().prepare_inputs_for_generation(
            input_ids, is_first_iteration=is_first_iteration, use_cache=use_cache, **kwargs
        )
        if is_first_iteration or not use_cache:
            inputs.update({name: value for name, value in volume.items() if value is not None})
        return inputs


AutoModelForImageTextToText.register(BrainGemma3DConfig, BrainGemma3DForConditionalGeneration)
