"""Copies of a tensor: elsewhere, in another dtype, or cut off from its history."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.axes import needs
from resnet_check.graph.operators.base import Checks, Result, function
from resnet_check.graph.operators.dtypes import NAMES, REAL, TENSOR_TYPES, named, promote, result_type
from resnet_check.graph.operators.values import rounded


def _cast(input: Any, dtype: str) -> Result:
    """Return the tensor in a dtype: the same tensor where it has that dtype already."""
    data = getattr(input, "data", None)
    if dtype == input.dtype:
        return Result("identity", input.shape, (input,), {}, dtype, view=True, data=data)
    return Result(
        "cast", input.shape, (input,), {"dtype": dtype}, dtype, data=None if data is None else rounded(data, dtype)
    )


def _dtype_of(argument: Any) -> str | None:
    """Return the dtype that an argument names, None for a device."""
    if hasattr(argument, "shape"):
        return str(argument.dtype)
    try:
        return NAMES.get(argument) or TENSOR_TYPES.get(argument)
    except TypeError:
        return None


@function("torch.Tensor.to", free="device non_blocking copy memory_format")
def to(
    check: Checks,
    input: Any,
    device: Any = None,
    dtype: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    *,
    other: Any = None,
    memory_format: Any = None,
) -> Result:
    """Return the tensor on another device or in another dtype; the arguments come in three orders."""
    for argument in (dtype, other, device):
        if argument is not None and not isinstance(argument, bool):
            target = _dtype_of(argument)
            if target is not None:
                return _cast(input, target)
    return _cast(input, input.dtype)


@function("torch.Tensor.type", free="non_blocking")
def type_(check: Checks, input: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """Return the name of the tensor's type, or the tensor as another type."""
    if dtype is None:
        return next(name for name, own in TENSOR_TYPES.items() if own == input.dtype)
    return _cast(input, _dtype_of(dtype) or input.dtype)


@function("torch.Tensor.type_as")
def type_as(check: Checks, input: Any, other: Any) -> Result:
    """Return the tensor in the dtype of another."""
    return _cast(input, needs(other, "type_as").dtype)


def _method(name: str, dtype: str) -> None:
    def rule(check: Checks, input: Any, memory_format: Any = None) -> Result:
        return _cast(input, dtype)

    function(f"torch.Tensor.{name}", free="memory_format")(rule)


for _name in ("float", "double", "half", "short", "int", "long"):
    _method(_name, NAMES[_name])
_method("bool", "bool")
_method("bfloat16", "bfloat16")
_method("byte", "uint8")
_method("char", "int8")


def _same(kind: str, *names: str, view: bool = True, inplace: bool = False) -> None:
    """Register what returns the same elements; devices and layouts are not followed."""

    def rule(
        check: Checks,
        input: Any,
        device: Any = None,
        non_blocking: Any = None,
        memory_format: Any = None,
        *,
        requires_grad: Any = None,
    ) -> Result:
        data = getattr(needs(input, kind), "data", None)
        return Result(kind, input.shape, (input,), {}, input.dtype, inplace=inplace, view=view, data=data)

    function(*names, free="device non_blocking memory_format requires_grad")(rule)


_same("identity", "torch.Tensor.cuda", "torch.Tensor.cpu", "torch.Tensor.contiguous", "torch.Tensor.pin_memory")
_same("identity", "torch.Tensor.requires_grad_", "torch.Tensor.share_memory_", "torch.Tensor.resolve_conj")
_same("detach", "torch.detach", "torch.Tensor.detach", "torch.Tensor.data")
_same("detach", "torch.detach_", "torch.Tensor.detach_", inplace=True)
_same("clone", "torch.clone", "torch.Tensor.clone", view=False)


def _part(name: str) -> None:
    def rule(check: Checks, input: Any) -> Result:
        return Result(name, input.shape, (input,), {}, REAL.get(input.dtype, input.dtype), view=True)

    function(f"torch.{name}", f"torch.Tensor.{name}")(rule)


_part("real")
_part("imag")


@function("torch.view_as_real")
def view_as_real(check: Checks, input: Any) -> Result:
    """Put real and imaginary parts along a new last dim."""
    return Result("view_as_real", (*input.shape, 2), (input,), {}, REAL.get(input.dtype, input.dtype), view=True)


@function("torch.view_as_complex")
def view_as_complex(check: Checks, input: Any) -> Result:
    """Read the last dim, of size two, as complex numbers."""
    size = input.shape[-1] if input.shape else 1
    check.require("==", size, 2, "invalid-argument", reason="view_as_complex needs a last dim of size 2")
    dtype = "complex128" if input.dtype == "float64" else "complex64"
    return Result("view_as_complex", input.shape[:-1], (input,), {}, dtype, view=True)


@function("torch.result_type")
def result_type_(check: Checks, tensor1: Any, tensor2: Any) -> str:
    """Return the dtype of an operation on two operands."""
    return result_type((tensor1, tensor2))


@function("torch.promote_types")
def promote_types(check: Checks, type1: Any, type2: Any) -> str:
    """Return the smallest dtype that holds both."""
    return promote(named(type1, "float32"), named(type2, "float32"))
