"""The rules of convolutions, pools, norms and linear layers."""

from __future__ import annotations

from typing import Any

from resnet_check.equality.nodes import Builder, Unanswerable, reduce, reshape, subsample
from resnet_check.equality.rewriting import Operands, plain, rule
from resnet_check.graph.dim import Number
from resnet_check.graph.records import Op


@rule("conv")
def _conv(b: Builder, op: Op, x: Operands) -> int:
    """A convolution: zeros that are put around its input are its padding, and values left out before a 1x1 one its stride.

    A 1x1 convolution of one pixel is a linear layer.
    """
    a = op.attributes
    kernel, stride, dilation, mode = a["kernel"], tuple(a["stride"]), tuple(a["dilation"]), a["padding_mode"]
    dims = len(kernel)
    sides = _sides(a)
    image = x[0]
    if not any(map(any, sides)):
        mode = "zeros"
    node = b.nodes[image]
    if mode == "zeros" and node.kind == "pad" and not any(map(any, node.setting("widths")[:-dims])):
        added = node.setting("widths")[-dims:]
        sides = [(low + p, high + q) for (low, high), (p, q) in zip(sides, added, strict=True)]
        image = node.operands[0]
    dilation = tuple(1 if k == 1 else d for k, d in zip(kernel, dilation, strict=True))
    if _is_ones(kernel) and not any(map(any, sides)):
        node = b.nodes[image]
        if a["groups"] == 1 and _is_ones(node.shape[-dims:]):
            features = reshape(b, image, node.shape[:-dims])
            return reshape(b, b.add("linear", (features, *x[1:]), op.shape[:-dims]), op.shape)
        if node.kind == "subsample" and _is_ones(node.setting("steps")[:-dims]):
            stride = tuple(s * step for s, step in zip(stride, node.setting("steps")[-dims:], strict=True))
            image = node.operands[0]
    settings = {"stride": stride, "padding": sides, "dilation": dilation, "groups": a["groups"], "mode": mode}
    return b.add("conv", (image, *x[1:]), op.shape, **settings)


def _sides(attributes: dict[str, Any]) -> list[tuple[Number, Number]]:
    """Return what a convolution pads before and behind each dim; "same" puts the odd one behind."""
    padding = attributes["padding"]
    if padding != "same":
        return [(width, width) for width in padding]
    totals = [d * (k - 1) for d, k in zip(attributes["dilation"], attributes["kernel"], strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def _is_ones(sizes: Any) -> bool:
    return all(type(size) is int and size == 1 for size in sizes)


@rule("linear")
def _linear(b: Builder, op: Op, x: Operands) -> int:
    return b.add("linear", x, op.shape)


@rule("batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm")
def _norm(b: Builder, op: Op, x: Operands) -> int:
    """A norm; its momentum matters in training only."""
    if "eps" not in op.attributes:
        message = "a norm that torch refuses"
        raise Unanswerable(message)
    return plain(b, op, x)


@rule("adaptive_avg_pool", "adaptive_max_pool")
def _adaptive(b: Builder, op: Op, x: Operands) -> int:
    """A pool to one value is a reduction, one to the size that there is already does nothing."""
    sizes, shape = op.attributes["output_size"], b.nodes[x[0]].shape
    dims = len(sizes)
    if "output" in op.attributes:
        return plain(b, op, x)
    if shape[-dims:] == tuple(sizes):
        return x[0]
    if _is_ones(sizes):
        return _all_of(b, op.kind, x[0], dims)
    return plain(b, op, x)


@rule("avg_pool", "max_pool")
def _pool(b: Builder, op: Op, x: Operands) -> int:
    """A pool: one that covers the map is a reduction, one of single values leaves values out."""
    a = op.attributes
    kernel, padding = a["kernel"], a["padding"]
    dims, node = len(kernel), b.nodes[x[0]]
    bare = not any(padding) and a.get("divisor_override") is None and "output" not in a
    if bare and _is_ones(a.get("dilation", (1,))):
        if b.is_size(list(zip(node.shape[-dims:], kernel, strict=True))):
            return _all_of(b, op.kind, x[0], dims)
        if _is_ones(kernel):
            return subsample(b, x[0], [1] * (len(node.shape) - dims) + list(a["stride"]))
    settings = {name: setting for name, setting in a.items() if name != "no_grad"}
    settings["padding"] = sides = [(width, width) for width in padding]
    if not any(padding):
        settings["count_include_pad"] = op.kind == "avg_pool"
    if settings.get("count_include_pad") and not a["ceil_mode"] and node.kind == "pad":
        widths = node.setting("widths")
        if not any(map(any, widths[:-dims])):
            added = zip(sides, widths[-dims:], strict=True)
            settings["padding"] = [(low + p, high + q) for (low, high), (p, q) in added]
            return b.add(op.kind, node.operands, op.shape, **settings)
    return b.add(op.kind, x, op.shape, **settings)


def _all_of(b: Builder, kind: str, x: int, dims: int) -> int:
    rank = len(b.nodes[x].shape)
    return reduce(b, "amax" if "max" in kind else "mean", x, range(rank - dims, rank))
