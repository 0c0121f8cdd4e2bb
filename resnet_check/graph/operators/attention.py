"""Attention: scaled dot products, and the layer with several heads."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.base import Built, Checks, NotModelled, Refused, Result, function, layer
from resnet_check.graph.operators.broadcasting import broadcast
from resnet_check.graph.operators.sizes import Tensor, floating, has_rank, integer, names
from resnet_check.graph.records import Shape


def _equal(check: Checks, got: Number, expected: Number, operator: str, reason: str) -> None:
    if got != expected:
        check.require(
            "==", got, expected, "invalid-argument", operator=operator, got=got, expected=expected, reason=reason
        )


@function("torch.nn.functional.scaled_dot_product_attention", free="dropout_p is_causal scale")
def scaled_dot_product_attention(
    check: Checks,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: Any = 0.0,
    is_causal: Any = False,
    scale: Any = None,
    enable_gqa: Any = False,
) -> Result:
    """Return ``softmax(query @ key.T) @ value``: ``[*, L, E]``, ``[*, S, E]`` and ``[*, S, V]`` give ``[*, L, V]``."""
    operator = "scaled_dot_product_attention"
    if min(len(t.shape) for t in (query, key, value)) < 2:
        check.fail("wrong-rank", operator=operator, got=len(query.shape), expected="2 or more", shape=query.shape)
        message = f"{operator} of a tensor of less than two dimensions"
        raise NotModelled(message)
    _equal(check, key.shape[-1], query.shape[-1], operator, "query and key have different features")
    _equal(check, value.shape[-2], key.shape[-2], operator, "key and value have different lengths")
    lead = query.shape[:-2]
    if not enable_gqa:
        lead = broadcast(check, "broadcast", lead, key.shape[:-2], value.shape[:-2], operator=operator)
    inputs = (query, key, value) if attn_mask is None else (query, key, value, attn_mask)
    attributes = {"dropout_p": dropout_p, "is_causal": bool(is_causal), "scale": scale}
    shape = (*lead, query.shape[-2], value.shape[-1])
    return Result("attention", shape, inputs, attributes, floating(check, query, operator))


def _run(
    check: Checks,
    layer: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None = None,
    need_weights: Any = True,
    attn_mask: Tensor | None = None,
    average_attn_weights: Any = True,
    is_causal: Any = False,
) -> tuple[Result, Result | None]:
    operator = "multihead_attention"
    rank = len(query.shape)
    if not (
        has_rank(check, query, (2, 3), operator)
        and has_rank(check, key, (rank,), operator)
        and has_rank(check, value, (rank,), operator)
    ):
        message = f"{operator} of tensors of {rank}, {len(key.shape)} and {len(value.shape)} dimensions"
        raise NotModelled(message)
    batch_dim = 0 if layer.batch_first else 1
    length_dim = 0 if rank == 2 else 1 - batch_dim
    for tensor, features in ((query, layer.embed_dim), (key, layer.kdim), (value, layer.vdim)):
        if tensor.shape[-1] != features:
            facts = {"got": tensor.shape[-1], "expected": features, "operator": operator}
            check.require("==", tensor.shape[-1], features, "linear-features", **facts)
    lengths = (query.shape[length_dim], key.shape[length_dim])
    _equal(check, value.shape[length_dim], lengths[1], operator, "key and value have different lengths")
    if rank == 3:
        batch = query.shape[batch_dim]
        _equal(check, key.shape[batch_dim], batch, operator, "query and key have different batches")
        _equal(check, value.shape[batch_dim], batch, operator, "query and value have different batches")
    if is_causal and attn_mask is None:
        reason = "is_causal is a hint about attn_mask, which is not given"
        check.fail("invalid-argument", operator=operator, what="is_causal", reason=reason)
    out = (*query.shape[:-1], layer.embed_dim)
    attributes = {"num_heads": layer.num_heads, "batch_first": bool(layer.batch_first), "training": layer.training}
    inputs = tuple([t for t in (query, key, value, key_padding_mask, attn_mask) if t is not None])
    output = Result("attention", out, inputs, attributes, floating(check, query, operator))
    if not need_weights:
        return output, None
    extra = (1 if layer.add_zero_attn else 0) + (1 if layer.bias_k is not None else 0)
    pairs: Shape = (lengths[0], lengths[1] + extra)
    if not average_attn_weights:
        pairs = (layer.num_heads, *pairs)
    if rank == 3:
        pairs = (query.shape[batch_dim], *pairs)
    return output, Result("attention", pairs, inputs, {**attributes, "output": 1}, output.dtype)


@layer(*names("activation", "MultiheadAttention"), forward=_run, free="dropout device dtype")
def build_multihead_attention(
    check: Checks,
    embed_dim: Any,
    num_heads: Any,
    dropout: Any = 0.0,
    bias: Any = True,
    add_bias_kv: Any = False,
    add_zero_attn: Any = False,
    kdim: Any = None,
    vdim: Any = None,
    batch_first: Any = False,
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build the projections: one for query, key and value, or three where key and value have other features."""
    given = {"embed_dim": embed_dim, "num_heads": num_heads}
    width, heads = (
        integer(check, number, "MultiheadAttention", what, "invalid-layer") for what, number in given.items()
    )
    for what, number in (("embed_dim", width), ("num_heads", heads)):
        if not isinstance(number, Dim) and number < 1:
            message = f"{what} of MultiheadAttention is {number}, not positive"
            raise Refused(message)
    reason = f"embed_dim {width} is not divisible by num_heads {heads}"
    facts = {"operator": "MultiheadAttention", "what": "embed_dim", "value": width, "reason": reason}
    check.require("divides", width, heads, "invalid-layer", **facts)
    keys, values = width if kdim is None else kdim, width if vdim is None else vdim
    same = keys == width and values == width
    parameters: dict[str, Shape | None] = {
        "q_proj_weight": None if same else (width, width),
        "k_proj_weight": None if same else (width, keys),
        "v_proj_weight": None if same else (width, values),
        "in_proj_weight": (3 * width, width) if same else None,
    }
    if same:
        parameters = {"in_proj_weight": parameters.pop("in_proj_weight"), **parameters}
    parameters["in_proj_bias"] = (3 * width,) if bias else None
    attributes: dict[str, Any] = {
        "embed_dim": width,
        "kdim": keys,
        "vdim": values,
        "_qkv_same_embed_dim": same,
        "num_heads": heads,
        "dropout": dropout,
        "batch_first": batch_first,
        "head_dim": width // heads,
        "add_zero_attn": add_zero_attn,
    }
    if add_bias_kv:
        parameters.update(bias_k=(1, 1, width), bias_v=(1, 1, width))
    else:
        attributes.update(bias_k=None, bias_v=None)
    child = ("torch.nn.modules.linear.NonDynamicallyQuantizableLinear", (width, width), {"bias": bias})
    return Built(attributes, parameters, children={"out_proj": child})
