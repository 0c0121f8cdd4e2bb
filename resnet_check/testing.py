"""Checks of models for the tests of a project, with pytest or with `unittest`.

A *model* is a module, a class, or a function that makes a module; the last two are called without arguments. A module that
is given is copied for whatever may change it. ``input_size`` is the shape of one image, without the batch; by default it is
the one that the model's file shows, or else the usual one for its first convolution.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import random
import unittest
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resnet_check.errors import CannotCheckError, nearest
from resnet_check.properties.base import DOES_NOT_APPLY, FAILED, Outcome, Property, all_properties
from resnet_check.properties.base import outcome as outcome_of
from resnet_check.properties.subject import Subject, in_words

if TYPE_CHECKING:
    import pytest
    from torch import nn

    from resnet_check.graph.records import Model

Size = tuple[int, ...]
Expected = Mapping[str, str]
"""Why a check is expected to fail, by its name."""

ELSEWHERE = {"equals-reference", "side-effects"}
"""Properties that are no checks here: `assert_architecture` is the one, the other needs a process of its own."""


@dataclass(frozen=True)
class Check:
    """One property as a check: called with a model, it raises where the model does not have the property."""

    tried: Property
    input_size: Size | None = None

    @property
    def name(self) -> str:
        """The property's name."""
        return self.tried.name

    def __call__(self, model: Any) -> None:
        """Try it.

        Raises:
            AssertionError: the model does not have the property.
            unittest.SkipTest: the property says nothing about this model. pytest takes that for a skip too.
        """
        __tracebackhide__ = True
        came = _outcome(self.tried, _latest(model, self.input_size))
        if came.verdict == FAILED:
            raise AssertionError(f"`{name_of(model)}`: {_words(came)}")  # noqa: EM102, TRY003
        if came.verdict == DOES_NOT_APPLY:
            raise unittest.SkipTest(_words(came))


def parametrize_with_checks(
    models: Sequence[Any],
    *,
    expected_failed_checks: Expected | Callable[[Any], Expected] | None = None,
    input_size: Size | None = None,
) -> pytest.MarkDecorator:
    """Return a decorator that runs a pytest test once for each model and check: ``def test(model, check): check(model)``.

    A check that is expected to fail, by its name in all models or by what a function gives for each, is a strict xfail.
    Raises `CannotCheckError` for the name of no check.
    """
    import pytest

    names = _names(models)
    return pytest.mark.parametrize(
        ("model", "check"),
        [
            pytest.param(
                model,
                check,
                id=f"{name}-{check.name}",
                marks=[pytest.mark.xfail(reason=expected[check.name], raises=AssertionError, strict=True)]
                if check.name in expected
                else [],
            )
            for model, name in zip(models, names, strict=True)
            for expected in [_expected(expected_failed_checks, model)]
            for check in checks(input_size)
        ],
    )


def check_model(
    model: Any,
    *,
    expected_failed_checks: Expected | Callable[[Any], Expected] | None = None,
    input_size: Size | None = None,
) -> None:
    """Assert that a model has every property that applies to it.

    Raises:
        AssertionError: it has not; the message names each one, and each that was expected to fail and did not.
        CannotCheckError: a check is expected to fail whose name no check has.
    """
    __tracebackhide__ = True
    expected = _expected(expected_failed_checks, model)
    subject = _subject(model, input_size)
    outcomes = [_outcome(check.tried, subject) for check in checks(input_size)]
    wrong = [_words(each) for each in outcomes if each.verdict == FAILED and each.name not in expected]
    wrong += [
        f"{each.code} {each.name}: it is expected to fail ({expected[each.name]}), and passes"
        for each in outcomes
        if each.verdict not in {FAILED, DOES_NOT_APPLY} and each.name in expected
    ]
    if wrong:
        _fail(f"`{name_of(model)}` fails {len(wrong)} of {len(outcomes)} checks", wrong)


def assert_counts(
    model: Any,
    *,
    params: int | None = None,
    macs: int | None = None,
    tolerance: float = 0.0,
    input_size: Size | None = None,
) -> None:
    """Assert how many parameters a model has, and how many multiply-adds one image costs at ``input_size``.

    ``tolerance`` is how far each may be off, as a part of the number given: 0.01 is one per cent.

    Raises:
        AssertionError: a count is another one, or is not known.
        TypeError: no count is given.
    """
    __tracebackhide__ = True
    from resnet_check.equality.published import off

    given = {"parameters": params, "multiply-adds": macs}
    if params is None and macs is None:
        message = "assert_counts() needs `params` or `macs`"
        raise TypeError(message)
    traced = _traced(model, input_size)
    found = {"parameters": traced.params, "multiply-adds": traced.macs}
    wrong = [
        words
        for what, wanted in given.items()
        if wanted is not None and (words := off(what, found[what], wanted, tolerance))
    ]
    if wrong:
        _fail(f"`{name_of(model)}` at {_size_in_words(traced)}", [*wrong, *map(str, traced.unknown[:1])])


def assert_architecture(model: Any, name: str, *, input_size: Size | None = None) -> None:
    """Assert that a model is a published network: stages, parameters, multiply-adds, and what it computes.

    ``name`` is spelt in any way (``resnet-50``, ``ResNet50``); each of its builds counts (``resnet-50-v1.5`` means just that
    one). Input channels and classes may be others than the paper's. What it computes is compared with the reference of the
    name, with the same random weights in double precision; a few networks have no reference, and only their layout counts.

    Raises:
        AssertionError: it is another network, and the message says in what; or it was not understood completely.
        CannotCheckError: no published network has that name.
    """
    __tracebackhide__ = True
    from resnet_check.equality.published import published, unlike

    reference, variant = published(name)
    if input_size is None and variant is not None:
        channels = _input_size(_factory(model)(), None)[0]
        input_size = (channels, variant.image, variant.image)
    traced = _traced(model, input_size)
    if traced.status != "complete":
        unknown = [str(each) for each in traced.unknown] or [str(p.facts.get("message")) for p in traced.problems]
        _fail(f"`{name_of(model)}` cannot be compared with {name}", unknown)
    with _same_draws():
        wrong = unlike(Subject(_factory(model), name_of(model), traced.path, model=traced), reference, variant)
    if wrong:
        _fail(f"`{name_of(model)}` is not {reference or name}", wrong)


def checks(input_size: Size | None = None) -> list[Check]:
    """Return the checks that models are given here, whether it runs at all first: all but what is merely worth knowing."""
    found = [each for each in all_properties() if each.severity != "note" and each.name not in ELSEWHERE]
    return [Check(each, input_size) for each in sorted(found, key=lambda each: each.runs)]


def name_of(model: Any) -> str:
    """Return what a model is called: a module by its class."""
    known = model if hasattr(model, "__name__") else getattr(model, "func", type(model))
    return str(getattr(known, "__name__", type(model).__name__))


def _names(models: Sequence[Any]) -> Iterator[str]:
    """Yield a name for each model, each once."""
    seen: Counter[str] = Counter()
    for model in models:
        name = name_of(model)
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}-{seen[name]}"


def _expected(given: Expected | Callable[[Any], Expected] | None, model: Any) -> Expected:
    expected = (given(model) if callable(given) else given) or {}
    known = [check.name for check in checks()]
    for name in expected:
        if name not in known:
            message = f"expected_failed_checks: there is no check `{name}`{nearest(name, known)}"
            raise CannotCheckError(message)
    return expected


def _fail(what: str, details: Sequence[str]) -> None:
    __tracebackhide__ = True
    raise AssertionError("\n  ".join([f"{what}:", *details]))


def _words(came: Outcome) -> str:
    line = f" (line {came.line})" if came.line else ""
    example = f", for {came.example}" if came.example else ""
    return f"{came.code} {came.name}: {came.message}{example}{line}"


# Trying properties.


def _outcome(tried: Property, subject: Subject) -> Outcome:
    """Return what comes of one property, which has all the time for itself."""
    vars(subject).pop("started", None)
    with _same_draws():
        return outcome_of(tried, subject)


@contextlib.contextmanager
def _same_draws() -> Iterator[None]:
    """Leave the generators of torch and of Python as they are."""
    import torch

    state = random.getstate()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(state)


@functools.lru_cache(maxsize=1)
def _latest(model: Any, input_size: Size | None) -> Subject:
    """Return the Subject of a model, which the checks of a parametrized test have in common one after the other."""
    return _subject(model, input_size)


def _subject(model: Any, input_size: Size | None) -> Subject:
    static = _static(model, input_size)
    traced = None
    with contextlib.suppress(Exception):  # the checks say what is wrong with a model that cannot be built
        traced = _traced(model, input_size, static)
    return Subject(_factory(model), name_of(model), _file(model), model=traced, static=static)


def _traced(model: Any, input_size: Size | None, static: Model | None = None) -> Model:
    """Return the Model of one pass of a model, which is left as it was."""
    from resnet_check.read.live.tracer import trace

    module = model if _is_module(model) else _factory(model)()
    size = input_size or _input_size(module, static or _static(model, None))
    return trace(module, name=name_of(model), path=_file(model), input_shape=size, on_values=None)


def _static(model: Any, input_size: Size | None) -> Model | None:
    """Return what the static reader makes of a class or function at the top of a file: it knows which sizes are free."""
    from resnet_check.read.reading import ReadOptions
    from resnet_check.read.static.reader import read
    from resnet_check.source import read_source

    name = getattr(model, "__qualname__", "")
    if _is_module(model) or not name.isidentifier() or not _file(model):
        return None
    try:
        reading = read(read_source(_file(model)), ReadOptions(input_size, only=frozenset({name})))
    except Exception:  # noqa: BLE001 - then there is nothing that it knows
        return None
    return next((each for each in reading.models if each.name == name and not each.trial), None)


def _file(model: Any) -> str:
    """Return the file that defines a model, nothing for one that was typed in."""
    defined = inspect.unwrap(model) if inspect.isroutine(model) or inspect.isclass(model) else type(model)
    try:
        return inspect.getsourcefile(defined) or ""
    except (OSError, TypeError):
        return ""


def _factory(model: Any) -> Callable[[], nn.Module]:
    """Return what makes a module, a fresh one each time; raises `TypeError` where that gives none."""

    def copied() -> nn.Module:
        try:
            module: nn.Module = copy.deepcopy(model)
        except Exception as error:
            message = f"a module that is given is copied, and that raises {in_words(error)}: give what makes it instead"
            raise TypeError(message) from error
        return module

    def made() -> nn.Module:
        module: nn.Module = model()
        if not _is_module(module):
            message = f"`{name_of(model)}` gives no module but `{type(module).__name__}`"
            raise TypeError(message)
        return module

    return copied if _is_module(model) else made


def _is_module(model: Any) -> bool:
    from torch import nn

    return isinstance(model, nn.Module)


def _input_size(module: nn.Module, static: Model | None) -> Size:
    from resnet_check.read.live.building import input_of

    size: Size = input_of(module, static)
    return size


def _size_in_words(model: Model) -> str:
    from resnet_check.graph.dim import value

    return "x".join(str(value(size)) for size in (model.input or ())[1:])
