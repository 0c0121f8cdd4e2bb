"""The worker: one process for a run. It imports torch once and forks a child for each model, which it watches and ends.

It is started by `resnet_check.read.live.session` and talks over its standard input and output. It runs no code of a model.
When its input ends, because the tool has gone, it ends its child and itself.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import site
import sys
import sysconfig
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NoReturn

from resnet_check.read.live import protocol
from resnet_check.read.live.isolation import Fence, isolate
from resnet_check.read.live.isolation.kernel import SET_CHILD_SUBREAPER, prctl
from resnet_check.read.live.protocol import Ended, Limits, Ready, Request

SYSTEM = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime", "/dev/urandom",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems", "/proc/sys/kernel",
    "/proc/self", "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm",
)  # fmt: skip
"""What Python and torch read of the system: libraries, and how many processors and how much memory there are."""

TICK = 0.05
"""Seconds between two looks at whether the child is still there."""

WARM_FROM = 2
"""From so many models on it pays to do what all children would do before they are forked."""


def main(models: int) -> NoReturn:
    """Answer requests until there are none; the folder given as current one goes with the worker."""
    folder = os.getcwd()
    answers = os.dup(1)
    requests = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for each in (0, 1):
        os.dup2(nothing, each)
    os.close(nothing)
    prctl(SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):
        try:
            _send(answers, Ready(_layers(folder)))
            problem = None
            for number, request in enumerate(_requests(requests)):
                if number == 0:
                    problem = _import_torch(warm=models >= WARM_FROM)
                _send(answers, problem or _run(request, requests, os.path.join(folder, str(number))))
        finally:
            os.chdir("/")
            shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # Python would take a second to give back what torch holds


def _send(answers: int, record: protocol.Record) -> None:
    line = protocol.encode(record)
    while line:
        line = line[os.write(answers, line) :]


def _requests(source: int) -> Iterator[Request]:
    with open(source, "rb", buffering=0, closefd=False) as lines:
        for line in lines:
            request = protocol.decode(line)
            if isinstance(request, Request):
                yield request


def _layers(folder: str) -> list[str]:
    """Return the layers of the isolation that stand, tried in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, " ".join(isolate(Fence([], folder, Limits()))).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        found = file.read().decode()
    os.waitpid(pid, 0)
    return found.split()


def _import_torch(*, warm: bool) -> Ended | None:
    """Import what every child needs; return why that cannot be."""
    try:
        import torch

        import resnet_check.read.live.tracer  # noqa: F401 - what the children import
    except Exception as error:  # noqa: BLE001 - a broken installation may raise anything
        words = " ".join(str(error).split())
        return Ended("torch", lines=[f"{type(error).__name__}: {words}"[: protocol.LONGEST]])
    torch.set_num_threads(1)
    if warm:
        _warm()
    gc.freeze()  # a child that collects its garbage shall not go through all that torch holds, and copy it for that
    return None


def _warm() -> None:
    """Do once, for a small network, what the children will do: what that imports, no child has to import.

    Torch has one thread here, so that nothing but this thread exists when a child is forked.
    """
    from torch import nn

    from resnet_check.properties import Subject, run
    from resnet_check.read.live.tracer import trace

    def build() -> nn.Module:
        stem = (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1))
        return nn.Sequential(*stem, nn.Flatten(), nn.Linear(4, 2))

    traced = trace(build(), input_shape=(3, 8, 8))
    with contextlib.suppress(Exception):  # the children will meet it again, each in a process that may end
        run(Subject(build, traced.name, model=traced))


def readable() -> list[str]:
    """Return what every child may read besides its project: Python, what is installed, and a little of the system."""
    folders = (sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), *sys.path)
    with contextlib.suppress(AttributeError):  # not every Python has them
        folders = (*folders, *site.getsitepackages())
    home = os.path.expanduser("~")
    found = (os.path.realpath(folder) for folder in folders if folder)
    return [*(folder for folder in dict.fromkeys(found) if folder not in {"/", home}), *SYSTEM]


@lru_cache(maxsize=1)
def _static(path: str, size: tuple[int, ...]) -> dict[str, Any]:
    """Return the models that the static reader finds in a file, looked at with inputs of a size if one is given."""
    from resnet_check.read.reading import ReadOptions
    from resnet_check.read.static.reader import read
    from resnet_check.source import read_source

    try:
        return {
            model.name: model for model in read(read_source(path), ReadOptions(size or None)).models if not model.trial
        }
    except Exception:  # noqa: BLE001 - what the static check says of it is said there
        return {}


def _run(request: Request, requests: int, folder: str) -> Ended:
    """Fork a child for a model and return how it ended, when nothing is left of it."""
    from resnet_check.read.live import child

    static = _static(request.path, tuple(request.size or ())).get(request.name) if request.known else None
    os.mkdir(folder)
    answer, output = os.pipe(), os.pipe()
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        child.main(request, (answer[1], output[1]), folder, readable(), static)
    os.close(answer[1])
    os.close(output[1])
    try:
        watched = Watched(pid, answer[0], output[0], request.bounds)
        return watched.wait(requests)._replace(seconds=time.monotonic() - start)
    finally:
        os.close(answer[0])
        os.close(output[0])
        shutil.rmtree(folder, ignore_errors=True)


class Watched:
    """A child: what it said, how much it printed, and whether it is still there."""

    def __init__(self, pid: int, answer: int, output: int, limits: Limits) -> None:
        self.pid = pid
        self.open = {answer, output}
        self.answer = answer
        self.limits = limits
        self.said = bytearray()
        self.printed = 0

    def wait(self, requests: int) -> Ended:
        """Read until the child has ended or must end, and end all that it started."""
        deadline = time.monotonic() + self.limits.wall
        how = ""
        ended = None
        while not how and ended is None:
            self._read(TICK)
            ended = self._gone()
            how = self._exceeded(deadline)
            if _is_closed(requests):
                how = "wall"
        self._end()
        status, cpu = ended or self._gone(block=True) or (0, 0.0)
        for _ in range(1000):  # what was still in the pipes
            if not self._read(0):
                break
        code = os.waitstatus_to_exitcode(status)
        how = how or ("exit" if code >= 0 else "signal")
        lines = self.said[: int(self.limits.said)].decode("utf-8", "replace").split("\n")
        return Ended(how, abs(code), cpu, printed=self.printed, lines=[line for line in lines if line])

    def _read(self, seconds: float) -> bool:
        """Read what is there, waiting a little for it; return whether there was something."""
        if not self.open:
            time.sleep(min(seconds, 0.002))  # it is just about to end
            return False
        ready, _, _ = select.select(list(self.open), [], [], seconds)
        found = False
        for each in ready:
            data = os.read(each, 1 << 16)
            found = found or bool(data)
            if not data:
                self.open.discard(each)
            elif each != self.answer:
                self.printed += len(data)
            elif len(self.said) <= self.limits.said:
                self.said += data
        return found

    def _exceeded(self, deadline: float) -> str:
        """Return the limit that the child is over, nothing while it is over none."""
        over = {
            "wall": time.monotonic() > deadline,
            "printed": self.printed > self.limits.printed,
            "said": len(self.said) > self.limits.said,
        }
        return next((name for name, is_over in over.items() if is_over), "")

    def _gone(self, *, block: bool = False) -> tuple[int, float] | None:
        """Return the status and the processor seconds of the child once it has ended."""
        pid, status, usage = os.wait4(self.pid, 0 if block else os.WNOHANG)
        return (status, usage.ru_utime + usage.ru_stime) if pid else None

    def _end(self) -> None:
        """End every process of the child's group, and those that left it and so became children of the worker."""
        for _ in range(100):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            strays = [pid for pid in _children() if pid != self.pid]
            if not strays:
                return
            for pid in strays:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)


def _children() -> list[int]:
    """Return the children of this process, where the system tells."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _is_closed(requests: int) -> bool:
    """Return whether the tool has gone away; it sends nothing while it waits for an answer."""
    poll = select.poll()
    poll.register(requests, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
