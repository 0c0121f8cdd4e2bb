"""What autograd keeps of the forward pass for the backward pass, and what overwrites it in between."""

from __future__ import annotations

from typing import NamedTuple

from resnet_check.graph.records import Model, Op
from resnet_check.rules._training import gradients, reaching, training_ops

KEEPS_OUTPUT = frozenset(
    "relu sigmoid tanh softmax log_softmax softmin exp expm1 sqrt rsqrt reciprocal norm amax amin std logsumexp".split()
)
"""Operators whose gradient is computed from their output."""

KEEPS_OUTPUT_IN_PLACE = frozenset(
    "relu leaky_relu elu celu selu rrelu sigmoid tanh exp expm1 sqrt rsqrt reciprocal".split()
)
"""The same for their in-place forms, which keep nothing else of the tensor that they overwrite."""

KEEPS_INPUT = frozenset(
    "conv conv_transpose batch_norm instance_norm group_norm layer_norm local_response_norm"
    " max_pool avg_pool adaptive_max_pool lp_pool"
    " relu6 leaky_relu elu celu selu silu mish gelu softplus hardswish hardsigmoid hardtanh prelu logsigmoid softsign"
    " threshold glu log log1p abs pow square normalize norm amax amin std var logsumexp clamp sin cos erf".split()
)
"""Operators whose gradient is computed from their first input."""

KEEPS_OTHERS = frozenset("mul div matmul einsum".split())
"""Operators that keep an operand while another one takes a gradient."""

VIEWS = frozenset("view squeeze unsqueeze permute transpose expand".split())
"""Operators whose output is always the memory of their first input."""

NOT_WRITTEN = frozenset("write detach squeeze unsqueeze transpose resize".split())
"""In-place operators that leave the values as they are."""


class Overwrite(NamedTuple):
    """An in-place Op, and the Op before it whose gradient needs the values that are lost: its output, or an input."""

    op: Op
    keeper: Op
    output: bool


def overwrites(model: Model) -> list[Overwrite]:
    """Return the in-place Ops after which the backward pass of a model raises."""
    ops = training_ops(model)
    takes = gradients(model, ops)
    needed = reaching(ops, takes)
    memory: list[int] = []
    kept: dict[int, list[tuple[Op, bool]]] = {}
    found: list[Overwrite] = []
    for op in ops:
        shares = op.inputs and (op.inplace or is_view(model, op))
        memory.append(memory[op.inputs[0]] if shares else op.index)
        if op.inplace and is_written(op) and memory[op.index] in kept:
            keepers = kept.pop(memory[op.index])
            keeper, output = next((k for k in keepers if k[1]), keepers[0])
            found.append(Overwrite(op, keeper, output))
        if needed[op.index]:
            for index, output in keeps(model, op, takes):
                kept.setdefault(memory[index], []).append((op, output))
    return found


def is_written(op: Op) -> bool:
    """Return whether an in-place Op certainly changes values."""
    if "dropout" in op.kind:
        p = op.attributes.get("p")
        return isinstance(p, (int, float)) and p > 0
    return op.kind not in NOT_WRITTEN


def is_view(model: Model, op: Op) -> bool:
    """Return whether an Op certainly gives the memory of its first input under another name."""
    if op.kind == "dropout":
        return op.attributes.get("p") == 0
    layer = model.layer(op)
    return op.kind in VIEWS or (op.kind == "identity" and layer is not None and layer.type == "torch.nn.Identity")


def keeps(model: Model, op: Op, takes: list[bool]) -> list[tuple[int, bool]]:
    """Return the Ops whose outputs autograd keeps for the gradient of an Op, with whether that is the Op itself."""
    kept: list[tuple[int, bool]] = []
    if op.kind in (KEEPS_OUTPUT_IN_PLACE if op.inplace else KEEPS_OUTPUT) and op.attributes.get("output", 0) == 0:
        kept.append((op.index, True))
    if op.inplace or not op.inputs:
        first = 1
    else:
        first = 0
        if keeps_input(model, op, takes):
            kept.append((op.inputs[0], False))
    if op.kind in KEEPS_OTHERS:
        for position, index in enumerate(op.inputs):
            others = op.inputs[:position] + op.inputs[position + 1 :]
            if position >= first and any(takes[other] for other in others):
                kept.append((index, False))
    return kept


def keeps_input(model: Model, op: Op, takes: list[bool]) -> bool:
    """Return whether the gradient of an Op is computed from its first input."""
    if op.kind == "adaptive_avg_pool":
        return set(op.attributes["output_size"]) != {1}
    return op.kind in KEEPS_INPUT or (op.kind == "linear" and weight_learns(model, op, takes))


def weight_learns(model: Model, op: Op, takes: list[bool]) -> bool:
    """Return whether the weight of a linear layer takes a gradient."""
    layer = model.layer(op)
    if layer is not None and "weight" in layer.parameters:
        return "weight" not in layer.frozen
    return len(op.inputs) > 1 and takes[op.inputs[1]]
