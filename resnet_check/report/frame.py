"""Code frames: the lines of source that a finding speaks of, exactly as written, with labels under the code."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from resnet_check.report import printable

TAB = " " * 4
WIDEST = 160
"""The number of characters of one line of source that are shown; the rest of a longer one is cut off."""

Paint = Callable[[str, str], str]
"""Puts a text into a style: ``paint("error", text)``."""


class Label(NamedTuple):
    """A span of one line of source with a text below it; ``style`` also names the mark that underlines it."""

    line: int
    column: int
    end_column: int
    text: str
    mark: str
    style: str


def frame(
    path: str, lines: Sequence[str], labels: Sequence[Label], *, gutter: int, arrow: str, paint: Paint
) -> Iterator[str]:
    """Yield the lines of the frame around the labels; the first label is the one that the frame is about."""
    first = labels[0]
    margin = " " * gutter
    yield f"{margin}{paint('gutter', arrow)} {printable(path)}:{first.line}:{first.column}"
    if not 1 <= first.line <= len(lines):
        return
    bar = paint("gutter", f"{margin} |")
    yield bar
    previous = None
    for number in _shown(labels, len(lines)):
        if previous is not None and number > previous + 1:
            yield paint("gutter", "...")
        previous = number
        here = [label for label in labels if label.line == number]
        text, start = _window(lines[number - 1], here)
        cells = [_cell(char) for char in text]
        source = "".join(cells).rstrip()
        yield f"{paint('gutter', f'{number:>{gutter}} |')} {source}".rstrip()
        for label in here:
            yield f"{bar} {_underline(label, cells, start, paint)}"
    yield bar


def _shown(labels: Iterable[Label], last: int) -> list[int]:
    """Return the numbers of the lines to show: those with labels, and one of context around the first."""
    labelled = [label.line for label in labels]
    context = (labelled[0] - 1, labelled[0] + 1)
    return sorted({number for number in (*labelled, *context) if 1 <= number <= last})


def _window(line: str, labels: Sequence[Label]) -> tuple[str, int]:
    """Return the part of a line that is shown, and the column of its first character."""
    if len(line) <= WIDEST:
        return line, 1
    column = labels[0].column if labels else 1
    start = column - WIDEST // 3 if column > WIDEST // 2 else 0
    return line[start : start + WIDEST], start + 1


def _cell(char: str) -> str:
    return TAB if char == "\t" else printable(char)


def _underline(label: Label, cells: Sequence[str], start: int, paint: Paint) -> str:
    before = cells[: label.column - start]
    under = cells[label.column - start : max(label.end_column, label.column + 1) - start]
    marks = label.mark * max(sum(map(width, under)), 1)
    text = f"{marks} {printable(label.text)}".rstrip()
    return " " * sum(map(width, before)) + paint(label.style, text)


def width(text: str) -> int:
    """Return the number of columns that a text takes on a terminal."""
    return len(text) if text.isascii() else sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
