"""The tool's side of a live check: one worker for a run, asked for one model after the other. Torch is never imported here."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import NamedTuple, Self

from resnet_check.errors import CannotCheckError
from resnet_check.read.live import protocol
from resnet_check.read.live.protocol import Ended, Ready, Record, Request

NEEDS_TORCH = "--live needs torch, which is not installed: pip install 'resnet-check[live]'"
NEEDS_FORK = "--live runs on systems that can fork a process: Linux and macOS"

START_SECONDS = 60.0
"""How long the worker may take to start, and above a model's own time to answer: importing torch from a cold disk."""

END_SECONDS = 2.0
"""How long the worker may take to end itself and its child before it is killed."""

LONGEST_ANSWER = 32 << 20
"""The most bytes of one answer: a child's words, escaped."""

PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")
"""The variables that the worker gets: where programs and libraries are, and how text is written. No keys, no tokens."""

FIXED = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HOME": ".", "TMPDIR": "."}
"""Variables that it gets besides: no device, one thread, and a home that is its own folder."""


PROGRAM = (
    "import sys, json; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from resnet_check.read.live.worker import main; main(int(sys.argv[1]))"
)
"""What the worker runs: it imports from where this process does."""


class Result(NamedTuple):
    """What came of one request: what the child said, and how it ended. ``lost`` says that the worker did not answer."""

    request: Request
    said: tuple[Record, ...]
    ended: Ended
    lost: bool = False


class Session:
    """A worker, started when it is first needed and again when it was lost; a context manager that leaves nothing behind."""

    def __init__(self, models: int = 1) -> None:
        self.models = models
        self.layers: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = ""
        self._rest = b""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process of the worker; None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def isolation(self) -> str:
        """The layers that stand, for the report; ``none`` where there are none."""
        return "+".join(self.layers) or "none"

    def start(self) -> None:
        """Start the worker. Raises `CannotCheckError` where torch is missing, or processes cannot be forked."""
        if not hasattr(os, "fork"):
            raise CannotCheckError(NEEDS_FORK)
        if importlib.util.find_spec("torch") is None:
            raise CannotCheckError(NEEDS_TORCH)
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="resnet-check-"))
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very Python
                [sys.executable, "-I", "-B", "-c", PROGRAM, _import_path(), str(self.models)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                env={**kept, **FIXED},
                start_new_session=True,
            )
        except OSError as error:
            self.stop()
            message = f"cannot start a process: {error.strerror}"
            raise CannotCheckError(message) from error
        ready = self._answer(START_SECONDS)
        if not isinstance(ready, Ready):
            self.stop()
            message = "the process that runs the models does not start"
            raise CannotCheckError(message)
        self.layers = tuple(ready.layers)

    def run(self, request: Request) -> Result:
        """Return what comes of one model. Raises `CannotCheckError` where torch cannot be imported."""
        if self._process is None:
            self.start()
        ended = None
        with contextlib.suppress(BrokenPipeError):
            self._send(request)
            ended = self._answer(request.bounds.wall + START_SECONDS)
        if not isinstance(ended, Ended):
            self.stop()
            return Result(request, (), Ended("signal", signal.SIGKILL), lost=True)
        if ended.how == "torch":
            message = f"torch cannot be imported: {' '.join(ended.lines)}"
            raise CannotCheckError(message)
        return Result(request, protocol.said(ended.lines), ended)

    def stop(self) -> None:
        """End the worker and all that it started, and remove its folder."""
        process, self._process, self._rest = self._process, None, b""
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            try:
                # At the end of its input it ends its child; a second Ctrl-C meanwhile does not keep it from that.
                process.wait(END_SECONDS)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _send(self, request: Request) -> None:
        assert self._process is not None  # noqa: S101 - for the type checker
        assert self._process.stdin is not None  # noqa: S101 - likewise
        self._process.stdin.write(protocol.encode(request))
        self._process.stdin.flush()

    def _answer(self, seconds: float) -> Record | None:
        """Return the next record of the worker; None when it says nothing in time, or never will."""
        assert self._process is not None  # noqa: S101 - for the type checker
        assert self._process.stdout is not None  # noqa: S101 - likewise
        source = self._process.stdout.fileno()
        deadline = time.monotonic() + seconds
        data = bytearray(self._rest)
        while b"\n" not in data:
            left = deadline - time.monotonic()
            if left <= 0 or len(data) > LONGEST_ANSWER or not select.select([source], [], [], left)[0]:
                return None
            more = os.read(source, 1 << 16)
            if not more:
                return None
            data += more
        line, _, self._rest = bytes(data).partition(b"\n")
        return protocol.decode(line)


def _import_path() -> str:
    """Return, as JSON, where this process imports from, without the folder that it happens to work in."""
    import json

    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    here = os.getcwd()
    paths = [os.path.abspath(path) for path in sys.path if path and os.path.abspath(path) != here]
    return json.dumps([*dict.fromkeys([*paths, own])])
