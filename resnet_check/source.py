"""Source: one parsed file, with the places of its syntax tree and its suppression comments."""

from __future__ import annotations

import ast
import codecs
import io
import tokenize
import warnings
from dataclasses import dataclass
from functools import cached_property

from resnet_check import syntax
from resnet_check.errors import CannotCheckError
from resnet_check.graph.records import Site
from resnet_check.suppression import Suppression, find_suppressions
from resnet_check.syntax import SourceProblem

MAX_BYTES = 512 * 1024
"""The largest file that is parsed: Python's own parser needs up to a kilobyte of memory for each byte of source."""

WIDE_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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


def read_source(path: str) -> Source:
    """Return the Source of a file."""
    return parse_source(path, read_bytes(path))


def read_bytes(path: str) -> bytes:
    """Return a file's content, of a file that is too large only enough to see that."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise CannotCheckError(message) from error
    except ValueError as error:
        message = f"cannot read {path!r}: {error}"
        raise CannotCheckError(message) from error


def parse_source(path: str, data: bytes) -> Source:
    """Return the Source of a file's content; whatever keeps it from being parsed is its problem."""
    if len(data) > MAX_BYTES:
        return Source(path, "", None, syntax.too_large(MAX_BYTES))
    text, problem = decode(data)
    if problem is not None:
        return Source(path, text, None, problem)
    tree, problem = _parse(text)
    return Source(path, text, tree, problem)


def decode(data: bytes) -> tuple[str, SourceProblem | None]:
    """Return the text of a file's content by the rules of PEP 263, or what is wrong with its encoding."""
    if data.startswith(WIDE_MARKS):
        return "", syntax.wide_encoding()
    if b"\0" in data:
        return data.decode("latin-1"), syntax.null_byte(data)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding), None
    except UnicodeDecodeError as error:
        return data.decode("latin-1"), syntax.undecodable(data, error)
    except (SyntaxError, LookupError, UnicodeError):
        return _decode_loosely(data)


def _decode_loosely(data: bytes) -> tuple[str, SourceProblem | None]:
    """Tell a byte that is not UTF-8 in the first lines from a declaration that names no encoding."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return data.decode("latin-1"), syntax.undecodable(data, error)
    return text, syntax.unknown_encoding(text)


def _parse(text: str) -> tuple[ast.Module | None, SourceProblem | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text)
            # The parser alone lets a `return` outside of a function pass. Compiling does not run anything.
            compile(tree, "<source>", "exec", dont_inherit=True, optimize=0)
        except SyntaxError as error:
            return None, syntax.explain(error, split_lines(text))
        except (RecursionError, MemoryError):
            return None, syntax.too_deep()
        except ValueError as error:
            return None, syntax.unreadable(error)
    return tree, None
