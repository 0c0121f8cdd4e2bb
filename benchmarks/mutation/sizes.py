"""Mistakes of channels and sizes: the rules RC2."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mutation.operators import operator
from mutation.shapes import (
    SHORTCUT,
    argument,
    block_calls,
    blocks,
    calls,
    kind_of,
    layers,
    number,
    stages,
)
from mutation.subject import Plant, Subject, plant


@operator("condition: and for or", "RC201")
def condition_and(subject: Subject) -> Iterator[Plant]:
    """``stride != 1 and in_channels != out_channels`` decides on the projection."""
    for test in _conditions(subject):
        word = " and " if isinstance(test.op, ast.Or) else " or "
        yield plant(subject.replace(test, word.join(subject.of(value) for value in test.values)), places=_sums(subject))


@operator("condition: one half only", "RC201")
def condition_half(subject: Subject) -> Iterator[Plant]:
    """Only the stride, or only the channels, decide on the projection."""
    for test in _conditions(subject):
        for value in test.values:
            yield plant(subject.replace(test, subject.of(value)), places=_sums(subject))


def _conditions(subject: Subject) -> Iterator[ast.BoolOp]:
    for node in subject.nodes(ast.BoolOp):
        compared = all(isinstance(value, ast.Compare) for value in node.values)
        if compared and len(node.values) == 2 and "stride" in subject.of(node):
            yield node


def _sums(subject: Subject) -> tuple[int, ...]:
    """Return the places where blocks add: where a mistake of shapes shows, and may be mended as well."""
    return subject.places(*(block.sum.node for block in blocks(subject)))  # type: ignore[arg-type]


def _projections(subject: Subject) -> Iterator[ast.Call]:
    """Yield the 1x1 convolutions with a stride that are not the constant 1 and stand on a shortcut."""
    for call in calls(subject, "conv"):
        statement = subject.statement(call)
        if number(argument(call, 2, "kernel_size")) == 1 and SHORTCUT.search(
            subject.text[_line(subject, statement) : subject.start(call)]
        ):
            yield call


def _line(subject: Subject, statement: ast.stmt) -> int:
    return subject.start(statement)


@operator("projection without the stride", "RC201")
def projection_stride(subject: Subject) -> Iterator[Plant]:
    """The 1x1 convolution of the shortcut keeps the size."""
    for call in _projections(subject):
        value = argument(call, 3, "stride")
        if value is not None and number(value) != 1:
            yield plant(subject.replace(value, "1"), places=_sums(subject))


@operator("projection with a kernel of 3", "RC201")
def projection_kernel(subject: Subject) -> Iterator[Plant]:
    """The convolution of the shortcut has a 3x3 kernel and no padding."""
    for call in _projections(subject):
        value = argument(call, 2, "kernel_size")
        if value is not None:
            yield plant(subject.replace(value, "3"), places=_sums(subject))


@operator("projection left out in forward", "RC201 RC305")
def projection_unused(subject: Subject) -> Iterator[Plant]:
    """The block's input is added where the shortcut should be."""
    for block in blocks(subject):
        match block.sum.shortcut:
            case ast.Call(args=[value]) as call:
                built = [each.assign for each in layers(block.cls).values() if each.name in subject.of(call.func)]
                yield plant(subject.replace(call, subject.of(value)), places=subject.places(*built))


@operator("projection never built", "RC201")
def projection_not_built(subject: Subject) -> Iterator[Plant]:
    """What stands in the branch that builds the projection is the identity."""
    for call in calls(subject, "sequential"):
        inner = [kind_of(each.func) for each in call.args if isinstance(each, ast.Call)]
        statement = subject.statement(call)
        if "conv" in inner and SHORTCUT.search(subject.text[subject.start(statement) : subject.start(call)]):
            yield plant(subject.replace(call, "nn.Identity()"), places=(*_sums(subject), *subject.around(statement)))


@operator("padding forgotten in a block", "RC201")
def padding_forgotten(subject: Subject) -> Iterator[Plant]:
    """A 3x3 convolution of the branch loses its padding."""
    for block in blocks(subject):
        for call in calls(subject, "conv", under=block.cls):
            value = argument(call, 4, "padding")
            if number(argument(call, 2, "kernel_size")) == 3 and value is not None:
                yield plant(subject.replace(value, "0"), places=_sums(subject))


@operator("kernel grown, padding not", "RC201")
def kernel_grown(subject: Subject) -> Iterator[Plant]:
    """A 3x3 convolution becomes 5x5 and keeps the padding of 1."""
    for block in blocks(subject):
        for call in calls(subject, "conv", under=block.cls):
            kernel, padding = argument(call, 2, "kernel_size"), argument(call, 4, "padding")
            if number(kernel) == 3 and kernel is not None and number(padding) == 1:
                yield plant(subject.replace(kernel, "5"), places=_sums(subject))


@operator("zeros on the wrong axis", "RC201")
def pad_axis(subject: Subject) -> Iterator[Plant]:
    """The zeros of an identity with more channels go to another axis, or only to half of them."""
    for call in subject.nodes(ast.Call):
        match call:
            case ast.Call(func=function, args=[_, ast.Tuple(elts=widths), *_]) if (
                ast.unparse(function).endswith("pad") and len(widths) == 6
            ):
                texts = [subject.of(each) for each in widths]
                yield plant(
                    subject.replace(call.args[1], f"({', '.join(texts[2:] + texts[:2])})"), places=_sums(subject)
                )


@operator("in_channels of a stage wrong", "RC202 RC203")
def stage_input(subject: Subject) -> Iterator[Plant]:
    """A stage is built with the channels of another one's input."""
    for found in stages(subject):
        for call in found[1:]:
            for value in call.args[:3]:
                literal = next(
                    (each for each in ast.walk(value) if number(each) in {16, 32, 64, 128, 256, 512, 1024}), None
                )  # type: ignore[arg-type]
                widths = [
                    each
                    for each in call.args
                    if any(number(leaf) for leaf in ast.walk(each) if isinstance(leaf, ast.Constant))
                ]
                if literal is not None and len(widths) > 1:
                    yield plant(subject.replace(literal, str(number(literal) // 2)))  # type: ignore[arg-type, operator]
                    break


@operator("running channels not updated", "RC202 RC203")
def channels_not_updated(subject: Subject) -> Iterator[Plant]:
    """``self.inplanes = planes * expansion`` is lost; the calls that read it may be named as well."""
    for statement, places in _updates(subject):
        yield plant(subject.delete(statement), places=(*places, *subject.around(statement)))


@operator("running channels without the expansion", "RC202 RC203")
def channels_without_expansion(subject: Subject) -> Iterator[Plant]:
    """``self.inplanes = planes``."""
    for statement, places in _updates(subject):
        match statement:
            case ast.Assign(value=ast.BinOp(op=ast.Mult(), left=left, right=right) as product):
                kept = left if "xpansion" in subject.of(right).lower() else right
                if "xpansion" in subject.of(product).lower():
                    yield plant(subject.replace(product, subject.of(kept)), places=places)


def _updates(subject: Subject) -> Iterator[tuple[ast.Assign, tuple[int, ...]]]:
    """Yield the assignments of a running channel count outside of ``__init__``'s first one, and the calls that read it."""
    seen: set[str] = set()
    for node in subject.nodes(ast.Assign):
        name = subject.of(node.targets[0])
        if not re.search(r"(?i)in_?(planes|ch|channels?)$|\bcin$", name):
            continue
        if number(node.value) is not None and name not in seen:
            seen.add(name)
            continue
        if name in seen and subject.function(node):
            function = subject.function(node)
            readers = [
                call
                for call in subject.nodes(ast.Call, under=function)
                if any(
                    isinstance(each, ast.Attribute | ast.Name) and subject.of(each) == name for each in ast.walk(call)
                )
            ]
            yield node, subject.places(*readers)  # type: ignore[arg-type]


@operator("in and out of a convolution swapped", "RC202 RC203 RC204 RC201")
def channels_swapped(subject: Subject) -> Iterator[Plant]:
    """``nn.Conv2d(out_channels, in_channels, ...)``."""
    for kind in ("conv", "linear"):
        for call in calls(subject, kind):
            if len(call.args) > 1 and subject.of(call.args[0]) != subject.of(call.args[1]):
                left, right = call.args[:2]
                yield plant(subject.replace(left, subject.of(right)), subject.replace(right, subject.of(left)))


@operator("later blocks with the stage's input width", "RC202 RC203")
def stacked_width(subject: Subject) -> Iterator[Plant]:
    """The blocks after the first take the channels that come into the stage."""
    by_function: dict[ast.AST | None, list[ast.Call]] = {}
    for call in block_calls(subject):
        by_function.setdefault(subject.function(call), []).append(call)
    for found in by_function.values():
        first = found[0]
        for call in found[1:]:
            if subject.of(call.args[0]) != subject.of(first.args[0]) and number(call.args[0]) is None:
                yield plant(subject.replace(call.args[0], subject.of(first.args[0])), places=subject.places(call))


@operator("cat instead of an addition", "RC202 RC201 RC203 RC204 RC305")
def cat_for_add(subject: Subject) -> Iterator[Plant]:
    """``torch.cat([y, shortcut], 1)``."""
    for block in blocks(subject):
        added = block.sum
        if re.search(r"^import torch$", subject.text, re.MULTILINE):
            text = f"torch.cat([{subject.of(added.branch)}, {subject.of(added.shortcut)}], 1)"
            if isinstance(added.node, ast.AugAssign):
                text = f"{subject.of(added.node.target)} = {text}"
            yield plant(subject.replace(added.node, text))


@operator("norm with the input's channels", "RC203")
def norm_channels(subject: Subject) -> Iterator[Plant]:
    """``BatchNorm2d(in_channels)`` after the convolution (before it, with the output's)."""
    for call in calls(subject, "norm"):
        function = subject.function(call)
        if function is None or len(call.args) != 1:
            continue
        own = subject.of(call.args[0])
        others = [subject.of(each) for conv in calls(subject, "conv", under=function) for each in conv.args[:2]]
        if not re.search("num_features|features", own):
            other = next((each for each in others if each != own and own in others), None)
            if other:
                yield plant(subject.replace(call.args[0], other))


@operator("norm of the wrong dimension", "RC203")
def norm_dimension(subject: Subject) -> Iterator[Plant]:
    """``BatchNorm1d`` on maps."""
    for call in calls(subject, "norm"):
        name = subject.of(call.func)
        if name.endswith("BatchNorm2d"):
            yield plant(subject.replace(call.func, name.replace("2d", "1d")))


@operator("groups that do not divide", "RC208")
def groups_wrong(subject: Subject) -> Iterator[Plant]:
    """``groups=3``, or ``groups=7`` where there were some."""
    for call in calls(subject, "conv"):
        words = {each.arg: each for each in call.keywords}
        if "groups" in words:
            yield plant(subject.replace(words["groups"].value, "7"), places=subject.places(call))
        elif call.args and not any(each.arg is None for each in call.keywords):
            last = call.keywords[-1] if call.keywords else call.args[-1]
            yield plant(subject.replace(last, f"{subject.of(last)}, groups=7"), places=subject.places(call))


@operator("float channels", "RC208 RC113")
def float_channels(subject: Subject) -> Iterator[Plant]:
    """``/`` for ``//`` in a number of channels."""
    for node in subject.nodes(ast.BinOp):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
            between = subject.text[subject.end(node.left) : subject.start(node.right)]
            start = subject.end(node.left) + between.index("//")
            from mutation.subject import Edit

            yield plant(Edit(start, start + 2, "/"))
    for block in blocks(subject):
        for call in calls(subject, "conv", under=block.init):
            if len(call.args) > 1 and isinstance(call.args[1], ast.Name):
                yield plant(subject.replace(call.args[1], f"{subject.of(call.args[1])} / 1"))


@operator("pool on the shortcut drops an odd border", "RC209")
def odd_shortcut(subject: Subject) -> Iterator[Plant]:
    """The shortcut halves with a pool that rounds down, the branch with a convolution that rounds up."""
    for call in _projections(subject):
        value = argument(call, 3, "stride")
        if value is not None and number(value) is None and not isinstance(subject.parents[call], ast.Assign):
            stride = subject.of(value)
            yield plant(
                subject.rewrite(subject.start(call), "", f"nn.AvgPool2d({stride}), "),
                subject.replace(value, "1"),
                places=_sums(subject),
            )
    for node in subject.nodes(ast.Subscript):
        match node:
            case ast.Subscript(
                value=ast.Name(id=name), slice=ast.Tuple(elts=[_, _, ast.Slice(step=step), ast.Slice()])
            ) if step:
                yield plant(subject.replace(node, f"F.avg_pool2d({name}, {subject.of(step)})"), places=_sums(subject))
