"""New tensors with values that are known or do not matter.

Small ones keep their values, so that tables computed in constructors (``torch.linspace(0, 0.1, 16)``) stay known.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from functools import reduce
from typing import Any

from resnet_check.graph.dim import Dim, Number, apply, value
from resnet_check.graph.operators.axes import integer, lengths, needs, number
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.bounds import ceil_divide
from resnet_check.graph.operators.broadcasting import broadcast
from resnet_check.graph.operators.dtypes import CATEGORY, named, of_number, promote
from resnet_check.graph.operators.values import LIMIT, Data, constant, fits, rounded
from resnet_check.graph.records import Shape

PLACE = "device layout pin_memory requires_grad memory_format names out"
"""Arguments that say where a tensor lies."""


def _filled(check: Checks, kind: str, size: tuple[Any, ...], content: Any, dtype: str) -> Result:
    shape = lengths(check, size, kind)
    data = None if content is None else constant(shape, content, dtype)
    return Result(kind, shape, (), {} if content is None else {"value": content}, dtype, data=data)


def _new(kind: str, content: Any) -> None:
    """Register ``torch.zeros``, ``torch.zeros_like``, ``Tensor.new_zeros`` and their like."""

    def create(
        check: Checks,
        *sizes: Any,
        size: Any = None,
        out: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: Any = None,
        requires_grad: Any = None,
        memory_format: Any = None,
        names: Any = None,
    ) -> Result:
        return _filled(check, kind, sizes if size is None else (size,), content, named(dtype, "float32"))

    def like(
        check: Checks,
        input: Any,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: Any = None,
        requires_grad: Any = None,
        memory_format: Any = None,
    ) -> Result:
        return _filled(check, kind, (needs(input, kind).shape,), content, named(dtype, input.dtype))

    def method(
        check: Checks,
        input: Any,
        *sizes: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: Any = None,
        layout: Any = None,
        pin_memory: Any = None,
    ) -> Result:
        return _filled(check, kind, sizes if size is None else (size,), content, named(dtype, input.dtype))

    function(f"torch.{kind}", free=PLACE)(create)
    function(f"torch.{kind}_like", free=PLACE)(like)
    function(f"torch.Tensor.new_{kind}", free=PLACE)(method)


_new("zeros", 0)
_new("ones", 1)
_new("empty", None)


@function("torch.full", free=PLACE)
def full(
    check: Checks,
    size: Any,
    fill_value: Any,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: Any = None,
    requires_grad: Any = None,
) -> Result:
    """Fill a new tensor with one number."""
    content, default = _content(fill_value)
    return _filled(check, "full", (size,), content, named(dtype, default))


def _content(fill_value: Any) -> tuple[Any, str]:
    if hasattr(fill_value, "shape"):
        known = getattr(fill_value, "data", None)
        return known[0] if known else None, fill_value.dtype
    return number(fill_value, "full"), of_number(fill_value)


@function("torch.full_like", free=PLACE)
def full_like(
    check: Checks,
    input: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: Any = None,
    requires_grad: Any = None,
    memory_format: Any = None,
) -> Result:
    """Fill a new tensor of the same shape with one number."""
    content, _ = _content(fill_value)
    return _filled(check, "full", (needs(input, "full_like").shape,), content, named(dtype, input.dtype))


@function("torch.Tensor.new_full", free=PLACE)
def new_full(
    check: Checks,
    input: Any,
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: Any = None,
    layout: Any = None,
    pin_memory: Any = None,
) -> Result:
    """Fill a new tensor of the same dtype with one number."""
    content, _ = _content(fill_value)
    return _filled(check, "full", (size,), content, named(dtype, input.dtype))


@function("torch.empty_strided", free=PLACE)
def empty_strided(
    check: Checks,
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: Any = None,
    pin_memory: Any = None,
) -> Result:
    """Return a new tensor whose values do not matter."""
    return _filled(check, "empty", (size,), None, named(dtype, "float32"))


@function("torch.arange", free=PLACE)
def arange(
    check: Checks,
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: Any = None,
    requires_grad: Any = None,
) -> Result:
    """Count from a start to an end."""
    if end is None:
        start, end = 0, start
    first, last, by = (number(bound, "arange") for bound in (0 if start is None else start, end, step))
    if value(by) == 0:
        message = "arange with a step of zero"
        raise Refused(message)
    integers = all(isinstance(value(bound), int) for bound in (first, last, by))
    forwards = isinstance(by, Dim) or by > 0
    check.require(
        ">=" if forwards else "<=", last, first, "invalid-argument", reason="arange that ends before it begins"
    )
    if dtype is not None and named(dtype, "") == "int64":
        first, last, by = (int(bound) if isinstance(bound, float) else bound for bound in (first, last, by))
        integers = True
        if value(by) == 0:
            message = "arange of integers with a step below one"
            raise Refused(message)
    count = _steps(first, last, by, integers=integers)
    target = named(dtype, "int64" if integers else "float32")
    data: Data = None
    if not any(isinstance(bound, Dim) for bound in (first, last, by)) and fits((max(count, 0),)):
        data = rounded([first + by * i for i in range(count)], target)
    return Result("arange", (count,), (), {"start": first, "end": last, "step": by}, target, data=data)


def _steps(first: Number, last: Number, by: Number, *, integers: bool) -> Number:
    if not integers:
        return apply("ceil", apply("truediv", last - first, by))
    if not isinstance(by, Dim) and by < 0:
        return ceil_divide(first - last, -by)
    return ceil_divide(last - first, by)


def _spaced(kind: str, make: Callable[[float, Any], float]) -> Callable[..., Result]:
    def spaced(check: Checks, start: Any, end: Any, steps: Any, dtype: Any, base: Any) -> Result:
        first, last, count = number(start, kind), number(end, kind), integer(steps, kind)
        if count.__class__ is int and count < 0:
            message = f"{kind} with a negative number of steps"
            raise Refused(message)
        target = named(dtype, "float32")
        data: Data = None
        if not any(isinstance(bound, Dim) for bound in (first, last, count)) and count <= LIMIT:
            data = rounded([make(point, base) for point in _points(first, last, count, target)], target)
        return Result(kind, (count,), (), {"start": first, "end": last, "steps": count}, target, data=data)

    return spaced


def _points(first: float, last: float, count: int, dtype: str) -> list[float]:
    """Return points from both ends towards the middle, as torch computes them: the step is rounded like the values."""
    if count == 1:
        return [first]
    if dtype == "float32":
        first, last = array("f", (first, last))
        (distance,) = array("f", (last - first,))
        (step,) = array("f", (distance / max(count - 1, 1),))
    else:
        step = (last - first) / max(count - 1, 1)
    return [first + step * i if i < count // 2 else last - step * (count - 1 - i) for i in range(count)]


_linear = _spaced("linspace", lambda point, _: point)
_powers = _spaced("logspace", lambda point, base: math.pow(base, point))


@function("torch.linspace", free=PLACE)
def linspace(
    check: Checks,
    start: Any,
    end: Any,
    steps: Any,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: Any = None,
    requires_grad: Any = None,
) -> Result:
    """Return points at equal distances."""
    return _linear(check, start, end, steps, dtype, None)


@function("torch.logspace", free=PLACE)
def logspace(
    check: Checks,
    start: Any,
    end: Any,
    steps: Any,
    base: Any = 10.0,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: Any = None,
    requires_grad: Any = None,
) -> Result:
    """Return powers at equal distances."""
    return _powers(check, start, end, steps, dtype, base)


@function("torch.eye", free=PLACE)
def eye(
    check: Checks,
    n: Any,
    m: Any = None,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: Any = None,
    requires_grad: Any = None,
) -> Result:
    """Return a matrix with ones on the diagonal."""
    shape = lengths(check, (n, n if m is None else m), "eye")
    target = named(dtype, "float32")
    data: Data = None
    if fits(shape):
        data = rounded([int(i == j) for i in range(shape[0]) for j in range(shape[1])], target)
    return Result("eye", shape, (), {}, target, data=data)


@function("torch.tril_indices", "torch.triu_indices", free=PLACE)
def triangle_indices(
    check: Checks, row: Any, col: Any, offset: Any = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
) -> Result:
    """Return the places of a triangle of a matrix."""
    message = "the places of a triangle"
    raise NotModelled(message)


def _read(data: Any) -> tuple[Shape, list[Any], str | None, bool]:
    """Return shape, values and dtype of nested lists of numbers, and whether all values are known."""
    if isinstance(data, (tuple, list)):
        parts = [_read(part) for part in data]
        shapes = {shape for shape, _, _, _ in parts}
        if len(shapes) > 1:
            message = f"lists of different lengths cannot be a tensor: {sorted(map(str, shapes))}"
            raise Refused(message)
        dtypes = [dtype for _, _, dtype, _ in parts if dtype is not None]
        inner = shapes.pop() if shapes else ()
        flat = [entry for _, entries, _, _ in parts for entry in entries]
        return (len(parts), *inner), flat, reduce(promote, dtypes) if dtypes else None, all(p[3] for p in parts)
    if hasattr(data, "shape"):
        known = getattr(data, "data", None)
        return data.shape, list(known or ()), data.dtype, known is not None
    if not isinstance(data, (int, float, complex, Dim)):
        message = f"a {type(data).__name__} cannot be a tensor"
        raise Refused(message)
    return (), [data], of_number(data), not isinstance(data, Dim)


def _constant(data: Any, dtype: Any, default: str = "float32") -> Result:
    shape, flat, found, known = _read(data)
    target = named(dtype, found or default)
    kept = rounded(flat, target) if known and fits(shape) else None
    inputs = (data,) if hasattr(data, "shape") else ()
    return Result("constant", shape, inputs, {}, target, data=kept)


@function("torch.tensor", free=PLACE)
def tensor(
    check: Checks,
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: Any = None,
    pin_memory: Any = None,
) -> Result:
    """Make a tensor of numbers or nested lists of them."""
    return _constant(data, dtype)


@function("torch.scalar_tensor", free=PLACE)
def scalar_tensor(
    check: Checks,
    s: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: Any = None,
    requires_grad: Any = None,
) -> Result:
    """Make a tensor without dims of a number."""
    return _constant(s, named(dtype, "float32"))


@function("torch.as_tensor", "torch.asarray", free=PLACE)
def as_tensor(
    check: Checks, data: Any, dtype: Any = None, device: Any = None, *, copy: Any = None, requires_grad: Any = None
) -> Result:
    """Make a tensor of numbers, or return the tensor that it is already."""
    return _constant(data, dtype)


@function("torch.from_numpy")
def from_numpy(check: Checks, ndarray: Any) -> Result:
    """Make a tensor of an array."""
    return _constant(ndarray, None, "float64")


@function("torch.Tensor.new_tensor", free=PLACE)
def new_tensor(
    check: Checks, input: Any, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: Any = None
) -> Result:
    """Make a tensor of the same dtype of numbers."""
    return _constant(data, dtype if dtype is not None else input.dtype)


@function("torch.complex", free="out")
def complex_(check: Checks, real: Any, imag: Any, *, out: Any = None) -> Result:
    """Make complex numbers of two tensors."""
    if real.dtype != imag.dtype or CATEGORY[real.dtype] != CATEGORY["float32"]:
        check.fail("invalid-argument", reason=f"complex of {real.dtype} and {imag.dtype}")
    shape = broadcast(check, "broadcast", real.shape, imag.shape, operator="complex")
    dtype = "complex128" if real.dtype == "float64" else "complex64"
    return Result("complex", shape, (real, imag), {}, dtype)
