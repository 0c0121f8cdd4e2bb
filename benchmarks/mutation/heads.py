"""Mistakes between the last stage and the logits: the rules RC204 to RC206."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mutation.operators import operator
from mutation.shapes import argument, blocks, calls, layers, modules, networks, number, uses
from mutation.subject import Plant, Subject, plant


@operator("linear features wrong", "RC204")
def linear_features(subject: Subject) -> Iterator[Plant]:
    """``in_features`` is doubled, or halved."""
    for cls, init, _ in networks(subject):
        for call in calls(subject, "linear", under=cls):
            value = argument(call, 0, "in_features")
            if init and value is not None and call.func:
                yield plant(subject.replace(value, f"{subject.of(value)} * 2"))
                literal = next((each for each in ast.walk(value) if (number(each) or 0) > 8), None)  # type: ignore[arg-type]
                if literal is not None:
                    yield plant(subject.replace(literal, str(number(literal) // 2)))  # type: ignore[arg-type, operator]


@operator("linear without the expansion", "RC204")
def linear_expansion(subject: Subject) -> Iterator[Plant]:
    """``nn.Linear(512, num_classes)`` after bottlenecks."""
    for call in calls(subject, "linear"):
        match call.args:
            case [ast.BinOp(op=ast.Mult(), left=left, right=right) as product, *_] if "xpansion" in subject.of(product):
                yield plant(subject.replace(product, subject.of(left if "xpansion" in subject.of(right) else right)))


@operator("flatten forgotten", "RC204")
def flatten_forgotten(subject: Subject) -> Iterator[Plant]:
    """The map goes into the classifier as it is."""
    for call, value in _flattens(subject):
        statement = subject.statement(call)
        places: list[int] = []
        body = subject.body_of(statement)
        index = body.index(statement)
        places += subject.places(*body[index : index + 2])
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=whole) if whole is call and subject.of(value) == name:
                yield plant(subject.delete(statement), places=(*places, *subject.around(statement)))
            case _:
                yield plant(subject.replace(call, subject.of(value)), places=places)


def _flattens(subject: Subject) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Yield the calls in forward that make vectors of maps, and what they flatten."""
    for _, _, forward in networks(subject):
        for node in subject.nodes(ast.Call, under=forward):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="flatten"), args=[value, *_]):
                    yield node, value
                case ast.Call(func=ast.Attribute(value=value, attr="view" | "reshape" | "flatten")) if (
                    not isinstance(value, ast.Name) or value.id != "torch"
                ):
                    yield node, value


@operator("flatten with the batch", "RC206")
def flatten_batch(subject: Subject) -> Iterator[Plant]:
    """``torch.flatten(x)`` and ``x.view(-1)`` count the batch as features."""
    for call, value in _flattens(subject):
        yield plant(subject.replace(call, f"{subject.of(value)}.flatten(0)"))
    for _, _, value, call in _means(subject):
        yield plant(subject.replace(call, f"{subject.of(value)}.mean((2, 3)).flatten()"))


def _means(subject: Subject):  # noqa: ANN202 - as the next line says
    """Yield the network, forward, value and call of each global mean ``x.mean((2, 3))``."""
    for cls, _, forward in networks(subject):
        for node in subject.nodes(ast.Call, under=forward):
            match node:
                case ast.Call(func=ast.Attribute(value=value, attr="mean"), args=[ast.Tuple()]):
                    yield cls, forward, value, node


@operator("view with -1 for the batch", "RC206")
def view_batch(subject: Subject) -> Iterator[Plant]:
    """``x.view(-1, C)`` of a map that is not 1x1 moves positions into the batch; the pool before it is lost."""
    for _, _, value, call in _means(subject):
        yield plant(
            subject.replace(call, f"{subject.of(value)}.permute(0, 2, 3, 1).reshape(-1, {subject.of(value)}.size(1))")
        )
    for call, value in _flattens(subject):
        yield plant(subject.replace(call, f"{subject.of(value)}.reshape(1, -1)"))


@operator("hard-coded batch size", "RC206")
def batch_constant(subject: Subject) -> Iterator[Plant]:
    """``x.view(32, -1)``."""
    for call, value in _flattens(subject):
        yield plant(subject.replace(call, f"{subject.of(value)}.reshape(32, -1)"))
    for _, _, _, call in _means(subject):
        yield plant(subject.replace(call, f"{subject.of(call)}.view(32, -1)"))


@operator("squeeze without a dimension", "RC206")
def squeeze_all(subject: Subject) -> Iterator[Plant]:
    """``x.squeeze()`` drops the batch too when it is one."""
    for call, value in _flattens(subject):
        yield plant(subject.replace(call, f"{subject.of(value)}.squeeze()"))
    for _, _, value, call in _means(subject):
        yield plant(subject.replace(call, f"{subject.of(value)}.mean((2, 3), keepdim=True).squeeze()"))


@operator("mean over the batch", "RC206")
def mean_over_batch(subject: Subject) -> Iterator[Plant]:
    """Something of the other images of the batch is subtracted, or the mean goes over them."""
    for _, _, value, call in _means(subject):
        yield plant(subject.replace(call, f"{subject.of(value)}.mean((0, 2, 3))"))
    for block in blocks(subject):
        branch = subject.of(block.sum.branch)
        if isinstance(block.sum.branch, ast.Name) and not isinstance(block.sum.node, ast.AugAssign):
            yield plant(subject.replace(block.sum.branch, f"({branch} - {branch}.mean(0, keepdim=True))"))


@operator("fixed pool at the end", "RC205", note=True)
def fixed_pool(subject: Subject) -> Iterator[Plant]:
    """An average pool of 7x7 (8x8) where a global one stood."""
    for call in [*calls(subject, "adaptive_pool")]:
        name = subject.of(call.func)
        value = argument(call, 0, "output_size")
        if value is not None and subject.of(value) in {"1", "(1, 1)"} and name.endswith("2d"):
            yield plant(subject.replace(call, f"{name.replace('Adaptive', '')}(7)"), places=_pool_uses(subject, call))
    for cls, _, forward in networks(subject):
        for use in uses(cls, forward, "adaptive_pool"):
            if isinstance(use.call.func, ast.Attribute) and use.name.startswith("adaptive") and use.name.endswith("2d"):
                yield plant(subject.replace(use.call, f"F.avg_pool2d({subject.of(use.argument)}, 7)"))
    for _, _, value, call in _means(subject):
        yield plant(subject.replace(call, f"F.avg_pool2d({subject.of(value)}, 7).flatten(1)"))


def _pool_uses(subject: Subject, call: ast.Call) -> tuple[int, ...]:
    """Return where forward applies the layer that a call builds."""
    match subject.statement(call):
        case ast.Assign(targets=[ast.Attribute(attr=name)]):
            found = [use.call for cls, _, forward in modules(subject) for use in uses(cls, forward) if use.name == name]
            return subject.places(*found)
    return ()


@operator("adaptive pool not to 1x1", "RC204")
def pool_not_global(subject: Subject) -> Iterator[Plant]:
    """``nn.AdaptiveAvgPool2d(2)``; the classifier that it does not fit may be named as well."""
    for cls, _, forward in networks(subject):
        heads = [each.assign for each in layers(cls).values() if each.kind == "linear"]
        applied = [use.call for use in uses(cls, forward, "linear")]
        for call in calls(subject, "adaptive_pool", under=cls):
            value = argument(call, 0, "output_size")
            if value is not None and subject.of(value) in {"1", "(1, 1)"}:
                yield plant(subject.replace(value, subject.of(value).replace("1", "2")), places=subject.places(*heads))
        for _, where, value, call in _means(subject):
            if where is forward and applied:
                text = f"F.adaptive_avg_pool2d({subject.of(value)}, 2).flatten(1)"
                yield plant(subject.replace(call, text), places=subject.places(*heads))
