"""Classes and factories that need arguments which the file does not give: built with guesses, only to find mistakes.

Each is built twice with different guesses, and only what both show counts: a mistake must not rest on a guess.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from resnet_check.graph.records import Model, Problem
from resnet_check.read.static.discovery import definitions
from resnet_check.read.static.values import Class, Function

if TYPE_CHECKING:
    from resnet_check.read.static.reader import FileReader

GUESSES: tuple[tuple[str, Any, Any], ...] = (
    (r"(num|n|nb|number_of)?_?(class|classes|labels|categories)$|out_features|n_out|num_outputs?|output_dim", 10, 7),
    (r"(num_?)?(in_?chan|in_?ch|input_?ch|n_leads|img_ch|image_ch|channels?_in|c_in|nc|n_?channels|channels?$)", 3, 64),
    (r"(in_?planes|cin|inp)$", 3, 64),
    (
        r"(layers?|(num_?|n_?)?blocks?|depths?|repeats?|num_layers|block_(nums?|list|counts?)|config|cfg)$",
        [2, 2, 2, 2],
        [1, 2, 2, 1],
    ),
    (r"(width|k|widen(_?factor)?|wide_?factor)$", 1, 2),
    (r"drop(out)?(_?(rate|p|prob))?$", 0.1, 0.2),
)
"""Patterns of parameter names, and the two values to try."""


DEPTHS: tuple[tuple[Any, Any], ...] = ((28, 16), (20, 32), (50, 18), ([2, 2, 2, 2], [1, 2, 2, 1]))
"""What ``depth`` can mean: 6n+4 layers, 6n+2 layers, a network of the ImageNet paper, blocks for each stage."""


TAKES_BLOCK = frozenset({"block", "block_type", "block_class", "block_cls"})


def guess(name: str, which: int, block: Class | None, depth: tuple[Any, Any] = DEPTHS[0]) -> Any:
    """Return a value for a parameter, or None where there is no sensible one."""
    depths = ((r"depth$", *depth),)
    if name in TAKES_BLOCK:
        return block
    for pattern, first, second in (*depths, *GUESSES):
        if re.match(pattern, name.lower()):
            return (first, second)[which]
    return None


def read(reader: FileReader, used: set[Any]) -> list[Model]:
    """Return trial models for what no model of the file uses."""
    found: list[Model] = []
    only = reader.options.only
    wanted = None if only is None else {name.partition("(")[0] for name in only}
    todo = [c for c in definitions(reader.namespace) if c.required and (wanted is None or c.name in wanted)]
    block_names = [
        c.value for c in todo if isinstance(c.value, Class) and re.search("block|bottleneck", c.name, re.IGNORECASE)
    ]
    for candidate in todo:
        if candidate.value in used or candidate.value in block_names:
            continue
        if isinstance(candidate.value, Function) and candidate.name.startswith("_"):
            # a helper gets more from its callers, which are tried on their own
            continue
        tabled = keyed(reader, candidate)
        if tabled is not None:
            found.extend(tabled)
            continue
        both = best(reader, candidate, block_names)
        if both:
            kept = {(p.kind, p.site.line, p.site.column) for p in both[1].problems}
            first = both[0]
            first.problems = [p for p in first.problems if (p.kind, p.site.line, p.site.column) in kept]
            first.trial = True
            if first.problems or first.status != "failed":
                found.append(first)
    return found


def best(reader: FileReader, candidate: Any, blocks: list[Class]) -> list[Model]:
    """Return the pair of models with the first depth and block that fit together, or none."""
    found: list[Model] = []
    for depth in DEPTHS if "depth" in candidate.required else DEPTHS[:1]:
        for block in blocks if TAKES_BLOCK.intersection(candidate.required) else [None]:
            both = pair(reader, candidate, block, depth)
            if both and not any(p.kind == "bad-call" for p in both[0].problems):
                return both
            found = found or both
    return found


def pair(reader: FileReader, candidate: Any, block: Class | None, depth: tuple[Any, Any]) -> list[Model]:
    """Return the models that both guesses give, or none."""
    both: list[Model] = []
    for which in (0, 1):
        args = {name: guess(name, which, block, depth) for name in candidate.required}
        if any(value is None for value in args.values()):
            return []
        model = build(reader, candidate, args)
        if model is None:
            return []
        both.append(model)
    return both


def build(reader: FileReader, candidate: Any, args: dict[str, Any]) -> Model | None:
    """Build and run one trial; None where the guess was no good."""
    before = len(reader.reading.models)
    root = reader.build(candidate, args)
    made = reader.reading.models[before:]
    del reader.reading.models[before:]
    if root is None or not made:
        return None
    reader.complete(made[0], root)
    return None if any(rests_on_guess(p) for p in made[0].problems) else made[0]


def rests_on_guess(problem: Problem) -> bool:
    """Return whether a guessed value was no good: it is of the wrong type, or the program refuses it."""
    if problem.kind == "undefined-attribute":
        return problem.facts.get("owner") in HOSTS
    if problem.kind == "bad-call":
        return "function" not in problem.facts
    value = problem.facts.get("value")
    if problem.kind == "invalid-layer" and isinstance(value, float) and value.is_integer():
        return False  # no guess is a whole float: the program divided
    return problem.kind in {"raised", "invalid-layer"}


HOSTS = frozenset({"list", "int", "float", "str", "tuple", "dict", "None"})


MAX_KEYS = 8


def keyed(reader: FileReader, candidate: Any) -> list[Model] | None:
    """Return a model for each key of the table of the file that the only required argument is looked up in."""
    if len(candidate.required) != 1:
        return None
    parameter = candidate.required[0]
    value = candidate.value
    node = value.node if isinstance(value, (Class, Function)) else None
    found = []
    for key in table_keys(reader.tree, node, parameter)[:MAX_KEYS]:
        name = f"{candidate.name}({key!r})"
        if reader.options.wants(name):
            model = build(reader, candidate, {parameter: key})
            if model is not None:
                model.name, model.trial = name, True
                found.append(model)
    return found or None


def table_keys(tree: ast.Module, node: ast.AST | None, parameter: str) -> list[Any]:
    """Return the keys of the dict that a function or class looks one of its parameters up in."""
    if node is None:
        return []
    names = {
        part.value.id if isinstance(part.value, ast.Name) else part.value.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Subscript)
        and isinstance(part.value, (ast.Name, ast.Attribute))
        and isinstance(part.slice, ast.Name)
        and part.slice.id == parameter
    }
    for part in ast.walk(tree):
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Dict):
            bound = {t.id if isinstance(t, ast.Name) else getattr(t, "attr", "") for t in part.targets}
            keys = [k.value for k in part.value.keys if isinstance(k, ast.Constant)]
            if bound & names and len(keys) == len(part.value.keys):
                return keys
    return []
