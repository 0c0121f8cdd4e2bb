"""A call with arguments that do not fit, or of something that cannot be called.

## What it checks
Whether the calls that build the model and those of its ``forward`` fit what they call: the number and the names of the
arguments, their kinds and positions; whether what is called can be called; and whether a class hands the arguments that it
takes on to its parent.

## Why it matters
Python raises far from the mistake when swapped arguments have a fitting number. An argument that is not passed on has no
effect, silently.

## Bad
    self.block = Block(64, 128, downsample, stride)  # def __init__(self, width, out, stride, downsample)

## Good
    self.block = Block(64, 128, stride, downsample)

## How to fix
Compare the call with the definition; pass all but the first arguments by name.

## Source
The Python language reference, "Calls"; the documentation of the layer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.finding import Finding, Related, related
from resnet_check.graph.records import Model, Problem, Site
from resnet_check.rules._arguments import misplaced, wrong_convolutions
from resnet_check.rules._calls import certain, derived, incomplete, not_passed_on, severity
from resnet_check.rules._origins import returned_list, silent_helper
from resnet_check.rules._places import Function, Places, name_of, places
from resnet_check.rules._spelling import misspelled_init
from resnet_check.rules.base import FileContext, Reporter, rule
from resnet_check.rules.missing_forward import without_self
from resnet_check.rules.missing_super_init import class_in
from resnet_check.rules.sequential_missing_star import is_list


@rule("RC113", "bad-call", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each call that does not fit, what the program itself refuses, and arguments that end nowhere."""
    noted: set[str] = set()
    failing = list(unfit(context))
    for model, problem in failing:
        found = places(context)
        function = definition(found, problem)
        if function is not None and no_call_fits(found, function, [p for _, p in failing]):
            owner = found.class_of(function)
            name = owner.name if owner is not None and function.name == "__init__" else function.name
            message = f"no call of `{name}` in this file fits its parameters `({signature(function)})`"
            also = (related(problem.site, words(found, problem, function)),)
            yield report(found.heading(function), message, help="compare it with the calls", model=model, related=also)
            continue
        grave = severity(found, model, problem)
        name = model.name if model is not None else ""
        if grave != "note" or name not in noted:
            yield call(report, found, model, problem, grave)
        if grave == "note":
            noted.add(name)
    for model, problem in context.found("raised"):
        if model is not None and not model.trial and model.problems[0] is problem:
            text = problem.facts["message"] or "an exception"
            yield report(problem.site, f"the program itself raises here: {text}", model=model, severity="note")
    for model in context.models:
        for record, site, wrong in wrong_convolutions(places(context), model):
            yield report(site, wrong, help="pass them by name", model=model, module=record.path)
    for owner in derived(context):
        for upward, argument, parent in not_passed_on(places(context), owner):
            yield report(
                context.source.site(upward),
                f"`{argument.arg}` of `{owner.name}` is not passed on to `{parent}`, so it has no effect",
                help=f"pass `{argument.arg}={argument.arg}`",
                severity="note",
                related=(Related(context.source.path, argument.lineno, "the parameter"),),
            )


def no_call_fits(found: Places, function: Function, problems: list[Problem]) -> bool:
    """Return whether a function is called in several places, and none of them fits."""
    owner = found.class_of(function)
    name = owner.name if owner is not None and function.name == "__init__" else function.name
    calls = {n.lineno for n in found.nodes if isinstance(n, ast.Call) and name_of(n.func) == name}
    failing = {p.site.line for p in problems if definition(found, p) is function}
    return len(failing) > 1 and calls == failing


def unfit(context: FileContext) -> Iterator[tuple[Model | None, Problem]]:
    """Yield the failing calls that no other rule reports and that do not rest on guesses."""
    for model, problem in context.found("bad-call"):
        found = places(context)
        if model is not None and (incomplete(found, model) or (model.trial and not certain(found, problem))):
            continue
        if not belongs_elsewhere(context, problem):
            yield model, problem


def belongs_elsewhere(context: FileContext, problem: Problem) -> bool:
    """Return whether another rule reports the mistake behind a call."""
    found = places(context)
    return (
        is_list(problem)
        or silent_helper(found, problem) is not None
        or without_self(found, problem) is not None
        or misspelled_init(found, class_in(found, problem)) is not None
    )


def call(report: Reporter, found: Places, model: Model | None, problem: Problem, grave: str) -> Finding:
    """Report a call where its arguments are mixed up, else where it fails."""
    module = problem.module or None
    wrong = misplaced(found, model, problem) if problem.site.path == found.source.path else None
    if wrong is not None:
        name = found.segment(wrong.call.func)
        message = f"`{wrong.argument}` is handed to the parameter `{wrong.parameter}` of `{name}`"
        also = (related(problem.site, f"it fails here: {problem.facts['reason']}"),)
        cure = f"pass it by name: `{wrong.argument}={wrong.argument}`"
        return report(found.source.site(wrong.call), message, help=cure, model=model, module=module, related=also)
    giving = returned_list(found, problem)
    if giving is not None and giving.value is not None:
        value = found.segment(giving.value)
        also = (related(problem.site, "it is called here"),)
        message = f"`{value}` is a list of modules, which is then called as if it were one"
        cure = f"write `return nn.Sequential(*{value})`"
        return report(found.source.site(giving), message, help=cure, model=model, module=module, related=also)
    function = definition(found, problem)
    places_too = (Related(found.source.path, function.lineno, "defined here"),) if function is not None else ()
    written = named(found, problem)
    if written is not None:
        places_too = (related(problem.site, "it is handed on here"), *places_too)
    cure = f"it takes `({signature(function)})`" if function is not None else ""
    text = words(found, problem, function)
    site = written or problem.site
    return report(site, text, help=cure, model=model, module=module, related=places_too, severity=grave)


def named(found: Places, problem: Problem) -> Site | None:
    """Return the call that names an argument which nobody takes, where the failing one hands it on in ``**options``."""
    unexpected = re.search(r"unexpected keyword argument `(\w+)`", str(problem.facts["reason"]))
    last = found.at(problem.site, ast.Call)
    if unexpected is None or not isinstance(last, ast.Call) or all(word.arg is not None for word in last.keywords):
        return None
    for site in problem.site.calls:
        node = found.at(site, ast.Call) if site.path == found.source.path else None
        if isinstance(node, ast.Call) and unexpected[1] in {word.arg for word in node.keywords}:
            return site
    return None


def words(found: Places, problem: Problem, function: Function | None) -> str:
    """Return what is wrong with a call, counting arguments as they are written: without ``self``."""
    reason = str(problem.facts["reason"])
    node = found.at(problem.site, ast.Call)
    if "cannot be called" in reason and isinstance(node, ast.Call):
        kind = reason.partition(" cannot")[0]
        return f"`{found.segment(node.func)}` is {'`None`' if kind == 'None' else kind} here, so it cannot be called"
    bound = function is not None and found.class_of(function) is not None
    if bound or (function is None and problem.facts.get("owner")):
        reason = (
            re.sub(r"\b\d+\b", lambda number: str(int(number[0]) - 1), reason) if "were given" in reason else reason
        )
    return reason


def definition(found: Places, problem: Problem) -> Function | None:
    """Return the function of the file that a call does not fit."""
    line, name = problem.facts.get("defined"), problem.facts.get("function")
    return next((f for f in found.functions if f.lineno == line and f.name == name), None)


def signature(function: Function) -> str:
    """Return the parameters of a function as its definition writes them, without ``self``."""
    text = ast.unparse(function.args)
    return text.removeprefix("self, ").removeprefix("self")


_RETURNED = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = self.make(3, 8)
        self.second = self.make(8, 8)

    def make(self, width, out):
        layers = [nn.Conv2d(width, out, 3, padding=1), nn.ReLU()]
        return {result}

    def forward(self, x):
        return self.second(self.first(x))
"""

BAD = (
    _RETURNED.format(result="layers  # <- bad-call"),
    """
from torch import nn


class Block(nn.Module):
    def __init__(self, width, out, stride=1, downsample=None):
        super().__init__()
        self.conv = nn.Conv2d(width, out, 3, stride, 1)
        self.downsample = downsample

    def forward(self, x):
        return self.conv(x) + (x if self.downsample is None else self.downsample(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        stride = 2
        downsample = nn.Conv2d(3, 8, 1, stride)
        self.block = Block(3, 8, downsample, stride)  # <- bad-call

    def forward(self, x):
        return self.block(x)
""",
    """
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x, scale):
        return self.conv(x) * scale


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Block(3, 8)  # <- bad-call
        self.second = nn.Conv2d(3, 8, kernel=3)  # <- bad-call
        self.third = Block(8)

    def forward(self, x):
        return self.third(x)  # <- bad-call
""",
    """
from torch import nn


class Base(nn.Module):
    def __init__(self, depth, classes=10, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


class Net(Base):
    def __init__(self, classes=100):
        super().__init__(18)  # <- bad-call
""",
    """
from torch import nn


class Base(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)


class Net(Base):
    def __init__(self):
        super().__init__()  # <- bad-call
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.pool = None

    def forward(self, x):
        return self.pool(self.conv(x))  # <- bad-call
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self, stride=2):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1, 3, 1)  # <- bad-call
        self.conv = nn.Conv2d(8, 8, 3, 1, stride)  # <- bad-call
        self.more = nn.Conv2d(8, 8, 3, padding=stride)  # <- bad-call

    def forward(self, x):
        return self.more(self.conv(self.stem(x)))
""",
    """
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)

    def forward(self, x):
        return self.conv(x)


class Net(nn.Module):
    def __init__(self, block, **options):
        super().__init__()
        self.body = nn.Sequential(block(3, **options), block(3, **options))

    def forward(self, x):
        return self.body(x)


def net():
    return Net(Block, scale=2)  # <- bad-call
""",
)

GOOD = (
    _RETURNED.format(result="nn.Sequential(*layers)"),
    """
from torch import nn


class Net(nn.Module):
    def __init__(self, stride=2, dilation=2, groups=1):
        super().__init__()
        self.dilated = nn.Conv2d(3, 8, 3, stride, dilation, dilation, groups)
        self.patches = nn.Conv2d(8, 8, stride, stride)
        self.pool = nn.AvgPool2d(stride, stride)
        self.point = nn.Conv2d(8, 8, 1, stride)

    def forward(self, x):
        return self.point(self.pool(self.patches(self.dilated(x))))
""",
    """
import torch
from torch import nn


class Base(nn.Module):
    def __init__(self, width, out, stride=1, *extra, **options):
        super().__init__()
        self.conv = nn.Conv2d(width, out, 3, stride, **options)

    def forward(self, x, *more):
        return self.conv(x)


class Child(Base):
    def __init__(self, out, width, stride=2, bias=True):
        super().__init__(out, width, stride=stride, bias=bias)
        self.note = None


class Net(nn.Module):
    def __init__(self, width=8, stride=1):
        super().__init__()
        self.first = Base(3, width, 1, "x", padding=stride)
        self.second = Child(width, 4)
        self.unused = lambda: Base()

    def refuse(self, x):
        raise ValueError("never called")

    def forward(self, x):
        try:
            x = self.first(x, 1, 2)
            len(3)
        except TypeError:
            pass
        return self.second(x)
""",
)
