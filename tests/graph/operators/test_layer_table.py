"""The table as a whole: every name exists in torch, with torch's arguments, bases and defaults, and has a sample."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from tests.graph.operators.layer_support import FILES, FUNCTIONS, LAYERS, agree_layer, named
from tests.graph.operators.samples import SAMPLES

OWN_LAYERS = {layer.name: layer for layer in LAYERS.values() if layer.build.__module__.rpartition(".")[2] in FILES}
OWN_FUNCTIONS = sorted(name for name, entry in FUNCTIONS.items() if entry.rule.__module__.rpartition(".")[2] in FILES)


def test_every_layer_has_a_sample() -> None:
    assert set(OWN_LAYERS) == set(SAMPLES)


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("training", [False, True])
def test_a_sample_is_what_torch_makes_of_it(name: str, training: bool) -> None:  # noqa: FBT001
    args, kwargs, inputs = SAMPLES[name]
    agree_layer(name, args, kwargs, *inputs, training=training)


@pytest.mark.parametrize("name", ["torch.nn.Conv2d", "torch.nn.BatchNorm2d", "torch.nn.Linear", "torch.nn.GroupNorm"])
@pytest.mark.parametrize("odd", [None, "64", 64.0])
def test_a_layer_with_odd_channels_is_refused(name: str, odd: Any) -> None:
    args = {"torch.nn.Conv2d": (odd, 8, 3), "torch.nn.GroupNorm": (8, odd), "torch.nn.Linear": (odd, 8)}
    agree_layer(name, args.get(name, (odd,)), {})


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_name_is_torchs_name_for_that_class(name: str) -> None:
    assert named(name) is named(LAYERS[name].name)


@pytest.mark.parametrize("name", sorted(OWN_LAYERS))
def test_the_bases_are_torchs(name: str) -> None:
    wanted = {named(base) for base in OWN_LAYERS[name].bases}
    above = set(named(name).__mro__[1:]) - {named("torch.nn.Module"), object}
    assert wanted == above


def parameters(rule: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of a rule without its first, or of a function of torch."""
    return dict(inspect.signature(rule).parameters)


def same_parameters(rule: Any, torchs: Any, name: str) -> None:
    """Assert that a rule has torch's parameters in order, with its defaults."""
    mine, theirs = parameters(rule), parameters(torchs)
    del mine[next(iter(mine))]
    for skipped in ("self",):
        theirs.pop(skipped, None)
    if [p.kind for p in theirs.values()] == [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]:
        return
    assert list(mine) == list(theirs), name
    for key, parameter in mine.items():
        expected = theirs[key]
        assert parameter.kind == expected.kind, (name, key)
        if expected.default is inspect.Parameter.empty or parameter.default is inspect.Parameter.empty:
            assert parameter.default is expected.default, (name, key)
        else:
            assert parameter.default == pytest.approx(expected.default), (name, key)


@pytest.mark.parametrize("name", sorted(OWN_LAYERS))
def test_a_layer_has_torchs_arguments(name: str) -> None:
    same_parameters(OWN_LAYERS[name].build, named(name).__init__, name)


@pytest.mark.parametrize("name", OWN_FUNCTIONS)
def test_a_function_has_torchs_arguments(name: str) -> None:
    theirs = named(name)
    try:
        same_parameters(FUNCTIONS[name].rule, theirs, name)
    except ValueError:
        documented = documented_names(theirs)
        mine = list(parameters(FUNCTIONS[name].rule))[1:]
        assert documented is None or mine[: len(documented)] == documented, (name, mine, documented)


def documented_names(function: Any) -> list[str] | None:
    """Return the names of the arguments in the first line of a built-in function's documentation."""
    found = re.search(r"\w+\((.*?)\) *->", (function.__doc__ or "").replace("\n", " "))
    if not found:
        return None
    parts = re.sub(r"\([^)]*\)|\[[^]]*\]", "", found[1]).split(",")
    return [part.split("=")[0].strip().split(" ")[-1] for part in parts if part.strip() not in ("*", "")]


@pytest.mark.parametrize("name", sorted(OWN_LAYERS))
def test_the_free_arguments_are_arguments(name: str) -> None:
    layer = OWN_LAYERS[name]
    if "Loss" in name:
        return  # the losses share one list
    assert layer.free <= set(parameters(layer.build)), name


@pytest.mark.parametrize("name", OWN_FUNCTIONS)
def test_the_free_arguments_of_a_function_are_arguments(name: str) -> None:
    entry = FUNCTIONS[name]
    assert entry.free - {"beta", "log_target", "cudnn_enable"} <= set(parameters(entry.rule)), name


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_free_arguments_may_be_unknown(name: str) -> None:
    """The reader passes None for a free argument that it does not know."""
    from resnet_check.graph.operators.base import Checks
    from tests.graph.operators.layer_support import view

    args, kwargs, inputs = SAMPLES[name]
    layer = LAYERS[name]
    bound = inspect.signature(layer.build).bind(None, *args, **kwargs)
    given = {**bound.arguments, **{key: None for key in layer.free if key in parameters(layer.build)}}
    given = {key: given[key] for key in given if key not in ("check", "args", "kwargs")}
    check = Checks()
    built = layer.build(check, **given)
    if layer.materialise is None:
        layer.forward(check, view(built, training=False), *inputs)
    assert not check.failures
