"""Mistakes of arguments: the rule RC113."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mutation.operators import operator
from mutation.shapes import block_calls, calls, modules, networks, number, stages
from mutation.subject import Function, Plant, Subject, plant


@operator("arguments of a block swapped", "RC113 RC202 RC201 RC203 RC208 RC207 RC105")
def block_arguments_swapped(subject: Subject) -> Iterator[Plant]:
    """Two neighbours among the arguments of a block or of a stage change places."""
    found = [*block_calls(subject), *(call for each in stages(subject) for call in each)]
    for call in found:
        for left, right in zip(call.args, call.args[1:], strict=False):
            if (
                subject.of(left) != subject.of(right)
                and not isinstance(left, ast.Starred)
                and not isinstance(right, ast.Starred)
            ):
                yield plant(subject.replace(left, subject.of(right)), subject.replace(right, subject.of(left)))


@operator("kernel and stride swapped", "RC113 RC201 RC403 RC404 RC405 RC207")
def kernel_and_stride_swapped(subject: Subject) -> Iterator[Plant]:
    """``nn.Conv2d(a, b, stride, 3)``, not in a stem that may be of any kind."""
    networks_ = [cls for cls, _, _ in networks(subject)]
    for call in calls(subject, "conv"):
        function = subject.function(call)
        if (
            not (function and subject.parents[function] in networks_)
            and len(call.args) >= 4
            and subject.of(call.args[2]) != subject.of(call.args[3])
        ):
            left, right = call.args[2:4]
            yield plant(subject.replace(left, subject.of(right)), subject.replace(right, subject.of(left)))


@operator("stride handed to padding", "RC113 RC201 RC403 RC404")
def stride_to_padding(subject: Subject) -> Iterator[Plant]:
    """``nn.Conv2d(a, b, 3, padding=stride)``."""
    for call in calls(subject, "conv"):
        words = {each.arg: each for each in call.keywords}
        if "stride" in words and "padding" in words and subject.of(words["stride"].value) != "1":
            stride, padding = words["stride"], words["padding"]
            yield plant(subject.replace(stride, f"padding={subject.of(stride.value)}"), subject.without(call, padding))
        elif len(call.args) == 4 and "padding" in words and number(call.args[3]) != 1:
            yield plant(
                subject.without(call, call.args[3]),
                subject.replace(words["padding"], f"padding={subject.of(call.args[3])}"),
            )


@operator("one argument too many", "RC113")
def argument_too_many(subject: Subject) -> Iterator[Plant]:
    """A call of one's own class or function has an argument more than it takes."""
    for call, function, bound in _own_calls(subject):
        room = len(function.args.args) - bound
        if (
            function.args.vararg is None
            and len(call.args) + len(call.keywords) == room
            and call.args
            and not call.keywords
        ):
            yield plant(subject.rewrite(subject.end(call.args[-1]), "", ", 1"))


@operator("one argument too few", "RC113")
def argument_too_few(subject: Subject) -> Iterator[Plant]:
    """A call of one's own class or function lacks an argument that it needs."""
    for call, function, bound in _own_calls(subject):
        needed = len(function.args.args) - bound - len(function.args.defaults)
        if len(call.args) == needed and not call.keywords and needed:
            yield plant(subject.without(call, call.args[-1]))


def _own_calls(subject: Subject) -> Iterator[tuple[ast.Call, Function, int]]:
    """Yield the calls of functions and classes of the file, what is called, and how many arguments come by themselves."""
    functions = {node.name: (node, 0) for node in subject.tree.body if isinstance(node, Function)}
    classes = {cls.name: (init, 1) for cls, init, _ in modules(subject) if init}
    for node in subject.nodes(ast.Call):
        match node:
            case ast.Call(func=ast.Name(id=name), args=args) if not any(isinstance(each, ast.Starred) for each in args):
                known = functions.get(name) or classes.get(name)
                if known:
                    yield node, known[0], known[1]
