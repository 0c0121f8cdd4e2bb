"""Names of numpy that constructors use for plain numbers. A small array is a tensor with data."""

from __future__ import annotations

import math
from typing import Any

from resnet_check.graph.dim import Dim, apply
from resnet_check.read.static.hosted import elements
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.python_types import OBJECT, TYPES
from resnet_check.read.static.tensors import FUNCTIONS, run
from resnet_check.read.static.values import Class, Native, Opaque, Tensor

NAMESPACES = {"numpy", "numpy.random", "numpy.linalg", "numpy.typing"}


def array(data: list[Any]) -> Tensor:
    """Return a one-dimensional array."""
    whole = all(isinstance(v, int) for v in data)
    return Tensor((len(data),), "int64" if whole else "float64", data=tuple(data))


def elementwise(function: Any, name: str) -> Any:
    """Return a function of numbers, applied to a number or to each element of a list or array."""

    def run_on(_: Interpreter, site: Any, value: Any, *rest: Any, **__: Any) -> Any:
        if isinstance(value, (int, float)):
            try:
                return function(value, *rest)
            except (ValueError, OverflowError, TypeError):
                return Opaque(f"`numpy.{name}`", site, "number")
        if isinstance(value, Dim) and not rest and name in {"ceil", "floor", "sqrt", "log2", "log", "round", "abs"}:
            return apply(name, value)
        data = flat(value)
        if data is None:
            return Opaque(f"`numpy.{name}` of something that is not read", site)
        return array([function(v, *rest) for v in data])

    return run_on


def flat(value: Any) -> list[Any] | None:
    """Return the numbers of a list or array of one dimension, or None."""
    if isinstance(value, Tensor):
        return list(value.data) if value.data is not None and len(value.shape) == 1 else None
    if isinstance(value, (list, tuple, range)) and all(isinstance(v, (int, float)) for v in value):
        return list(value)
    return None


def reduction(function: Any, name: str) -> Any:
    """Return a function that makes one number of a list or array."""

    def reduce(interpreter: Interpreter, site: Any, values: Any, *rest: Any, **kwargs: Any) -> Any:
        if isinstance(values, (int, float, Dim)):
            return values
        found = values.data if isinstance(values, Tensor) else elements(interpreter, site, values)
        if found is None or isinstance(found, Opaque) or rest or kwargs:
            return Opaque(f"`numpy.{name}` of something that is not read", site, "any")
        if not all(isinstance(v, (int, float, Dim)) for v in found):
            return Opaque(f"`numpy.{name}` of something that is not read", site, "any")
        return function(list(found))

    return reduce


def product(values: list[Any]) -> Any:
    total: Any = 1
    for value in values:
        total = total * value
    return total


def largest(name: str) -> Any:
    def run_on(values: list[Any]) -> Any:
        result = values[0]
        for value in values[1:]:
            result = apply(name, result, value)
        return result

    return run_on


def cumulative(values: list[Any]) -> Tensor:
    total, found = 0, []
    for value in values:
        total = total + value
        found.append(total)
    return array(found)


def through_torch(name: str) -> Any:
    """Return the function of torch with the same meaning."""
    function = FUNCTIONS[f"torch.{name}"]
    return lambda i, s, *a, **k: run(i, function, a, {n: v for n, v in k.items() if n != "dtype"}, s)


def linspace(interpreter: Interpreter, site: Any, start: Any, stop: Any, num: Any = 50, **__: Any) -> Any:
    del interpreter
    if not (
        isinstance(start, (int, float)) and isinstance(stop, (int, float)) and isinstance(num, int) and 0 < num < 5000
    ):
        return Opaque("`numpy.linspace`", site)
    step = (stop - start) / max(num - 1, 1)
    return array([float(start + step * i) for i in range(num)])


def binary(function: Any, name: str) -> Any:
    """Return a function of two numbers."""

    def run_on(_: Interpreter, site: Any, left: Any, right: Any, *__: Any) -> Any:
        if isinstance(left, (int, float, Dim)) and isinstance(right, (int, float, Dim)):
            return function(left, right)
        return Opaque(f"`numpy.{name}` of something that is not read", site)

    return run_on


def unknown(kind: str) -> Any:
    return lambda _i, site, *_a, **_k: Opaque("a random or computed array", site, kind)


VALUES: dict[str, Any] = {
    f"numpy.{name}": Native(f"numpy.{name}", function)
    for name, function in {
        **{
            name: elementwise(function, name)
            for name, function in {
                "abs": abs,
                "absolute": abs,
                "ceil": lambda v: float(math.ceil(v)),
                "floor": lambda v: float(math.floor(v)),
                "exp": math.exp,
                "log": math.log,
                "log10": math.log10,
                "log2": math.log2,
                "sqrt": math.sqrt,
                "round": round,
                "around": round,
                "rint": round,
                "cos": math.cos,
                "sin": math.sin,
                "isnan": math.isnan,
                "trunc": lambda v: float(math.trunc(v)),
                "square": lambda v: v * v,
            }.items()
        },
        "prod": reduction(product, "prod"),
        "sum": reduction(sum, "sum"),
        "max": reduction(largest("max"), "max"),
        "amax": reduction(largest("max"), "amax"),
        "min": reduction(largest("min"), "min"),
        "mean": reduction(lambda v: sum(v) / len(v), "mean"),
        "cumsum": reduction(cumulative, "cumsum"),
        "maximum": binary(lambda a, b: apply("max", a, b), "maximum"),
        "minimum": binary(lambda a, b: apply("min", a, b), "minimum"),
        "power": binary(lambda a, b: a**b, "power"),
        "mod": binary(lambda a, b: a % b, "mod"),
        "array": through_torch("tensor"),
        "asarray": through_torch("tensor"),
        "arange": through_torch("arange"),
        "zeros": through_torch("zeros"),
        "ones": through_torch("ones"),
        "linspace": linspace,
        "random.uniform": unknown("number"),
        "random.seed": lambda *_a, **_k: None,
    }.items()
}
VALUES.update(
    {
        "numpy.pi": math.pi,
        "numpy.inf": math.inf,
        "numpy.nan": math.nan,
        "numpy.int": TYPES["int"],
        "numpy.int32": TYPES["int"],
        "numpy.int64": TYPES["int"],
        "numpy.float32": TYPES["float"],
        "numpy.float64": TYPES["float"],
        "numpy.bool_": TYPES["bool"],
        "numpy.newaxis": None,
        "numpy.ndarray": Class("ndarray", (OBJECT,), {}, qualified="numpy.ndarray"),
    }
)
