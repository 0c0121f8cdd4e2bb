"""Which rules are on: names, codes and groups of codes, resolved by the most specific selector."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from resnet_check.errors import CannotCheckError, nearest
from resnet_check.rules.base import Rule, all_rules

if TYPE_CHECKING:
    from resnet_check.properties.base import Property

GROUP = re.compile(r"RC\d{0,3}")
"""A code, or the beginning of one: ``RC3`` is the group of ``RC301`` to ``RC399``, ``RC`` is every rule."""


LIVE = "RC6"
"""The group of the properties, which are looked up only where something else than a static rule may be meant."""


def stands_for(selector: str, code: str, name: str) -> bool:
    """Return whether a selector means the rule of that code and name."""
    group = selector.upper()
    return code.startswith(group) if GROUP.fullmatch(group) else selector.lower() == name


@lru_cache(maxsize=256)
def matches(selector: str) -> frozenset[str]:
    """Return the codes that a selector stands for, properties included; none when it names no rule."""
    group = selector.upper()
    found = frozenset(rule.code for rule in all_rules() if stands_for(selector, rule.code, rule.name))
    is_static = not LIVE.startswith(group) and not group.startswith(LIVE) if GROUP.fullmatch(group) else bool(found)
    return found if is_static else found | {p.code for p in properties() if stands_for(selector, p.code, p.name)}


def properties() -> tuple[Property, ...]:
    """Return every property of a running model: what the static check does not look at."""
    from resnet_check.properties.base import all_properties

    return all_properties()


def known_rules() -> list[Rule | Property]:
    """Return every rule and every property, by code."""
    return [*all_rules(), *properties()]


def nearest_rule(selector: str) -> str:
    """Return a hint at the rule whose name or code is nearest to the selector, or nothing."""
    return nearest(selector, (word for rule in known_rules() for word in (rule.name, rule.code)))


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
    return tuple(rule for rule in all_rules() if _is_on(rule, select, extend_select, ignore))


def selected_properties(
    select: tuple[str, ...] | None, extend_select: tuple[str, ...], ignore: tuple[str, ...]
) -> tuple[Property, ...]:
    """Return the properties that are on, in the same way."""
    return tuple(each for each in properties() if _is_on(each, select, extend_select, ignore))


def _is_on(
    rule: Rule | Property, select: tuple[str, ...] | None, extend_select: tuple[str, ...], ignore: tuple[str, ...]
) -> bool:
    wanted = (*(("RC",) if select is None else select), *extend_select)
    return _strength(rule, wanted) > _strength(rule, ignore)


def _strength(rule: Rule | Property, selectors: Sequence[str]) -> int:
    """Return how specifically the selectors name the rule: the length of the longest code, 0 when none does."""
    return max((_length(each) for each in selectors if stands_for(each, rule.code, rule.name)), default=0)


def _length(selector: str) -> int:
    return len(selector) if GROUP.fullmatch(selector.upper()) else len("RC999")
