"""Look-up tables of vectors."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.base import Built, Checks, NotModelled, Refused, Result, function, layer
from resnet_check.graph.operators.sizes import Tensor, integer, names
from resnet_check.graph.records import Shape


def _check_indices(check: Checks, input: Tensor, operator: str) -> None:
    if input.dtype not in ("int64", "int32"):
        check.fail("wrong-dtype", operator=operator, got=input.dtype, expected="int64")


@function("torch.nn.functional.embedding", free="padding_idx max_norm norm_type scale_grad_by_freq sparse")
def embedding(
    check: Checks,
    input: Tensor,
    weight: Tensor,
    padding_idx: Any = None,
    max_norm: Any = None,
    norm_type: Any = 2.0,
    scale_grad_by_freq: Any = False,
    sparse: Any = False,
) -> Result:
    """Return the row of the table for each index: ``[*, D]``."""
    _check_indices(check, input, "embedding")
    if len(weight.shape) != 2:
        check.fail("wrong-rank", operator="embedding", got=len(weight.shape), expected="2", shape=weight.shape)
    return Result(
        "embedding", input.shape + weight.shape[1:], (input, weight), {"padding_idx": padding_idx}, weight.dtype
    )


def _run(check: Checks, layer: Any, input: Tensor) -> Result:
    return embedding(check, input, layer.weight, layer.padding_idx)  # type: ignore[no-any-return]


def _table(
    check: Checks, operator: str, rows: Any, width: Any, padding_idx: Any, weight: Any
) -> tuple[dict[str, Any], Shape]:
    rows = integer(check, rows, operator, "num_embeddings", "invalid-layer")
    width = integer(check, width, operator, "embedding_dim", "invalid-layer")
    if isinstance(padding_idx, int) and isinstance(rows, int):
        if not -rows <= padding_idx < max(rows, 1):
            reason = f"padding_idx {padding_idx} is outside of the {rows} rows"
            check.fail("invalid-layer", operator=operator, what="padding_idx", value=padding_idx, reason=reason)
        elif padding_idx < 0:
            padding_idx += rows
    if weight is not None and tuple(weight.shape) != (rows, width):
        message = f"the weight given to {operator} has shape {list(weight.shape)}, not [{rows}, {width}]"
        raise Refused(message)
    return {"num_embeddings": rows, "embedding_dim": width, "padding_idx": padding_idx}, (rows, width)


@layer(
    *names("sparse", "Embedding"),
    forward=_run,
    free="padding_idx max_norm norm_type scale_grad_by_freq sparse _freeze device dtype",
)
def build_embedding(
    check: Checks,
    num_embeddings: Any,
    embedding_dim: Any,
    padding_idx: Any = None,
    max_norm: Any = None,
    norm_type: Any = 2.0,
    scale_grad_by_freq: Any = False,
    sparse: Any = False,
    _weight: Any = None,
    _freeze: Any = False,
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build a table ``[num_embeddings, embedding_dim]``."""
    attributes, shape = _table(check, "Embedding", num_embeddings, embedding_dim, padding_idx, _weight)
    attributes.update(max_norm=max_norm, norm_type=norm_type, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
    return Built(attributes, {"weight": shape})


@function("torch.nn.functional.embedding_bag", free="max_norm norm_type scale_grad_by_freq mode sparse padding_idx")
def embedding_bag(
    check: Checks,
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: Any = None,
    norm_type: Any = 2,
    scale_grad_by_freq: Any = False,
    mode: Any = "mean",
    sparse: Any = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: Any = False,
    padding_idx: Any = None,
) -> Result:
    """Return the mean, sum or maximum of the rows of each bag: ``[bags, D]``."""
    _check_indices(check, input, "embedding_bag")
    rank = len(input.shape)
    if rank not in (1, 2) or len(weight.shape) != 2:
        check.fail("wrong-rank", operator="embedding_bag", got=rank, expected="1 or 2", shape=input.shape)
        message = f"embedding_bag of a tensor of {rank} dimensions"
        raise NotModelled(message)
    if (rank == 1) != (offsets is not None):
        reason = "indices of one dimension need offsets, indices of two dimensions take none"
        check.fail("invalid-argument", operator="embedding_bag", what="offsets", reason=reason)
    if per_sample_weights is not None and mode not in (None, "sum"):
        reason = f"per_sample_weights has no meaning for mode {mode!r}"
        check.fail("invalid-argument", operator="embedding_bag", what="per_sample_weights", reason=reason)
    bags = input.shape[0] if rank == 2 or offsets is None else offsets.shape[0] - (1 if include_last_offset else 0)
    inputs = tuple([t for t in (input, weight, offsets, per_sample_weights) if t is not None])
    return Result("embedding_bag", (bags, weight.shape[1]), inputs, {"mode": mode}, weight.dtype)


def _run_bag(
    check: Checks, layer: Any, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
) -> Result:
    return embedding_bag(  # type: ignore[no-any-return]
        check,
        input,
        layer.weight,
        offsets,
        mode=layer.mode,
        per_sample_weights=per_sample_weights,
        include_last_offset=layer.include_last_offset,
    )


@layer(
    *names("sparse", "EmbeddingBag"),
    forward=_run_bag,
    free="max_norm norm_type scale_grad_by_freq mode sparse padding_idx device dtype",
)
def build_embedding_bag(
    check: Checks,
    num_embeddings: Any,
    embedding_dim: Any,
    max_norm: Any = None,
    norm_type: Any = 2.0,
    scale_grad_by_freq: Any = False,
    mode: Any = "mean",
    sparse: Any = False,
    _weight: Any = None,
    include_last_offset: Any = False,
    padding_idx: Any = None,
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build a table ``[num_embeddings, embedding_dim]``."""
    attributes, shape = _table(check, "EmbeddingBag", num_embeddings, embedding_dim, padding_idx, _weight)
    attributes.update(
        max_norm=max_norm,
        norm_type=norm_type,
        scale_grad_by_freq=scale_grad_by_freq,
        mode=mode,
        sparse=sparse,
        include_last_offset=include_last_offset,
    )
    return Built(attributes, {"weight": shape})
