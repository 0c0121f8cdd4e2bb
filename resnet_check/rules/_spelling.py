"""Names that were meant to be other names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import lru_cache

from resnet_check.finding import Edit, Fix
from resnet_check.rules._places import Function, Places, methods

INIT = frozenset(
    [
        "_init_",
        "__init_",
        "_init__",
        "__init",
        "init__",
        "__int__",
        "__inti__",
        "__intit__",
        "__ini__",
        "__initi__",
        "__iniit__",
        "init",
    ]
)
"""What people write for ``__init__``."""

FORWARD = frozenset({"call", "__forward__", "_forward", "forward_pass", "fwd"})
"""What people write for ``forward``, beside misspellings."""


MAX_NAME = 200
"""Longer names are not compared: that takes time which grows with the square of the length."""


@lru_cache(maxsize=10_000)  # a mistake in a loop is explained for every round
def likeness(left: str, right: str) -> float:
    """Return how alike two names are, from 0 to 1, without regard to case and underscores."""
    if max(len(left), len(right)) > MAX_NAME:
        return float(left == right)
    from difflib import SequenceMatcher

    return SequenceMatcher(None, left.lower().replace("_", ""), right.lower().replace("_", "")).ratio()


def nearest_name(name: str, known: Iterable[str], *, least: float = 0.7) -> str | None:
    """Return the known name that is most like a name; of several alike the first in order."""
    found = sorted((-likeness(name, other), other) for other in known if other != name)
    return found[0][1] if found and -found[0][0] >= least else None


def is_forward(name: str) -> bool:
    """Return whether a method's name was probably meant to be ``forward``."""
    return name != "forward" and (name in FORWARD or likeness(name, "forward") >= 0.8)


def renamed(places: Places, function: Function, name: str, *, safe: bool) -> Fix | None:
    """Return the fix that gives a function another name where it is defined."""
    line = places.source.lines[function.lineno - 1]
    found = re.compile(rf"\bdef\s+({re.escape(function.name)})\b").search(line)
    if found is None:
        return None
    edit = Edit(function.lineno, found.start(1) + 1, function.lineno, found.end(1) + 1, name)
    return Fix(f"rename it to `{name}`", (edit,), safe=safe)


def misspelled_init(places: Places, cls: ast.ClassDef | None) -> Function | None:
    """Return the method of a class without ``__init__`` that was meant to be it: nothing calls it by its own name."""
    own = {} if cls is None else methods(cls)
    wrong = next((m for name, m in own.items() if name in INIT and m.args.args), None)
    if (
        wrong is None
        or "__init__" in own
        or any(isinstance(n, ast.Attribute) and n.attr == wrong.name for n in places.nodes)
    ):
        return None
    return wrong
