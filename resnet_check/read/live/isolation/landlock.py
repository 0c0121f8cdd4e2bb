"""Landlock: which files this process may read and write (Linux 5.13; numbers from ``linux/landlock.h``)."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Sequence

from resnet_check.read.live.isolation.kernel import no_new_privileges, syscall

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""The system calls; these numbers are the same on every processor."""

READ_FILE, READ_DIR, WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
TRUNCATE = 1 << 14
MAKE_DEVICE = 1 << 6 | 1 << 11  # character and block devices
MAKE_SOCKET = 1 << 9
EXECUTE = 1 << 0

NUMBER_OF_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights on files each version of Landlock knows; newer ones know 16."""

CONNECT_AND_BIND = 0b11
"""The rights on TCP, from version 4."""

SCOPES = 0b11
"""From version 6: no abstract sockets and no signals of processes outside."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Return the version of Landlock that the kernel has, 0 for none."""
    return max(0, syscall(CREATE_RULESET, 0, 0, 1)) if sys.platform == "linux" else 0


def restrict(readable: Sequence[str], writable: str) -> bool:
    """Let this process read below some paths and write below one only; return whether it is so."""
    newest = version()
    if not newest:
        return False
    everything = (1 << NUMBER_OF_RIGHTS.get(newest, 16)) - 1
    wanted = _Ruleset(everything, CONNECT_AND_BIND if newest >= 4 else 0, SCOPES if newest >= 6 else 0)
    size = 8 if newest < 4 else 16 if newest < 6 else 24
    rules = syscall(CREATE_RULESET, ctypes.byref(wanted), size, 0)
    if rules < 0:
        return False
    try:
        own = everything & ~(EXECUTE | MAKE_DEVICE | MAKE_SOCKET)
        for path in readable:
            _allow(rules, path, READ_FILE | READ_DIR)
        _allow(rules, os.devnull, READ_FILE | WRITE_FILE | (TRUNCATE & everything))
        return _allow(rules, writable, own) and no_new_privileges() and syscall(RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> bool:
    """Allow some rights below a path; one that is not there needs none."""
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISDIR(os.fstat(folder).st_mode):
            rights &= READ_FILE | WRITE_FILE | TRUNCATE
        return syscall(ADD_RULE, rules, 1, ctypes.byref(_Beneath(rights, folder)), 0) == 0
    finally:
        os.close(folder)
