"""What a tensor says of itself: plain Python values."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.axes import axis, needs, numel
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.dtypes import CATEGORY, WIDTH
from resnet_check.graph.operators.values import strides


@function("torch.Tensor.size")
def size(check: Checks, input: Any, dim: Any = None) -> Any:
    """Return all sizes, or one."""
    if dim is None:
        return input.shape
    if not input.shape:
        message = "size of a dim of a tensor without dims"
        raise Refused(message)
    return input.shape[axis(check, dim, len(input.shape))]


@function("torch.Tensor.dim", "torch.Tensor.ndimension", "torch.Tensor.ndim")
def dim(check: Checks, input: Any) -> int:
    """Return the number of dims."""
    return len(input.shape)


@function("torch.numel", "torch.Tensor.numel", "torch.Tensor.nelement")
def count(check: Checks, input: Any) -> Number:
    """Return the number of elements."""
    return numel(needs(input, "numel").shape)


@function("torch.Tensor.__len__")
def length(check: Checks, input: Any) -> Number:
    """Return the first size."""
    if not input.shape:
        message = "len() of a tensor without dims"
        raise Refused(message)
    return input.shape[0]


@function("torch.Tensor.element_size", "torch.Tensor.itemsize")
def element_size(check: Checks, input: Any) -> int:
    """Return the bytes of one element."""
    return WIDTH[input.dtype]


@function("torch.Tensor.nbytes")
def nbytes(check: Checks, input: Any) -> Number:
    """Return the bytes of all elements."""
    return numel(input.shape) * WIDTH[input.dtype]


@function("torch.Tensor.stride")
def stride(check: Checks, input: Any, dim: Any = None) -> Any:
    """Return the steps in memory, as if the tensor were contiguous."""
    steps = tuple(strides(input.shape))
    return steps if dim is None else steps[axis(check, dim, len(steps))]


@function("torch.Tensor.is_contiguous", free="memory_format")
def is_contiguous(check: Checks, input: Any, *, memory_format: Any = None) -> bool:
    """Tell whether the elements lie in order, which is not followed here."""
    message = "whether a tensor is contiguous"
    raise NotModelled(message)


@function("torch.is_floating_point", "torch.Tensor.is_floating_point")
def is_floating_point(check: Checks, input: Any) -> bool:
    """Tell whether the elements are floats."""
    return CATEGORY[needs(input, "is_floating_point").dtype] == CATEGORY["float32"]


@function("torch.is_complex", "torch.Tensor.is_complex")
def is_complex(check: Checks, input: Any) -> bool:
    """Tell whether the elements are complex numbers."""
    return CATEGORY[needs(input, "is_complex").dtype] == CATEGORY["complex64"]


@function("torch.is_nonzero", "torch.Tensor.is_nonzero")
def is_nonzero(check: Checks, input: Any) -> bool:
    """Tell whether the only element is not zero."""
    return bool(item(check, needs(input, "is_nonzero")))


@function("torch.Tensor.get_device")
def get_device(check: Checks, input: Any) -> int:
    """Return the number of the device: -1, the CPU."""
    return -1


@function("torch.Tensor.item")
def item(check: Checks, input: Any) -> Any:
    """Return the only element as a number."""
    for own in input.shape:
        if own != 1:
            check.require("==", own, 1, "invalid-argument", reason="item needs a tensor of one element")
    data = getattr(input, "data", None)
    if data is None or len(data) != 1:
        message = "the value of an element"
        raise NotModelled(message)
    return data[0]


@function("torch.Tensor.tolist")
def tolist(check: Checks, input: Any) -> Any:
    """Return the elements as nested lists."""
    data = getattr(input, "data", None)
    if data is None:
        message = "the values of the elements"
        raise NotModelled(message)
    return _nested(list(data), input.shape)


def _nested(flat: list[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return [_nested(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


@function("torch.Tensor.numpy", free="force")
def numpy(check: Checks, input: Any, *, force: bool = False) -> Result:
    """Return the elements as an array."""
    data = getattr(input, "data", None)
    return Result("numpy", input.shape, (input,), {}, input.dtype, view=True, data=data)
