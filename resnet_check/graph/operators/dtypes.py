"""Element types: their names, and which one comes out when several meet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from resnet_check.graph.dim import Dim, value
from resnet_check.graph.operators.base import Refused

INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex32", "complex64", "complex128")

CATEGORY = {
    "bool": 0,
    **dict.fromkeys((*INTEGERS, "uint16", "uint32", "uint64"), 1),
    **dict.fromkeys(FLOATS, 2),
    **dict.fromkeys(COMPLEX, 3),
}
"""The element types by kind: truth values, integers, floats, complex numbers."""

WIDTH = {
    "bool": 1,
    **dict(zip(INTEGERS, (1, 1, 2, 4, 8), strict=True)),
    **dict(zip(FLOATS, (2, 2, 4, 8), strict=True)),
    **dict(zip(COMPLEX, (4, 8, 16), strict=True)),
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
}
"""Bytes per element."""

NAMES: dict[Any, str] = {
    **{name: name for name in CATEGORY},
    **{f"torch.{name}": name for name in CATEGORY},
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "cfloat": "complex64",
    "cdouble": "complex128",
    float: "float64",
    int: "int64",
    bool: "bool",
    complex: "complex128",
}
"""What a dtype argument may be, to the name of the dtype."""

TENSOR_TYPES = {
    f"torch.{where}{name}Tensor": dtype
    for where in ("", "cuda.")
    for name, dtype in {
        "Float": "float32",
        "Double": "float64",
        "Half": "float16",
        "BFloat16": "bfloat16",
        "Byte": "uint8",
        "Char": "int8",
        "Short": "int16",
        "Int": "int32",
        "Long": "int64",
        "Bool": "bool",
    }.items()
}
"""The old names of tensor types."""

REAL = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
COMPLEX_OF = {"bfloat16": "complex64", "float16": "complex32", "float32": "complex64", "float64": "complex128"}


def named(dtype: Any, default: str) -> str:
    """Return the name of a dtype argument, the default where none is given."""
    if dtype is None:
        return default
    try:
        return NAMES.get(dtype) or TENSOR_TYPES.get(dtype) or default
    except TypeError:
        message = f"dtype cannot be a {type(dtype).__name__}"
        raise Refused(message) from None


def promote(left: str, right: str) -> str:
    """Return the smallest dtype that holds both."""
    if left == right:
        return left
    low, high = sorted((left, right), key=lambda name: CATEGORY[name])
    if CATEGORY[low] < CATEGORY[high]:
        if CATEGORY[high] == CATEGORY["complex64"] and CATEGORY[low] == CATEGORY["float32"]:
            return promote(COMPLEX_OF[low], high)
        return high
    for family in (FLOATS, COMPLEX):
        if low in family:
            return "float32" if {low, high} == {"float16", "bfloat16"} else max(low, high, key=family.index)
    if {low, high} == {"uint8", "int8"}:
        return "int16"
    if low in INTEGERS and high in INTEGERS:
        return "int16" if {low, high} == {"uint8", "int8"} else max(low, high, key=INTEGERS.index)
    message = f"{left} and {right} have no common dtype"
    raise Refused(message)


def of_number(scalar: Any) -> str:
    """Return the dtype that a Python number counts as."""
    plain = value(scalar) if isinstance(scalar, Dim) else scalar
    if isinstance(plain, bool):
        return "bool"
    if isinstance(plain, int):
        return "int64"
    return "float32" if isinstance(plain, float) else "complex64"


def result_type(operands: Iterable[Any]) -> str:
    """Return the dtype of an operation on tensors and numbers.

    Tensors without dims, and numbers, take part only where they are of a higher kind than the tensors with dims.
    """
    ranks: list[str | None] = [None, None, None]
    for operand in operands:
        if hasattr(operand, "shape"):
            level, dtype = (0 if operand.shape else 1), operand.dtype
        else:
            level, dtype = 2, of_number(operand)
        before = ranks[level]
        ranks[level] = dtype if before is None else promote(before, dtype)
    found: str | None = None
    for rank in ranks:
        found = _join(found, rank)
    return found or "float32"


def _join(higher: str | None, lower: str | None) -> str | None:
    if higher is None or lower is None:
        return higher or lower
    if CATEGORY[lower] <= CATEGORY[higher]:
        return higher
    if CATEGORY[lower] == CATEGORY["complex64"] and CATEGORY[higher] == CATEGORY["float32"]:
        return COMPLEX_OF[higher]
    return promote(higher, lower)


def can_cast(source: str, target: str) -> bool:
    """Return whether an in-place operation may write a result of this dtype."""
    return CATEGORY[source] <= CATEGORY[target]


def same(dtype: str) -> str:
    """Return the dtype as it is."""
    return dtype


def floating(dtype: str) -> str:
    """Return the dtype of a function such as a square root, which makes floats of integers."""
    return "float32" if CATEGORY[dtype] < CATEGORY["float32"] else dtype


def truth(_dtype: str) -> str:
    """Return the dtype of a comparison."""
    return "bool"


def summed(dtype: str) -> str:
    """Return the dtype of a sum, for which integers are widened."""
    return "int64" if CATEGORY[dtype] < CATEGORY["float32"] else dtype


def squared(dtype: str) -> str:
    """Return the dtype of a power with an integer."""
    return "int64" if dtype == "bool" else dtype


def real(dtype: str) -> str:
    """Return the dtype of an absolute value."""
    return REAL.get(dtype, dtype)


def not_bool(dtype: str) -> str:
    """Return the dtype of an operation that torch has not for truth values."""
    if dtype == "bool":
        message = "not defined for tensors of bool"
        raise Refused(message)
    return dtype


def float_only(dtype: str) -> str:
    """Return the dtype of an operation that torch has for floats only."""
    if CATEGORY[dtype] < CATEGORY["float32"]:
        message = f"not defined for tensors of {dtype}"
        raise Refused(message)
    return dtype


def integer_only(dtype: str) -> str:
    """Return the dtype of an operation that torch has for integers and truth values only."""
    if CATEGORY[dtype] > CATEGORY["int64"]:
        message = f"not defined for tensors of {dtype}"
        raise Refused(message)
    return dtype
