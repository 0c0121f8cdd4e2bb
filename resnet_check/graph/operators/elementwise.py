"""Operators that work element by element: what the tables of `arithmetic` and the like are made of.

One row of a table gives all forms that torch has of an operation: ``torch.add``, ``Tensor.add``, ``Tensor.add_`` and
the signs ``+`` and ``+=``, which are named after the module `operator`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.broadcasting import broadcast, broadcast_into
from resnet_check.graph.operators.dtypes import can_cast, result_type, same
from resnet_check.graph.operators.values import computed

Compute = Callable[..., Any] | None
"""What an operation does with single numbers, None where their values are not worth keeping."""

DtypeRule = Callable[[str], str]
"""The dtype of the result, from the common dtype of the operands."""

NUMBERS = (int, float, complex, Dim)


def elementwise(
    check: Checks,
    kind: str,
    operands: tuple[Any, ...],
    *,
    operator: str,
    attributes: dict[str, Any] | None = None,
    dtype: DtypeRule = same,
    compute: Compute = None,
    inplace: bool = False,
) -> Result:
    """Return the result of an operation on tensors and numbers, of which one at least is a tensor."""
    inputs = tuple([operand for operand in operands if hasattr(operand, "shape")])
    for operand in operands:
        if not isinstance(operand, NUMBERS) and not hasattr(operand, "shape"):
            message = f"{operator} works on tensors and numbers, got {type(operand).__name__}"
            raise Refused(message)
    shape = inputs[0].shape
    for other in inputs[1:]:
        if other.shape != shape:
            join = broadcast_into if inplace else broadcast
            shape = join(check, "broadcast", shape, other.shape, operator=operator)
    first = operands[0].dtype if hasattr(operands[0], "shape") else None
    common = first if first is not None and _alike(operands, first) else result_type(operands)
    target = dtype(common)
    if inplace:
        target = _written(check, target, inputs[0].dtype, operator)
    data = computed(compute, shape, common, target, operands) if hasattr(inputs[0], "data") else None
    return Result(kind, shape, inputs, {} if attributes is None else attributes, target, 0, inplace, data=data)


def _alike(operands: tuple[Any, ...], first: str) -> bool:
    """Return whether all operands are tensors of one dtype."""
    return all(hasattr(operand, "shape") and operand.dtype == first for operand in operands)


def _written(check: Checks, dtype: str, target: str, operator: str) -> str:
    if dtype != target and not can_cast(dtype, target):
        check.fail("invalid-argument", reason=f"{operator} in place cannot write {dtype} into {target}")
    return target


def _pair(left: Any, right: Any) -> dict[str, Any]:
    """Return the attributes that tell of an operand that is a number."""
    if not hasattr(right, "shape"):
        return {"scalar": right}
    if not hasattr(left, "shape"):
        return {"scalar": left, "scalar_left": True}
    return {}


def scaled(operation: Callable[..., Any], times: Any) -> Callable[..., Any]:
    """Return ``left + times * right`` for an addition or subtraction."""
    return lambda left, right: operation(left, times * right)


def two(check: Checks, kind: str, left: Any, right: Any, name: str, **options: Any) -> Result:
    """Return the result of an operation on two operands."""
    return elementwise(check, kind, (left, right), operator=name, attributes=_pair(left, right), **options)


def needs_tensor(operand: Any, name: str) -> None:
    """Refuse a number where torch wants a tensor."""
    if not hasattr(operand, "shape"):
        message = f"{name} needs a tensor, got {type(operand).__name__}"
        raise Refused(message)


@dataclass(frozen=True)
class Binary:
    """One row of a table: an operation on two operands.

    ``alpha`` says that the second operand can be multiplied by a number, ``tensors`` that neither operand may be a
    number, ``left`` that the first one may, ``no_bool`` that no operand may be a truth value.
    """

    kind: str
    dtype: DtypeRule = same
    compute: Compute = None
    alpha: bool = False
    tensors: bool = False
    left: bool = False
    no_bool: bool = False

    def __call__(self, check: Checks, left: Any, right: Any, name: str, *, inplace: bool, alpha: Any = 1) -> Result:
        """Return the result of the operation."""
        if self.no_bool:
            without_bool(name, left, right)
        compute = self.compute
        plain = alpha.__class__ is int and alpha == 1
        if compute is not None and not plain:
            compute = scaled(compute, alpha)
        result = two(check, self.kind, left, right, name, dtype=self.dtype, compute=compute, inplace=inplace)
        if not plain:
            result.attributes["alpha"] = alpha
        return result


def without_bool(name: str, *operands: Any) -> None:
    """Refuse truth values where torch does not calculate with them."""
    for operand in operands:
        if operand is True or operand is False or getattr(operand, "dtype", None) == "bool":
            message = f"{name} is not defined for bool"
            raise Refused(message)


def binary(kind: str, names: str, *, signs: str = "", inplace: bool = True, augmented: bool = True, **row: Any) -> None:
    """Register an operation on two operands; ``names`` are torch's, ``signs`` those of the module `operator`.

    ``inplace`` says that there are methods that overwrite the first operand, ``augmented`` signs such as ``+=``.
    """
    entry = Binary(kind, **row)
    for name in names.split():
        function(f"torch.{name}")(_binary_rule(entry, name, write=False))
        function(f"torch.Tensor.{name}")(_binary_rule(entry, name, write=False))
        if inplace:
            function(f"torch.Tensor.{name}_")(_binary_rule(entry, name, write=True))
    for sign in signs.split():
        plain = sign.rstrip("_")
        function(f"operator.{sign}")(_sign_rule(entry, plain, write=False))
        if augmented:
            function(f"operator.i{plain}")(_sign_rule(entry, plain, write=True))


def _binary_rule(entry: Binary, name: str, *, write: bool) -> Callable[..., Result]:
    def admit(left: Any, right: Any) -> None:
        if not entry.left:
            needs_tensor(left, name)
        if entry.tensors or not hasattr(left, "shape"):
            needs_tensor(right, name)

    def rule(check: Checks, input: Any, other: Any, *, out: Any = None) -> Result:
        admit(input, other)
        return entry(check, input, other, name, inplace=write)

    def rule_with_alpha(check: Checks, input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Result:
        admit(input, other)
        return entry(check, input, other, name, inplace=write, alpha=alpha)

    return rule_with_alpha if entry.alpha else rule


def _sign_rule(entry: Binary, sign: str, *, write: bool) -> Callable[..., Result]:
    def rule(check: Checks, left: Any, right: Any) -> Result:
        return entry(check, left, right, sign, inplace=write and hasattr(left, "shape"))

    return rule


def unary(
    kind: str,
    names: str = "",
    *,
    methods: str = "",
    signs: str = "",
    dtype: DtypeRule = same,
    compute: Compute = None,
    inplace: bool = True,
) -> None:
    """Register a function of one tensor; ``methods`` are names that exist as methods only."""
    for name in f"{names} {methods}".split():
        rule, overwrite = _unary_rule(kind, name, False, dtype, compute), _unary_rule(kind, name, True, dtype, compute)
        if name in names.split():
            function(f"torch.{name}")(rule)
        function(f"torch.Tensor.{name}")(_method(rule))
        if inplace:
            function(f"torch.Tensor.{name}_")(_method(overwrite))
    for sign in signs.split():
        function(f"operator.{sign}")(_method(_unary_rule(kind, sign, False, dtype, compute)))


def _unary_rule(kind: str, name: str, write: bool, dtype: DtypeRule, compute: Compute) -> Callable[..., Result]:
    def rule(check: Checks, input: Any, *, out: Any = None) -> Result:
        needs_tensor(input, name)
        return elementwise(check, kind, (input,), operator=name, dtype=dtype, compute=compute, inplace=write)

    return rule


def _method(rule: Callable[..., Result]) -> Callable[..., Result]:
    def method(check: Checks, input: Any) -> Result:
        return rule(check, input)

    return method
