"""System calls that Python has no function for."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

SET_PDEATHSIG, SET_NO_NEW_PRIVS, SET_CHILD_SUBREAPER = 1, 38, 36
"""The options of ``prctl`` that are used here (``linux/prctl.h``)."""


@cache
def _library() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: Any) -> int:
    """Return what a system call of Linux returns, -1 where it fails."""
    call = _library().syscall
    call.restype = ctypes.c_long
    return int(call(ctypes.c_long(number), *(ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments)))


def prctl(option: int, value: int) -> bool:
    """Change something about this process; return whether that was possible."""
    function = getattr(_library(), "prctl", None)
    return function is not None and function(option, *(ctypes.c_ulong(n) for n in (value, 0, 0, 0))) == 0


def no_new_privileges() -> bool:
    """Give up gaining rights, which the kernel asks for before it lets a process restrict itself."""
    return prctl(SET_NO_NEW_PRIVS, 1)
