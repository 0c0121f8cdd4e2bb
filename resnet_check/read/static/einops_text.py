"""Einops' functions and layers as text for the reader (see `prelude`): each is said in torch's own operations."""

from __future__ import annotations

from typing import Any, NamedTuple

from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import Native, Opaque

TEXT = """
import torch
from torch import nn


def applied(tensor, *how):
    if isinstance(tensor, (list, tuple)):
        tensor = torch.stack(list(tensor))
    for name, arguments in steps(tensor.dim(), *how):
        tensor = getattr(tensor, name)(*arguments)
    return tensor


def rearrange(tensor, pattern, **axes_lengths):
    return applied(tensor, pattern, axes_lengths)


def reduce(tensor, pattern, reduction, **axes_lengths):
    return applied(tensor, pattern, axes_lengths, reduction)


def repeat(tensor, pattern, **axes_lengths):
    return applied(tensor, pattern, axes_lengths)


def einsum(*tensors_and_pattern):
    return torch.einsum(letters(tensors_and_pattern[-1]), *tensors_and_pattern[:-1])


def parse_shape(tensor, pattern):
    return {name: size for name, size in zip(pattern.split(), tensor.shape) if name != "_"}


class Rearrange(nn.Module):
    def __init__(self, pattern, **axes_lengths):
        super().__init__()
        self.how = (pattern, axes_lengths)

    def forward(self, x):
        return applied(x, *self.how)


class Reduce(nn.Module):
    def __init__(self, pattern, reduction, **axes_lengths):
        super().__init__()
        self.how = (pattern, axes_lengths, reduction)

    def forward(self, x):
        return applied(x, *self.how)
"""

PLACES = {
    **{f"einops.{name}": name for name in ("rearrange", "reduce", "repeat", "einsum", "parse_shape")},
    **{f"einops.layers.torch.{name}": name for name in ("Rearrange", "Reduce")},
}
"""Einops' names to those of the text."""

NAMESPACES = frozenset({"einops.layers", "einops.layers.torch"})

REDUCTIONS = {"mean": "mean", "sum": "sum", "max": "amax", "min": "amin", "any": "any", "all": "all"}
"""Einops' reductions to the methods of a tensor that take several dimensions."""

Step = tuple[str, tuple[Any, ...]]
"""A method of a tensor and its arguments."""


class Pattern(NamedTuple):
    """The two sides of a pattern: for each dimension the axes that it is made of, none for a size of one."""

    left: list[list[str]]
    right: list[list[str]]


def axes(side: str, free: list[str]) -> list[list[str]]:
    """Return the axes of each dimension of one side; ``free`` stand for its ellipsis, and numbers are axes of their own.

    ValueError: a parenthesis without its partner.
    """
    groups: list[list[str]] = []
    inside = False
    for place, word in enumerate(side.replace("(", " ( ").replace(")", " ) ").split()):
        if word in "()":
            if inside == (word == "("):
                message = f"the parentheses of {side!r} do not match"
                raise ValueError(message)
            inside = not inside
            groups += [[]] if inside else []
            continue
        names = free if word == "..." else [] if word == "1" else [f"{word}:{place}" if word.isdigit() else word]
        if inside:
            groups[-1].extend(names)
        else:
            groups.extend([[name] for name in names] if word == "..." else [names])
    return groups


def parse(pattern: str, rank: int) -> Pattern:
    """Return a pattern for a tensor of so many dimensions.

    ValueError: it has no two sides, or is for another number of dimensions.
    """
    left, arrow, right = pattern.partition("->")
    free = [f"...{i}" for i in range(rank - len(axes(left, [])))] if "..." in left else []
    found = Pattern(axes(left, free), axes(right, free))
    if not arrow or len(found.left) != rank:
        message = f"the pattern {pattern!r} does not fit a tensor of {rank} dimensions"
        raise ValueError(message)
    return found


def split(groups: list[list[str]], lengths: dict[str, Any]) -> list[Step]:
    """Return the steps after which each axis of the left side is a dimension, and sizes of one are gone."""
    found: list[Step] = []
    dim = 0
    for group in groups:
        if not group:
            found.append(("squeeze", (dim,)))
        elif len(group) > 1 or group[0] in lengths:
            found.append(("unflatten", (dim, tuple([lengths.get(name, -1) for name in group]))))
        dim += len(group)
    return found


def joined(groups: list[list[str]]) -> list[Step]:
    """Return the steps that make the dimensions of the right side of dimensions that are one axis each."""
    found: list[Step] = []
    for dim, group in enumerate(groups):
        if not group:
            found.append(("unsqueeze", (dim,)))
        elif len(group) > 1:
            found.append(("flatten", (dim, dim + len(group) - 1)))
    return found


def plan(pattern: Pattern, lengths: dict[str, Any], reduction: str) -> list[Step]:
    """Return all steps in order. KeyError: a new axis without a length, or an unknown reduction."""
    names = [name for group in pattern.left for name in group]
    wanted = [name for group in pattern.right for name in group]
    lengths = lengths | {name: int(name.partition(":")[0]) for name in names + wanted if name[0].isdigit()}
    found = split(pattern.left, {name: length for name, length in lengths.items() if name in names})
    gone = tuple(dim for dim, name in enumerate(names) if name not in wanted)
    if gone:
        found.append((REDUCTIONS[reduction], (gone,)))
        names = [name for name in names if name in wanted]
    new = [name for name in wanted if name not in names]
    if new:
        found += [("unsqueeze", (-1,))] * len(new)
        found.append(("expand", (*[-1] * len(names), *[lengths[name] for name in new])))
        names += new
    if names != wanted:
        found.append(("permute", tuple([names.index(name) for name in wanted])))
    return found + joined(pattern.right)


def steps(
    interpreter: Interpreter, site: Any, rank: Any, pattern: Any, lengths: Any = None, reduction: Any = ""
) -> Any:
    """Return the methods of a tensor, with their arguments, that do what a pattern says."""
    if not isinstance(pattern, str) or not isinstance(rank, int) or not isinstance(reduction, str):
        return Opaque("a pattern of einops", site)
    try:
        return plan(parse(pattern, rank), lengths or {}, reduction)
    except (ValueError, KeyError) as error:
        return interpreter.error("ValueError", "bad-call", site, reason=f"einops: {error}")


def letters(_interpreter: Interpreter, site: Any, pattern: Any) -> Any:
    """Return the equation of `torch.einsum` for einops' one, whose axes are words."""
    if not isinstance(pattern, str):
        return Opaque("a pattern of einops", site)
    words = pattern.replace("->", " -> ").replace(",", " , ").split()
    known = {word: word for word in ("->", ",", "...")}
    for word in words:
        known.setdefault(word, chr(ord("a") + len(known) - 3))
    return "".join([known[word] for word in words])


NATIVES = {"steps": Native("steps", steps), "letters": Native("letters", letters)}
"""Names that the text uses and the reader implements."""
