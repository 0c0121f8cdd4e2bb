"""A correct file that mistakes are planted in: its text, its tree, and edits at the tree's nodes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, TypeVar

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)


class Edit(NamedTuple):
    """A replacement of the characters from ``start`` to ``end`` of the correct text."""

    start: int
    end: int
    text: str


class Plant(NamedTuple):
    """One mistake: its edits, and places of the correct text that are right to name besides the edits themselves."""

    edits: tuple[Edit, ...]
    places: tuple[int, ...] = ()


def plant(*edits: Edit, places: Sequence[int] = ()) -> Plant:
    """Return a mistake."""
    return Plant(edits, tuple(places))


class Subject:
    """A correct file. Places and spans are offsets of characters in its text."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.tree = ast.parse(text)
        self.lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The parent of each node."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def start(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> int:
        """Return where a node begins."""
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> int:
        """Return where a node ends."""
        return self._offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def _offset(self, line: int, column: int) -> int:
        """Return the offset of a line and a column in bytes, as the tree has them."""
        return self._starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def of(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """Return the text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def places(self, *nodes: ast.expr | ast.stmt | ast.arg) -> tuple[int, ...]:
        """Return where nodes begin."""
        return tuple(self.start(node) for node in nodes)

    def replace(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg, text: str) -> Edit:
        """Return the edit that writes another text for a node."""
        return Edit(self.start(node), self.end(node), text)

    def body_of(self, statement: ast.stmt) -> list[ast.stmt]:
        """Return the list of statements that a statement stands in."""
        parent = self.parents[statement]
        for name in ("body", "orelse", "finalbody"):
            body = getattr(parent, name, [])
            if isinstance(body, list) and statement in body:
                return body
        return [statement]

    def delete(self, statement: ast.stmt) -> Edit:
        """Return the edit that takes a statement out, with its lines; the only one of a body becomes ``pass``."""
        if len(self.body_of(statement)) == 1:
            return self.replace(statement, "pass")
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        return Edit(self._starts[first - 1], self._starts[last], "")

    def around(self, statement: ast.stmt) -> tuple[int, ...]:
        """Return the places beside a statement: the statements before and after it, or what opens its body."""
        body = self.body_of(statement)
        number = body.index(statement)
        beside = [body[each] for each in (number - 1, number + 1) if 0 <= each < len(body)]
        parent = self.parents[statement]
        if number == 0 and isinstance(parent, ast.stmt):
            beside.append(parent)
        return tuple(self.start(each) for each in beside)

    def indent(self, statement: ast.stmt) -> str:
        """Return the blanks before a statement."""
        return self.lines[statement.lineno - 1][: self.start(statement) - self._starts[statement.lineno - 1]]

    def before(self, statement: ast.stmt, *code: str) -> Edit:
        """Return the edit that puts lines of code before a statement."""
        at = self._starts[statement.lineno - 1]
        return Edit(at, at, "".join(f"{self.indent(statement)}{line}\n" for line in code))

    def after(self, statement: ast.stmt, *code: str) -> Edit:
        """Return the edit that puts lines of code after a statement."""
        at = self.end(statement)
        return Edit(at, at, "".join(f"\n{self.indent(statement)}{line}" for line in code))

    def rewrite(self, start: int, old: str, new: str) -> Edit:
        """Return the edit that writes ``new`` for the text ``old`` that stands at a place."""
        return Edit(start, start + len(old), new)

    def line(self, number: int) -> int:
        """Return where a line begins."""
        return self._starts[number - 1]

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the statement that a node is in."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def function(self, node: ast.AST) -> Function | None:
        """Return the function that a node is in."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, Function):
                return node
        return None

    def without(self, call: ast.Call, value: ast.expr | ast.keyword) -> Edit:
        """Return the edit that takes an argument out of a call, with its comma."""
        arguments = sorted([*call.args, *call.keywords], key=self.start)
        number = arguments.index(value)
        if number:
            return Edit(self.end(arguments[number - 1]), self.end(value), "")
        if len(arguments) > 1:
            return Edit(self.start(value), self.start(arguments[1]), "")
        return self.replace(value, "")

    def nodes(self, *kinds: type[Node], under: ast.AST | None = None) -> Iterator[Node]:
        """Yield the nodes of some kinds in the order of the text."""
        found = self._all if under is None else _sorted(under)
        yield from (node for node in found if isinstance(node, kinds))

    @cached_property
    def _all(self) -> list[ast.AST]:
        return _sorted(self.tree)


def _sorted(tree: ast.AST) -> list[ast.AST]:
    """Return the nodes of a tree that have a place, in the order of the text."""
    found = [node for node in ast.walk(tree) if hasattr(node, "lineno")]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]


def planted(subject: Subject, mistake: Plant) -> tuple[str, frozenset[int]]:
    """Return the text with the mistake and the lines of it that are right to name.

    Raises SyntaxError for a text that is no Python any more, and ValueError for edits that overlap.
    """
    edits = sorted(mistake.edits)
    pieces, marks, position, length = [], list[tuple[int, int]](), 0, 0
    for edit in edits:
        if edit.start < position:
            message = "edits overlap"
            raise ValueError(message)
        pieces += [subject.text[position : edit.start], edit.text]
        length += edit.start - position
        marks.append((length, length + len(edit.text.strip("\n"))))
        length += len(edit.text)
        position = edit.end
    text = "".join([*pieces, subject.text[position:]])
    ast.parse(text)
    lines = set[int]()
    for (start, end), edit in zip(marks, edits, strict=True):
        first = start + len(edit.text) - len(edit.text.lstrip("\n"))
        lines |= set(range(line_of(text, first), line_of(text, max(first, end)) + 1))
    lines |= {line_of(text, _moved(place, edits)) for place in mistake.places}
    return text, frozenset(lines)


def line_of(text: str, place: int) -> int:
    """Return the line of a place, the next one that is not empty."""
    while place < len(text) and text[place] == "\n" and (place == 0 or text[place - 1] == "\n"):
        place += 1
    return text.count("\n", 0, place) + 1


def _moved(place: int, edits: Sequence[Edit]) -> int:
    """Return where a place of the correct text is after the edits."""
    moved = place
    for edit in edits:
        if edit.end <= place and edit.start != edit.end:
            moved += len(edit.text) - (edit.end - edit.start)
        elif edit.start == edit.end <= place:
            moved += len(edit.text)
        elif edit.start <= place:
            moved += edit.start - place
    return moved
