"""Running one call twice, by our rule and by torch, and comparing what comes out."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from resnet_check.graph.dim import Dim, column
from resnet_check.graph.operators import load
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result
from resnet_check.graph.records import RELATIONS, Guard

torch.set_num_threads(1)
FUNCTIONS, _ = load()

FILES = """arithmetic broadcasting casting combine comparison creation einsum elementwise filling fourier functions
indexing matmul ordering permutation properties randomness reduction reshape selection split"""
"""The files of the table that these tests are about."""

NAMES = sorted(name for name, entry in FUNCTIONS.items() if entry.rule.__module__.rpartition(".")[2] in FILES.split())

DTYPES = {
    name: getattr(torch, name)
    for name in ("float32", "float64", "int64", "int32", "uint8", "bool", "bfloat16", "complex64")
}


@dataclass(frozen=True)
class T:
    """A tensor argument: our rule gets its shape, torch a real one, filled with ``values`` or small numbers."""

    shape: tuple[Any, ...]
    dtype: str = "float32"
    values: tuple[Any, ...] | None = None

    def flat(self, shape: tuple[int, ...]) -> list[Any]:
        """Return the values, as many as the shape holds."""
        count = math.prod(shape)
        if self.values is not None:
            return [self.values[i % len(self.values)] for i in range(count)] if self.values else []
        if self.dtype == "bool":
            return [i * 7 % 3 == 0 for i in range(count)]
        if self.dtype == "uint8":
            return [i * 7 % 5 for i in range(count)]
        spread = [(i * 7 % 11) - 3 for i in range(count)]
        return [number / 2 for number in spread] if "float" in self.dtype else spread


@dataclass(frozen=True)
class D:
    """A dtype argument."""

    name: str


class Tensor:
    """What the interpreter hands to a rule."""

    def __init__(self, shape: tuple[Any, ...], dtype: str, data: tuple[Any, ...] | None) -> None:
        self.shape = shape
        self.dtype = dtype
        self.data = data


@dataclass
class Outcome:
    """What came out of a call: ``results`` for tensors and plain values in order, or why there is nothing."""

    results: list[Any] = field(default_factory=list)
    raised: str | None = None
    unknown: str | None = None
    guards: list[Guard] = field(default_factory=list)
    raw: Any = None


def mapped(change: Callable[[Any], Any], thing: Any) -> Any:
    """Return nested arguments with every leaf changed."""
    if isinstance(thing, (list, tuple)):
        return type(thing)([mapped(change, part) for part in thing])
    if isinstance(thing, dict):
        return {key: mapped(change, part) for key, part in thing.items()}
    if isinstance(thing, slice):
        return slice(*(mapped(change, part) for part in (thing.start, thing.stop, thing.step)))
    return change(thing)


def ours(name: str, args: Any = (), kwargs: Any = None, *, known: bool = False) -> Outcome:
    """Call the rule; ``known`` gives it the values of the tensors as well."""
    check = Checks()

    def argument(leaf: Any) -> Any:
        if isinstance(leaf, T):
            plain = not any(isinstance(size, Dim) for size in leaf.shape)
            return Tensor(leaf.shape, leaf.dtype, tuple(leaf.flat(leaf.shape)) if known and plain else None)
        return leaf.name if isinstance(leaf, D) else leaf

    try:
        raw = FUNCTIONS[name].rule(check, *mapped(argument, args), **mapped(argument, kwargs or {}))
    except Refused as error:
        return Outcome(raised=str(error), guards=list(check.guards))
    except NotModelled as error:
        return Outcome(unknown=str(error), guards=list(check.guards), raised=_failures(check))
    return Outcome(_flat(raw), _failures(check), guards=list(check.guards), raw=raw)


def _failures(check: Checks) -> str | None:
    return "; ".join(f"{f.kind}: {f.guard} {f.facts}" for f in check.failures) or None


def _flat(raw: Any) -> list[Any]:
    if isinstance(raw, (list, tuple)) and raw and isinstance(raw[0], Result):
        return list(raw)
    return [raw]


def torchs(name: str, args: Any = (), kwargs: Any = None, sizes: dict[str, int] | None = None) -> Outcome:
    """Call torch; Dims among the arguments have the given sizes."""

    def number(leaf: Any) -> Any:
        return (
            column(leaf, {key: [size] for key, size in (sizes or {}).items()}, {})[0] if isinstance(leaf, Dim) else leaf
        )

    def argument(leaf: Any) -> Any:
        if isinstance(leaf, T):
            shape = tuple(number(size) for size in leaf.shape)
            return torch.tensor(leaf.flat(shape), dtype=DTYPES[leaf.dtype]).reshape(shape).clone()
        return DTYPES[leaf.name] if isinstance(leaf, D) else number(leaf)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given, named = mapped(argument, args), mapped(argument, kwargs or {})
        try:
            raw = _call(name, given, named)
        except NotImplementedError as error:
            return Outcome(unknown=str(error))
        except (RuntimeError, TypeError, IndexError, ValueError) as error:
            if "not implemented for" in str(error) or "not supported for" in str(error) or "ZeroDivision" in str(error):
                return Outcome(unknown=str(error))
            return Outcome(raised=str(error))
    return Outcome(list(raw) if isinstance(raw, (list, tuple)) and raw and isinstance(raw[0], torch.Tensor) else [raw])


def _call(name: str, args: Any, kwargs: Any) -> Any:
    first, _, last = name.rpartition(".")
    if first == "operator":
        result = getattr(operator, last)(*args)
        return args[0] if last == "setitem" else result
    owner: Any = torch
    for part in first.split(".")[1:]:
        owner = getattr(owner, part)
    if owner is torch.Tensor:
        found = getattr(args[0], last)
        if last == "__setitem__":
            found(*args[1:], **kwargs)
            return args[0]
        result = found(*args[1:], **kwargs) if callable(found) and not isinstance(found, torch.Tensor) else found
        return list(result) if last == "__iter__" else result
    return getattr(owner, last)(*args, **kwargs)


def evaluated(number: Any, sizes: dict[str, int]) -> Any:
    """Return an expression's value at the sizes."""
    return column(number, {key: [size] for key, size in sizes.items()}, {})[0]


def fails(guard: Guard, sizes: dict[str, int]) -> bool:
    """Return whether a guard does not hold at the sizes."""
    return not RELATIONS[guard.relation](evaluated(guard.left, sizes), evaluated(guard.right, sizes))


def agree(name: str, args: Any = (), kwargs: Any = None, *, strict: bool = True) -> Outcome:
    """Assert that the rule and torch say the same of a call; ``strict`` also that the rule covers it."""
    theirs = torchs(name, args, kwargs)
    for known in (False, True):
        mine = ours(name, args, kwargs, known=known)
        where = f"{name}{args!r} {kwargs or ''}, known={known}: ours {_told(mine)}, torch {_told(theirs)}"
        if theirs.unknown is not None:
            continue
        if not known and theirs.raised is not None and "out of" in theirs.raised and "index" in theirs.raised:
            continue  # an index that only its value makes wrong
        if mine.unknown is not None:
            assert not strict or not known, where
            continue
        assert (mine.raised is None) == (theirs.raised is None), where
        if theirs.raised is None:
            _same(mine, theirs, where)
    return mine


def _told(outcome: Outcome) -> str:
    if outcome.raised or outcome.unknown:
        return f"refuses {outcome.raised!r} {outcome.unknown or ''}"
    return str([(getattr(r, "shape", r), getattr(r, "dtype", "")) for r in outcome.results])


def _same(mine: Outcome, theirs: Outcome, where: str) -> None:
    assert len(mine.results) == len(theirs.results), where
    for own, real in zip(mine.results, theirs.results, strict=True):
        if not isinstance(own, Result):
            real_plain = tuple(real) if isinstance(real, torch.Size) else real
            real_plain = str(real).removeprefix("torch.") if isinstance(real, torch.dtype) else real_plain
            assert own == real_plain, where
            continue
        plain = real if isinstance(real, torch.Tensor) else torch.from_numpy(real)
        assert own.shape == tuple(plain.shape), where
        assert f"torch.{own.dtype}" == str(plain.dtype), where
        if own.data is not None:
            got = torch.tensor(own.data, dtype=torch.float64).reshape(plain.shape)
            assert torch.allclose(got, plain.to(torch.float64), rtol=1e-5, atol=1e-5, equal_nan=True), (
                where,
                got,
                plain,
            )
