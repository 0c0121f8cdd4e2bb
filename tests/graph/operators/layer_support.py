"""Running one layer or function twice, by our rule and by torch, and comparing what comes out."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch

from resnet_check.graph.dim import Dim, column, symbol
from resnet_check.graph.operators import load
from resnet_check.graph.operators.base import LAZY, Built, Checks, NotModelled, Refused, Result
from resnet_check.graph.records import RELATIONS

torch.set_num_threads(1)
FUNCTIONS, LAYERS = load()

FILES = frozenset(
    [
        "activation",
        "attention",
        "convolution",
        "convolution_layers",
        "dropout",
        "embedding",
        "linear",
        "loss",
        "loss_layers",
        "norm",
        "norm_groups",
        "padding",
        "pooling",
        "pooling_sized",
        "recurrent",
        "shaping",
        "similarity",
        "softmax",
        "upsample",
    ]
)
"""The files of the table that these tests are about."""


@dataclass(frozen=True)
class T:
    """A tensor argument: our rule gets its shape, torch a real one."""

    shape: tuple[Any, ...]
    dtype: str = "float32"

    def real(self, sizes: dict[str, int] | None = None) -> torch.Tensor:
        """Return the tensor for torch, with the symbols at the given sizes."""
        shape = at(self.shape, sizes or {})
        dtype = getattr(torch, self.dtype)
        return torch.zeros(shape, dtype=dtype) if not dtype.is_floating_point else torch.rand(shape, dtype=dtype)


@dataclass(frozen=True)
class Refusal:
    """Why a call gives nothing."""

    reason: str


def at(thing: Any, sizes: dict[str, int]) -> Any:
    """Return nested numbers with every Dim at the given sizes."""
    if isinstance(thing, Dim):
        return column(thing, {name: [size] for name, size in sizes.items()}, {})[0]
    if isinstance(thing, (tuple, list)):
        return type(thing)(at(part, sizes) for part in thing)
    return thing


def shapes(outcome: Any) -> Any:
    """Return the shapes and dtypes of nested results, ours or torch's."""
    if isinstance(outcome, (tuple, list)):
        return tuple(shapes(part) for part in outcome)
    if isinstance(outcome, Result):
        return outcome.shape, outcome.dtype
    if isinstance(outcome, torch.Tensor):
        return tuple(outcome.shape), str(outcome.dtype).removeprefix("torch.")
    return outcome


def named(name: str) -> Any:
    """Return what torch has under a qualified name."""
    thing: Any = torch
    for part in name.split(".")[1:]:
        thing = getattr(thing, part)
    return thing


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Run torch without warnings and gradients, and without a library that lets some empty results pass."""
    enabled = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)  # noqa: FBT003
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch._C._set_mkldnn_enabled(enabled)


def torchs(call: Callable[[], Any]) -> Any:
    """Return what torch gives, or its refusal."""
    try:
        with quietly():
            return call()
    except (
        RuntimeError,
        ValueError,
        TypeError,
        AssertionError,
        IndexError,
        NotImplementedError,
        ZeroDivisionError,
    ) as error:
        return Refusal(f"{type(error).__name__}: {error}")


def attempt(check: Checks, call: Callable[[], Any]) -> Any:
    """Return what our rule gives, failures or not, or its refusal."""
    try:
        return call()
    except Refused as error:
        return Refusal(str(error))
    except NotModelled as error:
        if not check.failures:
            raise
        return Refusal(str(error))


def ours(check: Checks, call: Callable[[], Any]) -> Any:
    """Return what our rule gives, or its refusal: a failure counts as one."""
    result = attempt(check, call)
    if check.failures and not isinstance(result, Refusal):
        return Refusal("; ".join(f"{f.kind}: {f.guard} {f.facts}" for f in check.failures))
    return result


def view(built: Built, *, training: bool) -> SimpleNamespace:
    """Return the layer as the interpreter shows it to a forward rule."""
    seen = SimpleNamespace(**built.attributes, training=training)
    for registry in (built.parameters, built.buffers):
        for name, shape in registry.items():
            setattr(seen, name, None if shape is None else T(shape))
    return seen


def build(name: str, *args: Any, **kwargs: Any) -> tuple[Built, torch.nn.Module] | None:
    """Build a layer in both ways and compare; None where both refuse."""
    check = Checks()
    mine = ours(check, lambda: LAYERS[name].build(check, *args, **kwargs))
    theirs = torchs(lambda: named(name)(*args, **kwargs))
    where = f"{name}{args} {kwargs}: ours {mine}, torch {theirs}"
    assert isinstance(mine, Refusal) == isinstance(theirs, Refusal), where
    if isinstance(mine, Refusal):
        return None
    same_state(mine, theirs, where)
    return mine, theirs


def same_state(mine: Built, theirs: torch.nn.Module, where: str) -> None:
    """Assert that parameters, buffers and attributes are those of torch, in its order."""
    assert registered(theirs._parameters) == list(mine.parameters.items()), where
    assert registered(theirs._buffers) == list(mine.buffers.items()), where
    assert list(theirs._modules) == list(mine.children), where
    for attribute, stored in mine.attributes.items():
        assert getattr(theirs, attribute) == stored, f"{attribute} of {where}"
        assert type(getattr(theirs, attribute)) is type(stored), f"{attribute} of {where}"


def registered(registry: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the shapes of torch's parameters or buffers."""
    return [(name, shape_of(tensor)) for name, tensor in registry.items()]


def shape_of(tensor: Any) -> Any:
    """Return the shape of one of torch's parameters, LAZY for one that waits for the input."""
    if tensor is None:
        return None
    return LAZY if torch.nn.parameter.is_lazy(tensor) else tuple(tensor.shape)


def agree_layer(name: str, args: Any, kwargs: Any, *inputs: Any, training: bool = False, **more: Any) -> None:
    """Assert that a layer is built alike and gives the same shapes, or that both refuse."""
    both = build(name, *args, **kwargs)
    if both is None:
        return
    built, module = both
    module.train(training)
    where = f"{name}{args} {kwargs} of {inputs} {more} training={training}"
    rule = LAYERS[name]
    check = Checks()
    if rule.materialise is not None:
        made = ours(check, lambda: rule.materialise(check, view(built, training=training), inputs[0]))
        theirs = torchs(lambda: module(*[real(given) for given in inputs], **more))
        if isinstance(made, Refusal):
            assert isinstance(theirs, Refusal), where
            return
        if not isinstance(theirs, Refusal):
            same_state(made, module, where)
            assert type(module) is named(rule.become or ""), where
        built, rule = made, LAYERS[rule.become or ""]
    layer = view(built, training=training)
    mine = ours(check, lambda: rule.forward(check, layer, *inputs, **more))
    theirs = torchs(lambda: module(*[real(given) for given in inputs], **more))
    same(mine, theirs, where)


def real(given: Any, sizes: dict[str, int] | None = None) -> Any:
    """Return an argument for torch."""
    if isinstance(given, T):
        return given.real(sizes)
    if isinstance(given, (tuple, list)):
        return type(given)(real(part, sizes) for part in given)
    return at(given, sizes or {})


def same(mine: Any, theirs: Any, where: str) -> None:
    """Assert equal outcomes."""
    assert isinstance(mine, Refusal) == isinstance(theirs, Refusal), f"{where}: ours {mine}, torch {brief(theirs)}"
    if not isinstance(mine, Refusal):
        assert shapes(mine) == shapes(theirs), f"{where}: ours {mine}"


def brief(theirs: Any) -> Any:
    """Return an outcome of torch for a message."""
    return theirs if isinstance(theirs, Refusal) else shapes(theirs)


def agree_function(name: str, *args: Any, **kwargs: Any) -> None:
    """Assert that a function gives the same shapes, or that both refuse."""
    check = Checks()
    mine = ours(check, lambda: FUNCTIONS[name].rule(check, *args, **kwargs))
    theirs = torchs(lambda: named(name)(*[real(a) for a in args], **{key: real(a) for key, a in kwargs.items()}))
    same(mine, theirs, f"{name}{args} {kwargs}")


OTHER = [(1, 1), (1, 2), (3, 2), (1, 3), (3, 4), (1, 7), (3, 12)]
"""Batches and sizes to which one symbolic pass is compared."""


def symbolic(shape: Sequence[int]) -> tuple[Any, ...]:
    """Return ``[N, C, *sizes]`` with symbols for all but the channels."""
    sizes = shape[2:]
    return (symbol("N", shape[0]), shape[1], *map(symbol, "DHW"[-len(sizes) :], sizes))


def agree_everywhere(
    run: Callable[[Checks, T], Any], torchs_run: Callable[[torch.Tensor], Any], shape: Sequence[int], where: str
) -> None:
    """Assert that one symbolic pass says what torch says at other sizes, wherever its branches stay the same."""
    tensor = T(symbolic(shape))
    check = Checks()
    mine = attempt(check, lambda: run(check, tensor))
    spatial = "DHW"[-(len(shape) - 2) :]
    for batch, size in OTHER:
        sizes = {"N": batch, **{name: size + i for i, name in enumerate(spatial)}}
        outcome = guards_at(check, sizes)
        if outcome is None:
            continue
        refused = isinstance(mine, Refusal) or not outcome
        theirs = torchs(lambda sizes=sizes: torchs_run(tensor.real(sizes)))
        note = f"{where} at {sizes}: ours {mine} {[str(g) for g in check.guards]}, torch {brief(theirs)}"
        assert refused == isinstance(theirs, Refusal), note
        if not refused and not (check.failures and 0 in theirs.shape):
            assert at(shapes(mine), sizes) == shapes(theirs), note


def guards_at(check: Checks, sizes: dict[str, int]) -> bool | None:
    """Return whether all requirements hold at the sizes; None where a branch goes another way."""
    fine = True
    for guard in check.guards:
        left, right = at(guard.left, sizes), at(guard.right, sizes)
        if any(isinstance(side, float) and math.isnan(side) for side in (left, right)):
            return False
        held = bool(RELATIONS[guard.relation](left, right))
        if guard.required:
            fine = fine and held
        elif held != guard.held:
            return None
    return fine
