"""Which parameter or buffer each Op uses: a weight is one weight wherever and under whatever names it is used."""

from __future__ import annotations

from typing import NamedTuple

from resnet_check.equality.nodes import WEIGHTS, Unanswerable
from resnet_check.graph.records import Model, ModuleRecord, Op, Shape

OWN = {
    "conv": ("weight", "bias"),
    "conv_transpose": ("weight", "bias"),
    "linear": ("weight", "bias"),
    "batch_norm": ("weight", "bias"),
    "instance_norm": ("weight", "bias"),
    "group_norm": ("weight", "bias"),
    "layer_norm": ("weight", "bias"),
    "rms_norm": ("weight",),
    "prelu": ("weight",),
}
"""The parameters of the layers, in the order of the function's arguments."""

STATISTICS = ("running_mean", "running_var")
NEEDS = {"conv": 2, "conv_transpose": 2, "linear": 2, "prelu": 2}
"""The operands that a kind has at least."""


class Weight(NamedTuple):
    """A parameter or buffer (``kind``) with its path in the model."""

    kind: str
    path: str
    shape: Shape


def weight(model: Model, module: ModuleRecord, name: str) -> Weight:
    """Return a weight of a module by its name there; a tied one is the one that was registered first."""
    while name in module.tied:
        index, name = module.tied[name]
        module = model.modules[index]
    kind = "parameter" if name in module.parameters else "buffer"
    shape = (module.parameters if kind == "parameter" else module.buffers)[name]
    return Weight(kind, f"{module.path}.{name}" if module.path else name, shape)


def own(model: Model, op: Op) -> list[Weight]:
    """Return the weights that an Op takes from its own layer, in order.

    Unanswerable where that cannot be told: the layer computes its weights, or the kind's weights are not known.
    """
    layer = model.layer(op)
    has_statistics = op.kind in {"batch_norm", "instance_norm"} and not op.attributes.get("training", True)
    statistics = STATISTICS if has_statistics else ()
    if layer is None:
        if statistics:
            message = "whose statistics a functional norm uses is not known"
            raise Unanswerable(message)
        return []
    absent = {"bias"} if op.attributes.get("bias") is False else set()
    takes = op.attributes.get("affine", True) and len(op.inputs) == 1
    names = [name for name in OWN[op.kind] if name in layer.parameters and name not in absent] if takes else []
    if any(name not in layer.buffers for name in statistics):
        message = f"the statistics of `{layer.path}` are not known"
        raise Unanswerable(message)
    return [weight(model, layer, name) for name in (*names, *statistics)]


def expected(op: Op) -> int | None:
    """Return how many operands an Op has with its weights, None where that is not fixed."""
    needed = NEEDS.get(op.kind)
    if needed is None:
        return None
    return needed + (1 if op.attributes.get("bias") else 0)


def used_directly(model: Model, op: Op) -> Weight:
    """Return the parameter or buffer that an Op of that kind stands for.

    Unanswerable for a tensor that no module has registered.
    """
    assert op.kind in WEIGHTS  # noqa: S101 - what the caller looked for
    name, owner = op.attributes.get("name", ""), op.attributes.get("owner")
    module = None if owner is None else model.modules[owner]
    if module is None or name not in (module.parameters if op.kind == "parameter" else module.buffers):
        message = f"whose `{name}` is used is not known"
        raise Unanswerable(message)
    return weight(model, module, name)
