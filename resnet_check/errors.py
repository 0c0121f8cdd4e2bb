"""The one exception of the package, and the hint that its messages end with."""

from __future__ import annotations

from collections.abc import Iterable


class CannotCheckError(Exception):
    """The tool could not do what it was asked; the message is one plain line (exit status 2)."""


def nearest(word: str, choices: Iterable[str], likeness: float = 0.5) -> str:
    """Return `` (did you mean `choice`?)`` for the nearest choice, or nothing when none is that much alike."""
    from difflib import get_close_matches

    by_lower_case = {choice.lower(): choice for choice in choices}
    found = get_close_matches(word.lower(), by_lower_case, n=1, cutoff=likeness)
    return f" (did you mean `{by_lower_case[found[0]]}`?)" if found else ""
