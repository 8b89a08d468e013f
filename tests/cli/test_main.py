"""The command itself."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from braingemma3d.cli.main import app


def test_help_needs_none_of_the_heavy_libraries():
    heavy = "torch transformers monai nibabel scipy matplotlib pydantic numpy"
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom braingemma3d.cli.main import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"loaded = [name for name in '{heavy}'.split() if name in sys.modules]\nassert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("verb", ["report", "demo", "doctor", "simulate"])
def test_every_verb_explains_itself(verb):
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_version():
    assert CliRunner().invoke(app, ["--version"]).output.strip() == version("braingemma3d")


def test_an_unknown_verb_is_exit_2():
    assert CliRunner().invoke(app, ["diagnose"]).exit_code == 2
