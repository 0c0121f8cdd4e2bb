"""Keeping a stranger's code apart: layers that hold for this process and all that it starts, each where the system has it.

Landlock says which files may be read and written, a filter of system calls (seccomp) denies the network, other processes
and what changes files without opening them, resource limits bound what is used. They are a fence around code that somebody
was going to run anyway, not a prison: whoever finds a hole in the kernel is out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from resnet_check.read.live.isolation import landlock, limits, seccomp
from resnet_check.read.live.protocol import Limits


class Fence(NamedTuple):
    """What a process may still do: read below some folders, write below one, use so much."""

    readable: Sequence[str]
    writable: str
    limits: Limits


LAYERS: dict[str, Callable[[Fence], bool]] = {
    "landlock": lambda fence: landlock.restrict(fence.readable, fence.writable),
    "seccomp": lambda _fence: seccomp.restrict(),
    "rlimits": lambda fence: limits.restrict(fence.limits),
}
"""The layers, in the order in which they are put up; each returns whether it stands."""


def isolate(fence: Fence) -> list[str]:
    """Put up every layer that the system has, for good, and return the names of those that stand."""
    standing = [name for name, restrict in LAYERS.items() if restrict(fence)]
    if "seccomp" not in standing:
        limits.forbid_processes()
    return standing
