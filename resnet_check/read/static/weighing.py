"""What a value costs: Python's own operations on large or nested values count as steps too, and have bounds.

A list that holds one list twice, sixty times over, is small in memory, but Python hashes, compares and prints every way
through it, and cannot be interrupted meanwhile. So values are weighed before Python gets them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from resnet_check.read.static.interpreter import MAX_ITEMS, Interpreter
from resnet_check.read.static.values import BudgetExceeded, Size

MAX_NESTING = 100
"""Lists within lists; Python's own functions use the stack of the machine for each."""

PARTS_PER_STEP = 4
TEXT_PER_STEP = 64
"""How many parts of a list, or characters of a text, are made in the time of one step."""

TOO_MANY = "a value with more than a million elements"
NESTED: frozenset[Any] = frozenset({list, tuple, dict, set, frozenset, deque, Size})


def weigh(interpreter: Interpreter, value: Any, limit: int = MAX_ITEMS) -> None:
    """Count every way through a nested value as work; raises `BudgetExceeded` for too many, or too long ones."""
    if value.__class__ not in NESTED:
        return
    count, level, depth = 0, [value], 0
    while level:
        depth += 1
        inner: list[Any] = []
        for part in level:
            for each in parts(part):
                if each.__class__ in NESTED:
                    inner.append(each)
                elif each.__class__ is str:
                    count += len(each)
            count += len(part)
            if count > limit:
                reason = TOO_MANY if limit == MAX_ITEMS else f"a value with more than {limit} parts"
                raise BudgetExceeded(reason)
        if depth > MAX_NESTING:
            reason = f"values nested more than {MAX_NESTING} deep"
            raise BudgetExceeded(reason)
        level = inner
    if count > PARTS_PER_STEP:
        interpreter.tick(count // PARTS_PER_STEP)


def parts(value: Any) -> Iterable[Any]:
    """Return the parts of a list, or the keys and the values of a dict."""
    return (*value, *value.values()) if value.__class__ is dict else value


def charge(interpreter: Interpreter, value: Any) -> Any:
    """Return a value that Python made at once, after counting its size as work; raises `BudgetExceeded` for a large one."""
    kind = value.__class__
    if kind in NESTED or kind is str:
        size = len(value)
        if size > MAX_ITEMS:
            raise BudgetExceeded(TOO_MANY)
        if size > TEXT_PER_STEP:
            interpreter.tick(size // (TEXT_PER_STEP if kind is str else PARTS_PER_STEP))
    return value
