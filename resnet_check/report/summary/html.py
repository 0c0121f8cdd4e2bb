"""The summary as a piece of HTML for a notebook: tables that need nothing beside themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from resnet_check.report import printable
from resnet_check.report.summary.table import COLUMNS, GUIDES, Summary, cells, said, shown

RIGHT, LEFT = "text-align: right", "text-align: left"
TREE = "white-space: pre; font-family: monospace"
"""The first column draws a tree."""


def render(summary: Summary, depth: int | None = None) -> str:
    """Return the summary of one model, with so many levels of modules (None: as many as are read at ease)."""
    return "".join(
        (
            "<div>",
            f"<p><b>{_text(summary.model.name)}</b></p>",
            *_modules(summary, depth),
            *_table(_fact(title, words) for title, words in said(summary)),
            "</div>",
        )
    )


def _modules(summary: Summary, depth: int | None) -> Iterator[str]:
    rows = [[cell.plain for cell in row] for row in cells(shown(summary, depth), GUIDES[True])]
    columns = [index for index in range(len(COLUMNS)) if any(row[index] for row in rows)]
    if rows:
        titles = "".join(_cell("th", COLUMNS[i].title, RIGHT if COLUMNS[i].right else LEFT) for i in columns)
        yield from _table(("".join(_cell("td", row[i], _style(i)) for i in columns) for row in rows), titles)


def _style(column: int) -> str:
    if column == 0:
        return f"{LEFT}; {TREE}"
    return RIGHT if COLUMNS[column].right else LEFT


def _fact(title: str, words: str) -> str:
    return _cell("th", title, LEFT) + _cell("td", words, LEFT)


def _table(rows: Iterable[str], titles: str = "") -> Iterator[str]:
    yield "<table>"
    if titles:
        yield f"<thead><tr>{titles}</tr></thead>"
    yield "<tbody>"
    yield from (f"<tr>{row}</tr>" for row in rows)
    yield "</tbody></table>"


def _cell(tag: str, words: str, style: str) -> str:
    return f'<{tag} style="{style}">{_text(words)}</{tag}>'


def _text(words: str) -> str:
    return escape(printable(words))
