"""Tables for a person, drawn by rich: for a terminal as wide as it is, with columns left out where there is no room."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNBOUNDED = 10_000
"""The width of what goes to no terminal: no line is broken."""


class View(NamedTuple):
    """How to draw: for a terminal of so many columns or for none, in colour, with lines that ASCII does not have."""

    width: int | None = None
    color: bool = False
    unicode: bool = True


class Column(NamedTuple):
    """A column of a table: its title, and which of several goes first where there is no room (0: it stays)."""

    title: str
    goes: int = 0
    right: bool = False


def lines(what: Text | Table, view: View) -> Iterator[str]:
    """Yield the lines of something that rich draws."""
    file = io.StringIO()
    _console(view, file).print(what)
    yield from (line.rstrip() for line in file.getvalue().splitlines())


def table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], view: View) -> Table:
    """Return a table without the columns that are empty, and without those for which there is no room."""
    shown = [index for index in range(len(columns)) if any(row[index].plain for row in rows)]
    leaving = sorted((index for index in shown if columns[index].goes), key=lambda index: columns[index].goes)
    while True:
        found = _with_columns(columns, rows, shown)
        room = view.width or UNBOUNDED
        if not leaving or _console(View(), io.StringIO()).measure(found).maximum <= room:
            return found
        shown.remove(leaving.pop(0))


def facts(said: Iterable[tuple[str, str]]) -> Table:
    """Return titles with what is said of each, below each other."""
    found = _bare(show_header=False)
    found.add_column(style="dim", no_wrap=True)
    found.add_column(overflow="fold")
    for title, words in said:
        found.add_row(title, Text(words))
    return found


def listed(title: str, words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield several things of one title, which stands beside the first."""
    return zip(chain((title,), repeat("")), words, strict=False)


def _with_columns(columns: Sequence[Column], rows: Iterable[Sequence[Text]], shown: Sequence[int]) -> Table:
    found = _bare(show_header=True)
    for index in shown:
        column = columns[index]
        found.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        found.add_row(*(row[index] for index in shown))
    return found


def _bare(*, show_header: bool) -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", show_header=show_header)


def _console(view: View, file: io.StringIO) -> Console:
    return Console(
        file=file,
        width=view.width or UNBOUNDED,
        force_terminal=view.color,
        color_system="standard" if view.color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
