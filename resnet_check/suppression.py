"""Suppression comments: ``# resnet-check: ignore[rule, RC201] why`` and ``# resnet-check: ignore-file``."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

MOST = 1000
"""The most comments of one file that are heard: a file with more was not written by a person."""

COMMENT = re.compile(r"#\s*resnet-check:\s*(?P<scope>ignore-file|ignore)\b\s*(?:\[(?P<rules>[^\]]*)\])?")


class Suppression(NamedTuple):
    """One suppression comment.

    ``rules`` are names, codes or groups as written; in a comment for the whole file, none means all. ``lines`` are the
    lines of findings that it speaks of: those of its statement, or of the ``class`` or ``def`` whose head it stands in.
    ``whole_file`` is set for a comment at the top of the file.
    """

    line: int
    column: int
    end_column: int
    scope: str
    rules: tuple[str, ...]
    lines: range
    whole_file: bool = False

    def covers(self, line: int) -> bool:
        """Return whether it speaks of findings on this line."""
        return self.whole_file or line in self.lines


class Scope(NamedTuple):
    """Lines on which a comment may stand, and the lines that it then speaks of."""

    comment: range
    covered: range


def find_suppressions(text: str, tree: ast.Module | None) -> tuple[Suppression, ...]:
    """Return the suppression comments of a file, in order."""
    top = _first_code_line(tree)
    covered = _covered(tree) if tree is not None else {}
    return tuple(_suppression(match, token, covered, top) for match, token in islice(_comments(text), MOST))


def _covered(tree: ast.Module) -> dict[int, range]:
    """Return for each line with room for a comment the lines that it would speak of: the innermost scope decides."""
    outermost_first = sorted(_scopes(tree), key=lambda scope: -len(scope.comment))
    return {line: scope.covered for scope in outermost_first for line in scope.comment}


def _comments(text: str) -> Iterator[tuple[re.Match[str], tokenize.TokenInfo]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and (match := COMMENT.search(token.string)):
                yield match, token
    except (tokenize.TokenError, SyntaxError):
        return  # the rest of a file that is not Python; its syntax error is a finding of its own


def _suppression(match: re.Match[str], token: tokenize.TokenInfo, covered: dict[int, range], top: float) -> Suppression:
    line, start = token.start
    after_code = not token.line[:start].isspace() and start > 0
    alone = range(line, line + 1)
    return Suppression(
        line=line,
        column=start + match.start() + 1,
        end_column=start + len(token.string) + 1,
        scope=match["scope"],
        rules=tuple(name for name in map(str.strip, (match["rules"] or "").split(",")) if name),
        lines=covered.get(line, alone) if after_code else alone,
        whole_file=match["scope"] == "ignore-file" and line < top,
    )


def _scopes(tree: ast.Module) -> Iterator[Scope]:
    """Yield the lines of each statement: all of a simple one, the head of one that holds others."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        end = node.end_lineno or node.lineno
        body = getattr(node, "body", None) or getattr(node, "cases", None)
        if not body:
            lines = range(node.lineno, end + 1)
            yield Scope(lines, lines)
            continue
        decorators = getattr(node, "decorator_list", ())
        start = decorators[0].lineno if decorators else node.lineno
        first = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else body[0].lineno
        head = range(start, max(node.lineno + 1, first))
        is_definition = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        yield Scope(head, range(start, end + 1) if is_definition else head)


def _first_code_line(tree: ast.Module | None) -> float:
    """Return the line of the first statement that is no docstring."""
    if tree is None:
        return float("inf")
    code = tree.body[1:] if ast.get_docstring(tree, clean=False) is not None else tree.body
    return code[0].lineno if code else float("inf")
