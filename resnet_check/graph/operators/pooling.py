"""Pooling: the largest, the mean or a norm of each window, in one, two and three dimensions."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.base import Built, Checks, NotModelled, Result, function, layer
from resnet_check.graph.operators.bounds import maximum, minimum
from resnet_check.graph.operators.dtypes import floating as floats_of
from resnet_check.graph.operators.sizes import Tensor, at_least, has_rank, names, ntuple, spread
from resnet_check.graph.records import Shape


def check_batch(check: Checks, dims: int, input: Tensor, operator: str) -> None:
    """Require ``[N, C, *sizes]`` or ``[C, *sizes]``; nothing can be said of another rank."""
    if len(input.shape) in (dims + 1, dims + 2):
        return
    has_rank(check, input, (dims + 1, dims + 2), operator)
    message = f"{operator} of a tensor of {len(input.shape)} dimensions"
    raise NotModelled(message)


def windows(
    check: Checks,
    input: Tensor,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    operator: str,
    *,
    ceil_mode: bool,
) -> Shape:
    """Return the shape of a pool's output: one value for each window.

    With ``ceil_mode`` a last window that reaches over the end counts, if it starts inside the input or the padding
    before it. Both limits are quotients by the stride, so that the smaller of their numerators decides, without a
    branch.
    """
    shape = input.shape
    if operator in WITHOUT_PADDING:
        _require_kernel_inside(check, shape[-3:], kernel, operator)
    sizes = []
    for size, k, s, p, d in zip(shape[-len(kernel) :], kernel, stride, padding, dilation, strict=True):
        reach = d * (k - 1) + 1
        if p != 0 and (type(p) is not int or type(k) is not int or p > k // 2):
            reason = f"padding {p} is more than half of the kernel {k}"
            facts = {"operator": operator, "what": "padding", "value": p, "reason": reason}
            check.require("<=", p, k // 2, "invalid-argument", **facts)
        room = size + (2 * p - reach)
        if ceil_mode:
            room = _last_start(room + (s - 1), size + (p - 1))
        if (type(room) is not int or room < 0) and not check.require(
            ">=", room, 0, "empty-output", operator=operator, kernel=k, size=size, padding=(p, p), dilation=d
        ):
            room = maximum(room, 0)
        # A window as large as its input gives 0 // kernel, which is 0 for every kernel.
        sizes.append(1 if room == 0 else room // s + 1 if s != 1 else room + 1)
    return (*shape[: -len(kernel)], *sizes)


WITHOUT_PADDING = frozenset({"avg_pool3d", "lp_pool3d"})
"""Pools whose kernel must fit into the input even without the padding."""


def _require_kernel_inside(check: Checks, sizes: Shape, kernel: Shape, operator: str) -> None:
    for size, k in zip(sizes, kernel, strict=True):
        room = size - k
        if type(room) is not int or room < 0:
            check.require(">=", room, 0, "empty-output", operator=operator, kernel=k, size=size, padding=(0, 0))


def _last_start(over_end: Number, inside: Number) -> Number:
    difference = over_end - inside
    if isinstance(difference, Dim):
        return minimum(over_end, inside)
    return over_end if difference <= 0 else inside


def _stride(check: Checks, given: Any, kernel: Shape, operator: str) -> Shape:
    if given is None or (isinstance(given, (tuple, list)) and not given):
        return kernel
    return at_least(check, 1, spread(check, given, len(kernel), operator, "stride"), operator, "stride")


def max_pool(
    check: Checks,
    dims: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    *,
    ceil_mode: Any,
    return_indices: Any,
) -> Result | tuple[Result, Result]:
    """Return the largest value of each window, with its place if asked."""
    operator = f"max_pool{dims}d"
    check_batch(check, dims, input, operator)
    kernel = at_least(check, 1, spread(check, kernel_size, dims, operator, "kernel_size"), operator, "kernel_size")
    stride = _stride(check, stride, kernel, operator)
    padding = at_least(check, 0, spread(check, padding, dims, operator, "padding"), operator, "padding")
    dilation = at_least(check, 1, spread(check, dilation, dims, operator, "dilation"), operator, "dilation")
    shape = windows(check, input, kernel, stride, padding, dilation, operator, ceil_mode=bool(ceil_mode))
    attributes = {
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": bool(ceil_mode),
    }
    return _with_indices(Result("max_pool", shape, (input,), attributes, input.dtype), return_indices)


def _with_indices(result: Result, wanted: Any) -> Result | tuple[Result, Result]:
    if not wanted:
        return result
    indices = Result(result.kind, result.shape, result.inputs, {**result.attributes, "output": 1}, "int64")
    return result, indices


def avg_pool(
    check: Checks,
    dims: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    *,
    ceil_mode: Any,
    count_include_pad: Any,
    divisor_override: Any = None,
) -> Result:
    """Return the mean of each window."""
    operator = f"avg_pool{dims}d"
    check_batch(check, dims, input, operator)
    kernel = at_least(check, 1, spread(check, kernel_size, dims, operator, "kernel_size"), operator, "kernel_size")
    stride = _stride(check, stride, kernel, operator)
    padding = at_least(check, 0, spread(check, padding, dims, operator, "padding"), operator, "padding")
    if divisor_override == 0:
        reason = "divisor_override is zero"
        check.fail("invalid-argument", operator=operator, what="divisor_override", value=0, reason=reason)
    shape = windows(check, input, kernel, stride, padding, (1,) * dims, operator, ceil_mode=bool(ceil_mode))
    attributes = {
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "ceil_mode": bool(ceil_mode),
        "count_include_pad": bool(count_include_pad),
    }
    if divisor_override is not None:
        attributes["divisor_override"] = divisor_override
    return Result("avg_pool", shape, (input,), attributes, input.dtype)


def lp_pool(
    check: Checks, dims: int, input: Tensor, norm_type: Any, kernel_size: Any, stride: Any, *, ceil_mode: Any
) -> Result:
    """Return the norm of each window."""
    operator = f"lp_pool{dims}d"
    check_batch(check, dims, input, operator)
    kernel = at_least(check, 1, spread(check, kernel_size, dims, operator, "kernel_size"), operator, "kernel_size")
    stride = _stride(check, stride, kernel, operator)
    shape = windows(check, input, kernel, stride, (0,) * dims, (1,) * dims, operator, ceil_mode=bool(ceil_mode))
    attributes = {"norm_type": norm_type, "kernel": kernel, "stride": stride, "ceil_mode": bool(ceil_mode)}
    return Result("lp_pool", shape, (input,), attributes, floats_of(input.dtype))


def _register_functions(dims: int) -> None:
    @function(f"torch.nn.functional.max_pool{dims}d", f"torch.nn.functional._max_pool{dims}d")
    def functional_max(
        check: Checks,
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: Any = False,
        return_indices: Any = False,
    ) -> Result | tuple[Result, Result]:
        return max_pool(
            check,
            dims,
            input,
            kernel_size,
            stride,
            padding,
            dilation,
            ceil_mode=ceil_mode,
            return_indices=return_indices,
        )

    @function(f"torch.max_pool{dims}d")
    def torch_max(
        check: Checks,
        input: Tensor,
        kernel_size: Any,
        stride: Any = (),
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: Any = False,
    ) -> Result | tuple[Result, Result]:
        return max_pool(
            check, dims, input, kernel_size, stride, padding, dilation, ceil_mode=ceil_mode, return_indices=False
        )

    @function(f"torch.nn.functional.max_pool{dims}d_with_indices")
    def with_indices(
        check: Checks,
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: Any = False,
        return_indices: Any = False,
    ) -> Result | tuple[Result, Result]:
        return max_pool(
            check, dims, input, kernel_size, stride, padding, dilation, ceil_mode=ceil_mode, return_indices=True
        )

    @function(f"torch.nn.functional.lp_pool{dims}d", free="norm_type")
    def functional_lp(
        check: Checks, input: Tensor, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: Any = False
    ) -> Result:
        return lp_pool(check, dims, input, norm_type, kernel_size, stride, ceil_mode=ceil_mode)

    if dims == 1:

        @function("torch.nn.functional.avg_pool1d", "torch.avg_pool1d", free="count_include_pad")
        def functional_avg1(
            check: Checks,
            input: Tensor,
            kernel_size: Any,
            stride: Any = None,
            padding: Any = 0,
            ceil_mode: Any = False,
            count_include_pad: Any = True,
        ) -> Result:
            return avg_pool(
                check,
                dims,
                input,
                kernel_size,
                stride,
                padding,
                ceil_mode=ceil_mode,
                count_include_pad=count_include_pad,
            )

        return

    @function(
        f"torch.nn.functional.avg_pool{dims}d",
        f"torch._C._nn.avg_pool{dims}d",
        free="count_include_pad divisor_override",
    )
    def functional_avg(
        check: Checks,
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: Any = False,
        count_include_pad: Any = True,
        divisor_override: Any = None,
    ) -> Result:
        return avg_pool(
            check,
            dims,
            input,
            kernel_size,
            stride,
            padding,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor_override=divisor_override,
        )


def _register_layers(dims: int) -> None:
    def run_max(check: Checks, layer: Any, input: Tensor) -> Result | tuple[Result, Result]:
        return max_pool(
            check,
            dims,
            input,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.dilation,
            ceil_mode=layer.ceil_mode,
            return_indices=layer.return_indices,
        )

    def run_avg(check: Checks, layer: Any, input: Tensor) -> Result:
        return avg_pool(
            check,
            dims,
            input,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            ceil_mode=layer.ceil_mode,
            count_include_pad=layer.count_include_pad,
            divisor_override=None if dims == 1 else layer.divisor_override,
        )

    def run_lp(check: Checks, layer: Any, input: Tensor) -> Result:
        return lp_pool(check, dims, input, layer.norm_type, layer.kernel_size, layer.stride, ceil_mode=layer.ceil_mode)

    @layer(*names("pooling", f"MaxPool{dims}d"), forward=run_max, bases="torch.nn.modules.pooling._MaxPoolNd")
    def build_max(
        check: Checks,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: Any = False,
        ceil_mode: Any = False,
    ) -> Built:
        return Built(
            {
                "kernel_size": kernel_size,
                "stride": kernel_size if stride is None else stride,
                "padding": padding,
                "dilation": dilation,
                "return_indices": return_indices,
                "ceil_mode": ceil_mode,
            }
        )

    base = "torch.nn.modules.pooling._AvgPoolNd"
    if dims == 1:

        @layer(*names("pooling", "AvgPool1d"), forward=run_avg, bases=base, free="count_include_pad")
        def build_avg1(
            check: Checks,
            kernel_size: Any,
            stride: Any = None,
            padding: Any = 0,
            ceil_mode: Any = False,
            count_include_pad: Any = True,
        ) -> Built:
            return Built(
                {
                    "kernel_size": ntuple(kernel_size, 1),
                    "stride": ntuple(kernel_size if stride is None else stride, 1),
                    "padding": ntuple(padding, 1),
                    "ceil_mode": ceil_mode,
                    "count_include_pad": count_include_pad,
                }
            )

    else:

        @layer(
            *names("pooling", f"AvgPool{dims}d"),
            forward=run_avg,
            bases=base,
            free="count_include_pad divisor_override",
        )
        def build_avg(
            check: Checks,
            kernel_size: Any,
            stride: Any = None,
            padding: Any = 0,
            ceil_mode: Any = False,
            count_include_pad: Any = True,
            divisor_override: Any = None,
        ) -> Built:
            return Built(
                {
                    "kernel_size": kernel_size,
                    "stride": kernel_size if stride is None else stride,
                    "padding": padding,
                    "ceil_mode": ceil_mode,
                    "count_include_pad": count_include_pad,
                    "divisor_override": divisor_override,
                }
            )

    @layer(
        *names("pooling", f"LPPool{dims}d"),
        forward=run_lp,
        bases="torch.nn.modules.pooling._LPPoolNd",
        free="norm_type",
    )
    def build_lp(check: Checks, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: Any = False) -> Built:
        return Built(
            {
                "norm_type": norm_type,
                "kernel_size": kernel_size,
                "stride": stride,
                "ceil_mode": ceil_mode,
            }
        )


for _dims in (1, 2, 3):
    _register_functions(_dims)
    _register_layers(_dims)
