"""Scores: how likely a report, or one finding in it, is to the model before perturbed scans."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from braingemma3d.errors import InputError
from braingemma3d.explain.perturb import Perturbation
from braingemma3d.explain.targets import Target, token_weights, with_likeliest, writable
from braingemma3d.model.modeling_braingemma3d import BrainGemma3DForConditionalGeneration
from braingemma3d.model.processing_braingemma3d import BrainGemma3DProcessor

Score = Callable[[Tensor], Tensor]
"""(n, supervoxels) bool, True where the scan is kept, to (n, targets) float: one score a sample and target."""

BATCH = 4
"""Volumes at a time. On a processor few are faster than many, whose activations leave every cache."""
VOCABULARY_CHUNK = 4096
"""Columns of the output head at a time: 262,144 logits of a few hundred tokens would leave every cache."""


class ModelScorer:
    """Scores perturbed versions of one scan for all targets at once.

    A volume is encoded once. Then the language model reads one sequence a volume: beginning of text, visual tokens,
    prompt, the report, and the counterfactual sentences as branches of it, each token once. So the prompt and the
    report are shared by all targets; nothing but the one token before the visual ones could be shared by different
    volumes. The output head runs on scored tokens only, over all vocabulary entries that the model writes with.

    Args:
        model: in evaluation mode.
        processor: that fits it.
        perturbation: of the scan.
        text: the report.
        targets: of the report. Where one has several counterfactuals to choose from, the model chooses among those
            that it can write.

    Raises:
        InputError: the model can't write the report, as its text is of other tokens when it is read again, or the
            contrary of anything that is asked.
    """

    def __init__(
        self,
        model: BrainGemma3DForConditionalGeneration,
        processor: BrainGemma3DProcessor,
        perturbation: Perturbation,
        text: str,
        targets: Sequence[Target],
    ) -> None:
        self.model = model
        self.language = model.attached_language()
        self.processor = processor
        self.perturbation = perturbation
        self.text = text
        self.prompt: Tensor = processor()["input_ids"][0]
        self.seen: dict[bytes, Tensor] = {}
        if not self._can_write(text):
            raise InputError(
                "the report is not of words that the model writes with; it can't be explained", "unwritable"
            )
        targets = writable(text, targets, self._can_write)
        whole = torch.ones(1, perturbation.count, dtype=torch.bool)
        self.targets = with_likeliest(text, targets, lambda tried: self._ask(tried)(whole)[0])
        self._ask(self.targets)

    def _can_write(self, text: str) -> bool:
        known = self.model.config.report_tokens
        return known is None or set(self._encode(text)) <= set(known)

    def _encode(self, text: str) -> list[int]:
        return self.processor.tokenizer.encode(text, add_special_tokens=False)

    def _ask(self, targets: Sequence[Target]) -> ModelScorer:
        self.tree, self.weights = token_weights(self.text, targets, self._encode)
        return self

    @torch.inference_mode()
    def __call__(self, keep: Tensor) -> Tensor:
        """(n, supervoxels) bool to log-likelihoods (n, targets) float32, in nats."""
        return self._score(self._compressed(keep), self.model.projector)

    def shuffled(self, seed: int) -> Score:
        """The same scores by a model whose projector has its weights shuffled.

        Volumes that were scored before are not encoded again.
        """
        projector = shuffled(self.model.projector, seed)

        def score(keep: Tensor) -> Tensor:
            with torch.inference_mode():
                return self._score(self._compressed(keep), projector)

        return score

    def _compressed(self, keep: Tensor) -> Tensor:
        """(n, visual tokens, vision_dim), what the projector gets; remembered."""
        names = [row.numpy().tobytes() for row in keep.bool()]
        missing = [n for n, name in enumerate(names) if name not in self.seen]
        if missing:
            pixels = self.perturbation(keep[missing]).to(self.model.device)
            patches = self.model.encode(pixels)
            tokens = self.model.compressor(patches.to(self.model.projector.scale.dtype))
            self.seen.update(zip((names[n] for n in missing), tokens.cpu(), strict=True))
        return torch.stack([self.seen[name] for name in names]).to(self.model.device)

    def _score(self, compressed: Tensor, projector: nn.Module) -> Tensor:
        """Log-likelihoods (n, targets) of the tree's texts after these volumes."""
        language, prompt = self.language, len(self.prompt)
        ids = torch.cat([self.prompt, torch.tensor(self.tree.tokens, dtype=torch.long)]).to(compressed.device)
        embeds = self.model.get_input_embeddings()(ids)[None].repeat(len(compressed), 1, 1)
        visual = projector(compressed)
        places = (self.prompt == self.processor.visual_token_id).nonzero().flatten()
        embeds[:, places] = visual.to(embeds.device, embeds.dtype)
        reads, positions = self.tree.attention(prompt)
        near = (positions[:, None] - positions[None]) < language.config.sliding_window
        masks = {
            "full_attention": _additive(reads, embeds),
            "sliding_attention": _additive(reads & near, embeds),
        }
        hidden = language.model(
            inputs_embeds=embeds,
            attention_mask=masks,
            position_ids=positions[None].to(embeds.device),
            use_cache=False,
        ).last_hidden_state

        scored = self.weights.any(dim=0).nonzero().flatten()
        before = torch.tensor([self.tree.parents[int(node)] for node in scored]) + prompt
        wanted = torch.tensor(self.tree.tokens)[scored].to(hidden.device)
        flat = hidden[:, before].flatten(0, 1)
        found = log_likelihoods(flat, self.model.rows_of(wanted).repeat(len(compressed)), self.model.output_rows())
        return (found.view(len(compressed), -1).cpu() @ self.weights[:, scored].T).float()


def _additive(reads: Tensor, like: Tensor) -> Tensor:
    """(tokens, tokens) bool to the mask (1, 1, tokens, tokens) that attention adds."""
    mask = torch.zeros(reads.shape, dtype=like.dtype)
    return mask.masked_fill_(~reads, torch.finfo(like.dtype).min)[None, None].to(like.device)


def log_likelihoods(hidden: Tensor, tokens: Tensor, head: Tensor) -> Tensor:
    """Log-likelihood of one token after each hidden state, normalised over all rows of the head.

    Args:
        hidden: (n, text_dim).
        tokens: (n,) rows of the head.
        head: (entries, text_dim), the output head's weights.

    Returns:
        (n,) float32.
    """
    sums: list[Tensor] = []
    chosen = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
    for start in range(0, len(head), VOCABULARY_CHUNK):
        part = head[start : start + VOCABULARY_CHUNK]
        logits = (hidden @ part.T).float()
        here = (tokens >= start) & (tokens < start + len(part))
        # Taken from the same products as the sum, so that in bfloat16 their rounding cancels where it counts.
        chosen[here] = logits[here, tokens[here] - start]
        sums.append(logits.logsumexp(dim=-1))
    return chosen - torch.stack(sums).logsumexp(dim=0)


@torch.no_grad()
def shuffled(module: nn.Module, seed: int) -> nn.Module:
    """A copy of a module with the values of each of its parameters in random order."""
    copied = copy.deepcopy(module)
    generator = torch.Generator().manual_seed(seed)
    for parameter in copied.parameters():
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return copied


class ScoreTable:
    """Scores that are computed once for each sample, in batches, with progress.

    Args:
        score: of a batch.
        batch: samples at a time.
        advance: told how many samples are done, after each batch.
    """

    def __init__(self, score: Score, batch: int = BATCH, advance: Callable[[int], None] | None = None) -> None:
        if batch < 1:
            raise ValueError(f"batch must be at least 1, not {batch}")
        self.score = score
        self.batch = batch
        self.advance = advance
        self.known: dict[bytes, Tensor] = {}

    def __call__(self, keep: Tensor) -> Tensor:
        """(n, supervoxels) to (n, targets); rows that were asked for before are looked up."""
        names = [row.numpy().tobytes() for row in keep.bool()]
        missing = list({name: n for n, name in enumerate(names) if name not in self.known}.values())
        for start in range(0, len(missing), self.batch):
            chosen = missing[start : start + self.batch]
            scores = self.score(keep[chosen].bool())
            self.known.update(zip((names[n] for n in chosen), scores, strict=True))
            if self.advance is not None:
                self.advance(len(chosen))
        return torch.stack([self.known[name] for name in names])
