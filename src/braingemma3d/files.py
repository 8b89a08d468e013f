"""Writing without leaving anything half-written, and hashing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from braingemma3d.errors import InputError

LEFT_BEHIND_S = 600
"""Seconds after which nobody writes to an unfinished file any more."""
_SET_ASIDE = ".old"
_PARTIAL_FILE = re.compile(r"\.\d+\.partial-.+")
_PARTIAL_FOLDER = re.compile(rf"\.(.+)\.partial-[0-9a-f]{{8}}({re.escape(_SET_ASIDE)})?")
"""Names that :func:`new_file` and :func:`new_folder` give to what they have not finished."""
_OF_DESKTOPS = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What file managers leave in a folder that somebody has looked into."""


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, that takes the place of ``target`` only when the block ends without an error.

    An existing folder is replaced with all that it holds. The folder being filled lies beside it, hidden, under a name
    with ``.partial``. Of a link to a folder, the folder is replaced.

    Raises:
        OSError: ``target`` is something else than a folder, or can't be written.
    """
    target = target.resolve()
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial-{secrets.token_hex(4)}")
    partial.mkdir()
    try:
        yield partial
        _swap(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _swap(new: Path, target: Path) -> None:
    if not target.exists():
        new.rename(target)
        return
    old = new.with_name(new.name + _SET_ASIDE)
    # Another process takes an old folder that lies aside for one that was left behind.
    os.utime(target)
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A path to write to, that takes the place of ``target`` only when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{os.getpid()}.partial-{target.name}")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def new_text(target: Path, text: str) -> None:
    """Write a text file as :func:`new_file` does, in UTF-8."""
    with new_file(target) as partial:
        partial.write_text(text, encoding="utf-8")


def remove_left_behind(folder: Path) -> None:
    """Remove what :func:`new_file` and :func:`new_folder` had not finished in a folder when their process was killed.

    What stood in the place of a new folder, and had been set aside for it, gets its name back. A younger one than
    :data:`LEFT_BEHIND_S` may be of another process that is at work there.
    """
    for partial in folder.glob(".*.partial-*"):
        known = (_PARTIAL_FOLDER if partial.is_dir() else _PARTIAL_FILE).fullmatch(partial.name)
        if known is None:
            continue
        with suppress(FileNotFoundError):
            newest = max(path.stat().st_mtime for path in (partial, *partial.rglob("*")))
            if time.time() - newest <= LEFT_BEHIND_S:
                continue
            if not partial.is_dir():
                partial.unlink()
            elif known[2] and not (folder / known[1]).exists():
                partial.rename(folder / known[1])
            else:
                shutil.rmtree(partial)


def claim(path: Path, text: str) -> bool:
    """Write a folder's settings, unless others are there already, which must not be mixed with these.

    Returns:
        Whether the file now holds the text.
    """
    if path.is_file():
        return path.read_bytes() == text.encode()
    new_text(path, text)
    return True


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Keep other processes out of a folder while the block runs; the lock ends with its process, however that ends.

    Args:
        lock: a file in the folder.
        what: is at work there, such as ``training``.

    Raises:
        InputError: another process is at work there.
    """
    try:
        held = FileLock(lock).acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"{lock.parent}: another {what} is at work here; wait for it or choose another --out", "bad_option"
        ) from error
    with held:
        yield


def refuse_folder(folder: Path, known: Collection[str], what: str) -> None:
    """Make sure that a folder can be replaced as a whole, and that nothing is lost by it.

    Args:
        folder: may not exist yet.
        known: names of the files that may be replaced.
        what: they are, such as ``a report``.

    Raises:
        InputError: it is no folder, a mounted one, or holds other things.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: not a folder; choose another --out", "bad_option")
    if folder.is_mount():
        raise InputError(f"{folder}: a mounted folder can't be replaced; choose one inside it with --out", "bad_option")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    others = sorted(name for name in names - {*known, *_OF_DESKTOPS} if not name.startswith("._"))
    if others:
        raise InputError(
            f"{folder}: this folder holds other things than {what} ({others[0]}); choose another --out", "bad_option"
        )


def refuse_unwritable(folder: Path) -> None:
    """Make sure that a folder can be made and written to, before hours of work.

    Raises:
        InputError: what is there of it is no folder, or can't be written to.
    """
    nearest = next(there for there in (folder.absolute(), *folder.absolute().parents) if there.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise InputError(f"{nearest}: not a folder that can be written to; choose another with --out", "bad_option")


def json_lines(path: Path, what: str) -> Iterator[tuple[int, Any]]:
    """What the lines of a JSONL file hold, each with its number from 1; empty lines and a byte order mark are left out.

    Args:
        path: the file.
        what: it is, such as ``manifest``.

    Raises:
        InputError: no such file, or a line that is not JSON or could not be written again: a text in it has half of a
            surrogate pair.
    """
    try:
        # Not splitlines(): JSON leaves U+2028 and its like as they are, and reports may hold them.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such {what}; check the path") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(f"{path}: not a {what}; give a file in UTF-8 with one JSON object a line") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                value = json.loads(line)
                json.dumps(value, ensure_ascii=False).encode()
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path}: line {number} is not JSON; write one object a line") from error
            yield number, value


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
