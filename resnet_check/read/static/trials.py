"""Classes and factories that need arguments which the file does not give: built with guesses, only to find mistakes.

Each is built twice with different guesses, and only what both show counts: a mistake must not rest on a guess.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from resnet_check.graph.records import Model
from resnet_check.read.static.discovery import definitions
from resnet_check.read.static.values import Class

if TYPE_CHECKING:
    from resnet_check.read.static.reader import FileReader

GUESSES: tuple[tuple[str, Any, Any], ...] = (
    (r"(num|n|nb|number_of)?_?(class|classes|labels|categories)$|out_features|n_out|num_outputs?|output_dim", 10, 7),
    (r"(num_?)?(in_?chan|in_?ch|input_?ch|n_leads|img_ch|image_ch|channels?_in|c_in|nc|n_?channels|channels?$)", 3, 5),
    (r"(in_?planes|cin|inp)$", 3, 5),
    (r"(layers?|(num_?|n_?)?blocks?|depths?|repeats?|num_layers|block_(nums?|list|counts?)|config|cfg)$", [2, 2, 2, 2], [1, 2, 2, 1]),
    (r"(width|k|widen_?factor|wide_?factor)$", 1, 2),
    (r"(drop(out)?(_?(rate|p|prob))?|p)$", 0.1, 0.2),
)
"""Patterns of parameter names, and the two values to try."""


def guess(name: str, which: int, blocks: list[Class]) -> Any:
    """Return a value for a parameter, or None where there is no sensible one."""
    if name in {"block", "block_type", "block_class", "block_cls"}:
        return blocks[0] if blocks else None
    for pattern, first, second in GUESSES:
        if re.match(pattern, name.lower()):
            return (first, second)[which]
    return None


def read(reader: FileReader, used: set[Any]) -> list[Model]:
    """Return trial models for what no model of the file uses."""
    found: list[Model] = []
    todo = [c for c in definitions(reader.namespace) if c.required and reader.options.wants(c.name)]
    block_names = [c.value for c in todo if isinstance(c.value, Class) and re.search("block|bottleneck", c.name, re.I)]
    for candidate in todo:
        if candidate.value in used or candidate.value in block_names:
            continue
        both = []
        for which in (0, 1):
            args = {name: guess(name, which, block_names) for name in candidate.required}
            if any(value is None for value in args.values()):
                break
            model = build(reader, candidate, args)
            if model is None:
                break
            both.append(model)
        if len(both) == 2:
            kept = {(p.kind, p.site.line, p.site.column) for p in both[1].problems}
            first = both[0]
            first.problems = [p for p in first.problems if (p.kind, p.site.line, p.site.column) in kept]
            first.trial = True
            found.append(first)
    return found


def build(reader: FileReader, candidate: Any, args: dict[str, Any]) -> Model | None:
    """Build and run one trial; None where the guess was no good."""
    before = len(reader.reading.models)
    root = reader.build(candidate, args)
    made = reader.reading.models[before:]
    del reader.reading.models[before:]
    if root is None or not made:
        return None
    reader.complete(made[0], root)
    return None if any(p.kind == "raised" for p in made[0].problems) else made[0]
