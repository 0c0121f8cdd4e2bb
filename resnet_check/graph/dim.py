"""Dims: integer expressions over the sizes of a model's input.

A size that does not depend on the input is a plain ``int``. Every other size is a `Dim`: an affine sum of atoms with
integer coefficients. An atom is a symbol (``N``, ``H``, ``W``) or an operation that is not affine (a floor division, a
product, a maximum). Each carries the value that it has at the size being looked at, so that ordinary code can go on with
it, while the expression answers for every other size.

The sums are kept in a normal form in which the sizes that real networks compute become equal *expressions*: a 3x3
convolution with padding 1 and a 1x1 convolution, both of stride 2, give ``(H + 1) // 2``.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

Number = Any
"""An ``int``, a ``float`` or a `Dim`."""

LONGEST = 200
"""Atoms in the text of an expression: where each layer computes its padding, the text gets twice as long at each."""


class Atom:
    """A symbol or an operation that is not affine, with its value at the size being looked at.

    ``length`` counts the atoms in the text of it. ``key`` is the same in every process.
    """

    __slots__ = ("args", "key", "length", "op", "value")

    def __init__(self, op: str, args: tuple[Any, ...], value: float) -> None:
        self.op = op
        self.args = args
        self.value = value
        self.key = hash((_NUMBERS[op], *(_number(arg) if isinstance(arg, str) else arg for arg in args)))
        self.length = 1 + sum(arg.length for arg in args if isinstance(arg, Dim))

    def __hash__(self) -> int:
        return self.key

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Atom)
            and self.key == other.key
            and self.value == other.value  # the caches below must not answer for another size
            and self.op == other.op
            and self.args == other.args
        )

    @property
    def order(self) -> tuple[str, int]:
        """What atoms are sorted by: the text, for one that is too long its key."""
        return ("", self.key) if self.length > LONGEST else (str(self), 0)

    def __str__(self) -> str:
        if self.op == "symbol":
            return str(self.args[0])
        if self.length > LONGEST:
            return f"f({', '.join(sorted(_atom_symbols(self)))})#{self.key & 0xFFFFFFFF:x}"
        if self.op in SIGNS:
            shown = [f"({a})" if isinstance(a, Dim) and not a.is_atom else str(a) for a in self.args]
            return f" {SIGNS[self.op]} ".join(shown)
        return f"{self.op}({', '.join(map(str, self.args))})"


class Dim:
    """An affine sum of atoms: ``constant + sum(coefficient * atom)``; immutable and hashable.

    Equality is equality of expressions. Comparing sizes is the business of a Guard, so ``<`` and ``bool`` do not exist.
    """

    __slots__ = ("constant", "key", "length", "terms", "value")

    def __init__(self, terms: tuple[tuple[Atom, int], ...], constant: int) -> None:
        self.terms = terms
        self.constant = constant
        self.key = hash((terms, constant))
        self.length: int = sum(atom.length for atom, _ in terms)
        self.value: Any = constant + sum(factor * atom.value for atom, factor in terms)

    @property
    def order(self) -> tuple[str, int]:
        """What expressions are sorted by: the text, for one that is too long its key."""
        return ("", self.key) if self.length > LONGEST else (str(self), 0)

    @property
    def is_atom(self) -> bool:
        """Whether the expression is a single atom, which prints without parentheses."""
        return self.constant == 0 and len(self.terms) == 1 and self.terms[0][1] == 1

    def __hash__(self) -> int:
        return self.key

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Dim)
            and self.key == other.key
            and self.constant == other.constant
            and self.terms == other.terms
        )

    def __bool__(self) -> bool:
        message = "the truth of a Dim is a Guard"
        raise TypeError(message)

    def __str__(self) -> str:
        parts = [f"{atom}" if factor == 1 else f"{factor} * {atom}" for atom, factor in self.terms]
        if self.constant:
            parts.append(str(self.constant))
        return " + ".join(parts).replace("+ -", "- ")

    __repr__ = __str__

    def __add__(self, other: Number) -> Number:
        return add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Number) -> Number:
        return add(self, multiply(other, -1))

    def __rsub__(self, other: Number) -> Number:
        return add(other, multiply(self, -1))

    def __mul__(self, other: Number) -> Number:
        return multiply(self, other)

    __rmul__ = __mul__

    def __neg__(self) -> Number:
        return multiply(self, -1)

    def __floordiv__(self, other: Number) -> Number:
        return floor_divide(self, other)

    def __rfloordiv__(self, other: Number) -> Number:
        return floor_divide(other, self)

    def __mod__(self, other: Number) -> Number:
        return modulo(self, other)

    def __rmod__(self, other: Number) -> Number:
        return modulo(other, self)

    def __truediv__(self, other: Number) -> Number:
        return apply("truediv", self, other)

    def __rtruediv__(self, other: Number) -> Number:
        return apply("truediv", other, self)

    def __pow__(self, other: Number) -> Number:
        return apply("pow", self, other)

    def __rpow__(self, other: Number) -> Number:
        return apply("pow", other, self)

    def __abs__(self) -> Number:
        return apply("abs", self)


SIGNS = {"floordiv": "//", "mod": "%", "mul": "*", "add": "+", "truediv": "/", "pow": "**"}

OPERATIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "add": operator.add,
    "ceil": math.ceil,
    "floor": math.floor,
    "floordiv": operator.floordiv,
    "int": int,
    "max": max,
    "min": min,
    "mod": operator.mod,
    "mul": operator.mul,
    "pow": operator.pow,
    "round": round,
    "sqrt": math.sqrt,
    "log2": math.log2,
    "log": math.log,
    "truediv": operator.truediv,
    "float": float,
}
"""The operations of atoms on numbers."""

_NUMBERS = {name: number for number, name in enumerate(("symbol", *sorted(OPERATIONS)))}


def _number(text: str) -> int:
    """Return a number for a name: what Python hashes it to differs between processes."""
    return int.from_bytes(text.encode(), "big")


def symbol(name: str, value: int) -> Dim:
    """Return a free size with the value that it has at the size being looked at."""
    return Dim(((Atom("symbol", (name,), value), 1),), 0)


def value(number: Number) -> Any:
    """Return the number that an expression is at the size being looked at."""
    return number.value if isinstance(number, Dim) else number


def symbols(number: Number) -> frozenset[str]:
    """Return the names of the free sizes in an expression."""
    if not isinstance(number, Dim):
        return frozenset()
    return frozenset().union(*(_atom_symbols(atom) for atom, _ in number.terms))


@lru_cache(maxsize=10_000)
def _atom_symbols(atom: Atom) -> frozenset[str]:
    if atom.op == "symbol":
        return frozenset(atom.args)
    return frozenset().union(*(symbols(arg) for arg in atom.args))


def apply(op: str, *args: Number) -> Number:
    """Return the operation applied to numbers, as an expression where one of them is.

    Raises what the operation raises at the size being looked at, such as ZeroDivisionError.
    """
    result = OPERATIONS[op](*map(value, args))
    if not any(isinstance(arg, Dim) for arg in args):
        return result
    return Dim(((Atom(op, args, result), 1),), 0)


def _is_integer(number: Number) -> bool:
    return isinstance(value(number), int)


@lru_cache(maxsize=20_000)
def add(left: Number, right: Number) -> Number:
    """Return the sum in normal form."""
    if not (_is_integer(left) and _is_integer(right)):
        return apply("add", left, right)
    return _combine(left, 1, right)


def _combine(left: Number, factor: int, right: Number) -> Number:
    """Return ``left * factor + right`` for integer expressions."""
    terms: dict[Atom, int] = {}
    constant = 0
    for number, times in ((left, factor), (right, 1)):
        if isinstance(number, Dim):
            constant += number.constant * times
            for atom, coefficient in number.terms:
                terms[atom] = terms.get(atom, 0) + coefficient * times
        else:
            constant += number * times
    kept = [(atom, coefficient) for atom, coefficient in terms.items() if coefficient]
    if not kept:
        return constant
    if len(kept) > 1:
        kept.sort(key=lambda pair: pair[0].order)
    return Dim(tuple(kept), constant)


@lru_cache(maxsize=20_000)
def multiply(left: Number, right: Number) -> Number:
    """Return the product; an integer factor is spread over the sum, a product of sizes is one atom."""
    if not (_is_integer(left) and _is_integer(right)):
        return apply("mul", left, right)
    if not isinstance(right, Dim):
        left, right = right, left
    if not isinstance(left, Dim):
        return _combine(right, left, 0) if isinstance(right, Dim) else left * right
    factors: list[Number] = []
    factor = 1
    for number in (left, right):
        content = math.gcd(number.constant, *(coefficient for _, coefficient in number.terms))
        factor *= content
        rest = number if content == 1 else _divide_exactly(number, content)
        if rest.is_atom and rest.terms[0][0].op == "mul":
            factors.extend(rest.terms[0][0].args)
        else:
            factors.append(rest)
    factors.sort(key=operator.attrgetter("order"))
    whole = math.prod(value(number) for number in factors)
    return _combine(Dim(((Atom("mul", tuple(factors), whole), 1),), 0), factor, 0)


def _divide_exactly(number: Dim, divisor: int) -> Dim:
    terms = tuple((atom, coefficient // divisor) for atom, coefficient in number.terms)
    return Dim(terms, number.constant // divisor)


@lru_cache(maxsize=20_000)
def floor_divide(left: Number, right: Number) -> Number:
    """Return ``left // right`` in normal form.

    What the divisor divides moves out of the division, and ``(a // b + c) // d`` becomes ``(a + b * c) // (b * d)``.
    """
    if isinstance(right, Dim) or not isinstance(left, Dim) or not isinstance(right, int) or right <= 0:
        return _cancel(left, right)
    if not _is_integer(left):
        return apply("floordiv", left, right)
    if right == 1:
        return left
    outside = tuple((atom, factor // right) for atom, factor in left.terms if factor % right == 0)
    inside = tuple((atom, factor) for atom, factor in left.terms if factor % right)
    constant, rest = divmod(left.constant, right)
    if not inside:
        return Dim(outside, constant) if outside else constant
    if len(inside) == 1 and inside[0][1] == 1 and inside[0][0].op == "floordiv":
        numerator, divisor = inside[0][0].args
        if isinstance(divisor, int) and divisor > 0:
            quotient = floor_divide(add(numerator, rest * divisor), divisor * right)
            return _combine(quotient, 1, Dim(outside, constant) if outside else constant)
    quotient = apply("floordiv", Dim(inside, rest), right)
    return _combine(quotient, 1, Dim(outside, constant) if outside else constant)


def _cancel(left: Number, right: Number) -> Number:
    """Return ``left // right`` where the divisor is an expression: common factors of products cancel."""
    above, below = factorise(left), factorise(right)
    factor, divisor = above.pop(0), below.pop(0)
    for number in list(below):
        if number in above:
            above.remove(number)
            below.remove(number)
    if below or divisor == 0 or factor % divisor:
        return apply("floordiv", left, right)
    result: Number = factor // divisor
    for number in above:
        result = multiply(result, number)
    return result


def factorise(number: Number) -> list[Any]:
    """Return an integer factor followed by the expressions whose product with it is the number."""
    if not isinstance(number, Dim) or not _is_integer(number):
        return [number]
    content = math.gcd(number.constant, *(coefficient for _, coefficient in number.terms))
    rest = _divide_exactly(number, content)
    if rest.is_atom and rest.terms[0][0].op == "mul":
        return [content, *rest.terms[0][0].args]
    return [content, rest]


def modulo(left: Number, right: Number) -> Number:
    """Return ``left % right``."""
    if isinstance(left, Dim) and isinstance(right, int) and right > 0 and _is_integer(left):
        inside = tuple((atom, factor) for atom, factor in left.terms if factor % right)
        if not inside:
            return left.constant % right
    return apply("mod", left, right)


Columns = Mapping[str, Sequence[int]]


def column(number: Number, sizes: Columns, memo: dict[Any, list[Any]]) -> list[Any]:
    """Return the value of an expression at each of several sizes.

    ``sizes`` gives for each symbol its value in every case; ``memo`` is kept between calls for the same sizes. Where an
    expression has no value (a division by zero), the entry is ``nan``, which fails every Guard.
    """
    length = len(next(iter(sizes.values())))
    if not isinstance(number, Dim):
        return [number] * length
    if number in memo:
        return memo[number]
    total: list[Any] = []
    for atom, factor in number.terms:
        values = _atom_column(atom, sizes, memo)
        if factor != 1:
            values = [factor * v for v in values]
        total = list(map(operator.add, total, values)) if total else values
    if number.constant:
        total = [number.constant + t for t in total]
    memo[number] = total
    return total


def _atom_column(atom: Atom, sizes: Columns, memo: dict[Any, list[Any]]) -> list[Any]:
    if atom.op == "symbol":
        return list(sizes[atom.args[0]])
    if atom in memo:
        return memo[atom]
    operation = OPERATIONS[atom.op]
    arguments = [column(arg, sizes, memo) for arg in atom.args]
    if atom.op == "mul" and len(arguments) > 2:
        values = [math.prod(row) for row in zip(*arguments, strict=True)]
    elif atom.op == "floordiv" and isinstance(atom.args[1], int):
        divisor = atom.args[1]
        values = [v // divisor for v in arguments[0]]
    else:
        try:
            values = list(map(operation, *arguments))
        except (ArithmeticError, ValueError):
            values = [_guarded(operation, row) for row in zip(*arguments, strict=True)]
    memo[atom] = values
    return values


def _guarded(operation: Callable[..., Any], row: tuple[Any, ...]) -> Any:
    try:
        return operation(*row)
    except (ArithmeticError, ValueError):
        return math.nan
