"""Methods of Python's own values that need the interpreter: they call functions of the file, or must keep bounds."""

from __future__ import annotations

import re
from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.graph.dim import value as value_of
from resnet_check.read.static.interpreter import MAX_ITEMS, Interpreter
from resnet_check.read.static.iteration import iterate
from resnet_check.read.static.operations import LONG_NUMBER, MAX_TEXT, MAX_WIDTH, format_value, longest, unwrap
from resnet_check.read.static.values import BudgetExceeded, Instance, Opaque, Weights
from resnet_check.read.static.weighing import TOO_MANY, charge


class Nowhere:
    """Stands for a scope where a native function has to name a place."""

    def __init__(self, site: Any) -> None:
        self._site = site

    def site(self, _: Any) -> Any:
        """Return the place of the call."""
        return self._site


def elements(interpreter: Interpreter, site: Any, value: Any) -> Any:
    """Return the elements of a value given to a native function, as a list, or an `Opaque`."""
    values = iterate(interpreter, value, None, Nowhere(site))
    return values if isinstance(values, Opaque) else list(values)


def call_value(interpreter: Interpreter, site: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a value of the program from a native function."""
    from resnet_check.read.static.calling import call

    return call(interpreter, function, args, kwargs, None, Nowhere(site))


def join(interpreter: Interpreter, site: Any, owner: str, values: Any) -> Any:
    parts = elements(interpreter, site, values)
    if isinstance(parts, Opaque) or not all(isinstance(part, str) for part in parts):
        return Opaque("a text with an unknown part", site, "text")
    if len(owner) * len(parts) > MAX_ITEMS:
        raise BudgetExceeded(TOO_MANY)
    return owner.join(parts)


def layout(_: Interpreter, site: Any, owner: str, *args: Any, **kwargs: Any) -> Any:
    """``str.format`` for plain fields."""
    values = [*args, *kwargs.values()]
    wide = LONG_NUMBER.search(owner) or re.search(r"\{[^}]*[.\[{]", owner.replace("{{", ""))
    if wide or any(format_value(v, -1, "") is None for v in values):
        return Opaque("a text with an unknown part", site, "text")
    if owner.count("{") * (MAX_WIDTH + longest(map(unwrap, values))) > MAX_TEXT:
        raise BudgetExceeded(TOO_MANY)
    try:
        return owner.format(*map(unwrap, args), **{k: unwrap(v) for k, v in kwargs.items()})
    except (IndexError, KeyError, ValueError, TypeError, AttributeError):
        return Opaque("a text that cannot be formatted", site, "text")


def replace(_: Interpreter, site: Any, owner: str, old: Any, new: Any, count: Any = -1) -> Any:
    if not (isinstance(old, str) and isinstance(new, str) and isinstance(count, int)):
        return Opaque("a text with an unknown part", site, "text")
    if len(new) * (owner.count(old) + 1) > 1_000_000:
        return Opaque("a text that is too long", site, "text")
    return owner.replace(old, new, count)


def sort(interpreter: Interpreter, site: Any, owner: list[Any], *, key: Any = None, reverse: Any = False) -> Any:
    ordered = sorted_values(interpreter, site, owner, key=key, reverse=reverse)
    if isinstance(ordered, Opaque):
        interpreter.lose(ordered)
    else:
        owner[:] = ordered
    return None


def sorted_values(interpreter: Interpreter, site: Any, values: Any, *, key: Any = None, reverse: Any = False) -> Any:
    """``sorted``, with sizes compared by their value."""
    found = elements(interpreter, site, values)
    if isinstance(found, Opaque):
        return found
    keys = found if key is None else [call_value(interpreter, site, key, v) for v in found]
    keys = [value_of(k) if isinstance(k, Dim) else k for k in keys]
    try:
        order = sorted(range(len(found)), key=keys.__getitem__, reverse=bool(reverse))
    except TypeError:
        return Opaque("an order of values that is not read", site)
    return [found[i] for i in order]


def update(interpreter: Interpreter, site: Any, owner: Any, *others: Any, **kwargs: Any) -> Any:
    for other in others:
        inner = unwrap(other)
        if isinstance(inner, Opaque) and isinstance(owner, Weights):
            continue
        if isinstance(inner, Opaque):
            interpreter.lose(Opaque(f"something unknown was added: {inner.reason}", site))
        elif isinstance(inner, dict) or not isinstance(owner, dict):
            owner.update(inner)
        else:
            pairs = elements(interpreter, site, other)
            owner.update([] if isinstance(pairs, Opaque) else pairs)
    if kwargs:
        owner.update(kwargs)
    return None


def extend(interpreter: Interpreter, site: Any, owner: list[Any], values: Any) -> Any:
    found = elements(interpreter, site, values)
    if isinstance(found, Opaque):
        owner.append(found)
    else:
        owner.extend(found)
        charge(interpreter, owner)
    return None


def index(interpreter: Interpreter, site: Any, owner: Any, item: Any) -> Any:
    for position, element in enumerate(owner):
        if element is item or (not isinstance(element, Instance) and element == item):
            return position
    return interpreter.error("ValueError", "bad-call", site, reason="the element is not in the list")


SPECIAL: dict[tuple[str, str], Any] = {
    ("str", "join"): join,
    ("str", "format"): layout,
    ("str", "replace"): replace,
    ("list", "sort"): sort,
    ("list", "extend"): extend,
    ("list", "index"): index,
    ("", "update"): update,
}
