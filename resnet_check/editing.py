"""Edits of a file's text: making them for nodes of its syntax tree, and applying them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from resnet_check.finding import Edit
from resnet_check.source import Source

LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line of Python, and nothing else does."""


def over(source: Source, node: ast.AST, text: str) -> Edit:
    """Return the edit that writes a text in the place of a node."""
    return Edit(*source.span(node)[1:], text)


def in_front_of(source: Source, node: ast.AST, text: str) -> Edit:
    """Return the edit that writes a text in front of a node, on its line."""
    _, line, column, _, _ = source.span(node)
    return Edit(line, column, line, column, text)


def behind(source: Source, node: ast.AST, text: str) -> Edit:
    """Return the edit that writes a text behind a node, on its last line."""
    _, _, _, line, column = source.span(node)
    return Edit(line, column, line, column, text)


def line_above(source: Source, statement: ast.stmt, text: str) -> Edit:
    """Return the edit that adds a line above a statement that begins its own, as far in."""
    _, line, column, _, _ = source.span(statement)
    return Edit(line, 1, line, 1, f"{source.lines[line - 1][: column - 1]}{text}\n")


def line_below(source: Source, statement: ast.stmt, text: str) -> Edit:
    """Return the edit that adds a line below a statement that begins its own, as far in."""
    _, line, column, end, _ = source.span(statement)
    return Edit(end + 1, 1, end + 1, 1, f"{source.lines[line - 1][: column - 1]}{text}\n")


def without(source: Source, statement: ast.stmt) -> Edit:
    """Return the edit that takes out the lines of a statement that has them for itself."""
    _, line, _, end, _ = source.span(statement)
    return Edit(line, 1, end + 1, 1, "")


def stands_alone(source: Source, statement: ast.stmt) -> bool:
    """Return whether a statement shares its lines with nothing but a comment."""
    _, line, column, end, end_column = source.span(statement)
    after = source.lines[end - 1][end_column - 1 :].strip()
    return not source.lines[line - 1][: column - 1].strip() and (not after or after.startswith("#"))


def further_argument(source: Source, call: ast.Call, text: str) -> Edit:
    """Return the edit that writes a further argument in front of a call's closing bracket."""
    _, _, _, line, column = source.span(call)
    before = source.lines[line - 1][: column - 2].rstrip()
    given: Sequence[ast.AST] = (*call.args, *call.keywords)
    if given and before and before[-1] not in ",(":
        place = len(before) + 1
        return Edit(line, place, line, place, f", {text}")
    if given:
        _, _, _, line, column = max((source.span(node) for node in given), key=lambda span: span[3:])
        return Edit(line, column, line, column, f", {text}")
    return Edit(line, column - 1, line, column - 1, text)


def set_argument(source: Source, call: ast.Call, name: str, place: int, text: str) -> Edit | None:
    """Return the edit that gives an argument of a call another value, or gives it at all; None for unpacked arguments.

    ``place`` is the argument's position.
    """
    if any(isinstance(a, ast.Starred) for a in call.args) or any(keyword.arg is None for keyword in call.keywords):
        return None
    given = [*call.args[place : place + 1], *(keyword.value for keyword in call.keywords if keyword.arg == name)]
    return over(source, given[0], text) if given else further_argument(source, call, f"{name}={text}")


def around(source: Source, node: ast.AST, first: str, last: str) -> tuple[Edit, Edit]:
    """Return the edits that write a text in front of a node and one behind it."""
    return in_front_of(source, node, first), behind(source, node, last)


def unwrapped(source: Source, node: ast.AST, inner: ast.AST) -> tuple[Edit, Edit]:
    """Return the edits that leave of a node only a part of it."""
    _, line, column, end, end_column = source.span(node)
    _, first, first_column, last, last_column = source.span(inner)
    return Edit(line, column, first, first_column, ""), Edit(last, last_column, end, end_column, "")


def overlap(one: Sequence[Edit], two: Sequence[Edit]) -> bool:
    """Return whether two fixes change the same place; where both insert something, nobody knows what comes first."""
    return any(a[:2] == b[:2] or (a[:2] < b[2:4] and b[:2] < a[2:4]) for a in one for b in two)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits made that do not overlap; what they add ends its lines as the text does."""
    starts = [0, *(end.end() for end in LINE_END.finditer(text))]
    first = LINE_END.search(text)
    newline = first[0] if first else "\n"

    def offset(line: int, column: int) -> int:
        return min(starts[line - 1] + column - 1, len(text)) if line <= len(starts) else len(text)

    made, done = "", 0
    for edit in sorted(edits):
        made += text[done : offset(edit.line, edit.column)]
        done = offset(edit.end_line, edit.end_column)
        added = edit.text
        if edit.line > len(starts):
            # The last line has no end: what comes below it brings one, and leaves the file without one again.
            added = ("" if made.endswith(("\n", "\r")) else "\n") + added.removesuffix("\n")
        made += added.replace("\n", newline)
    return made + text[done:]
