"""An attribute or a name is read that exists nowhere.

## What it checks
Whether every attribute and every name that building the model or its ``forward`` reads was set before: under that very
name, on ``self``, and on every path.

## Why it matters
Python looks names up when the line runs, so a misspelled layer or a forgotten ``self.`` shows only when the model is
called, far from the line that is wrong.

## Bad
    def __init__(self):
        super().__init__()
        conv1 = nn.Conv2d(3, 64, 7)

    def forward(self, x):
        return self.conv1(x)

## Good
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7)

## How to fix
Spell both places alike, and assign to ``self``.

## Source
The Python language reference, "Naming and binding"; the documentation of ``torch.nn.Module``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.finding import Edit, Finding, Fix
from resnet_check.graph.records import Model, Problem, Site
from resnet_check.rules._calls import incomplete, is_placeholder, to_be_given
from resnet_check.rules._origins import silent_helper
from resnet_check.rules._places import Places, places
from resnet_check.rules._spelling import misspelled_init
from resnet_check.rules._torch_names import dotted, may_be_misspelled, misspelled_names
from resnet_check.rules._undefined import explain, left_to_subclass, set_from_outside
from resnet_check.rules.base import FileContext, Reporter, rule
from resnet_check.rules.missing_forward import without_self

MEANT = re.compile(r"did you mean `(\w+)`\?")


@rule("RC105", "undefined-attribute", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each attribute or name that is read but does not exist, once for each place."""
    if may_be_misspelled(context.source):
        yield from torch_names(report, places(context))
    seen: dict[tuple[str | None, str], Problem] = {}
    said: set[tuple[str | None, str, int]] = set()
    asked: set[tuple[object, ...]] = set()
    for model, problem in sorted(undefined(context), key=lambda pair: pair[1].site.line):
        found, facts = places(context), problem.facts
        cls = found.class_at(facts.get("path") or "", facts.get("line", 0))
        place = (facts["owner"], facts["name"], problem.site.line)
        question = (*place, facts.get("candidates"))
        if question in asked:  # a loop shows the same in every round
            continue
        asked.add(question)
        site, message, cure, also = explain(found, cls, problem)
        first = seen.setdefault((facts["owner"], facts["name"]), problem)
        if not cure.startswith("did you mean") and first.site.line != problem.site.line:
            continue
        if place in said:
            continue
        said.add(place)
        elsewhere = problem.site.path != context.source.path
        unset = "other paths" in message and model is not None and model.kind == "class" and to_be_given(found, model)
        placeholder = bool(facts.get("none")) and model is not None and is_placeholder(found, model, problem)
        grave = "note" if elsewhere or unset or placeholder else None
        yield report(
            site,
            message,
            help=cure,
            model=model,
            module=problem.module or None,
            related=also,
            severity=grave,
            fix=respelled(found, site, facts["name"], cure),
        )


def respelled(found: Places, site: Site, name: str, cure: str) -> Fix | None:
    """Return the fix that reads the name that was probably meant, or assigns it to the module."""
    from resnet_check.editing import in_front_of

    meant = MEANT.fullmatch(cure)
    node = found.at(site, ast.Attribute, ast.Name)
    if meant is not None and node is not None:
        _, _, _, line, end = found.source.span(node)
        return Fix(f"read `{meant[1]}`", (Edit(line, end - len(name), line, end, meant[1]),), safe=False)
    statement = found.at(site, ast.Assign)
    if not isinstance(statement, ast.Assign) or cure != f"write `self.{name} = ...`":
        return None
    (target, *others) = statement.targets
    if others or not isinstance(target, (ast.Name, ast.Attribute)):
        return None
    if isinstance(target, ast.Name):
        edit = in_front_of(found.source, target, "self.")
    else:
        _, _, _, line, end = found.source.span(target)
        edit = Edit(line, end - len(target.attr), line, end, name)
    return Fix(f"assign it to `self.{name}`", (edit,), safe=False)


def undefined(context: FileContext) -> Iterator[tuple[Model | None, Problem]]:
    """Yield the problems of this rule that no other mistake explains."""
    broken = {problem.facts["owner"] for _, problem in context.found("missing-super-init")}
    for model, problem in context.found("undefined-attribute"):
        found, facts = places(context), problem.facts
        cls = found.class_at(facts.get("path") or "", facts.get("line", 0))
        guessed = model is not None and (
            incomplete(found, model) or (model.trial and cls is None and facts["owner"] is not None)
        )
        other = misspelled_init(found, cls) or silent_helper(found, problem) or without_self(found, problem)
        abstract = cls is not None and left_to_subclass(found, cls, facts["name"])
        if not (
            guessed or other or abstract or facts["owner"] in broken or set_from_outside(found, cls, facts["name"])
        ):
            yield model, problem


def torch_names(report: Reporter, found: Places) -> Iterator[Finding]:
    """Report misspelled names of torch."""
    for node, meant in misspelled_names(found):
        message = f"`{dotted(node.value)}` has no `{node.attr}`"
        _, _, _, line, end = found.source.span(node)
        fix = Fix(f"write `{meant}`", (Edit(line, end - len(node.attr), line, end, meant),), safe=False)
        yield report(found.source.site(node), message, help=f"write `{dotted(node.value)}.{meant}`", fix=fix)


BAD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        conv1 = nn.Conv2d(3, 8, 3)  # <- undefined-attribute

    def forward(self, x):
        return self.conv1(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.bn_1(self.conv1(x))  # <- undefined-attribute
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.con1 = nn.Conv2d(3, 8, 3)  # <- undefined-attribute
        self.conv2 = nn.Conv2d(8, 8, 3)

    def forward(self, x):
        return self.conv2(self.conv1(x))
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        x = self.conv(x)
        return F.relu(x)  # <- undefined-attribute
""",
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        out = conv(x)  # <- undefined-attribute
        return torch.relu(out + identity)  # <- undefined-attribute
""",
    """
from torch import nn


class Block(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, stride, 1)
        if stride != 1:
            self.shortcut = nn.Conv2d(3, 3, 1, stride)

    def forward(self, x):
        return self.conv(x) + self.shortcut(x)  # <- undefined-attribute


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Block(1), Block(2))

    def forward(self, x):
        return self.body(x)
""",
    """
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2D(3, 8, 3)  # <- undefined-attribute
        self.bn = nn.Batchnorm2d(8)  # <- undefined-attribute

    def forward(self, x):
        return F.ReLU(self.bn(self.conv(x)))  # <- undefined-attribute
""",
)

GOOD = (
    # Where a program leaves, nothing behind that runs.
    """
import argparse
import sys

from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        if width > 64:
            raise ValueError(width)
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=99)
    parser.add_argument("--images")
    options = parser.parse_args()
    try:
        net = Net(options.width)
    except ValueError as error:
        print(error)
        sys.exit(1)
    net.eval()
    if not options.images:
        parser.error("no images")


if __name__ == "__main__":
    main()
""",
    # What torch's compiler gives back has methods of its own.
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)


torch.jit.script(Net()).save("net.pt")
""",
    """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.act = nn.silu() if hasattr(nn, "silu") else nn.SiLU()

    def forward(self, x: F.Tensor) -> torch.Tensor:
        return self.act(F.relu(self.conv(x)))
""",
    """
from torch import nn


class Block(nn.Module):
    expansion = 1

    def __init__(self, stride):
        super().__init__()
        setattr(self, "conv", nn.Conv2d(3, 3, 3, stride, 1))
        self.add_module("bn", nn.BatchNorm2d(3 * self.expansion))
        self.register_buffer("scale", None)
        if stride != 1:
            self.shortcut = nn.Conv2d(3, 3, 1, stride)

    def forward(self, x):
        out = self.bn(self.conv(x))
        if hasattr(self, "shortcut"):
            x = self.shortcut(x)
        try:
            x = self.extra(x)
        except AttributeError:
            pass
        return out + x if self.scale is None else out


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Block(1), Block(2))

    def __getattr__(self, name):
        if name == "alias":
            return super().__getattr__("body")
        return super().__getattr__(name)

    def forward(self, x):
        return self.alias(x)
""",
)
