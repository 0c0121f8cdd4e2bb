"""Fourier transforms: the shapes of torch.fft."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.axes import axes, axis, integer, needs
from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.bounds import lower_bound
from resnet_check.graph.operators.dtypes import COMPLEX_OF, REAL, floating


def _complex(dtype: str) -> str:
    real = floating(dtype)
    return COMPLEX_OF.get(real, real)


def _real(dtype: str) -> str:
    real = floating(dtype)
    return REAL.get(real, real)


def _result(check: Checks, name: str, input: Any, dims: tuple[int, ...], lengths: tuple[Any, ...] | None) -> Result:
    """Return the transform over dims, each cut or padded to its length; the last is the halved one of a real one."""
    shape = list(needs(input, name).shape)
    real_input, real_output = name.startswith("rfft"), name.startswith("irfft")
    if not shape and (dims or real_input or real_output):
        message = f"{name} of a tensor without dims"
        raise Refused(message)
    if real_input and input.dtype in REAL:
        message = f"{name} needs real numbers, got {input.dtype}"
        raise Refused(message)
    for i, dim in enumerate(dims):
        given = None if lengths is None or lengths[i] is None else integer(lengths[i], name)
        keep = given is None or (given.__class__ is int and given == -1)
        last = i == len(dims) - 1
        size: Number = shape[dim] if keep else given
        if keep and real_output and last:
            size = (shape[dim] - 1) * 2
        if lower_bound(size) < 1:
            check.require(">=", size, 1, "empty-output", operator=name, dim=dim)
        shape[dim] = size // 2 + 1 if real_input and last else size
    dtype = _real(input.dtype) if real_output else _complex(input.dtype)
    return Result(name, tuple(shape), (input,), {"dim": dims}, dtype)


def _one(name: str) -> None:
    def rule(check: Checks, input: Any, n: Any = None, dim: Any = -1, norm: Any = None, *, out: Any = None) -> Result:
        place = axis(check, dim, len(needs(input, name).shape))
        return _result(check, name, input, (place,), (n,))

    function(f"torch.fft.{name}", free="norm out")(rule)


def _several(name: str, default: tuple[int, ...] | None) -> None:
    def rule(
        check: Checks, input: Any, s: Any = None, dim: Any = default, norm: Any = None, *, out: Any = None
    ) -> Result:
        rank = len(needs(input, name).shape)
        lengths = None if s is None else tuple(s) if isinstance(s, (tuple, list)) else (s,)
        if dim is None and lengths is not None:
            dim = tuple(range(-len(lengths), 0))
        dims = axes(check, dim, rank)
        if lengths is not None and len(lengths) != len(dims):
            message = f"{name} needs as many lengths as dims"
            raise Refused(message)
        return _result(check, name, input, dims, lengths)

    function(f"torch.fft.{name}", free="norm out")(rule)


for _name in ("fft", "ifft", "rfft", "irfft"):
    _one(_name)
    _several(f"{_name}2", (-2, -1))
    _several(f"{_name}n", None)


@function("torch.fft.fftshift", "torch.fft.ifftshift")
def fftshift(check: Checks, input: Any, dim: Any = None) -> Result:
    """Move the zero frequency to the middle, or back."""
    dims = axes(check, dim, len(needs(input, "fftshift").shape))
    return Result("fftshift", input.shape, (input,), {"dim": dims}, input.dtype)
