"""A filter of system calls: no network, no other processes, no change of a file that is not opened for it.

The numbers are those of ``asm/unistd.h``, the instructions those of ``linux/bpf_common.h`` and ``linux/seccomp.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Iterator
from typing import NamedTuple

from resnet_check.read.live.isolation.kernel import no_new_privileges, syscall

DENIED = {
    # The network, and what does input and output past the filter.
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "io_uring_setup": (425, 425),
    # Other processes: new ones, their memory, signals to them, leaving the group that is ended together.
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "setsid": (112, 157), "setpgid": (109, 154),
    # What changes files without opening them, of which Landlock knows nothing.
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "truncate": (76, 45), "mknod": (133, None), "mknodat": (259, 33), "open_by_handle_at": (304, 265),
    # What outlives its process.
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # The system itself.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "syslog": (103, 116), "iopl": (172, None), "ioperm": (173, None),
}  # fmt: skip
"""The denied system calls: their numbers on x86_64 and on aarch64."""

CLONE, CLONE3 = (56, 220), (435, 435)
KILL, TGKILL, PRLIMIT = (62, 129), (234, 131), (302, 261)
SECCOMP = (317, 277)

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""For each processor the column of the table, and its name in a filter."""

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, END = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16
"""Offsets in what a filter looks at."""

CLONE_THREAD = 0x10000
X32 = 0x40000000
"""From this number on, the system calls of another interface of x86_64."""


class Step(NamedTuple):
    """One instruction of a filter: operation, steps to skip if so and if not, operand."""

    code: int
    if_so: int
    if_not: int
    operand: int


class _Step(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("so", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Step)))


def restrict() -> bool:
    """Put up the filter for all threads of this process; return whether it stands."""
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return False
    column, machine = MACHINES[platform.machine()]
    steps = [_Step(*step) for step in program(column, machine, os.getpid())]
    whole = _Program(len(steps), (_Step * len(steps))(*steps))
    for_all_threads = 1
    return no_new_privileges() and syscall(SECCOMP[column], 1, for_all_threads, ctypes.byref(whole)) == 0


def program(column: int, machine: int, pid: int) -> Iterator[Step]:
    """Yield the instructions: a call is refused with EPERM if it is denied, or meant for another process than this."""
    refuse = Step(RETURN, 0, 0, REFUSE | errno.EPERM)
    allow = Step(RETURN, 0, 0, ALLOW)
    yield Step(LOAD, 0, 0, MACHINE)
    yield Step(EQUAL, 1, 0, machine)
    yield Step(RETURN, 0, 0, END)
    yield Step(LOAD, 0, 0, NUMBER)
    yield Step(AT_LEAST, 0, 1, X32)
    yield refuse
    # The C library takes clone, whose flags a filter can see, where there is no clone3.
    yield Step(EQUAL, 0, 1, CLONE3[column])
    yield Step(RETURN, 0, 0, REFUSE | errno.ENOSYS)
    yield Step(EQUAL, 0, 4, CLONE[column])
    yield Step(LOAD, 0, 0, FIRST_ARGUMENT)
    yield Step(ANY_BIT, 0, 1, CLONE_THREAD)
    yield allow
    yield refuse
    for numbers, harmless in ((KILL, (pid,)), (TGKILL, (pid,)), (PRLIMIT, (0, pid))):
        yield Step(EQUAL, 0, 3 + len(harmless), numbers[column])
        yield Step(LOAD, 0, 0, FIRST_ARGUMENT)
        for position, number in enumerate(harmless):
            # Over the other comparisons and the refusal, to the permission.
            yield Step(EQUAL, len(harmless) - position, 0, number)
        yield refuse
        yield allow
    for denied in DENIED.values():
        if (call := denied[column]) is not None:
            yield Step(EQUAL, 0, 1, call)
            yield refuse
    yield allow
