"""Pools whose output size is given: adaptive, fractional, and the inverse of max pooling."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.base import Built, Checks, Refused, Result, function, layer
from resnet_check.graph.operators.pooling import check_batch
from resnet_check.graph.operators.sizes import Tensor, at_least, floating, integer, names, ntuple, spread, whole
from resnet_check.graph.records import Shape


def adaptive(check: Checks, kind: str, dims: int, input: Tensor, output_size: Any) -> Result:
    """Return a pool to the given size; None keeps a dimension as it is."""
    operator = f"{kind}{dims}d"
    shape = input.shape
    wanted = _wanted(check, output_size, shape, dims, operator)
    # A mean of everything is taken without a look at the rank, except where sizes of a tuple are compared with it.
    least = dims + 1 if isinstance(output_size, (tuple, list)) else dims
    if not (kind == "adaptive_avg_pool" and dims > 1 and len(shape) >= least and wanted == (1,) * dims):
        check_batch(check, dims, input, operator)
    return Result(kind, (*shape[:-dims], *wanted), (input,), {"output_size": wanted}, floating(check, input, operator))


def _wanted(check: Checks, given: Any, shape: Shape, dims: int, operator: str) -> Shape:
    own = (1,) * (dims - len(shape)) + shape[-dims:]
    if not isinstance(given, (tuple, list)):
        if given is None:
            check.fail("invalid-argument", operator=operator, what="output_size", reason="output_size is None")
        given = (given,) * dims
    elif dims == 1 and None in given:
        check.fail("invalid-argument", operator=operator, what="output_size", reason="output_size is None")
    wanted = [size if goal is None else goal for goal, size in zip(given, own, strict=False)]
    if len(given) != dims:
        reason = f"output_size has {len(given)} values for {dims} spatial dimensions"
        check.fail("invalid-argument", operator=operator, what="output_size", value=given, reason=reason)
        wanted = [*wanted, *[wanted[-1] if wanted else 1] * dims][:dims]
    sizes = tuple([goal if type(goal) is int else integer(check, goal, operator, "output_size") for goal in wanted])
    return at_least(check, 0, sizes, operator, "output_size")


def _pair(result: Result) -> tuple[Result, Result]:
    indices = Result(result.kind, result.shape, result.inputs, {**result.attributes, "output": 1}, "int64")
    return result, indices


def fractional(
    check: Checks,
    dims: int,
    input: Tensor,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
) -> tuple[Result, Result]:
    """Return the largest values of windows at pseudo-random places, as many as asked for, and their places."""
    operator = f"fractional_max_pool{dims}d"
    check_batch(check, dims, input, operator)
    shape = input.shape
    if isinstance(kernel_size, (tuple, list)) and len(kernel_size) != dims:
        message = f"kernel_size of {operator} has {len(kernel_size)} values, not {dims}"
        raise Refused(message)
    kernel = at_least(check, 1, spread(check, kernel_size, dims, operator, "kernel_size"), operator, "kernel_size")
    if output_size is not None:
        if isinstance(output_size, (tuple, list)) and len(output_size) != dims:
            message = f"output_size of {operator} has {len(output_size)} values, not {dims}"
            raise Refused(message)
        wanted = spread(check, output_size, dims, operator, "output_size")
    elif output_ratio is not None:
        ratios = ntuple(output_ratio, dims)
        if len(ratios) != dims:
            message = f"output_ratio of {operator} has {len(ratios)} values, not {dims}"
            raise Refused(message)
        wanted = tuple([whole(size, ratio) for size, ratio in zip(shape[-dims:], ratios, strict=True)])
    else:
        message = f"{operator} needs an output_size or an output_ratio"
        raise Refused(message)
    for size, goal, k in zip(shape[-dims:], wanted, kernel, strict=True):
        # In three dimensions torch asks for one more than the windows need.
        check.require(
            ">=", size - (goal + k - 1), dims - 2, "empty-output", operator=operator, kernel=k, size=size, output=goal
        )
    attributes = {"kernel": kernel, "output_size": wanted}
    return _pair(Result("fractional_max_pool", (*shape[:-dims], *wanted), (input,), attributes, input.dtype))


def unpool(
    check: Checks,
    dims: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
) -> Result:
    """Return the input's values put back to the places that max pooling took them from."""
    operator = f"max_unpool{dims}d"
    check_batch(check, dims, input, operator)
    shape = input.shape
    kernel = ntuple(kernel_size, dims)
    # Only the kernel in three dimensions reads stride and padding for itself; the others take the first of them.
    used = None if dims == 3 else dims
    steps = kernel if stride is None else ntuple(stride, dims)[:used]
    widths = ntuple(padding, dims)[:used]
    if not len(kernel) == len(steps) == len(widths) == dims:
        message = f"{operator} needs {dims} values of kernel_size, stride and padding"
        raise Refused(message)
    sizes: list[Number] = [
        (size - 1) * s + k - 2 * p for size, k, s, p in zip(shape[-dims:], kernel, steps, widths, strict=True)
    ]
    if output_size is not None:
        sizes = _chosen(check, tuple(output_size), sizes, steps, operator)
    if indices.shape != shape:
        _check_indices(check, indices.shape, shape, operator)
    attributes = {"kernel": kernel, "stride": steps, "padding": widths}
    return Result("max_unpool", (*shape[:-dims], *sizes), (input, indices), attributes, input.dtype)


def _chosen(check: Checks, wanted: Shape, default: list[Number], steps: Shape, operator: str) -> list[Number]:
    if len(wanted) == len(default) + 2:
        wanted = wanted[2:]
    if len(wanted) != len(default):
        message = f"output_size of {operator} has {len(wanted)} values, not {len(default)}"
        raise Refused(message)
    for goal, size, step in zip(wanted, default, steps, strict=True):
        reason = f"output_size {goal} is not within one stride {step} of {size}"
        facts = {"operator": operator, "what": "output_size", "value": goal, "reason": reason}
        check.require(">", goal, size - step, "invalid-argument", **facts)
        check.require("<", goal, size + step, "invalid-argument", **facts)
    return list(wanted)


def _check_indices(check: Checks, got: Shape, expected: Shape, operator: str) -> None:
    reason = f"the indices have shape {list(got)}, the input has {list(expected)}"
    if len(got) != len(expected):
        check.fail("invalid-argument", operator=operator, what="indices", reason=reason)
        return
    for one, other in zip(got, expected, strict=True):
        check.require("==", one, other, "invalid-argument", operator=operator, what="indices", reason=reason)


def _register_adaptive(dims: int) -> None:
    also = (f"torch.adaptive_avg_pool{dims}d",) if dims == 1 else (f"torch._C._nn.adaptive_avg_pool{dims}d",)

    @function(f"torch.nn.functional.adaptive_avg_pool{dims}d", *also)
    def functional_avg(check: Checks, input: Tensor, output_size: Any) -> Result:
        return adaptive(check, "adaptive_avg_pool", dims, input, output_size)

    @function(f"torch.nn.functional.adaptive_max_pool{dims}d")
    def functional_max(
        check: Checks, input: Tensor, output_size: Any, return_indices: Any = False
    ) -> Result | tuple[Result, Result]:
        result = adaptive(check, "adaptive_max_pool", dims, input, output_size)
        return _pair(result) if return_indices else result

    @function(f"torch.nn.functional.adaptive_max_pool{dims}d_with_indices")
    def with_indices(
        check: Checks, input: Tensor, output_size: Any, return_indices: Any = False
    ) -> tuple[Result, Result]:
        return _pair(adaptive(check, "adaptive_max_pool", dims, input, output_size))

    if dims == 1:

        @function("torch.adaptive_max_pool1d")
        def torch_max(check: Checks, input: Tensor, output_size: Any) -> tuple[Result, Result]:
            return _pair(adaptive(check, "adaptive_max_pool", dims, input, output_size))

    def run_avg(check: Checks, layer: Any, input: Tensor) -> Result:
        return adaptive(check, "adaptive_avg_pool", dims, input, layer.output_size)

    def run_max(check: Checks, layer: Any, input: Tensor) -> Result | tuple[Result, Result]:
        result = adaptive(check, "adaptive_max_pool", dims, input, layer.output_size)
        return _pair(result) if layer.return_indices else result

    base = "torch.nn.modules.pooling._Adaptive{}PoolNd"

    @layer(*names("pooling", f"AdaptiveAvgPool{dims}d"), forward=run_avg, bases=base.format("Avg"))
    def build_avg(check: Checks, output_size: Any) -> Built:
        return Built({"output_size": output_size})

    @layer(*names("pooling", f"AdaptiveMaxPool{dims}d"), forward=run_max, bases=base.format("Max"))
    def build_max(check: Checks, output_size: Any, return_indices: Any = False) -> Built:
        return Built({"output_size": output_size, "return_indices": return_indices})


def _register_unpool(dims: int) -> None:
    @function(f"torch.nn.functional.max_unpool{dims}d")
    def functional(
        check: Checks,
        input: Tensor,
        indices: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> Result:
        return unpool(check, dims, input, indices, kernel_size, stride, padding, output_size)

    def run(check: Checks, layer: Any, input: Tensor, indices: Tensor, output_size: Any = None) -> Result:
        return unpool(check, dims, input, indices, layer.kernel_size, layer.stride, layer.padding, output_size)

    @layer(*names("pooling", f"MaxUnpool{dims}d"), forward=run, bases="torch.nn.modules.pooling._MaxUnpoolNd")
    def build(check: Checks, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Built:
        return Built(
            {
                "kernel_size": ntuple(kernel_size, dims),
                "stride": ntuple(kernel_size if stride is None else stride, dims),
                "padding": ntuple(padding, dims),
            }
        )


def _register_fractional(dims: int) -> None:
    @function(f"torch.nn.functional.fractional_max_pool{dims}d", free="_random_samples")
    def functional(
        check: Checks,
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: Any = False,
        _random_samples: Any = None,
    ) -> Result | tuple[Result, Result]:
        results = fractional(check, dims, input, kernel_size, output_size, output_ratio)
        return results if return_indices else results[0]

    def run(check: Checks, layer: Any, input: Tensor) -> Result | tuple[Result, Result]:
        results = fractional(check, dims, input, layer.kernel_size, layer.output_size, layer.output_ratio)
        return results if layer.return_indices else results[0]

    @layer(*names("pooling", f"FractionalMaxPool{dims}d"), forward=run, free="_random_samples")
    def build(
        check: Checks,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: Any = False,
        _random_samples: Any = None,
    ) -> Built:
        operator = f"FractionalMaxPool{dims}d"
        if (output_size is None) == (output_ratio is None):
            message = f"{operator} needs one of output_size and output_ratio"
            raise Refused(message)
        ratios = None if output_ratio is None else ntuple(output_ratio, dims)
        if ratios is not None and not all(0 < ratio < 1 for ratio in ratios):
            message = f"output_ratio of {operator} must lie between 0 and 1"
            raise Refused(message)
        return Built(
            {
                "kernel_size": ntuple(kernel_size, dims),
                "return_indices": return_indices,
                "output_size": None if output_size is None else ntuple(output_size, dims),
                "output_ratio": ratios,
            },
            buffers={"_random_samples": None},
        )


for _dims in (1, 2, 3):
    _register_adaptive(_dims)
    _register_unpool(_dims)
for _dims in (2, 3):
    _register_fractional(_dims)
