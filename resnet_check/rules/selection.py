"""Which rules are on: names, codes and groups of codes, resolved by the most specific selector."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from resnet_check.errors import CannotCheckError, nearest
from resnet_check.rules.base import Rule, all_rules

GROUP = re.compile(r"RC\d{0,3}")
"""A code, or the beginning of one: ``RC3`` is the group of ``RC301`` to ``RC399``, ``RC`` is every rule."""


@lru_cache(maxsize=256)
def matches(selector: str) -> frozenset[str]:
    """Return the codes that a selector stands for; none when it names no rule."""
    group = selector.upper()
    if GROUP.fullmatch(group):
        return frozenset(rule.code for rule in all_rules() if rule.code.startswith(group))
    name = selector.lower()
    return frozenset(rule.code for rule in all_rules() if rule.name == name)


def nearest_rule(selector: str) -> str:
    """Return a hint at the rule whose name or code is nearest to the selector, or nothing."""
    return nearest(selector, (word for rule in all_rules() for word in (rule.name, rule.code)))


def require_known(selectors: Iterable[str], where: str) -> None:
    """Raise when a selector names no rule."""
    for selector in selectors:
        if not matches(selector):
            message = f"{where}: unknown rule `{selector}`{nearest_rule(selector)}"
            raise CannotCheckError(message)


@lru_cache(maxsize=64)
def selected(
    select: tuple[str, ...] | None, extend_select: tuple[str, ...], ignore: tuple[str, ...]
) -> tuple[Rule, ...]:
    """Return the rules that are on; no ``select`` means all, and of two selectors for a rule the longer one decides."""
    wanted = (*(("RC",) if select is None else select), *extend_select)
    return tuple(rule for rule in all_rules() if _strength(rule, wanted) > _strength(rule, ignore))


def _strength(rule: Rule, selectors: Sequence[str]) -> int:
    """Return how specifically the selectors name the rule: the length of the longest code, 0 when none does."""
    return max((_length(selector) for selector in selectors if rule.code in matches(selector)), default=0)


def _length(selector: str) -> int:
    return len(selector) if GROUP.fullmatch(selector.upper()) else len("RC999")
