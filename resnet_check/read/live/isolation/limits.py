"""Resource limits: what one process may use, by the means of every Unix."""

from __future__ import annotations

import contextlib
import os
import sys
from types import ModuleType

from resnet_check.read.live.protocol import Limits

try:  # here, since nothing can be imported any more once files are out of reach
    import resource as _resource
except ImportError:
    resource: ModuleType | None = None
else:
    resource = _resource

GRACE = 3
"""Seconds of processor time between the signal that says that they are used up and the end."""


def restrict(limits: Limits) -> bool:
    """Set the limits of this process; return whether those on time, memory and files hold."""
    if resource is None:
        return False
    memory = limits.memory + _taken()
    wanted = {
        "RLIMIT_CPU": (limits.cpu, limits.cpu + GRACE),
        "RLIMIT_AS": (memory, memory),
        "RLIMIT_FSIZE": (limits.file, limits.file),
        "RLIMIT_NOFILE": (limits.open_files, limits.open_files),
        "RLIMIT_CORE": (0, 0),
    }
    held = [_set(name, *pair) for name, pair in wanted.items()]
    return all(held)


def forbid_processes() -> None:
    """Let this process start no other: for systems without a filter of system calls.

    The limit counts threads too on Linux, so that it would keep from working what a filter leaves alone; root is not bound.
    """
    _set("RLIMIT_NPROC", 0, 0)


def _taken() -> int:
    """Return the bytes of address space that this process has already, 0 where the system does not tell.

    Torch with libraries for graphics cards reserves many gigabytes on its import, of which the model has nothing.
    """
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _set(name: str, soft: int, hard: int) -> bool:
    """Set one limit, never above what holds already; return whether it holds now."""
    kind = getattr(resource, name, None)
    if kind is None or (name == "RLIMIT_AS" and sys.platform == "darwin"):  # macOS takes it and ignores it
        return False
    infinite, get, put = (getattr(resource, word) for word in ("RLIM_INFINITY", "getrlimit", "setrlimit"))
    soft, hard = (min(new, old) if old != infinite else new for new, old in zip((soft, hard), get(kind), strict=True))
    with contextlib.suppress(ValueError, OSError):
        put(kind, (soft, hard))
        return True
    return False
