"""The one exception of the package, and the hint that its messages end with."""

from __future__ import annotations

from collections.abc import Iterable


class CannotCheckError(Exception):
    """The tool could not do what it was asked; the message is one plain line (exit status 2)."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return `` (did you mean `choice`?)`` for the nearest choice, or nothing when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only needed once something is already wrong

    by_lower_case = {choice.lower(): choice for choice in choices}
    found = get_close_matches(word.lower(), by_lower_case, n=1, cutoff=0.5)
    return f" (did you mean `{by_lower_case[found[0]]}`?)" if found else ""
