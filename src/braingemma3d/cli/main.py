"""The command ``braingemma3d``: its verbs, and how errors reach the user."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import signal
import sys
import warnings
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from braingemma3d.cli.ablate import ablate
from braingemma3d.cli.demo import demo
from braingemma3d.cli.doctor import doctor
from braingemma3d.cli.evaluate import evaluate, score
from braingemma3d.cli.explain import explain
from braingemma3d.cli.output import print_error
from braingemma3d.cli.report import report
from braingemma3d.cli.simulate import simulate
from braingemma3d.cli.train import train
from braingemma3d.errors import InputError

USAGE_ERROR: Any = typer.BadParameter.__base__
"""Of click, wherever typer keeps it."""

_DISK_FULL = re.compile(
    r"No space left|requested and \d+ written|PytorchStreamWriter failed|file write failed|unexpected pos \d+ vs"
)
"""How numpy, safetensors and torch say so, without an error number."""


def disk_error(error: Exception) -> str:
    """One line for what is wrong with a file or a disk; empty for any other error."""
    place = getattr(error, "filename", None) or "writing the results"
    if _DISK_FULL.search(str(error)):
        return f"{place}: no space left on the disk; free some, and give the same command again"
    if isinstance(error, OSError) and (error.filename or error.errno in (errno.EDQUOT, errno.EIO)):
        return f"{place}: {error.strerror}; check the path, its permissions and the space left"
    return ""


class ErrorsInOneLine(TyperGroup):
    """Bad input ends in one line on stderr and exit code 2, an interruption in one line and 130."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the options that stand before a verb."""
        try:
            if "" in args[1]:
                # As a path it would be the current folder, and all that lies below.
                raise typer.BadParameter("an argument is empty; is a variable not set?")
            return super().make_context(*args, **kwargs)
        except USAGE_ERROR as error:
            self._refuse(error)

    @staticmethod
    def _refuse(error: Any) -> NoReturn:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise error
        verb = error.ctx.command_path if error.ctx else "braingemma3d"
        print_error(f"{error.format_message().rstrip('.')}; see {verb} --help")
        raise typer.Exit(2) from error

    def invoke(self, ctx: Any) -> Any:
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            print_error(str(error))
            raise typer.Exit(2) from error
        except USAGE_ERROR as error:
            self._refuse(error)
        except Exception as error:
            if not (of_disk := disk_error(error)):
                raise
            print_error(of_disk)
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            print_error("interrupted; what was finished is kept")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=ErrorsInOneLine,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)


def _version(shown: bool) -> None:
    if shown:
        from importlib.metadata import version

        print(version("braingemma3d"))
        raise typer.Exit


@app.callback()
def _root(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log what the libraries say, too."),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Radiology reports from native 3D brain MRI. A research prototype, not a medical device."""
    if verbose:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
        return
    # Libraries read these when they are first imported, which is after this.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    # It logs a second line about every damaged header, which the error line has told already.
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)
    ours = logging.getLogger("braingemma3d")
    ours.setLevel(logging.INFO)
    ours.propagate = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    ours.handlers = [handler]


app.command()(report)
app.command()(demo)
app.command()(simulate)
app.command()(train)
app.command()(evaluate)
app.command()(score)
app.command()(ablate)
app.command()(explain)
app.command()(doctor)


def main() -> None:
    """Entry point of the command."""
    # Whoever asks for an end by SIGTERM gets what Ctrl-C gives: a line, and what is finished in its list.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A path may hold what the terminal has no letters for.
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="braingemma3d")
