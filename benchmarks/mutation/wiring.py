"""Mistakes of the residual wiring: the rules RC3."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from mutation.modules import unwrapped
from mutation.operators import operator
from mutation.shapes import (
    Block,
    Use,
    block_calls,
    blocks,
    calls,
    claims_network,
    image_of,
    kind_of,
    layers,
    networks,
    uses,
)
from mutation.subject import Plant, Subject, plant


def _activations(block: Block) -> list[Use]:
    """Return the ReLUs of a block's forward."""
    return list(uses(block.cls, block.forward, "relu"))


def _after_sum(subject: Subject, block: Block) -> Use | None:
    """Return the ReLU that a block applies to its sum: around it, or to the name that holds it, after it."""
    node = block.sum.node
    for use in _activations(block):
        if any(each is node for each in ast.walk(use.argument)):
            return use
    name = None
    match subject.statement(node):
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(target=ast.Name(id=name)):
            later = [use for use in _activations(block) if use.call.lineno > node.lineno]
            return next((use for use in later if subject.of(use.argument) == name), None)
    return None


def _relu(subject: Subject, block: Block, text: str) -> str:
    """Return a text with the block's own ReLU around it."""
    use = next(iter(_activations(block)), None)
    return f"{subject.of(use.call.func) if use else 'F.relu'}({text})"


@operator("ReLU moved before the sum", "RC301")
def relu_moved(subject: Subject) -> Iterator[Plant]:
    """``relu(y) + shortcut``, where a name says that the ReLU follows the sum."""
    if not claims_network(subject):
        return
    for block in blocks(subject):
        last = _after_sum(subject, block)
        node, branch = block.sum.node, block.sum.branch
        if last is None:
            continue
        if any(each is node for each in ast.walk(last.argument)):
            relu = subject.of(last.call.func)
            text = subject.of(node)
            offset = subject.start(branch) - subject.start(node)
            changed = f"{text[:offset]}{relu}({subject.of(branch)}){text[offset + len(subject.of(branch)) :]}"
            yield plant(subject.replace(last.call, changed))
        elif isinstance(subject.statement(last.call), ast.Assign):
            statement = subject.statement(node)
            moved = subject.statement(last.call)
            name = subject.of(branch)
            if isinstance(node, ast.AugAssign) or isinstance(branch, ast.Name):
                code = f"{name} = {subject.of(last.call.func)}({name})"
                yield plant(subject.before(statement, code), subject.delete(moved))


@operator("ReLU at the end of the branch", "RC301")
def relu_added(subject: Subject) -> Iterator[Plant]:
    """The branch ends in a ReLU, the sum has its own too."""
    for block in blocks(subject):
        if _after_sum(subject, block) is not None:
            branch = block.sum.branch
            if isinstance(block.sum.node, ast.AugAssign):
                name = subject.of(branch)
                yield plant(
                    subject.before(subject.statement(block.sum.node), f"{name} = {_relu(subject, block, name)}")
                )
            else:
                yield plant(subject.replace(branch, _relu(subject, block, subject.of(branch))))


@operator("ReLU between two convolutions dropped", "RC302")
def relu_dropped(subject: Subject) -> Iterator[Plant]:
    """Two convolutions follow each other without an activation."""
    for block in blocks(subject):
        for use in _activations(block):
            if use != _after_sum(subject, block) and any(
                each.call.lineno >= use.call.lineno for each in uses(block.cls, block.forward, "conv")
            ):
                yield unwrapped(subject, use.call, use.argument)
    for block in blocks(subject):
        for call in calls(subject, "sequential", under=block.cls):
            kinds = [kind_of(each.func) if isinstance(each, ast.Call) else "" for each in call.args]
            for number, kind in enumerate(kinds):
                if kind == "relu" and "conv" in kinds[:number] and "conv" in kinds[number:]:
                    yield _without_item(subject, call, number)


def _without_item(subject: Subject, call: ast.Call, number: int) -> Plant:
    """Return the mistake that a part of a Sequential is left out; the parts beside it may be named."""
    beside = [call.args[each] for each in (number - 1, number + 1) if 0 <= each < len(call.args)]
    return plant(subject.without(call, call.args[number]), places=subject.places(*beside))


@operator("ReLU after the sum dropped", "RC302")
def final_relu_dropped(subject: Subject) -> Iterator[Plant]:
    """A block ends with the sum."""
    for block in blocks(subject):
        use = _after_sum(subject, block)
        if use is not None:
            yield unwrapped(subject, use.call, use.argument, block.sum.node)  # type: ignore[arg-type]


@operator("ReLU of the stem dropped", "RC302")
def stem_relu_dropped(subject: Subject) -> Iterator[Plant]:
    """The stem ends with its norm."""
    for cls, _, forward in networks(subject):
        use = next(uses(cls, forward, "relu"), None)
        if use is not None and use.call.lineno <= forward.lineno + 6:
            yield unwrapped(subject, use.call, use.argument)


@operator("norm left out in forward", "RC303 RC111 RC308")
def norm_unused(subject: Subject) -> Iterator[Plant]:
    """A norm is built and never called."""
    for block in blocks(subject):
        for use in uses(block.cls, block.forward, "norm"):
            built = layers(block.cls).get(use.name)
            if built:
                yield unwrapped(subject, use.call, use.argument, built.assign)


@operator("norm left out of a Sequential", "RC303")
def norm_dropped(subject: Subject) -> Iterator[Plant]:
    """A convolution in a Sequential loses its norm."""
    for call in calls(subject, "sequential"):
        kinds = [kind_of(each.func) if isinstance(each, ast.Call) else "" for each in call.args]
        for number, kind in enumerate(kinds):
            if kind == "norm" and number and kinds[number - 1] == "conv":
                yield _without_item(subject, call, number)


@operator("norm of the stem left out", "RC303 RC111")
def stem_norm_unused(subject: Subject) -> Iterator[Plant]:
    """The stem's norm is built and never called."""
    for cls, _, forward in networks(subject):
        norms = list(uses(cls, forward, "norm"))
        convs = list(uses(cls, forward, "conv"))
        if norms and convs and norms[0].call.lineno <= convs[0].call.lineno + 2 and norms[0].name in layers(cls):
            yield unwrapped(subject, norms[0].call, norms[0].argument, layers(cls)[norms[0].name].assign)


@operator("ReLU on the shortcut", "RC304")
def shortcut_activated(subject: Subject) -> Iterator[Plant]:
    """``relu(self.shortcut(x))``."""
    for block in blocks(subject):
        shortcut = block.sum.shortcut
        if isinstance(shortcut, ast.Call):
            yield plant(subject.replace(shortcut, _relu(subject, block, subject.of(shortcut))))
            continue
        for node in subject.nodes(ast.Assign, under=block.forward):
            match node:
                case ast.Assign(
                    targets=[target], value=ast.Call(func=ast.Attribute(value=ast.Name(id="self"))) as call
                ) if (
                    subject.of(target) == subject.of(shortcut)
                    and not kind_of(call.func)
                    and node.lineno < block.sum.node.lineno
                ):
                    yield plant(subject.replace(call, _relu(subject, block, subject.of(call))))


@operator("no addition", "RC305")
def sum_dropped(subject: Subject) -> Iterator[Plant]:
    """The branch goes on alone."""
    for block in blocks(subject):
        node = block.sum.node
        if isinstance(node, ast.AugAssign):
            yield plant(subject.delete(node), places=(*subject.around(node), *subject.places(block.forward)))
        else:
            yield plant(subject.replace(node, subject.of(block.sum.branch)), places=subject.places(block.forward))


@operator("branch added to itself", "RC305")
def self_sum(subject: Subject) -> Iterator[Plant]:
    """``y + y``."""
    for block in blocks(subject):
        branch, shortcut = block.sum.branch, block.sum.shortcut
        if isinstance(branch, ast.Name):
            yield plant(subject.replace(shortcut, branch.id))
        elif not isinstance(block.sum.node, ast.AugAssign):
            yield plant(subject.replace(shortcut, subject.of(branch)))


@operator("shortcut added twice", "RC305")
def added_twice(subject: Subject) -> Iterator[Plant]:
    """``y + shortcut + shortcut``."""
    for block in blocks(subject):
        node, shortcut = block.sum.node, subject.of(block.sum.shortcut)
        if isinstance(node, ast.AugAssign):
            yield plant(subject.after(node, subject.of(node)), places=subject.places(node))
        else:
            yield plant(subject.replace(node, f"{subject.of(node)} + {shortcut}"))


@operator("shortcut taken from the branch", "RC305 RC201")
def shortcut_from_branch(subject: Subject) -> Iterator[Plant]:
    """The shortcut is computed from what the first layers made of the input."""
    for block in blocks(subject):
        branch = block.sum.branch
        match block.sum.shortcut:
            case ast.Call(args=[ast.Name() as source]) if isinstance(branch, ast.Name) and source.id != branch.id:
                yield plant(subject.replace(source, branch.id))


@operator("layer reads the block's input", "RC306 RC202 RC201 RC203")
def chain_broken(subject: Subject) -> Iterator[Plant]:
    """``self.conv2(x)`` for ``self.conv2(y)``."""
    for block in blocks(subject):
        image = image_of(block.forward)
        found = [use for use in uses(block.cls, block.forward) if use.kind in {"conv", "norm"}]
        for use in found[1:]:
            if use.call.lineno > block.sum.node.lineno:
                continue
            if isinstance(use.argument, ast.Name) and use.argument.id != image and use.name in layers(block.cls):
                before = [each.call for each in found if each.call.lineno < use.call.lineno][-2:]
                yield plant(subject.replace(use.argument, image), places=subject.places(*before))


@operator("norm used twice", "RC307 RC203")
def norm_shared(subject: Subject) -> Iterator[Plant]:
    """``self.bn1`` after the second convolution too; where it is used first may be named as well."""
    yield from _shared(subject, "norm")


@operator("convolution used twice", "RC307 RC202 RC201 RC203 RC111")
def convolution_shared(subject: Subject) -> Iterator[Plant]:
    """``self.conv1`` in the place of the second convolution too."""
    yield from _shared(subject, "conv")


def _shared(subject: Subject, kind: str) -> Iterator[Plant]:
    for block in blocks(subject):
        found = [use for use in uses(block.cls, block.forward, kind) if use.name in layers(block.cls)]
        for first, second in pairwise(found):
            if first.name != second.name:
                yield plant(
                    subject.replace(second.call.func, f"self.{first.name}"),
                    places=subject.places(first.call, layers(block.cls)[second.name].assign),
                )


@operator("[block] * n", "RC307")
def block_repeated(subject: Subject) -> Iterator[Plant]:
    """One block object for all but the first of a stage."""
    for node in subject.nodes(ast.ListComp):
        match node:
            case ast.ListComp(elt=ast.Call(), generators=[ast.comprehension(iter=ast.Call(args=counts))]):
                count = (
                    f"({subject.of(counts[1])} - {subject.of(counts[0])})" if len(counts) > 1 else subject.of(counts[0])
                )
                yield plant(subject.replace(node, f"[{subject.of(node.elt)}] * {count}"))
    for node in subject.nodes(ast.For):
        match node:
            case ast.For(
                body=[
                    ast.Expr(value=ast.Call(func=ast.Attribute(attr="append"), args=[ast.Call() as made])) as statement
                ]
            ) if made in list(block_calls(subject)) and ast.unparse(node.target) not in {
                each.id for each in ast.walk(made) if isinstance(each, ast.Name)
            }:
                yield plant(
                    subject.before(node, f"repeated = {subject.of(made)}"),
                    subject.replace(made, "repeated"),
                    places=subject.places(statement),
                )


@operator("final norm left out", "RC308 RC111")
def final_norm_dropped(subject: Subject) -> Iterator[Plant]:
    """A pre-activation network ends without norm and ReLU."""
    for cls, _, forward in networks(subject):
        convs = [use.call.lineno for use in uses(cls, forward, "conv")]
        norms = [use for use in uses(cls, forward, "norm") if use.name in layers(cls)]
        if norms and convs and norms[-1].call.lineno > convs[-1] + 2:
            use = norms[-1]
            outer = next((each for each in uses(cls, forward, "relu") if each.argument is use.call), use)
            yield unwrapped(subject, outer.call, use.argument, layers(cls)[use.name].assign)


@operator("bias before a norm", "RC309", note=True)
def bias_added(subject: Subject) -> Iterator[Plant]:
    """``bias=False`` is lost."""
    for call in calls(subject, "conv"):
        for word in call.keywords:
            if word.arg == "bias" and subject.of(word.value) == "False":
                yield plant(subject.without(call, word), places=subject.places(call))


@operator("projection where nothing changes", "RC310", note=True)
def projection_unneeded(subject: Subject) -> Iterator[Plant]:
    """The condition of the projection always holds."""
    for node in subject.nodes(ast.If):
        inner = [each for each in ast.walk(node) if isinstance(each, ast.Call) and kind_of(each.func) == "conv"]
        if inner and "stride" in subject.of(node.test) and "!=" in subject.of(node.test):
            yield plant(subject.replace(node.test, "True"), places=subject.places(*inner))
