"""Arguments that are handed to another parameter than the one that bears their name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from resnet_check.graph.records import Model, ModuleRecord, Problem, Site
from resnet_check.rules._places import Function, Places, methods, name_of


class Misplaced(NamedTuple):
    """A call in which an argument named like one parameter goes to another."""

    call: ast.Call
    argument: str
    parameter: str


def misplaced(found: Places, model: Model | None, problem: Problem) -> Misplaced | None:
    """Return the call on the way to a problem that mixes up its arguments."""
    for call, function in calls(found, model, problem):
        wrong = mixed_up(call, parameters(found, function))
        if wrong is not None:
            return wrong
    return None


def calls(found: Places, model: Model | None, problem: Problem) -> Iterator[tuple[ast.Call, Function]]:
    """Yield the calls that led to a problem, and those that built the modules in which it happened."""
    yield from chain(found, problem.site)
    for record in () if model is None else model.modules:
        within = record.path and (problem.module == record.path or problem.module.startswith(record.path + "."))
        init = constructor(found, record) if within else None
        call = found.at(record.built, ast.Call)
        if init is not None and isinstance(call, ast.Call):
            yield call, init


def chain(found: Places, site: Site) -> Iterator[tuple[ast.Call, Function]]:
    """Yield the calls around a place, innermost first, each with the function that it called."""
    inner = site
    for outer in site.calls:
        call, function = found.at(outer, ast.Call), found.function_around(inner)
        if isinstance(call, ast.Call) and function is not None:
            yield call, function
        inner = outer


def constructor(found: Places, record: ModuleRecord) -> Function | None:
    """Return the constructor of a module of the file."""
    cls = found.class_at(record.class_path, record.class_line)
    return None if cls is None else methods(cls).get("__init__")


def parameters(found: Places, function: Function) -> list[str]:
    """Return the names of a function's parameters, without ``self``."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if found.class_of(function) is not None else names


def mixed_up(call: ast.Call, names: list[str], *, keywords: bool = False) -> Misplaced | None:
    """Return the first argument by position that is named like another parameter, which gets something else."""
    if any(isinstance(a, ast.Starred) for a in call.args):
        return None
    given = {name: name_of(value) for name, value in zip(names, call.args, strict=False)}
    given |= {k.arg: name_of(k.value) for k in call.keywords if k.arg}
    for parameter, argument in list(given.items())[: None if keywords else len(call.args)]:
        if argument != parameter and argument in names and given.get(argument) != argument:
            return Misplaced(call, argument, parameter)
    return None


CONVOLUTION = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias")
"""The parameters of a convolution in order."""

STRANGERS = frozenset(
    {("stride", "padding"), ("padding", "stride"), ("stride", "dilation"), ("stride", "groups"), ("groups", "stride")}
    | {("groups", "dilation"), ("groups", "padding"), ("dilation", "groups"), ("dilation", "stride")}
)
"""Names that are no value for that parameter: ``padding=dilation`` is ordinary, ``padding=stride`` is not."""


def ordinary(record: ModuleRecord) -> bool:
    """Return whether the numbers of a convolution are those of a sensible one: its padding keeps the size, or is none."""
    sizes = [record.attributes.get(name) for name in ("kernel_size", "stride", "padding", "dilation")]
    tuples = [size for size in sizes if isinstance(size, tuple) and all(isinstance(s, int) for s in size)]
    if len(tuples) < len(sizes) or len({len(size) for size in tuples}) > 1:
        return True
    kernel, stride, padding, dilation = tuples
    grouped = record.attributes.get("groups") in {1, record.attributes.get("in_channels")}
    fits = all(
        2 * p in {0, d * (k - 1)} and (s == 1 or s <= 4 or s == k)
        for k, s, p, d in zip(kernel, stride, padding, dilation, strict=True)
    )
    return grouped and fits


def wrong_convolution(found: Places, record: ModuleRecord) -> tuple[Site, str] | None:
    """Return where and how the arguments of a convolution are mixed up, when their values show that it matters."""
    call = found.at(record.built, ast.Call)
    values = record.attributes
    own = isinstance(call, ast.Call) and name_of(call.func) == record.type.rpartition(".")[2]
    steps = [(call, list(CONVOLUTION), record.built)] if own and isinstance(call, ast.Call) else []
    steps += [(c, parameters(found, f), found.source.site(c)) for c, f in chain(found, record.built)]
    for step, names, site in steps:
        wrong = mixed_up(step, names, keywords=True)
        strange = wrong is not None and (wrong.argument, wrong.parameter) in STRANGERS
        if wrong is not None and strange and values.get(wrong.argument) != values.get(wrong.parameter):
            return site, f"`{wrong.argument}` is handed to `{wrong.parameter}`"
    kernel, stride, padding = values["kernel_size"], values["stride"], values["padding"]
    if own and set(kernel) == {1} and all(s > 2 and s % 2 for s in stride) and padding == tuple(s // 2 for s in stride):
        meant = stride[0]
        text = f"this kernel of 1 moves in steps of {meant} with the padding of a kernel of {meant}: they are swapped"
        return record.built, text
    return None


def wrong_convolutions(found: Places, model: Model) -> list[tuple[ModuleRecord, Site, str]]:
    """Return the convolutions of a model whose arguments are mixed up."""
    suspects = (r for r in model.modules if r.type in CONVOLUTIONS and r.reached and not ordinary(r))
    return [(r, *wrong) for r in suspects if (wrong := wrong_convolution(found, r)) is not None]


CONVOLUTIONS = frozenset({"torch.nn.Conv1d", "torch.nn.Conv2d", "torch.nn.Conv3d"})
