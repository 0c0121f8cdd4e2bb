"""Distances and similarities of vectors."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.axes import axis
from resnet_check.graph.operators.base import Built, Checks, NotModelled, Result, function, layer
from resnet_check.graph.operators.broadcasting import broadcast
from resnet_check.graph.operators.dtypes import floating as floats_of
from resnet_check.graph.operators.dtypes import promote
from resnet_check.graph.operators.sizes import FLOATING, Tensor, floating, has_rank, names


@function("torch.nn.functional.cosine_similarity", "torch.cosine_similarity", free="eps")
def cosine_similarity(check: Checks, x1: Tensor, x2: Tensor, dim: Any = 1, eps: Any = 1e-08) -> Result:
    """Return the cosine of the angle between vectors along a dimension of two tensors, which broadcast."""
    shape = broadcast(check, "broadcast", x1.shape, x2.shape, operator="cosine_similarity")
    at = axis(check, dim, len(shape))
    dtype = floating(check, x1 if x1.dtype in FLOATING else x2, "cosine_similarity")
    return Result("cosine_similarity", shape[:at] + shape[at + 1 :], (x1, x2), {"dim": at, "eps": eps}, dtype)


@function("torch.nn.functional.pairwise_distance", "torch.pairwise_distance", free="p eps")
def pairwise_distance(
    check: Checks, x1: Tensor, x2: Tensor, p: Any = 2.0, eps: Any = 1e-06, keepdim: Any = False
) -> Result:
    """Return the distance between the vectors along the last dimension of two tensors, which broadcast."""
    shape = broadcast(check, "broadcast", x1.shape, x2.shape, operator="pairwise_distance")
    out = shape[:-1] + ((1,) if keepdim else ())
    return Result("pairwise_distance", out, (x1, x2), {"p": p, "eps": eps}, floats_of(promote(x1.dtype, x2.dtype)))


@function("torch.nn.functional.pdist", "torch.pdist", free="p")
def pdist(check: Checks, input: Tensor, p: Any = 2) -> Result:
    """Return the distances between all pairs of the rows of a matrix."""
    if not has_rank(check, input, (2,), "pdist"):
        message = f"pdist of a tensor of {len(input.shape)} dimensions"
        raise NotModelled(message)
    rows = input.shape[0]
    return Result("pdist", ((rows * (rows - 1)) // 2,), (input,), {"p": p}, floating(check, input, "pdist"))


def _run_cosine(check: Checks, layer: Any, x1: Tensor, x2: Tensor) -> Result:
    return cosine_similarity(check, x1, x2, layer.dim, layer.eps)  # type: ignore[no-any-return]


@layer(*names("distance", "CosineSimilarity"), forward=_run_cosine, free="eps")
def build_cosine(check: Checks, dim: Any = 1, eps: Any = 1e-08) -> Built:
    """Build a layer without parameters."""
    return Built({"dim": dim, "eps": eps})


def _run_pairwise(check: Checks, layer: Any, x1: Tensor, x2: Tensor) -> Result:
    return pairwise_distance(check, x1, x2, layer.norm, layer.eps, layer.keepdim)  # type: ignore[no-any-return]


@layer(*names("distance", "PairwiseDistance"), forward=_run_pairwise, free="p eps")
def build_pairwise(check: Checks, p: Any = 2.0, eps: Any = 1e-06, keepdim: Any = False) -> Built:
    """Build a layer without parameters."""
    return Built({"norm": p, "eps": eps, "keepdim": keepdim})
