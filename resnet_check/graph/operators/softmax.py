"""Activations along a dimension: softmax and its kin, gated linear units."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.axes import axis
from resnet_check.graph.operators.base import Built, Checks, Result, function, layer
from resnet_check.graph.operators.dtypes import named
from resnet_check.graph.operators.sizes import FLOATING, Tensor, has_rank, names


def along(check: Checks, kind: str, input: Tensor, dim: Any, dtype: Any = None) -> Result:
    """Return a softmax along a dimension.

    Without a ``dim`` torch chooses one by the rank, with a warning: the first for 0, 1 and 3 dimensions, else the
    second.
    """
    rank = len(input.shape)
    at = axis(check, (0 if rank in (0, 1, 3) else 1) if dim is None else dim, rank)
    result = named(dtype, input.dtype)
    if result not in FLOATING:
        check.fail("wrong-dtype", operator=kind, got=result, expected="float32")
        result = "float32"
    return Result(kind, input.shape, (input,), {"dim": at}, result)


def _register(kind: str, name: str) -> None:
    def rule(check: Checks, input: Tensor, dim: Any = None, _stacklevel: Any = 3, dtype: Any = None) -> Result:
        return along(check, kind, input, dim, dtype)

    def rule_torch(check: Checks, input: Tensor, dim: Any, dtype: Any = None) -> Result:
        return along(check, kind, input, dim, dtype)

    def run(check: Checks, layer: Any, input: Tensor) -> Result:
        return along(check, kind, input, layer.dim)

    def build(check: Checks, dim: Any = None) -> Built:
        return Built({"dim": dim})

    function(f"torch.nn.functional.{kind}", free="_stacklevel")(rule)
    if kind != "softmin":
        function(f"torch.{kind}", f"torch.special.{kind}")(rule_torch)
    layer(*names("activation", name), forward=run)(build)


for _kind, _name in (("softmax", "Softmax"), ("log_softmax", "LogSoftmax"), ("softmin", "Softmin")):
    _register(_kind, _name)


def _run_softmax2d(check: Checks, layer: Any, input: Tensor) -> Result:
    if has_rank(check, input, (3, 4), "Softmax2d"):
        return along(check, "softmax", input, -3)
    return Result("softmax", input.shape, (input,), {}, input.dtype)


@layer(*names("activation", "Softmax2d"), forward=_run_softmax2d)
def build_softmax2d(check: Checks) -> Built:
    """Build a layer without parameters, over the channels of an image."""
    return Built({})


@function("torch.nn.functional.gumbel_softmax", free="tau hard eps")
def gumbel_softmax(
    check: Checks, logits: Tensor, tau: Any = 1, hard: Any = False, eps: Any = 1e-10, dim: Any = -1
) -> Result:
    """Return a random, nearly one-hot choice along a dimension."""
    result = along(check, "softmax", logits, dim)
    result.kind = "gumbel_softmax"
    result.attributes.update(tau=tau, hard=hard)
    return result


@function("torch.nn.functional.glu", "torch._C._nn.glu")
def glu(check: Checks, input: Tensor, dim: Any = -1) -> Result:
    """Return one half of a dimension times the sigmoid of the other."""
    shape = input.shape
    if not shape:
        check.fail("wrong-rank", operator="glu", got=0, expected="1 or more", shape=shape)
        return Result("glu", shape, (input,), {}, input.dtype)
    at = axis(check, dim, len(shape))
    size: Number = shape[at]
    reason = f"the size {size} of dim {at} is not even"
    check.require("divides", size, 2, "indivisible", operator="glu", what="dim", value=size, reason=reason)
    return Result("glu", (*shape[:at], size // 2, *shape[at + 1 :]), (input,), {"dim": at}, input.dtype)


def _run_glu(check: Checks, layer: Any, input: Tensor) -> Result:
    return glu(check, input, layer.dim)  # type: ignore[no-any-return]


@layer(*names("activation", "GLU"), forward=_run_glu)
def build_glu(check: Checks, dim: Any = -1) -> Built:
    """Build a layer without parameters."""
    return Built({"dim": dim})
