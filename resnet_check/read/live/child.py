"""The process of one model: isolated, it builds the model, runs it once, tries its properties, and says what came of it."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from resnet_check.read.live import protocol
from resnet_check.read.live.effects import watching
from resnet_check.read.live.isolation import LAYERS, Fence, isolate
from resnet_check.read.live.isolation.kernel import SET_PDEATHSIG, prctl
from resnet_check.read.live.protocol import Done, Effect, Figures, Limits, Raised, Record, Request, Stage, Tried

IMPORT, BUILD, RUN = "import", "build", "run"
"""The stages before the properties."""

HERE = re.compile(r"cuda|nvidia|gpu", re.IGNORECASE)
"""Words of a message about a device that this machine lacks, or that the isolation does not give."""


class UsedUp(BaseException):
    """The time of the model is used up; raised wherever its code is, so that the line can be told."""


class Child:
    """What the process knows: the request, and where it says what comes of it."""

    def __init__(self, request: Request, answer: int) -> None:
        self.request = request
        self.answer = answer
        self.stage = IMPORT

    def say(self, record: Record) -> None:
        """Say something; the worker reads until the process ends."""
        with contextlib.suppress(OSError):
            line = protocol.encode(record)
            while line:
                line = line[os.write(self.answer, line) :]

    def enter(self, stage: str) -> None:
        """Say what comes next."""
        self.stage = stage
        self.say(Stage(stage))

    def raised(self, error: BaseException) -> None:
        """Say that the model's code raised."""
        self.say(
            Raised(
                self.stage,
                type(error).__name__,
                " ".join(_text(error).split())[: protocol.LONGEST],
                line_in(self.request.path, error),
                here=_is_about_this_machine(error),
            )
        )


def main(request: Request, pipes: tuple[int, int], folder: str, readable: list[str], static: Any) -> NoReturn:
    """Do all that there is to do for one model in this process, a fork of the worker's, and end it.

    ``pipes`` lead to the worker: one for what the child says, one for what the model prints.
    """
    answer, output = pipes
    child = Child(request, answer)
    try:
        _apart(answer, output, folder)
        reached = isolate(Fence([*readable, request.project], folder, request.bounds))
        if request.strict and len(reached) < len(LAYERS):
            child.say(Raised(IMPORT, "", "a layer of the isolation cannot be put up", None, here=True))
            child.say(Done())
            os._exit(0)
        with _watched(child, folder), _time(request.bounds):
            _check(child, static)
        child.say(Done())
    finally:
        os._exit(0)  # nothing of the model's, such as a function registered for the end, is run any more


def _apart(answer: int, output: int, folder: str) -> None:
    """Leave the worker: a group of processes of its own, nothing to read, output that is only counted, its own folder."""
    os.setsid()
    prctl(SET_PDEATHSIG, signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.closerange(3, answer)
    os.closerange(answer + 1, 4096)
    os.chdir(folder)
    os.environ.update(HOME=folder, TMPDIR=folder, TORCH_HOME=folder)
    sys.dont_write_bytecode = True
    sys.argv = [""]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open to the end
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _watched(child: Child, folder: str) -> Iterator[None]:
    """Tell of everything that happens beside building and running."""

    def unraisable(found: Any) -> None:
        line = line_in(child.request.path, found.exc_value) if found.exc_value is not None else None
        if isinstance(found.exc_value, UsedUp):
            child.raised(found.exc_value)
        elif line is not None:
            child.say(Effect(f"raises {found.exc_type.__name__} where nothing can catch it", line))

    sys.unraisablehook = unraisable
    path, project = child.request.path, child.request.project
    with watching(path, project, folder, lambda what, line: child.say(Effect(what, line))):
        yield


@contextlib.contextmanager
def _time(limits: Limits) -> Iterator[None]:
    """Raise `UsedUp` shortly before the time is used up, so that the line can be told; the limits themselves kill."""

    def used_up(_signal: int, _frame: Any) -> NoReturn:
        raise UsedUp

    signal.signal(signal.SIGXCPU, used_up)
    signal.signal(signal.SIGALRM, used_up)
    signal.setitimer(signal.ITIMER_REAL, 0.9 * limits.wall)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def _check(child: Child, static: Any) -> None:
    """Build, run, try; what the model raises on the way is said and ends it."""
    from resnet_check.read.live.building import NoModelError, factory

    request = child.request
    try:
        child.enter(IMPORT)
        build = factory(request)
        child.enter(BUILD)
        module = build()
        child.enter(RUN)
        traced = _run(child, module.eval(), static)
        del module
        gc.collect()  # what a `__del__` does shall be seen
        _try(child, build, traced, static)
    except NoModelError as error:
        child.say(Raised(child.stage, "", str(error), request.line, here=False))
    except BaseException as error:  # noqa: BLE001 - a model may raise anything, such as SystemExit
        child.raised(error)


def _run(child: Child, module: Any, static: Any) -> Any:
    """Run the module once and return the traced Model."""
    from resnet_check.checking import _nested
    from resnet_check.read.live.building import input_of
    from resnet_check.read.live.tracer import trace

    request = child.request
    shape = tuple(request.input or ()) or input_of(module, static)
    traced = trace(
        module,
        name=request.name,
        path=request.path,
        line=request.line,
        kind=request.kind,
        input_shape=shape,
        on_values=None,
    )
    if traced.status == "failed":
        # Without the tracer it either raises what the author would see, or it runs: then the mistake is the tracer's.
        import torch

        with torch.no_grad():
            module(torch.zeros(2, *shape))
    child.say(Figures(traced.params, traced.macs, _nested(traced.output)))
    return traced


def _try(child: Child, build: Callable[[], Any], traced: Any, static: Any) -> None:
    """Try the properties that are wanted, each by itself: a process that dies in one has said what came of the others."""
    if not child.request.properties:
        return
    from resnet_check.properties import Subject, run

    request = child.request
    subject = Subject(
        build, name=request.name, path=request.path, model=traced, static=static, seed=request.seed, like=request.like
    )
    for name in request.properties:
        child.enter(name)
        for outcome in run(subject, [name]):
            child.say(Tried(*outcome))


def line_in(path: str, error: BaseException) -> int | None:
    """Return the innermost line of a file that an exception passed."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    if line is None and isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    return line


def _text(error: BaseException) -> str:
    """Return the message of an exception, whose text may be the user's code too."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - as said
        return ""


def _is_about_this_machine(error: BaseException) -> bool:
    """Return whether another machine might do: something is not installed, not there, or not allowed here."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        if isinstance(each, (ImportError, OSError)):
            return True
        each = each.__cause__ or each.__context__
    return isinstance(error, (AssertionError, RuntimeError)) and bool(HERE.search(_text(error)))
