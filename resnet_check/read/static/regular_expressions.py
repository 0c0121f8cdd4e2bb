"""The module `re`, applied to known texts.

Python's own engine cannot be interrupted and can take exponential time, so only patterns are applied whose time is
bounded: short ones, with few repetitions and choices, no repetition of a group, on short texts. Those of model files are.
"""

from __future__ import annotations

import re
from typing import Any

from resnet_check.read.static.hosted import call_value
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.python_types import OBJECT
from resnet_check.read.static.values import Class, Instance, Native, Opaque

MAX_PATTERN = 200
MAX_TEXT = 400
MAX_WORK = 10**8
"""Steps of the engine in the worst case: each repetition tries every length at every place, each choice both ways."""

REPETITION = re.compile(r"(?<!\\)[*+{]")
CHOICE = re.compile(r"(?<![\\(])[?|]")
REPEATED_GROUP = re.compile(r"\)[*+{]")


def is_bounded(pattern: Any, text: Any) -> bool:
    """Return whether matching a text is certain to end soon."""
    return (
        isinstance(pattern, str)
        and isinstance(text, str)
        and len(pattern) <= MAX_PATTERN
        and len(text) <= MAX_TEXT
        and not REPEATED_GROUP.search(pattern)
        and (len(text) + 1) ** (len(REPETITION.findall(pattern)) + 1) << len(CHOICE.findall(pattern)) <= MAX_WORK
    )


def match_object(found: re.Match[str] | None, site: Any) -> Any:
    """Return the interpreter's object for a match."""
    if found is None:
        return None
    made = Instance(MATCH, site)
    made.attributes["_match"] = found
    return made


def of_match(name: str) -> Native:
    """Return a method of match objects."""

    def run(_: Interpreter, site: Any, match: Instance, *args: Any) -> Any:
        if not all(isinstance(a, (str, int)) for a in args):
            return Opaque(f"`{name}` of a match", site)
        try:
            return getattr(match.attributes["_match"], name)(*args)
        except (IndexError, KeyError):
            return Opaque(f"`{name}` of a match", site)

    return Native(name, run)


METHODS = ("group", "groups", "groupdict", "start", "end", "span", "__getitem__")
MATCH = Class("Match", (OBJECT,), {name: of_match(name) for name in METHODS}, qualified="re.Match")


def searching(name: str) -> Any:
    """Return ``match``, ``search`` or ``fullmatch``."""

    def run(_: Interpreter, site: Any, pattern: Any, text: Any, flags: Any = 0) -> Any:
        pattern = source_of(pattern)
        if flags or not is_bounded(pattern, text):
            return Opaque(f"`re.{name}`", site)
        try:
            return match_object(getattr(re, name)(pattern, text), site)
        except (re.error, OverflowError):
            return Opaque(f"`re.{name}`", site)

    return run


def listing(name: str) -> Any:
    """Return ``split`` or ``findall``."""

    def run(_: Interpreter, site: Any, pattern: Any, text: Any, *limits: Any) -> Any:
        pattern = source_of(pattern)
        if not is_bounded(pattern, text) or (name == "findall" and limits):
            return Opaque(f"`re.{name}`", site)
        try:
            return getattr(re, name)(pattern, text, *(n for n in limits if isinstance(n, int)))
        except (re.error, OverflowError):
            return Opaque(f"`re.{name}`", site)

    return run


def substitute(interpreter: Interpreter, site: Any, pattern: Any, new: Any, text: Any, count: Any = 0) -> Any:
    """``re.sub``, with a text or a function of the match."""
    pattern = source_of(pattern)
    if not is_bounded(pattern, text) or not isinstance(count, int):
        return Opaque("`re.sub`", site, "text")

    def replacement(found: re.Match[str]) -> str:
        value = call_value(interpreter, site, new, match_object(found, site))
        if not isinstance(value, str):
            raise TypeError
        return value

    known = new if isinstance(new, str) and len(new) < MAX_PATTERN else replacement
    try:
        return re.sub(pattern, known, text, count=count)
    except (re.error, OverflowError, IndexError, TypeError):
        return Opaque("`re.sub`", site, "text")


def compiled(_: Interpreter, site: Any, pattern: Any, *flags: Any) -> Any:
    """``re.compile``."""
    if not isinstance(pattern, str) or flags:
        return Opaque("`re.compile`", site)
    made = Instance(PATTERN, site)
    made.attributes["pattern"] = pattern
    return made


def source_of(pattern: Any) -> Any:
    """Return the text of a compiled pattern."""
    return pattern.attributes.get("pattern") if isinstance(pattern, Instance) else pattern


FUNCTIONS: dict[str, Any] = {
    **{name: searching(name) for name in ("match", "search", "fullmatch")},
    **{name: listing(name) for name in ("split", "findall")},
    "sub": substitute,
}
PATTERN = Class("Pattern", (OBJECT,), {n: Native(n, f) for n, f in FUNCTIONS.items()}, qualified="re.Pattern")
VALUES: dict[str, Any] = {
    **{f"re.{name}": Native(f"re.{name}", function) for name, function in FUNCTIONS.items()},
    "re.compile": Native("re.compile", compiled),
}
