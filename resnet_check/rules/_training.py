"""The graph in training mode, as the rules about training look at it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Fix, Related, related
from resnet_check.graph.records import Model, Op, Site
from resnet_check.rules._places import Places
from resnet_check.rules.base import FileContext

CONTAINERS = frozenset({"torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict"})


def training_ops(model: Model) -> list[Op]:
    """Return the Ops of a forward pass in training mode; none where that pass is not known."""
    return model.ops if model.trained is None else model.trained


def runnable(context: FileContext) -> Iterator[Model]:
    """Yield the models whose forward pass is known from input to output and runs."""
    return (model for model in context.complete if not any(p.kind == "raised" for p in model.problems))


def gradients(model: Model, ops: list[Op]) -> list[bool]:
    """Return for each Op whether autograd would ask for the gradient of its output."""
    frozen = {(record.path, name) for record in model.modules for name in record.frozen}
    found: list[bool] = []
    for op in ops:
        layer = model.layer(op)
        if op.attributes.get("no_grad") or op.kind == "detach":
            found.append(False)
        elif op.kind == "parameter":
            found.append((op.path, op.attributes.get("name")) not in frozen)
        else:
            own = layer is not None and any(name not in layer.frozen for name in layer.parameters)
            found.append(
                op.dtype.startswith(("float", "bfloat", "complex")) and (own or any(found[i] for i in op.inputs))
            )
    return found


def reaching(ops: list[Op], passing: list[bool]) -> list[bool]:
    """Return for each Op whether a gradient of what the model returns gets to it."""
    found = [op.returned and passing[op.index] for op in ops]
    for op in reversed(ops):
        if found[op.index]:
            for index in op.inputs:
                found[index] = found[index] or passing[index]
    return found


def place(model: Model, op: Op) -> tuple[Site, tuple[Related, ...]]:
    """Return the line to change for an Op: where a Sequential got its layer, else where the layer is called."""
    layer = model.layer(op)
    parent = None if layer is None or layer.parent is None else model.modules[layer.parent]
    if layer is None or layer.built.line == op.site.line:
        return op.site, ()
    if (
        parent is not None
        and CONTAINERS.intersection((parent.type, *parent.bases))
        and layer.built.path == op.site.path
    ):
        return layer.built, (related(op.site, "runs here"),)
    return op.site, (related(layer.built, "the layer is built here"),)


def not_in_place(found: Places, site: Site) -> Fix | None:
    """Return the fix that has the call at a place make a new tensor, where it says ``inplace=True``."""
    from resnet_check.editing import over

    call = found.at(site, ast.Call)
    given = (
        [] if not isinstance(call, ast.Call) else [*call.args, *(k.value for k in call.keywords if k.arg == "inplace")]
    )
    said = [value for value in given if isinstance(value, ast.Constant) and value.value is True]
    return Fix("make a new tensor", (over(found.source, said[0], "False"),), safe=False) if len(said) == 1 else None


def title(model: Model, op: Op) -> str:
    """Return what a person calls an Op: its layer's type or its function."""
    layer = model.layer(op)
    return f"`{layer.type.rpartition('.')[2]}`" if layer is not None else f"`{op.kind}`"
