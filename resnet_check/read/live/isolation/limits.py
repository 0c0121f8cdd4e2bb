"""Resource limits: what one process may use, by the means of every Unix."""

from __future__ import annotations

import contextlib
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
    wanted = {
        "RLIMIT_CPU": (limits.cpu, limits.cpu + GRACE),
        "RLIMIT_AS": (limits.memory, limits.memory),
        "RLIMIT_FSIZE": (limits.file, limits.file),
        "RLIMIT_NOFILE": (limits.open_files, limits.open_files),
        "RLIMIT_CORE": (0, 0),
    }
    held = [_set(name, *pair) for name, pair in wanted.items()]
    # Counts all processes of the user, and does not bind root: of use only where no filter denies new processes.
    _set("RLIMIT_NPROC", 0, 0)
    return all(held)


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
