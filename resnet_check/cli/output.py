"""Where a report goes, and whether it is coloured."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from resnet_check.errors import CannotCheckError

if TYPE_CHECKING:
    from resnet_check.report.drawing import View


def use_color(choice: str, stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether to colour what goes to a stream: ``--color`` decides, then the environment, then the stream."""
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return environment.get("TERM") != "dumb" and stream.isatty()


def view(color: str) -> View:
    """Return how to draw tables on standard output: as wide as the terminal; no line of what goes elsewhere is broken."""
    import shutil

    from resnet_check.report.drawing import View

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return View(width, color=use_color(color, sys.stdout, os.environ), unicode=_can_write("├─└│"))


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def repository_root(folder: str) -> str:
    """Return the root of the repository that a folder, given as its whole path, is in; here where it is in none."""
    root = folder
    while not os.path.exists(os.path.join(root, ".git")):
        parent = os.path.dirname(root)
        if parent == root:
            return os.path.realpath(os.curdir)
        root = parent
    return root


def repository_path(path: str) -> str:
    """Return a file's path from the root of its repository, with ``/`` between folders.

    A file that is not below that keeps its whole path. Links are followed, as git knows only where they lead.
    """
    file = os.path.realpath(path)
    folder = os.path.dirname(file)
    root = repository_root(folder)
    inside = folder == root or folder.startswith(os.path.join(root, ""))
    return (os.path.relpath(file, root) if inside else file).replace(os.sep, "/")


def write(text: str | bytes, stream: TextIO | None = None) -> None:
    """Write to a stream, standard output by default.

    A reader that has gone away is no mistake, as in ``resnet-check FILE | head``.
    """
    stream = stream or sys.stdout
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    try:
        if isinstance(text, str):
            stream.write(text)
        else:
            stream.buffer.write(text)
        stream.flush()
    except BrokenPipeError:
        # What is still in the buffer would be written, and complained about, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except OSError as error:
        message = f"cannot write to {'standard error' if stream is sys.stderr else 'standard output'}: {error.strerror}"
        raise CannotCheckError(message) from error


def write_file(path: str, text: str) -> None:
    """Write a file in one step, so that nobody ever reads half of it."""
    write_bytes(path, text.replace("\n", os.linesep).encode(errors="backslashreplace"))


def write_bytes(path: str, data: bytes) -> None:
    """Write a file's content in one step; who may read and write it stays as it was."""
    target = os.path.realpath(path)
    unfinished = f"{target}.{os.getpid()}.tmp"
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            # A device or a pipe is written to; replacing it would leave its reader waiting.
            with open(target, "wb") as file:
                file.write(data)
            return
        with open(unfinished, "xb") as file:
            file.write(data)
        if os.path.exists(target):
            os.chmod(unfinished, os.stat(target).st_mode & 0o7777)
        os.replace(unfinished, target)
    except OSError as error:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
        message = f"cannot write {path}: {error.strerror}"
        raise CannotCheckError(message) from error


def append(path: str, text: str) -> None:
    """Write at the end of a file that others write to as well."""
    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise CannotCheckError(message) from error
