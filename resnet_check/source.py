"""Source: one parsed file, with the places of its syntax tree and its suppression comments."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from resnet_check.errors import CannotCheckError
from resnet_check.graph.records import Site

if TYPE_CHECKING:
    from resnet_check.suppression import Suppression
    from resnet_check.syntax import SourceProblem

MAX_BYTES = 512 * 1024
"""The largest file that is parsed: Python's own parser needs up to a kilobyte of memory for each byte of source."""

MAX_OWN_BYTES = 256 * 1024 * 1024
"""The largest file of the tool's own, a baseline or a lock, that is read."""

SLOW_ENCODINGS = frozenset({"idna", "punycode"})
"""Encodings of host names: their decoders take time that grows with the square of the length."""

SUPPRESSION_MARK = "resnet-check:"


@dataclass(frozen=True)
class Source:
    """One file: its text, its syntax tree, or else the problem that kept it from being parsed."""

    path: str
    text: str
    tree: ast.Module | None
    problem: SourceProblem | None = None

    @cached_property
    def lines(self) -> list[str]:
        """The lines as Python counts them, without their ends."""
        return split_lines(self.text)

    @cached_property
    def suppressions(self) -> tuple[Suppression, ...]:
        """The suppression comments, in order."""
        if SUPPRESSION_MARK not in self.text:
            return ()
        from resnet_check.suppression import find_suppressions

        return find_suppressions(self.text, self.tree)

    @cached_property
    def _ascii(self) -> bool:
        return self.text.isascii()

    def column(self, line: int, offset: int) -> int:
        """Return the column in code points, from 1, of an offset in UTF-8 bytes, from 0."""
        if self._ascii:
            return offset + 1
        return len(self.lines[line - 1].encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace")) + 1

    def span(self, node: ast.AST) -> tuple[str, int, int, int, int]:
        """Return path, line, column, end line and end column of a node of the tree."""
        line: int = node.lineno  # type: ignore[attr-defined]
        end_line: int = node.end_lineno  # type: ignore[attr-defined]
        start = self.column(line, node.col_offset)  # type: ignore[attr-defined]
        end = self.column(end_line, node.end_col_offset)  # type: ignore[attr-defined]
        return self.path, line, start, end_line, end

    def site(self, node: ast.AST) -> Site:
        """Return the place of a node of the tree."""
        return Site(*self.span(node))


def split_lines(text: str) -> list[str]:
    """Return the lines of a text as Python counts them (a form feed or a line separator ends none)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def text_span(line: str) -> tuple[int, int]:
    """Return the column at which the text of a line begins, from 1, and the one behind its end; never an empty span."""
    start = len(line) - len(line.lstrip()) + 1
    return start, max(start + 1, len(line.rstrip()) + 1)


def read_source(path: str) -> Source:
    """Return the Source of a file."""
    return parse_source(path, read_bytes(path))


def read_bytes(path: str, most: int = MAX_BYTES) -> bytes:
    """Return a file's content, of a file that is too large only enough to see that."""
    try:
        with open(path, "rb") as file:
            return file.read(most + 1)
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise CannotCheckError(message) from error
    except ValueError as error:
        message = f"cannot read {path!r}: {error}"
        raise CannotCheckError(message) from error


def parse_source(path: str, data: bytes) -> Source:
    """Return the Source of a file's content; whatever keeps it from being parsed is its problem."""
    try:
        text = decode(data)
        return Source(path, text, parse(text))
    except (SyntaxError, LookupError, ValueError, RecursionError, MemoryError) as error:
        from resnet_check.syntax import diagnose

        return Source(path, readable(data), None, diagnose(error, data))


def decode(data: bytes) -> str:
    """Return the text of a file's content by the rules of PEP 263."""
    if len(data) > MAX_BYTES:
        raise MemoryError
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    if encoding.lower() in SLOW_ENCODINGS:
        raise LookupError(encoding)
    return data.decode(encoding)


def readable(data: bytes) -> str:
    """Return the text of a file's content, byte for byte where it is none."""
    try:
        return decode(data)
    except (SyntaxError, LookupError, ValueError, MemoryError):
        return data.decode("latin-1")


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a text that Python would run; the warnings that it would print are not printed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
        # The parser alone lets a `return` outside of a function pass. Compiling does not run anything.
        compile(tree, "<source>", "exec", dont_inherit=True, optimize=0)
        return tree
