"""The operators: each plants one kind of mistake wherever a file has room for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mutation.subject import Plant, Subject

Planter = Callable[[Subject], Iterator[Plant]]


class Operator(NamedTuple):
    """One kind of mistake, the rules that are right to name it, and whether a note is what it deserves."""

    name: str
    rules: tuple[str, ...]
    note: bool
    planter: Planter

    @property
    def needs_claim(self) -> bool:
        """Whether it is a mistake only where the file says which network it holds: it gives another one that works, too."""
        return self.rules[0].startswith("RC4")


OPERATORS: dict[str, Operator] = {}
"""All operators by name, in the order of the rules."""


def operator(name: str, rules: str, *, note: bool = False) -> Callable[[Planter], Planter]:
    """Register the function below as an operator; ``rules`` are codes with blanks between them."""

    def register(planter: Planter) -> Planter:
        OPERATORS[name] = Operator(name, tuple(rules.split()), note, planter)
        return planter

    return register
