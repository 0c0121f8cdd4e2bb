"""What a model's file does besides building a model, noticed by Python's audit hook at the line that does it.

The layers of the isolation keep it from happening; this says that it was tried. What a library does for itself, on its
import or in its functions, is its own matter.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any

STANDARD = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib"))
LIBRARIES = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib"))

OWN = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "")
"""The folder of this package."""

MOST = 20
"""The most effects that are told of one model."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

Tell = Callable[[str, int | None], None]
Listener = Callable[[str, tuple[Any, ...]], None]
_listeners: list[Listener] = []


def _path(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments else None


def _opened(arguments: tuple[Any, ...]) -> Any:
    path, _mode, flags = arguments
    return path if isinstance(flags, int) and flags & WRITING else None


FILES: dict[str, tuple[str, Callable[[tuple[Any, ...]], Any]]] = {
    "open": ("writes", _opened),
    "os.remove": ("deletes", _path),
    "os.rmdir": ("deletes", _path),
    "shutil.rmtree": ("deletes", _path),
    "os.rename": ("renames", _path),
    "os.truncate": ("truncates", _path),
    "os.mkdir": ("makes the folder", _path),
    "os.link": ("links", _path),
    "os.symlink": ("links", _path),
    "os.chmod": ("changes the rights of", _path),
    "os.chown": ("changes the owner of", _path),
    "os.utime": ("changes the times of", _path),
    "os.setxattr": ("changes the attributes of", _path),
}
"""Events about files: what was done, and how to find the path among the arguments (None: it is harmless)."""

OTHERS = {
    "socket.__new__": "opens a socket",
    "socket.connect": "opens a connection",
    "socket.bind": "listens to the network",
    "socket.getaddrinfo": "asks for a host on the network",
    "subprocess.Popen": "starts a process",
    "os.system": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.exec": "starts a program",
    "os.fork": "forks",
    "os.forkpty": "forks",
    "os.kill": "sends a signal",
    "os.killpg": "sends a signal",
    "builtins.input": "asks for input",
}
"""Other events, and what was done."""


@contextmanager
def watching(path: str, project: str, folder: str, tell: Tell) -> Iterator[None]:
    """Tell meanwhile what code of a project does, and at which line of the model's file; below ``folder`` it may write."""
    _install()
    own, allowed = os.path.join(project, ""), os.path.realpath(folder) if folder else ""
    known: set[tuple[str, int | None]] = set()

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        what = _words(event, arguments, allowed)
        if not what:
            return
        its_own_doing, line = _who(sys._getframe(2), path, own)  # noqa: SLF001 - the way to the caller's line
        if its_own_doing and (what, line) not in known and len(known) < MOST:
            known.add((what, line))
            tell(what, line)

    _listeners.append(listen)
    try:
        yield
    finally:
        _listeners.remove(listen)


@cache
def _install() -> None:
    """Hook into Python once: what is hooked in stays there as long as the process lives."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in FILES or event in OTHERS:
            for listen in tuple(_listeners):
                listen(event, arguments)

    sys.addaudithook(hook)


def _words(event: str, arguments: tuple[Any, ...], folder: str) -> str:
    """Return in words what an event is, nothing for one that stays below the folder."""
    if event in OTHERS:
        return OTHERS[event]
    done, find = FILES[event]
    target = find(arguments)
    if not isinstance(target, (str, bytes, os.PathLike)):
        return ""
    path = os.fsdecode(target)
    where = os.path.realpath(path)
    harmless = where == os.devnull or (folder and (where == folder or where.startswith(os.path.join(folder, ""))))
    return "" if harmless else f"{done} `{path}`"


def _who(frame: FrameType | None, path: str, project: str) -> tuple[bool, int | None]:
    """Return whether code of the project itself did it, with Python's own at most between, and the line of its file.

    So did what our own code seems to do, which does none of it: a call into C that came to the model's code, as unpickling.
    """
    innermost = True
    while frame is not None:
        file = frame.f_code.co_filename
        if innermost and not file.startswith(STANDARD):
            if file.startswith(OWN):
                return True, None
            if not file.startswith(project) and file != path:
                return False, None
            innermost = False
        elif innermost and file.startswith(LIBRARIES):
            return False, None
        if file == path:
            return True, frame.f_lineno
        frame = frame.f_back
    return not innermost, None
