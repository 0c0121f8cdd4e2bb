"""In-place operators: one memory under several names, and numbers that fill a parameter."""

from __future__ import annotations

import math
from typing import Any

from resnet_check.graph.operators.base import Result
from resnet_check.read.static.values import Native, Opaque, Tensor

ACTIVATIONS = frozenset(
    "relu relu6 leaky_relu elu selu celu silu mish hardswish hardsigmoid hardtanh threshold rrelu sigmoid tanh".split()
)
"""Activations that can be told to overwrite their input, and then give a second name to it."""

CONSTANTS = {"zeros_": 0.0, "zeros": 0.0, "ones_": 1.0, "ones": 1.0}
"""Initialisers that need no number."""


def overwritten(interpreter: Any, tensor: Tensor, result: Result, site: Any) -> Tensor:
    """Note that an operator overwrites its first input, and return the tensor that the program gets."""
    before = tensor.op if tensor.trace is interpreter.trace else -1
    trace = interpreter.trace
    op = None if trace is None else trace.add(interpreter, result, site)
    for name in tensor.same or (tensor,):
        name.shape, name.data, name.uniform = result.shape, result.data, None
        if op is not None:
            name.trace, name.op = trace, op
    tensor.older = None
    if tensor.base is not None:
        tensor.base.data = tensor.base.uniform = None
    if op is None:
        filled(tensor, result.attributes.get("value") if result.kind == "fill" else None, site)
        return tensor
    if tensor.base is not None:
        trace.written_through_view(tensor, before, site)
    return renamed(tensor, op) if result.kind in ACTIVATIONS else tensor


def renamed(tensor: Tensor, op: int) -> Tensor:
    """Return a second name for a tensor, so that what is read through the older name can be told apart."""
    made = Tensor(tensor.shape, tensor.dtype, data=tensor.data, requires_grad=tensor.requires_grad)
    made.trace, made.op, made.base, made.attributes = tensor.trace, op, tensor.base, tensor.attributes
    made.renewed = op
    for name in alias(tensor, made):
        if name is not made and name.older is None:
            name.older = op
    return made


def alias(tensor: Tensor, other: Tensor) -> list[Tensor]:
    """Let two tensors be names of the same memory, and return all its names."""
    names = tensor.same or [tensor]
    names.append(other)
    tensor.same = other.same = names
    return names


def filled(tensor: Tensor, number: Any, site: Any) -> None:
    """Note the number that fills a parameter; None for other values."""
    target = tensor.base or tensor
    if target.parameter:
        known = isinstance(number, (int, float)) and target.shape == tensor.shape
        target.fill = (float(number), site) if known else None


def initialiser(name: str) -> Native:
    """Return ``nn.init.<name>``: the values change, the tensor stays."""
    if name in COMPUTED:
        return Native(f"torch.nn.init.{name}", COMPUTED[name], lenient=True)

    def initialise(_: Any, site: Any, tensor: Any = None, *args: Any, **kwargs: Any) -> Any:
        if isinstance(tensor, Tensor):
            constant = args[0] if args else kwargs.get("val")
            filled(tensor, constant if name.startswith("constant") else CONSTANTS.get(name), site)
            return tensor
        if isinstance(tensor, Opaque):
            return tensor
        return 1.0 if tensor is not None else Opaque("an initialiser", site)

    return Native(f"torch.nn.init.{name}", initialise, lenient=True)


def fans(_: Any, site: Any, tensor: Any) -> Any:
    """``nn.init._calculate_fan_in_and_fan_out``."""
    if not isinstance(tensor, Tensor) or len(tensor.shape) < MATRIX:
        return Opaque("the fans of something that is not read", site)
    outputs, inputs, *field = tensor.shape
    area = math.prod(field)
    return inputs * area, outputs * area


def fan(interpreter: Any, site: Any, tensor: Any, mode: Any) -> Any:
    """``nn.init._calculate_correct_fan``."""
    both = fans(interpreter, site, tensor)
    return both if isinstance(both, Opaque) else both[str(mode).lower() != "fan_in"]


MATRIX = 2
COMPUTED: dict[str, Any] = {"_calculate_fan_in_and_fan_out": fans, "_calculate_correct_fan": fan}
"""Functions of ``torch.nn.init`` that compute something."""


def uniform(tensor: Tensor) -> float | None:
    """Return the one number of a tensor whose values are known, or None."""
    values = set(tensor.data or ())
    return float(values.pop()) if len(values) == 1 else None
