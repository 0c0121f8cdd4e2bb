"""Failures that say nothing about a file: they rest on what the reader supplied, no arguments and one guessed input."""

from __future__ import annotations

import ast
from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.graph.records import Problem
from resnet_check.read.static.calling import plan_of
from resnet_check.read.static.passes import NOT_FATAL, Pass
from resnet_check.read.static.tensors import WEIGHTED
from resnet_check.read.static.values import Class, Function, Instance, Opaque, Partial, StaticMethod

OTHER_INPUTS = frozenset("list List dict Dict Mapping Sequence tuple Tuple str Batch".split())
"""Annotations of an input that is not one tensor."""

QUESTIONABLE = frozenset({"bad-call", "broadcast", "invalid-dim", "reshape", "wrong-dtype", "wrong-rank"})
"""Problems that an input of another rank, type or number of channels would not have."""


def constructor(value: Any) -> Function | None:
    """Return the function of the program that runs when a candidate is called."""
    if isinstance(value, Partial):
        return constructor(value.function)
    if isinstance(value, Class):
        found = value.find("__init__")
        return found[0] if found is not None and isinstance(found[0], Function) else None
    return value if isinstance(value, Function) else None


def needs_arguments(value: Any, problems: list[Problem]) -> bool:
    """Return whether a call failed only for want of the arguments that it passes on (``*args``, ``**kwargs``)."""
    function = constructor(value)
    if function is None:
        return False
    if None in function.defaults and any(takes_none(problem) for problem in problems):
        return True
    _, _, star, double_star, _ = plan_of(function)
    if star is None and double_star is None:
        return False
    if any(p.facts.get("forwarded") or misses_arguments(p) for p in problems) or takes_from(function, star):
        return True
    missing = [problem for problem in problems if has_no_key(problem)]
    return bool(missing) and (
        takes_from(function, double_star) or any(p.facts.get("of") == double_star for p in missing)
    )


def misses_arguments(problem: Problem) -> bool:
    """Return whether a layer of torch was built without what it requires."""
    return bool(problem.facts.get("torch")) and "misses the argument" in str(problem.facts.get("reason"))


def has_no_key(problem: Problem) -> bool:
    """Return whether something was looked up that a dict does not hold."""
    return problem.kind == "bad-call" and str(problem.facts.get("reason")).startswith("there is no key")


def takes_none(problem: Problem) -> bool:
    """Return whether a layer was built with None for a number, as where an argument's default stands for none given."""
    return problem.kind == "invalid-layer" and " is None" in str(problem.facts.get("reason"))


def takes_from(function: Function, star: str | None) -> bool:
    """Return whether a function takes certain elements out of its ``*args`` or ``**kwargs``."""
    return star is not None and any(
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == star
        and isinstance(node.slice, ast.Constant)
        for node in ast.walk(function.node)
    )


def other_inputs(root: Instance) -> Opaque | None:
    """Return why a model cannot be run on one tensor: ``forward`` needs several inputs, or something else."""
    found = root.cls.find("forward")
    forward = found[0] if found is not None else None
    skipped = 1
    if isinstance(forward, StaticMethod):
        forward, skipped = forward.function, 0
    if not isinstance(forward, Function) or "forward" in root.attributes:
        return None
    positional, _, _, _, keyword_only = plan_of(forward)
    needed = positional[skipped : len(positional) - len(forward.defaults)]
    needed += [name for name in keyword_only if name not in forward.keyword_defaults]
    site = forward.frame.site(forward.node)
    if len(needed) > 1:
        return Opaque(f"`forward` takes several inputs ({', '.join(needed)})", site)
    arguments = forward.node.args.args[skipped:]
    if not arguments or isinstance(forward.node, ast.Lambda):
        return None
    kind = outer_name(arguments[0].annotation)
    if kind not in OTHER_INPUTS and is_taken_apart(arguments[0].arg, forward.node.body):
        kind = "list"
    return Opaque(f"`forward` takes a {kind}", site) if kind in OTHER_INPUTS else None


def trains_on_more(root: Instance) -> bool:
    """Return whether ``forward`` gets more than an image while the model is trained, and takes that apart."""
    found = root.cls.find("forward")
    forward = found[0] if found is not None else None
    if not isinstance(forward, Function) or isinstance(forward.node, ast.Lambda) or len(forward.node.args.args) < 2:
        return False
    name = forward.node.args.args[1].arg
    return any(in_training(s) and is_taken_apart(name, s.body) for s in forward.node.body if isinstance(s, ast.If))


def in_training(statement: ast.stmt) -> bool:
    """Return whether a statement is a branch for training."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "self.training"


def is_taken_apart(name: str, body: list[ast.stmt]) -> bool:
    """Return whether a function uses its input as a list: single elements of it, its elements in turn or backwards."""
    for statement in body:
        if isinstance(statement, ast.If) and in_training(statement):
            if is_taken_apart(name, statement.orelse):
                return True
            continue  # while training it also gets what it should answer
        nodes = list(ast.walk(statement))
        if any(isinstance(n, ast.Call) and getattr(n.func, "id", "") == "isinstance" for n in nodes):
            # it takes both, and looks which it is
            return False
        if any(takes_apart(node, name) for node in nodes):
            return True
        if any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in nodes):
            return False
    return False


def takes_apart(node: ast.AST, name: str) -> bool:
    """Return whether a node picks one element, reverses, unpacks or runs over something by its name."""
    if isinstance(node, ast.Subscript):
        return is_name(node.value, name) and picks(node.slice)
    if isinstance(node, ast.Assign):
        return is_name(node.value, name) and any(isinstance(t, (ast.Tuple, ast.List)) for t in node.targets)
    return isinstance(node, (ast.For, ast.comprehension)) and is_name(node.iter, name)


def is_name(node: ast.expr, name: str) -> bool:
    """Return whether an expression is a certain name."""
    return isinstance(node, ast.Name) and node.id == name


def picks(index: ast.expr) -> bool:
    """Return whether an index is one whole number or text, or turns the order round."""
    if isinstance(index, ast.Slice):
        return index.lower is None and index.upper is None and isinstance(index.step, ast.UnaryOp)
    if isinstance(index, ast.UnaryOp):
        index = index.operand
    return isinstance(index, ast.Constant) and isinstance(index.value, (int, str))


def outer_name(annotation: ast.expr | None) -> str | None:
    """Return ``List`` of ``typing.List[Tensor]``."""
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    if isinstance(annotation, ast.Attribute):
        return annotation.attr
    return annotation.id if isinstance(annotation, ast.Name) else None


def reads_a_sequence(done: Pass) -> bool:
    """Return whether a recurrent layer reads the input itself, which has no sequence."""
    ops = done.trace.ops
    return any(op.kind in RECURRENT and op.inputs[:1] == (0,) and len(ops[0].shape) == 2 for op in ops)


RECURRENT = frozenset({"lstm", "gru", "rnn"})


def input_is_wrong(done: Pass) -> bool:
    """Return whether a pass with a guessed input failed before anything with weights said what the input must be."""
    fatal = next((p for p in done.problems if p.kind not in NOT_FATAL), None)
    if fatal is None:
        return refuses_input(done) and done.raised.value.cls.name == "AssertionError"  # type: ignore[union-attr]
    if reads_a_sequence(done):
        return True
    if not fatal.facts.get("early"):
        return False
    if fatal.kind == "conv-channels":
        return isinstance(fatal.facts.get("got"), Dim)  # a size arrives where the channels are looked for
    if fatal.kind == "invalid-argument":
        return fatal.facts.get("operator") == "pad"  # another number of widths than of dimensions
    # a bad call that is not an operator's, or gives one an object for a number, does not depend on shapes
    called = fatal.kind != "bad-call" or ("operator" in fatal.facts and " object>" not in fatal.facts["reason"])
    return fatal.kind in QUESTIONABLE and called


def refuses_input(done: Pass) -> bool:
    """Return whether the program itself raised before anything with weights ran, and not because something is unwritten."""
    value = done.raised.value if done.raised is not None else None
    if not isinstance(value, Instance) or value.cls.name == "NotImplementedError":
        return False
    return not any(op.kind in WEIGHTED for op in done.trace.ops)
