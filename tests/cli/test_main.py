"""The command itself."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from importlib.metadata import version

import pytest
from safetensors import SafetensorError
from typer.testing import CliRunner

from braingemma3d.cli.main import app, disk_error


def test_help_needs_none_of_the_heavy_libraries():
    heavy = "torch transformers monai nibabel scipy matplotlib pydantic numpy"
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom braingemma3d.cli.main import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"loaded = [name for name in '{heavy}'.split() if name in sys.modules]\nassert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("verb", [command.callback.__name__ for command in app.registered_commands])
def test_every_verb_explains_itself(verb):
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_version():
    assert CliRunner().invoke(app, ["--version"]).output.strip() == version("braingemma3d")


@pytest.mark.parametrize("said", [["diagnose"], ["--bogus"], ["--verbose=1", "doctor"]])
def test_a_wrong_command_line_is_one_line_and_exit_2(said):
    result = CliRunner().invoke(app, said)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "--help" in result.stderr


@pytest.mark.parametrize(
    "said",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("3932160 requested and 511872 written"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 775744 vs 775636"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["system", "numpy", "torch", "safetensors"],
)
def test_a_full_disk_is_told_however_a_library_says_it(said):
    assert (
        disk_error(said) == "writing the results: no space left on the disk; free some, and give the same command again"
    )


def test_other_errors_are_not_taken_for_one_of_the_disk():
    assert disk_error(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) == ""
    assert disk_error(OSError("can't find a vocabulary")) == ""
    assert disk_error(PermissionError(errno.EACCES, "Permission denied", "out")).startswith("out: Permission denied;")


def test_an_empty_argument_is_not_the_current_folder():
    result = CliRunner().invoke(app, ["report", "", "-o", "out"])
    assert result.exit_code == 2
    assert "an argument is empty" in result.stderr
    assert result.stderr.count("\n") == 1


def test_sigterm_ends_as_ctrl_c_does_and_any_path_can_be_printed():
    code = (
        "import os, signal, sys\nfrom braingemma3d.cli import main\n"
        "def work(**how):\n    print('\\udcff')\n    os.kill(os.getpid(), signal.SIGTERM)\n    signal.pause()\n"
        "main.app = work\n"
        "try:\n    main.main()\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    )
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=strict, check=True)
    assert done.stdout == "\\udcff\ninterrupted\n"
