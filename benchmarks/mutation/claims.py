"""Mistakes against what a name claims: the rules RC4. They are planted only where a name claims a published network."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mutation.modules import unwrapped
from mutation.operators import operator
from mutation.shapes import (
    LISTS,
    SHORTCUT,
    argument,
    block_calls,
    block_lists,
    blocks,
    calls,
    claims_network,
    kind_of,
    layers,
    networks,
    number,
    stages,
    uses,
)
from mutation.subject import Edit, Plant, Subject, plant


@operator("one block fewer", "RC401")
def block_fewer(subject: Subject) -> Iterator[Plant]:
    """A number in the list of blocks is one too small."""
    yield from _counts(subject, -1)


@operator("one block more", "RC401")
def block_more(subject: Subject) -> Iterator[Plant]:
    """A number in the list of blocks is one too large."""
    yield from _counts(subject, 1)


def _counts(subject: Subject, change: int) -> Iterator[Plant]:
    for node in block_lists(subject):
        for value in node.elts:
            yield plant(subject.replace(value, str((number(value) or 0) + change)))


@operator("another network's blocks", "RC401 RC406")
def list_of_another(subject: Subject) -> Iterator[Plant]:
    """The list of blocks of the next published network."""
    for node in block_lists(subject):
        values = tuple(number(each) for each in node.elts)
        different = [each for each in dict.fromkeys(LISTS.values()) if each != values]
        yield plant(subject.replace(node, str(different[0] if isinstance(node, ast.Tuple) else list(different[0]))))


@operator("another block under this name", "RC401 RC405 RC402 RC406")
def block_of_another(subject: Subject) -> Iterator[Plant]:
    """``ResNet(BasicBlock, [3, 4, 6, 3])`` is called resnet50."""
    names = [block.cls.name for block in blocks(subject)]
    for node in block_lists(subject):
        match subject.parents[node]:
            case ast.Call(args=[ast.Name(id=name) as used, *_]) if name in names and len(names) > 1:
                yield plant(
                    subject.replace(used, next(each for each in names if each != name)), places=subject.places(node)
                )


@operator("range one off", "RC401")
def range_off(subject: Subject) -> Iterator[Plant]:
    """``range(blocks)`` for ``range(1, blocks)``, or the other way."""
    if not claims_network(subject):
        return
    for node in subject.nodes(ast.For, ast.ListComp):
        over = node.iter if isinstance(node, ast.For) else node.generators[0].iter  # type: ignore[attr-defined]
        if not (isinstance(over, ast.Call) and subject.of(over.func) == "range") or not any(
            call in ast.walk(node) for call in block_calls(subject)
        ):
            continue
        if len(over.args) == 2 and number(over.args[0]) == 1:
            yield plant(subject.without(over, over.args[0]))
            yield plant(subject.replace(over.args[0], "2"))
            yield plant(subject.replace(over.args[1], f"{subject.of(over.args[1])} + 1"))
        elif len(over.args) == 1:
            yield plant(subject.replace(over.args[0], f"{subject.of(over.args[0])} + 1"))


@operator("stage twice as wide", "RC402 RC202 RC204")
def stage_width(subject: Subject) -> Iterator[Plant]:
    """The last stage has 256 channels, or 1024; what follows fits."""
    if not claims_network(subject):
        return
    for found in stages(subject):
        last = found[-1]
        value = next((each for each in reversed(last.args) if number(each) in {32, 64, 512}), None)
        width = number(value) or 0
        after = [
            Edit(subject.start(call.args[0]) + at.start(), subject.start(call.args[0]) + at.end(), "")
            for kind in ("norm", "linear")
            for call in calls(subject, kind)
            if call.lineno > last.lineno and call.args and subject.function(call) is subject.function(last)
            for at in re.finditer(rf"\b{width}\b", subject.of(call.args[0]))
        ]
        if value is not None and after:
            for other in (width // 2, width * 2):
                # The edits behind the stage are no mistakes: they follow it.
                edits = [subject.replace(value, str(other)), *(each._replace(text=str(other)) for each in after)]
                yield Plant(tuple(edits))


@operator("expansion of 2", "RC402 RC202 RC204")
def expansion_wrong(subject: Subject) -> Iterator[Plant]:
    """``expansion = 2`` in a bottleneck."""
    if not claims_network(subject):
        return
    for node in subject.nodes(ast.Assign):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=4)) if "expansion" in name.lower():
                yield plant(subject.replace(node.value, "2"))


@operator("stage without its stride", "RC403 RC201")
def stage_stride_lost(subject: Subject) -> Iterator[Plant]:
    """A stage keeps the size of the map; not the last one, where networks for re-identification do so on purpose."""
    if not claims_network(subject):
        return
    for found in stages(subject):
        for call in found[1:-1]:
            for word in call.keywords:
                if word.arg in {"stride", "strides"} and number(word.value) == 2:
                    yield plant(subject.replace(word.value, "1"))
            for value in call.args[2:]:
                if number(value) == 2:
                    yield plant(subject.replace(value, "1"))


@operator("stride a stage too early", "RC403")
def stage_stride_early(subject: Subject) -> Iterator[Plant]:
    """The first stage halves the map."""
    if not claims_network(subject):
        return
    for found in stages(subject):
        call = found[0]
        for word in call.keywords:
            if word.arg in {"stride", "strides"} and number(word.value) == 1:
                yield plant(subject.replace(word.value, "2"))
        for value in call.args[3:]:
            if number(value) == 1:
                yield plant(subject.replace(value, "2"))


@operator("stride on every block", "RC403 RC201")
def stride_everywhere(subject: Subject) -> Iterator[Plant]:
    """Each block of a stage halves the map."""
    if not claims_network(subject):
        return
    by_function: dict[ast.AST | None, list[ast.Call]] = {}
    for call in block_calls(subject):
        by_function.setdefault(subject.function(call), []).append(call)
    for found in by_function.values():
        if len(found) > 1 and any(subject.of(each) == "stride" for each in found[0].args):
            at = [subject.of(each) for each in found[0].args].index("stride")
            for call in found[1:]:
                if len(call.args) > at and number(call.args[at]) == 1:
                    yield plant(subject.replace(call.args[at], "stride"), places=subject.places(call))
                elif len(call.args) == at and not call.keywords:
                    yield plant(
                        subject.replace(call.args[-1], f"{subject.of(call.args[-1])}, stride"),
                        places=subject.places(call),
                    )


def _stem(subject: Subject) -> Iterator[tuple[ast.Call, ast.ClassDef]]:
    """Yield the call that makes the first convolution of each network."""
    for cls, init, _ in networks(subject):
        found = [
            node
            for node in subject.nodes(ast.Call, under=init)
            if isinstance(node, ast.Call) and kind_of(node.func) == "conv" and len(node.args) > 2
        ]
        if found and number(argument(found[0], 2, "kernel_size")) != 1:
            yield found[0], cls


@operator("max pool of the stem left out", "RC404 RC111")
def stem_pool_dropped(subject: Subject) -> Iterator[Plant]:
    """Forward goes from the stem's convolution to the first stage."""
    if not claims_network(subject):
        return
    for cls, _, forward in networks(subject):
        for use in uses(cls, forward, "max_pool"):
            built = layers(cls).get(use.name)
            yield unwrapped(subject, use.call, use.argument, *([built.assign] if built else []))


@operator("padding of the max pool forgotten", "RC404")
def pool_padding(subject: Subject) -> Iterator[Plant]:
    """``nn.MaxPool2d(3, 2)``."""
    if not claims_network(subject):
        return
    for cls, _, _ in networks(subject):
        for call in calls(subject, "max_pool", under=cls):
            value = argument(call, 2, "padding")
            if number(value) == 1 and value is not None:
                yield plant(subject.replace(value, "0"))


@operator("padding of the stem forgotten", "RC404")
def stem_padding(subject: Subject) -> Iterator[Plant]:
    """The stem's convolution loses its padding."""
    if not claims_network(subject):
        return
    for call, _ in _stem(subject):
        value = argument(call, 4, "padding")
        if number(value) and value is not None:
            yield plant(subject.replace(value, "0"))
            yield plant(subject.replace(value, str((number(value) or 0) - 1)))


@operator("stride of the stem wrong", "RC404")
def stem_stride(subject: Subject) -> Iterator[Plant]:
    """The stem's convolution keeps the size where it halved it, and the other way."""
    if not claims_network(subject):
        return
    for call, _ in _stem(subject):
        value = argument(call, 3, "stride")
        if value is not None and number(value) in {1, 2}:
            yield plant(subject.replace(value, str(3 - (number(value) or 0))))


@operator("kernel of the stem wrong", "RC404")
def stem_kernel(subject: Subject) -> Iterator[Plant]:
    """A 5x5 convolution of padding 2 where 7x7 or 3x3 stood."""
    if not claims_network(subject):
        return
    for call, _ in _stem(subject):
        kernel, padding = argument(call, 2, "kernel_size"), argument(call, 4, "padding")
        if number(kernel) in {3, 7} and kernel is not None and padding is not None:
            yield plant(subject.replace(kernel, "5"), subject.replace(padding, "2"))


@operator("1x1 in the middle of a bottleneck", "RC405")
def middle_kernel(subject: Subject) -> Iterator[Plant]:
    """The 3x3 convolution of a bottleneck is 1x1; so is one of a basic block."""
    for block in blocks(subject):
        for call in calls(subject, "conv", under=block.init):
            kernel, padding = argument(call, 2, "kernel_size"), argument(call, 4, "padding")
            first = number(argument(call, 0, "in_channels")) in {1, 3}
            if (
                number(kernel) == 3
                and kernel is not None
                and number(padding) == 1
                and padding is not None
                and not first
            ):
                yield plant(subject.replace(kernel, "1"), subject.replace(padding, "0"))
        for call in subject.nodes(ast.Call, under=block.init):
            if isinstance(call, ast.Call) and re.fullmatch("conv3x3", subject.of(call.func)):
                yield (
                    plant(subject.replace(call.func, "conv1x1"))
                    if "def conv1x1" in subject.text
                    else plant(subject.replace(call.func, "conv3x3"))
                )
            elif (
                isinstance(call, ast.Call)
                and subject.of(call.func) == "convolution"
                and number(argument(call, 2, "")) == 3
            ):
                yield plant(subject.replace(call.args[2], "1"))


@operator("gate without a sigmoid", "RC405 RC302")
def gate_open(subject: Subject) -> Iterator[Plant]:
    """The gate of squeeze and excitation multiplies by numbers of any size."""
    for node in subject.nodes(ast.Call):
        match node:
            case ast.Call(func=function, args=[value]) if kind_of(function) == "sigmoid":
                yield unwrapped(subject, node, value)
            case ast.Call(func=ast.Name() | ast.Attribute() as function, args=items) if (
                kind_of(function) == "sequential"
            ):
                for position, each in enumerate(items):
                    if isinstance(each, ast.Call) and kind_of(each.func) == "sigmoid":
                        places = subject.places(*items[position - 1 : position])
                        yield plant(subject.without(node, each), places=places)


@operator("stride in the second convolution", "RC408 RC201")
def stride_moved(subject: Subject) -> Iterator[Plant]:
    """A basic block halves the map in its second convolution; the first one may be named as well."""
    for block in blocks(subject):
        found = [
            call
            for call in subject.nodes(ast.Call, under=block.init)
            if isinstance(call, ast.Call) and kind_of(call.func) == "conv" and not _shortcut(subject, call)
        ]
        if len(found) != 2:
            continue
        first, second = (argument(call, 3, "stride") for call in found)
        if first is not None and number(first) is None and second is not None and number(second) == 1:
            yield plant(subject.replace(first, "1"), subject.replace(second, subject.of(first)))
        elif first is not None and number(first) is None and second is None and subject.of(found[0].func) != "conv1x1":
            last = [*found[1].args, *found[1].keywords][-1]
            yield plant(
                subject.replace(first, "1"), subject.replace(last, f"{subject.of(last)}, stride={subject.of(first)}")
            )


def _shortcut(subject: Subject, call: ast.Call) -> bool:
    statement = subject.statement(call)
    return bool(SHORTCUT.search(subject.text[subject.start(statement) : subject.start(call)]))
