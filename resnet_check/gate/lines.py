"""Which lines of a file are not as they were, and which lines belong to one definition."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from resnet_check.source import readable, split_lines


def changed_lines(old: bytes, new: bytes) -> frozenset[int]:
    """Return the numbers of the lines of a file that are new or changed, and of those next to where lines are gone."""
    was, now = split_lines(readable(old)), split_lines(readable(new))
    found: set[int] = set()
    for tag, _, _, start, end in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if tag == "delete":
            found.update((start, start + 1))
        elif tag != "equal":
            found.update(range(start + 1, end + 1))
    return frozenset(found)


def definition(lines: Sequence[str], line: int) -> range:
    """Return the lines, counted from 1, of what stands at top level around a line: a class, a function, a statement."""
    starts = [number for number, text in enumerate(lines, 1) if text[:1].strip() and text[:1] not in ")]}#"]
    first = max((start for start in starts if start <= line), default=1)
    return range(first, min((start for start in starts if start > line), default=len(lines) + 1))
