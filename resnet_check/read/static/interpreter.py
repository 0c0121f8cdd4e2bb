"""The interpreter's state and its main loop: evaluate expressions, execute statements, within a budget."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable
from typing import Any

from resnet_check.graph.operators.base import Checks
from resnet_check.graph.records import Problem, Site
from resnet_check.read.static.frames import Frame
from resnet_check.read.static.repeats import is_fixed, is_settled
from resnet_check.read.static.values import BudgetExceeded, Opaque, Raised, Undetermined

MAX_DEPTH = 160
"""Nested calls of functions and objects of the interpreted program; real models stay below sixty."""

MAX_ITEMS = 1_000_000
"""Elements of one list, characters of one string."""


STUMBLES: tuple[type[Exception], ...] = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
"""What Python raises where the reader meets values that it was not written for: what comes of them is unknown."""


def stumbled(error: Exception) -> str:
    """Return the reason for what is unknown because of an exception in the reader."""
    return f"values that are not read here ({type(error).__name__})"


class Interpreter:
    """What is shared while one file is read."""

    def __init__(self, *, max_steps: int, deadline: float) -> None:
        self.steps = 0
        self.max_steps = max_steps
        self.deadline = deadline
        self.depth = 0
        self.checks = Checks()
        self.trace: Any = None
        """The forward pass being recorded, or None."""
        self.problems: list[Problem] = []
        self.stop: Callable[[Problem], bool] | None = None
        """Says at which problem reading ends."""
        self.losses: list[Opaque] = []
        """Decisions that rested on something unknown: nothing that is found after one is reported."""
        self.handlers: list[tuple[str, ...]] = []
        """The exception classes that the surrounding ``try`` statements of the program catch, innermost last."""
        self.training = False
        self.training_read = False
        self.files: Any = None
        self.instances: list[Any] = []
        """Modules built, in order."""
        self.module_stack: list[Any] = []
        """Modules whose forward is running, innermost last."""
        self.modes: list[str] = []
        """Context managers of torch that are open (``no_grad``)."""
        self.ran: list[Any] | None = None
        """The functions of the program that ran, while they are being noted."""
        self.dropped: Site | None = None
        """The place of the call whose value the running statement drops."""
        self.current_frame: Any = None
        """The scope of the latest call of a native function."""
        self.touched = 0
        """How often something happened that keeps a running constructor from being remembered (see `repeats`)."""
        self.repeats: dict[Any, Any] = {}
        """What constructors made, by class and arguments."""
        self.remembered = 0
        """The number of modules in that."""
        self.replays: dict[Any, Any] = {}
        """What calls of modules did, by module and inputs (see `replays`)."""
        self.replayed: dict[Any, int] = {}
        """How often that was of use, by class."""
        self.shared: dict[int, Any] = {}
        """Lists and the like that were read from outside of a function, by their identity."""
        self.rebuilds = False
        """Whether the file is a program too, which may build its networks once more."""
        self.exposed = False
        """Whether the program got hold of its global names as a dict, and may change them unseen."""

    def tick(self, steps: int = 1) -> None:
        """Count work done; raises `BudgetExceeded` when the budget of steps or of processor time is used up."""
        self.steps += steps
        if self.steps > self.max_steps:
            reason = f"more than {self.max_steps} steps"
            raise BudgetExceeded(reason)
        if self.steps & 4095 < steps and time.process_time() > self.deadline:
            reason = "the time limit"
            raise BudgetExceeded(reason)

    def outside(self, value: Any) -> Any:
        """Return a value that is read from outside of a running function, and note if it may change unseen."""
        if not is_fixed(value) and not is_settled(value, self.shared):
            self.touched += 1
        return value

    def mutates(self, container: Any) -> None:
        """Note that a list or the like is about to change."""
        if id(container) in self.shared:
            self.shared.clear()
            self.changed()

    def changed(self) -> None:
        """Note that something was changed that whatever runs later may see."""
        self.touched += 1
        self.repeats.clear()
        self.replays.clear()
        self.remembered = 0

    def enter(self) -> None:
        """Count a call that begins; raises `BudgetExceeded` for one too deep inside of others."""
        if self.depth >= MAX_DEPTH:
            reason = f"calls nested more than {MAX_DEPTH} deep"
            raise BudgetExceeded(reason)
        self.depth += 1

    def lose(self, opaque: Opaque) -> None:
        """Note that from here on the program may have done something that was not seen."""
        self.touched += 1
        self.losses.append(opaque)

    def problem(self, kind: str, site: Site, **facts: Any) -> None:
        """Note a mistake, unless something that was not understood came before it."""
        self.touched += 1
        if self.losses:
            return
        module = self.module_stack[-1].path if self.module_stack else ""
        problem = Problem(kind, site, module, facts)
        self.problems.append(problem)
        if self.stop is not None and self.stop(problem):
            message = "a problem was enough"
            raise BudgetExceeded(message)

    def error(self, exception: str, kind: str, site: Site, **facts: Any) -> Opaque:
        """Raise an exception where the program handles it; else note the mistake and go on with an unknown value."""
        if self.catches(exception):
            raise Raised(exception_value(exception, facts.get("message", "")), site, explicit=False)
        self.problem(kind, site, **facts)
        return Opaque(f"after a mistake ({kind})", site)

    def catches(self, exception: str) -> bool:
        """Return whether a surrounding ``try`` catches the exception."""
        self.touched += 1
        wanted = ANCESTORS.get(exception, (exception, "Exception"))
        return any(name in wanted for names in self.handlers for name in names)

    def evaluate(self, node: ast.expr, frame: Frame) -> Any:
        """Return the value of an expression."""
        return EXPRESSIONS[node.__class__](self, node, frame)

    def execute(self, body: list[ast.stmt], frame: Frame) -> Any:
        """Execute statements; returns None, or a signal (see `statements`) when control leaves the block."""
        for statement in body:
            self.tick()
            try:
                signal = STATEMENTS[statement.__class__](self, statement, frame)
            except STUMBLES as error:
                raise Undetermined(Opaque(stumbled(error), frame.site(statement))) from error
            if signal is not None:
                return signal
        return None


ANCESTORS = {
    name: (*(cls.__name__ for cls in exception.__mro__), *(("EnvironmentError",) if exception is OSError else ()))
    for name, exception in vars(__import__("builtins")).items()
    if isinstance(exception, type) and issubclass(exception, BaseException)
}
"""The names of Python's exceptions with those of their ancestors."""


def exception_value(name: str, message: str) -> Any:
    """Return an exception of Python's with a message, as a value of the program."""
    from resnet_check.read.static.python_types import exception_class
    from resnet_check.read.static.values import Instance

    value = Instance(exception_class(name))
    value.attributes["args"] = (message,)
    return value


EXPRESSIONS: dict[type, Any] = {}
STATEMENTS: dict[type, Any] = {}
