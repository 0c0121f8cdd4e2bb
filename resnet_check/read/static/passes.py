"""Forward passes of a model: one at the size being looked at, and as many more as other sizes go other ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from resnet_check.graph.dim import Dim, symbol
from resnet_check.graph.operators.base import Checks
from resnet_check.graph.records import Guard, Problem, Site
from resnet_check.graph.sizes import FINISHES, OPEN, ranges, verdicts
from resnet_check.read.static.calling import plan_of
from resnet_check.read.static.hosted import call_value
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.trace import Registry, Trace
from resnet_check.read.static.values import Function, Instance, Opaque, Raised, Tensor, Undetermined
from resnet_check.read.static.weighing import weigh

SPATIAL = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
"""The names of the free sizes behind batch and channels."""

BATCH = 2
MAX_SIZE = 1024
MAX_PASSES = 40
MAX_OUTPUTS = 10_000

NOT_FATAL = frozenset({"mode-set-in-forward", "inplace-changes-identity"})
"""Problems with which torch goes on."""

NOT_FATAL |= {"result-discarded", "return-inside-loop", "shadowed-module", "late-binding-closure"}


@dataclass(slots=True)
class Pass:
    """What one forward pass gave."""

    trace: Trace
    output: Any
    guards: list[Guard]
    problems: list[Problem]
    losses: list[Opaque] = field(default_factory=list)
    raised: Raised | None = None

    @property
    def fatal(self) -> bool:
        """Whether torch raises on this pass."""
        return self.raised is not None or any(p.kind not in NOT_FATAL for p in self.problems)

    @property
    def outputs(self) -> dict[int, list[Any]]:
        """What the calls of each module gave, by its index, as long as nothing had gone wrong."""
        fatal = (index for index, problem in enumerate(self.problems) if problem.kind not in NOT_FATAL)
        allowed = next(fatal, len(self.problems))
        return {
            index: [shapes for problems, shapes in left if problems <= allowed]
            for index, left in self.trace.left.items()
        }

    @property
    def unknown(self) -> Opaque | None:
        """Why the result is not known, or None."""
        return self.losses[0] if self.losses else unknown_leaf(self.output)


def unknown_leaf(value: Any) -> Opaque | None:
    """Return the first unknown in what forward returns."""
    if isinstance(value, Opaque):
        return value
    if isinstance(value, (list, tuple)):
        return next((u for u in map(unknown_leaf, value) if u is not None), None)
    if isinstance(value, dict):
        return unknown_leaf(list(value.values()))
    if isinstance(value, Instance) and not value.is_module:
        return unknown_leaf(list(value.attributes.values()))
    return None


def free_shape(channels: int | None, sizes: tuple[int, ...]) -> tuple[Any, ...]:
    """Return the symbolic shape of an input: batch, channels (None for a vector of features), and spatial sizes."""
    shape: list[Any] = [symbol("N", BATCH)]
    if channels is not None:
        shape.append(channels)
    shape.extend(symbol(name, size) for name, size in zip(SPATIAL.get(len(sizes), ()), sizes, strict=True))
    return tuple(shape)


def of_size(shape: tuple[Any, ...], size: int) -> tuple[Any, ...]:
    """Return an input of the same kind with another size in each direction."""
    return tuple([symbol(str(s), size) if isinstance(s, Dim) and str(s) != "N" else s for s in shape])


def looked_at(shape: tuple[Any, ...]) -> dict[str, int]:
    """Return the spatial sizes of an input by their names."""
    return {str(size): size.value for size in shape if isinstance(size, Dim) and str(size) != "N"}


def run(
    interpreter: Interpreter, root: Instance, registry: Registry, shape: tuple[Any, ...], site: Site, *, training: bool
) -> Pass:
    """Run forward once on an input of the given shape."""
    trace = Trace(registry)
    saved = interpreter.problems, interpreter.losses, interpreter.checks, interpreter.training
    interpreter.problems, interpreter.losses, interpreter.checks = [], list(saved[1]), Checks()
    interpreter.trace, interpreter.training = trace, training
    interpreter.module_stack, interpreter.modes, interpreter.handlers = [], [], []
    interpreter.ran = interpreter.dropped = None
    interpreter.replays, interpreter.replayed = {}, {}
    tensor = Tensor(shape)
    trace.input(tensor, site)
    result = Pass(trace, None, [], interpreter.problems, interpreter.losses)
    try:
        result.output = call_value(interpreter, site, root, *inputs_of(root, tensor, site))
        weigh(interpreter, result.output, MAX_OUTPUTS)
        mark_returned(trace, result.output)
        for activation, reader in trace.changed_identities():
            op = trace.ops[activation]
            interpreter.problem("inplace-changes-identity", op.site, op_index=activation, reader=reader)
    except Raised as raised:
        result.raised = raised
    except Undetermined as undetermined:
        result.output = undetermined.opaque
    finally:
        result.guards = list(interpreter.checks.guards)
        interpreter.problems, interpreter.losses, interpreter.checks, interpreter.training = saved
        interpreter.trace = None
        interpreter.depth = 0
    return result


def inputs_of(root: Instance, tensor: Tensor, site: Site) -> tuple[Any, ...]:
    """Return the arguments of the root's forward: the image, and unknown values for whatever else it requires."""
    found = root.attributes.get("forward") or root.cls.find("forward")
    forward = found[0] if isinstance(found, tuple) else found
    if not isinstance(forward, Function):
        return (tensor,)
    positional, _, star, _, _ = plan_of(forward)
    names = positional[1:] if isinstance(found, tuple) else positional
    if not names and star is None:
        return ()
    required = names[1 : len(names) - len(forward.defaults)]
    return (tensor, *(Opaque(f"what `forward` gets as `{name}`", site) for name in required))


def mark_returned(trace: Trace, value: Any) -> None:
    """Mark the Ops whose outputs are in what forward returns."""
    if isinstance(value, Tensor):
        if value.trace is trace:
            trace.ops[value.op].returned = True
    elif isinstance(value, (list, tuple)):
        for one in value:
            mark_returned(trace, one)
    elif isinstance(value, dict):
        mark_returned(trace, list(value.values()))
    elif isinstance(value, Instance) and not value.is_module:
        mark_returned(trace, [value.payload, *value.attributes.values()])


Explored = list[tuple[int, int]] | None


def accepted_sizes(
    interpreter: Interpreter, root: Instance, registry: Registry, shape: tuple[Any, ...], first: Pass, site: Site
) -> Explored:
    """Return the ranges of square sizes in 1..1024 at which forward finishes, or None where that is not known.

    The Guards of a pass decide every size whose decisions come out as they did on that pass. A size at which one comes
    out differently needs a pass of its own, which in turn decides for all that go the same way.
    """
    names = [str(size) for size in shape if isinstance(size, Dim)]
    spatial = [name for name in names if name != "N"]
    if not spatial:
        return None
    open_sizes = list(range(1, MAX_SIZE + 1))
    accepted: list[int] = []
    current: Pass | None = first
    for _ in range(MAX_PASSES):
        if current is None or (current.unknown is not None and not current.fatal):
            return None
        good, open_sizes = decide(current, open_sizes, spatial)
        accepted.extend(good)
        if not open_sizes:
            return ranges(sorted(accepted))
        size = open_sizes[len(open_sizes) // 2]
        current = run(interpreter, root, registry, of_size(shape, size), site, training=False)
    return None


def decide(done: Pass, sizes: list[int], names: list[str]) -> tuple[list[int], list[int]]:
    """Return the sizes that a pass shows to be accepted, and those that it says nothing about."""
    found = verdicts(done.guards, dict.fromkeys(names, sizes) | {"N": [BATCH] * len(sizes)})
    good = [] if done.fatal else [s for s, known in zip(sizes, found, strict=True) if known == FINISHES]
    return good, [s for s, known in zip(sizes, found, strict=True) if known == OPEN]


def mended_sizes(done: Pass, names: list[str]) -> set[int]:
    """Return the square sizes at which the required conditions that failed would hold."""
    if not names:
        return set()
    sizes = list(range(1, MAX_SIZE + 1))
    failed = [guard._replace(held=True) for guard in done.guards if guard.required and not guard.held]
    found = verdicts(failed, dict.fromkeys(names, sizes) | {"N": [BATCH] * len(sizes)})
    return {size for size, known in zip(sizes, found, strict=True) if known == FINISHES}
