"""What is known of the tensors of one pass, and their translation into what the operator table takes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from resnet_check.graph.operators.values import LIMIT
from resnet_check.graph.records import Shape
from resnet_check.read.live.sizes import Size

if TYPE_CHECKING:
    import torch


class Handle:
    """A tensor as the operator table sees it, and the Op that computed it last (None: it comes from outside of the pass).

    ``uniform`` is the number that a constant was filled with, ``source`` the tensor from outside that has its values.
    ``name`` and ``owner`` say which parameter or buffer of which module it is. ``base`` is the tensor of which it is a
    view, ``same`` are all tensors that are the whole of the same memory. ``learns`` says that gradients go to it: the
    pass itself runs without.
    """

    __slots__ = (
        *("_data", "base", "dtype", "learns", "name", "op", "owner", "parameter", "same", "shape", "source", "uniform"),
    )

    def __init__(self, shape: Shape, dtype: str, data: tuple[Any, ...] | None = None) -> None:
        self.shape = shape
        self.dtype = dtype
        self._data = data
        self.source: torch.Tensor | None = None
        self.op: int | None = None
        self.uniform: Any = None
        self.name = ""
        self.owner: int | None = None
        self.parameter = False
        self.learns = False
        self.base: Handle | None = None
        self.same: list[Handle] | None = None

    @property
    def data(self) -> tuple[Any, ...] | None:
        """The values of a small constant, flat; those from outside are read when they are asked for first."""
        if self.source is not None:
            self._data, self.source = _values(self.source), None
        return self._data

    @data.setter
    def data(self, values: tuple[Any, ...] | None) -> None:
        self._data, self.source = values, None

    def joined(self, other: Handle) -> None:
        """Let two handles be those of the same memory."""
        names = self.same or [self]
        names.append(other)
        self.same = other.same = names


class Handles:
    """The handles of the tensors that exist, by the tensor itself."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[torch.Tensor], Handle]] = {}

    def get(self, tensor: torch.Tensor) -> Handle | None:
        """Return the handle of a tensor, None for one that was not seen."""
        reference, handle = self._known.get(id(tensor), (None, None))
        return handle if reference is not None and reference() is tensor else None

    def put(self, tensor: torch.Tensor, handle: Handle) -> Handle:
        """Give a tensor its handle."""
        self._known[id(tensor)] = weakref.ref(tensor), handle
        return handle


def outside(tensor: torch.Tensor) -> Handle:
    """Return the handle of a tensor that was there before the pass."""
    handle = Handle(tuple(tensor.shape), dtype_name(tensor))
    handle.source = tensor
    handle.learns = tensor.requires_grad
    return handle


def _values(tensor: torch.Tensor) -> tuple[Any, ...] | None:
    """Return the values of a tensor if it is small and has any."""
    known = tensor.device.type != "meta" and not tensor.is_complex() and tensor.numel() <= LIMIT
    return tuple(tensor.detach().flatten().tolist()) if known else None


def parts(given: Any) -> tuple[Any, ...]:
    """Return the values inside tuples, lists and dicts."""
    if isinstance(given, dict):
        given = tuple(given.values())
    if isinstance(given, (tuple, list)):
        return tuple(part for one in given for part in parts(one))
    return (given,)


def dtype_name(tensor: torch.Tensor) -> str:
    """Return the name of a tensor's element type."""
    return str(tensor.dtype).rpartition(".")[2]


def translator(handle_of: Callable[[Any], Handle]) -> Callable[[Any], Any]:
    """Return the function that makes of an argument of torch's what the operator table takes."""
    import torch

    words = (torch.dtype, torch.memory_format, torch.layout)

    def translated(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return handle_of(value)
        if isinstance(value, Size):
            return value.dim
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (tuple, list)):
            parts = [translated(part) for part in value]
            return parts if isinstance(value, list) else tuple(parts)
        if isinstance(value, slice):
            return slice(translated(value.start), translated(value.stop), translated(value.step))
        if isinstance(value, words):
            return str(value).rpartition(".")[2]
        return value.type if isinstance(value, torch.device) else value

    return translated


class LayerView:
    """A layer of torch as the operator table sees it: its attributes, with handles for its tensors.

    ``own`` gives the handle of a tensor of the layer's, which may be computed from its parameters at each call.
    """

    __slots__ = ("_layer", "_own", "_translated")

    def __init__(self, layer: Any, translated: Callable[[Any], Any], own: Callable[[str, Any], Handle]) -> None:
        self._layer = layer
        self._translated = translated
        self._own = own

    def __getattr__(self, name: str) -> Any:
        import torch

        value = getattr(self._layer, name)
        if isinstance(value, torch.Tensor):
            return self._own(name, value)
        if isinstance(value, torch.nn.Module):
            return LayerView(value, self._translated, self._own)
        return self._translated(value)
