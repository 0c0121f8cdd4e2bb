"""A small change of a file: made in its syntax tree and undone again, and as text."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass, field, replace
from typing import Any

from resnet_check.blame.tree import Tree
from resnet_check.editing import further_argument
from resnet_check.finding import Edit
from resnet_check.graph.records import Site


@dataclass(slots=True)
class Change:
    """A change that may mend a mistake.

    ``steps`` are the fields of the tree that get other values, ``edits`` the same as text. ``site`` is the construct to
    blame, ``cost`` how unlikely the mistake is, ``advice`` how the change is put in words when the new line does not
    say it. ``owner`` names the rule that reports this mistake if it is not a shape rule. ``wires`` says that another tensor is
    read, which must be one that nothing read before.
    """

    site: Site
    steps: list[tuple[ast.AST, str, Any]]
    edits: tuple[Edit, ...]
    cost: float
    advice: str = ""
    owner: str = ""
    wires: bool = False
    undo: list[tuple[ast.AST, str, Any]] = field(default_factory=list)

    def make(self) -> None:
        """Change the tree."""
        self.undo = [(node, name, getattr(node, name)) for node, name, _ in self.steps]
        for node, name, value in self.steps:
            setattr(node, name, value)

    def revert(self) -> None:
        """Change the tree back."""
        for node, name, value in reversed(self.undo):
            setattr(node, name, value)


def at_cost(change: Change, cost: float, owner: str = "") -> Change:
    """Return the change with another cost and owner."""
    return replace(change, cost=cost, owner=owner or change.owner)


def parsed(text: str, like: ast.AST) -> ast.expr:
    """Return an expression, at the place of another node."""
    made = ast.parse(text, mode="eval").body
    return _placed(made, like)  # type: ignore[return-value]


def _placed(made: ast.AST, like: ast.AST) -> ast.AST:
    for node in ast.walk(made):
        if isinstance(node, (ast.expr, ast.stmt, ast.keyword)):
            ast.copy_location(node, like)
    return made


def swapped_in(tree: Tree, old: ast.AST, new: ast.AST | None) -> tuple[ast.AST, str, Any]:
    """Return the step that puts one node in the place of another, or takes it out."""
    parent = tree.parents[old]
    for name, value in ast.iter_fields(parent):
        if value is old:
            return parent, name, new
        if isinstance(value, list) and any(item is old for item in value):
            items = [new if item is old else item for item in value]
            return parent, name, [item for item in items if item is not None] or [_placed(ast.Pass(), old)]
    message = "a node is not where its parent has it"
    raise LookupError(message)


def span(tree: Tree, node: ast.AST) -> tuple[int, int, int, int]:
    """Return line, column, end line and end column of a node."""
    return tree.source.span(node)[1:]


def replaced(tree: Tree, old: ast.expr, text: str, cost: float, blamed: ast.AST | None = None) -> Change:
    """Return the change of one expression into another; ``blamed`` is the construct around it, where that is one line."""
    if blamed is not None and getattr(blamed, "lineno", 0) != getattr(blamed, "end_lineno", 0):
        blamed = None
    step = swapped_in(tree, old, parsed(text, old))
    shown = f"({text})" if _needs_parentheses(tree, old, text) else text
    return Change(tree.source.site(blamed or old), [step], (Edit(*span(tree, old), shown),), cost)


def _needs_parentheses(tree: Tree, old: ast.expr, text: str) -> bool:
    around = tree.parents.get(old)
    made = ast.parse(text, mode="eval").body
    compound = (ast.BinOp, ast.BoolOp, ast.IfExp, ast.UnaryOp, ast.Compare)
    return isinstance(around, (ast.BinOp, ast.UnaryOp, ast.Attribute, ast.BoolOp)) and isinstance(made, compound)


def with_keyword(tree: Tree, call: ast.Call, name: str, text: str, cost: float) -> Change:
    """Return the change that passes one more argument by name."""
    keyword = ast.keyword(arg=name, value=parsed(text, call))
    ast.copy_location(keyword, call)
    step = (call, "keywords", [*call.keywords, keyword])
    return Change(tree.source.site(call), [step], (further_argument(tree.source, call, f"{name}={text}"),), cost)


def with_argument(tree: Tree, call: ast.Call, text: str, cost: float) -> Change:
    """Return the change that passes one more argument by position."""
    step = (call, "args", [*call.args, parsed(text, call)])
    return Change(tree.source.site(call), [step], (further_argument(tree.source, call, text),), cost)


def exchanged(tree: Tree, one: ast.expr, two: ast.expr, cost: float, blamed: ast.AST) -> Change:
    """Return the change that lets two expressions of one call change places."""
    first, second = span(tree, one), span(tree, two)
    edits = (Edit(*first, source_of(tree, two)), Edit(*second, source_of(tree, one)))
    place, name, value = swapped_in(tree, one, two)
    if isinstance(value, list):
        items = getattr(place, name)
        both = [two if item is one else one if item is two else item for item in items]
        return Change(tree.source.site(blamed), [(place, name, both)], edits, cost)
    other = swapped_in(tree, two, one)
    return Change(tree.source.site(blamed), [(place, name, value), other], edits, cost)


def removed(tree: Tree, statement: ast.stmt, cost: float) -> Change:
    """Return the change that takes a statement out."""
    step = swapped_in(tree, statement, None)
    line, _, end, _ = span(tree, statement)
    edit = Edit(line, 1, end + 1, 1, "")
    return Change(tree.source.site(statement), [step], (edit,), cost, advice="remove this statement")


def added(tree: Tree, after: ast.stmt, text: str, cost: float) -> Change:
    """Return the change that puts a statement behind another one."""
    made = _placed(ast.parse(text).body[0], after)
    parent = tree.parents[after]
    for name, value in ast.iter_fields(parent):
        if isinstance(value, list) and any(item is after for item in value):
            index = next(i for i, item in enumerate(value) if item is after)
            step = (parent, name, [*value[: index + 1], made, *value[index + 1 :]])
            line, column, end, _ = span(tree, after)
            del line
            edit = Edit(end + 1, 1, end + 1, 1, " " * (column - 1) + text + "\n")
            advice = f"add `{text}` behind this line"
            return Change(tree.source.site(after), [step], (edit,), cost, advice=advice)
    message = "a statement is not where its parent has it"
    raise LookupError(message)


def source_of(tree: Tree, node: ast.AST) -> str:
    """Return the text of a node on one line."""
    line, column, end, end_column = span(tree, node)
    lines = tree.source.lines
    if line == end:
        return lines[line - 1][column - 1 : end_column - 1]
    return ast.unparse(node)


def new_lines(tree: Tree, change: Change) -> str:
    """Return the lines of the file that a change touches, as they are afterwards, where that is one line."""
    lines = {edit.line for edit in change.edits} | {edit.end_line for edit in change.edits}
    if len(lines) != 1 or not change.edits:
        return ""
    text = tree.source.lines[lines.pop() - 1]
    for edit in sorted(change.edits, key=lambda e: e.column, reverse=True):
        text = text[: edit.column - 1] + edit.text + text[edit.end_column - 1 :]
    return _without_comment(text).strip()


def _without_comment(text: str) -> str:
    """Return a line without the comment at its end."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text.strip() + "\n").readline))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return text.rpartition("  #")[0] or text  # one line of a statement of several
    comment = next((t for t in tokens if t.type == tokenize.COMMENT), None)
    return text if comment is None else text.strip()[: comment.start[1]]
