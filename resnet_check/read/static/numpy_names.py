"""Names of numpy that constructors use for plain numbers. A small array is a tensor with data."""

from __future__ import annotations

import itertools
import math
from typing import Any

from resnet_check.graph.dim import Dim, apply
from resnet_check.read.static.hosted import elements
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.python_types import OBJECT, TYPES
from resnet_check.read.static.tensors import ARRAY_METHODS, FUNCTIONS, run
from resnet_check.read.static.values import Array, Class, Instance, Native, Opaque, Tensor

NAMESPACES = {"numpy", "numpy.random", "numpy.linalg", "numpy.typing"}


def array(data: list[Any]) -> Array:
    """Return a one-dimensional array."""
    whole = all(isinstance(v, int) for v in data)
    return Array((len(data),), "int64" if whole else "float64", data=tuple(data))


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
    """Return the function of torch with the same meaning, which gives an array."""

    def call(interpreter: Interpreter, site: Any, *args: Any, **kwargs: Any) -> Any:
        kind = kwargs.pop("dtype", None)
        made = run(interpreter, FUNCTIONS[f"torch.{name}"], args, kwargs, site)
        if not isinstance(made, Tensor):
            return made
        data = made.data
        if data is None and isinstance(made.uniform, (int, float)) and len(made.shape) == 1 and made.shape[0] <= 64:
            data = (made.uniform,) * made.shape[0]
        found = Array(made.shape, made.dtype, data=data)
        return found if kind is None or data is None else cast(interpreter, site, found, kind)

    return call


def differences(values: list[Any]) -> Tensor:
    return array([later - earlier for earlier, later in itertools.pairwise(values)])


def split(_: Interpreter, site: Any, values: Any, places: Any, axis: Any = 0) -> Any:
    """Return the parts of a one-dimensional array between the given places."""
    data, cuts = flat(values), flat(places)
    if data is None or cuts is None or axis != 0 or not all(isinstance(cut, int) for cut in cuts):
        return Opaque("`numpy.split` of something that is not read", site)
    return [array(data[start:end]) for start, end in itertools.pairwise([0, *cuts, len(data)])]


def full(interpreter: Interpreter, site: Any, shape: Any, value: Any, **__: Any) -> Any:
    """Return a one-dimensional array of one number."""
    del interpreter
    length = shape[0] if isinstance(shape, (tuple, list)) and len(shape) == 1 else shape
    if not isinstance(length, int) or not isinstance(value, (int, float)) or not 0 <= length < 5000:
        return Opaque("`numpy.full`", site)
    return array([value] * length)


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


def quotient(left: Any, right: Any) -> Any:
    """``numpy.divide``, with numpy's infinity left out: nothing of a shape comes from it."""
    return left / right if right else math.nan


def pairwise(function: Any, name: str) -> Any:
    """Return a function of two numbers or arrays of one dimension."""

    def run_on(_: Interpreter, site: Any, left: Any, right: Any) -> Any:
        both = [flat(v) if not isinstance(v, (int, float)) else [v] for v in (left, right)]
        if isinstance(left, Dim) or isinstance(right, Dim) or None in both:
            return binary(function, name)(_, site, left, right)
        first, second = both
        size = max(len(first or ()), len(second or ()))
        if not all(len(b or ()) in {1, size} for b in both):
            return Opaque(f"`numpy.{name}` of something that is not read", site)
        try:
            found = [function(a, b) for a, b in zip(stretched(first, size), stretched(second, size), strict=True)]
        except (ArithmeticError, ValueError):
            return Opaque(f"`numpy.{name}`", site)
        return found[0] if isinstance(left, (int, float)) and isinstance(right, (int, float)) else array(found)

    return run_on


def stretched(values: list[Any] | None, size: int) -> list[Any]:
    values = values or []
    return values * size if len(values) == 1 else values


def unique(_: Interpreter, site: Any, values: Any, *, return_counts: Any = False, **others: Any) -> Any:
    """``numpy.unique``."""
    data = flat(values)
    if data is None or any(others.values()):
        return Opaque("`numpy.unique` of something that is not read", site)
    found = sorted(set(data))
    return (array(found), array([data.count(v) for v in found])) if return_counts else array(found)


def polynomial(_: Interpreter, site: Any, coefficients: Any) -> Any:
    """``numpy.poly1d``, of which filters are made."""
    data = flat(coefficients)
    if data is None or not data or len(data) > 64:
        return Opaque("`numpy.poly1d` of something that is not read", site)
    made = Instance(POLYNOMIAL, site)
    made.attributes["coeffs"] = made.attributes["coef"] = array([float(c) for c in data])
    return made


def power_of_polynomial(interpreter: Interpreter, site: Any, base: Instance, exponent: Any) -> Any:
    if not isinstance(exponent, int) or not 0 <= exponent <= 64:
        return Opaque("a power of a polynomial", site)
    factor, result = list(base.attributes["coeffs"].data), [1.0]
    for _ in range(exponent):
        longer = [0.0] * (len(result) + len(factor) - 1)
        for i, a in enumerate(result):
            for j, b in enumerate(factor):
                longer[i + j] += a * b
        result = longer
    return polynomial(interpreter, site, result[:64]) if len(result) <= 64 else Opaque("a long polynomial", site)


POLYNOMIAL = Class("poly1d", (OBJECT,), {"__pow__": Native("poly1d.__pow__", power_of_polynomial)})


def cast(_: Interpreter, site: Any, values: Tensor, kind: Any = None, *__: Any, **___: Any) -> Any:
    """``ndarray.astype``."""
    name = kind.name if isinstance(kind, Class) else kind
    if values.data is None or not isinstance(name, str) or not all(isinstance(v, (int, float)) for v in values.data):
        return Opaque("`astype` of something that is not read", site, "tensor")
    whole = name.startswith(("int", "long", "uint"))
    try:
        data = tuple(int(v) if whole else float(v) for v in values.data)
    except (ValueError, OverflowError):
        return Opaque("`astype` of something that is not read", site, "tensor")
    return type(values)(values.shape, "int64" if whole else "float32", data=data)


ARRAY_METHODS["astype"] = cast


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
        "diff": reduction(differences, "diff"),
        "full": full,
        "split": split,
        "maximum": binary(lambda a, b: apply("max", a, b), "maximum"),
        "minimum": binary(lambda a, b: apply("min", a, b), "minimum"),
        "power": pairwise(lambda a, b: a**b, "power"),
        "divide": pairwise(quotient, "divide"),
        "true_divide": pairwise(quotient, "true_divide"),
        "multiply": pairwise(lambda a, b: a * b, "multiply"),
        "unique": unique,
        "poly1d": polynomial,
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
