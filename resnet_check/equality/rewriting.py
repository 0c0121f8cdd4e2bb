"""How each kind of Op becomes nodes: one rule for each kind that can be written in several ways.

Kinds that have neither a rule nor a place in `PLAIN` make a Graph Unanswerable: whether their settings say all that they
do is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from resnet_check.equality.nodes import (
    Builder,
    Unanswerable,
    each,
    limit,
    pad,
    reduce,
    reshape,
    scale,
    shift,
    subsample,
    zeros,
)
from resnet_check.graph.dim import Dim
from resnet_check.graph.records import Op

Operands = Sequence[int]
Rule = Callable[[Builder, Op, Operands], int]

RULES: dict[str, Rule] = {}

POINTWISE = frozenset(
    {
        *("abs", "celu", "cos", "elu", "exp", "gelu", "hardshrink", "hardsigmoid", "hardswish", "leaky_relu", "log"),
        *("logsigmoid", "mish", "reciprocal", "rsqrt", "selu", "sigmoid", "sin", "softplus", "softshrink", "softsign"),
        *("sqrt", "square", "tanh", "tanhshrink", "threshold"),
    }
)
"""Kinds that act on each value by itself."""

PLAIN = POINTWISE | {
    *("channel_shuffle", "conv_transpose", "expand", "flip", "glu", "local_response_norm", "log_softmax", "lp_pool"),
    *("matmul", "maximum", "minimum", "normalize", "pixel_shuffle", "pixel_unshuffle", "pow", "prelu", "softmax"),
    "stack",
}
"""Kinds that are what they are: their settings and operands say everything."""

SHARING = frozenset(
    {
        *("alpha_dropout", "chunk", "detach", "dropout", "expand", "flatten", "getitem", "identity", "permute"),
        *("reshape", "split", "squeeze", "tensor_split", "transpose", "unflatten", "unsqueeze", "view"),
    }
)
"""Kinds whose result may lie in the memory of their first operand."""

IGNORED = frozenset({"no_grad", "momentum", "num_features", "num_channels", "num_parameters", "affine", "bias"})
"""Settings that change nothing in eval mode, or that the operands say."""


def rule(*kinds: str) -> Callable[[Rule], Rule]:
    """Register the rule of some kinds."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, function))
        return function

    return register


def rewrite(b: Builder, op: Op, x: Operands) -> int:
    """Return the node of an Op whose operands are given; Unanswerable where the kind is not known well enough."""
    found = RULES.get(op.kind)
    if found is not None:
        return found(b, op, x)
    if op.kind not in PLAIN or not x:
        message = f"`{op.kind}` is not compared"
        raise Unanswerable(message)
    return plain(b, op, x)


def plain(b: Builder, op: Op, x: Operands) -> int:
    """Return the node that does just what the Op says."""
    settings = {name: setting for name, setting in op.attributes.items() if name not in IGNORED}
    if op.kind in POINTWISE:
        return each(b, x[0], lambda y: b.add(op.kind, (y,), b.nodes[y].shape, **settings))
    return b.add(op.kind, x, op.shape, **settings)


@rule("identity", "clone", "detach", "dropout", "alpha_dropout", "cast")
def _handed_on(_: Builder, op: Op, x: Operands) -> int:
    if op.attributes.get("training") and op.attributes["p"] != 0:
        message = "dropout that is always on is random"
        raise Unanswerable(message)
    return x[0]


@rule("view", "reshape", "flatten", "squeeze", "unsqueeze", "unflatten")
def _reshape(b: Builder, op: Op, x: Operands) -> int:
    if "dtype" in op.attributes or len(x) != 1:
        message = "a view of the memory as another dtype is not compared"
        raise Unanswerable(message)
    return reshape(b, x[0], op.shape)


@rule("permute", "transpose")
def _permute(b: Builder, op: Op, x: Operands) -> int:
    order = list(range(len(op.shape)))
    if op.kind == "permute":
        order = list(op.attributes["dims"])
    elif {"dim0", "dim1"} <= op.attributes.keys():
        first, second = op.attributes["dim0"], op.attributes["dim1"]
        order[first], order[second] = second, first
    else:
        return plain(b, op, x)
    return b.add("permute", x, op.shape, dims=order)


@rule("chunk", "split", "tensor_split")
def _split(b: Builder, op: Op, x: Operands) -> int:
    dim = op.attributes["dim"]
    return b.add("slice", x, op.shape, dim=dim, start=op.attributes["start"], size=op.shape[dim])


@rule("getitem")
def _getitem(b: Builder, op: Op, x: Operands) -> int:
    index = op.attributes["index"]
    if len(x) != 1 or any(isinstance(entry, str) for entry in index):
        message = "an index that is a tensor is not compared"
        raise Unanswerable(message)
    kept = [entry for entry in index if entry is not None]
    if all(isinstance(entry, tuple) and entry[:2] == (0, None) and type(entry[2]) is int for entry in kept):
        steps = [entry[2] for entry in kept] + [1] * (len(b.nodes[x[0]].shape) - len(kept))
        found = subsample(b, x[0], steps)
        return reshape(b, found, op.shape) if None in index else found
    return b.add("getitem", x, op.shape, index=index)


LIMITS: dict[str, tuple[Any, Any]] = {"relu": (0, None), "relu6": (0, 6)}
"""The activations that only limit their input, and to what."""


@rule("relu", "relu6", "hardtanh", "clamp")
def _limit(b: Builder, op: Op, x: Operands) -> int:
    if len(x) != 1:
        message = "limits that are tensors are not compared"
        raise Unanswerable(message)
    a = op.attributes
    low, high = LIMITS.get(op.kind, (a.get("min_val", a.get("min")), a.get("max_val", a.get("max"))))
    return limit(b, x[0], low, high)


@rule("leaky_relu")
def _leaky_relu(b: Builder, op: Op, x: Operands) -> int:
    slope = op.attributes["negative_slope"]
    if slope == 0:
        return limit(b, x[0], 0, None)
    return x[0] if slope == 1 else plain(b, op, x)


@rule("threshold")
def _threshold(b: Builder, op: Op, x: Operands) -> int:
    return limit(b, x[0], 0, None) if set(op.attributes.values()) == {0} else plain(b, op, x)


@rule("silu")
def _silu(b: Builder, _: Op, x: Operands) -> int:
    def make(y: int) -> int:
        shape = b.nodes[y].shape
        return b.add("mul", (y, b.add("sigmoid", (y,), shape)), shape)

    return each(b, x[0], make)


@rule("add", "sub", "mul", "div", "neg")
def _arithmetic(b: Builder, op: Op, x: Operands) -> int:
    """Sums of multiples, and products: subtractions and divisions by numbers are those too."""
    left, right = (*x, None)[:2]
    number, alpha = op.attributes.get("scalar"), op.attributes.get("alpha", 1)
    if left is None or not op.dtype.startswith(("float", "bfloat")) or op.attributes.get("rounding_mode"):
        return plain(b, op, x)
    if right is None:
        return _with_number(b, op, left, number, alpha)
    if op.kind == "mul":
        return b.add("mul", x, op.shape)
    if op.kind == "div":
        return plain(b, op, x)
    right = scale(b, right, alpha if op.kind == "add" else -1 * alpha)
    operands = [one for one in (left, right) if b.nodes[one].kind != "zeros" or b.nodes[one].shape != op.shape]
    whole = [one for one in operands if b.nodes[one].shape == op.shape]
    return operands[0] if len(operands) == 1 == len(whole) else b.add("add", (left, right), op.shape)


def _with_number(b: Builder, op: Op, x: int, number: Any, alpha: Any) -> int:
    first = bool(op.attributes.get("scalar_left"))
    if op.kind == "neg":
        return scale(b, x, -1)
    if op.kind == "add":
        return shift(b, scale(b, x, alpha if first else 1), number if first else number * alpha)
    if op.kind == "sub":
        return shift(b, scale(b, x, -1 * alpha), number) if first else shift(b, x, -1 * number * alpha)
    if op.kind == "mul":
        return scale(b, x, number)
    if first or isinstance(number, Dim) or number == 0:
        return plain(b, op, (x,))
    return scale(b, x, 1 / number)


@rule("mean", "sum", "amax", "amin")
def _reduce(b: Builder, op: Op, x: Operands) -> int:
    if op.attributes.keys() - {"dim", "keepdim", "no_grad"}:
        return plain(b, op, x)
    node, dims = b.nodes[x[0]], op.attributes["dim"]
    if op.kind == "sum" and node.kind == "stack" and tuple(dims) == (node.setting("dim"),):
        found = node.operands[0]
        for other in node.operands[1:]:
            found = b.add("add", (found, other), b.nodes[found].shape)
        return reshape(b, found, op.shape)
    return reshape(b, reduce(b, op.kind, x[0], dims), op.shape)


@rule("cat")
def _cat(b: Builder, op: Op, x: Operands) -> int:
    """Zeros on either side of one tensor are a padding."""
    dim = op.attributes["dim"]
    solid = [i for i, one in enumerate(x) if b.nodes[one].kind != "zeros"]
    if len(solid) != 1:
        return b.add("cat", x, op.shape, dim=dim)
    sizes = [b.nodes[one].shape[dim] for one in x]
    widths: list[Any] = [(0, 0)] * len(op.shape)
    widths[dim] = (sum(sizes[: solid[0]]), sum(sizes[solid[0] + 1 :]))
    return pad(b, x[solid[0]], widths)


@rule("pad")
def _pad(b: Builder, op: Op, x: Operands) -> int:
    flat, rank = op.attributes["widths"], len(op.shape)
    pairs = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)][::-1]
    widths = [(0, 0)] * (rank - len(pairs)) + pairs
    positive = all(type(width) is int and width >= 0 for width in flat)
    if op.attributes["mode"] == "constant" and op.attributes["value"] == 0 and positive:
        return pad(b, x[0], widths)
    mode, number = op.attributes["mode"], op.attributes["value"]
    return b.add("padding", x, op.shape, widths=widths, mode=mode, value=number)


@rule("constant")
def _constant(b: Builder, op: Op, _: Operands) -> int:
    number, data = op.attributes["value"], op.attributes["data"]
    if isinstance(number, Dim) or (data is None and not isinstance(number, (int, float))):
        message = "a tensor whose values are not known"
        raise Unanswerable(message)
    values = {number} if data is None else set(data)
    if values == {0} and op.dtype.startswith("float"):
        return zeros(b, op.shape)
    if len(values) == 1:
        return b.add("full", (), op.shape, size=op.shape, value=values.pop(), dtype=op.dtype)
    return b.add("constant", (), op.shape, size=op.shape, data=data, dtype=op.dtype)
