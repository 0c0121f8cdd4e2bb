"""What keeps a file from being parsed, in words that say which line to mend."""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from collections.abc import Callable, Sequence
from typing import NamedTuple

from resnet_check.source import MAX_BYTES, SLOW_ENCODINGS, readable, split_lines, text_span

WIDE_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class SourceProblem(NamedTuple):
    """Why a file could not be parsed. ``kind`` names the kind of problem; lines and columns count from 1."""

    kind: str
    message: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 2
    label: str = ""
    help: str = ""
    related: tuple[tuple[int, str], ...] = ()


def explain(error: SyntaxError, lines: Sequence[str]) -> SourceProblem:
    """Return the problem that Python's own error speaks of."""
    line = min(max(error.lineno or 1, 1), len(lines))
    for fits, describe in DESCRIPTIONS:
        match = re.search(fits, error.msg)
        if match and (problem := describe(match, line, lines)):
            return problem
    return _as_python_says(error, line)


def _as_python_says(error: SyntaxError, line: int) -> SourceProblem:
    column = max(error.offset or 1, 1)
    end_line, end_column = error.end_lineno or line, error.end_offset or 0
    if (end_line, end_column) <= (line, column):
        end_line, end_column = line, column + 1
    message = error.msg[:1].lower() + error.msg[1:]
    return SourceProblem("not-python", f"not Python: {message}", line, column, end_line, end_column)


def _at(
    kind: str,
    line: int,
    lines: Sequence[str],
    message: str,
    *,
    label: str = "",
    help: str = "",  # noqa: A002 - the word of the report
    related: tuple[tuple[int, str], ...] = (),
) -> SourceProblem:
    """Return a problem that spans the code of one line."""
    start, end = text_span(lines[line - 1])
    return SourceProblem(kind, message, line, start, line, end, label, help, related)


# Lost indentation, as in code that was copied from a web page.


def _indent(line: str) -> int:
    return len(line.expandtabs()) - len(line.expandtabs().lstrip())


def _nothing_is_indented(lines: Sequence[str]) -> bool:
    return not any(line[:1] in (" ", "\t") for line in lines if line.strip())


def _body_missing(match: re.Match[str], line: int, lines: Sequence[str]) -> SourceProblem | None:
    opener = int(match[2])
    what = f"{match[1]} on line {opener}"
    everywhere = _nothing_is_indented(lines)
    if line <= opener or not lines[line - 1].strip():
        return _at(
            "lost-indentation",
            opener,
            lines,
            f"nothing is indented below the {what}",
            help="indent the lines of its body",
        )
    return _at(
        "lost-indentation",
        line,
        lines,
        f"line {line} lost its indentation: it belongs to the {what}"
        + (", and no line of the file is indented" if everywhere else ""),
        label="has to be indented",
        help="copy the code again from a place that keeps its indentation"
        if everywhere
        else f"indent it below line {opener}",
        related=((opener, "the block begins here"),),
    )


def _unexpected_indent(_: re.Match[str], line: int, lines: Sequence[str]) -> SourceProblem | None:
    lost = _lost_before(line, lines)
    if lost is not None:
        return _at(
            "lost-indentation",
            lost,
            lines,
            f"line {lost} lost its indentation: the lines around it are indented further",
            label="less indented than its neighbours",
            help=f"indent it like line {line}",
            related=((line, "goes on further in"),),
        )
    return _at(
        "lost-indentation",
        line,
        lines,
        f"line {line} is indented, but no block begins above it",
        label="indented further than the line above",
        help="take the indentation away, or restore the line that opened the block",
    )


def _lost_before(line: int, lines: Sequence[str]) -> int | None:
    """Return the first of up to three less indented lines above that stand between lines indented like this one."""
    depth, first = _indent(lines[line - 1]), None
    for number in range(line - 1, max(line - 9, 0), -1):
        text = lines[number - 1]
        if not text.strip():
            continue
        if _indent(text) >= depth:
            return first
        if re.match(r"\s*(class|def|async|@|if|for|while|with|try|else|elif|except|finally|match|case)\b", text):
            return None
        first = number
    return None


def _dedent(_: re.Match[str], line: int, lines: Sequence[str]) -> SourceProblem | None:
    return _at(
        "lost-indentation",
        line,
        lines,
        f"line {line} is indented by {_indent(lines[line - 1])} columns, which no enclosing block is",
        label="matches no block above",
        help="indent it like the other lines of its block",
    )


def _outside_function(match: re.Match[str], line: int, lines: Sequence[str]) -> SourceProblem | None:
    """Blame the line at which the body of the ``def`` above broke off."""
    lost = line
    for number in range(line, 0, -1):
        text = lines[number - 1]
        if not text.strip():
            break
        if _indent(text) > _indent(lines[line - 1]):
            break
        if re.match(r"\s*(class|def|async|@|if|import|from)\b", text):
            break
        lost = number
    return _at(
        "lost-indentation",
        lost,
        lines,
        f"{match[1]} on line {line} is outside of a function: "
        + ("it lost its indentation" if lost == line else f"lines {lost} to {line} lost their indentation"),
        label="has to be indented",
        help="indent it like the other lines of the function",
        related=() if lost == line else ((line, f"the {match[1]}"),),
    )


def _tabs(_: re.Match[str], line: int, lines: Sequence[str]) -> SourceProblem | None:
    return _at(
        "tabs",
        line,
        lines,
        f"line {line} mixes tabs and spaces in its indentation",
        help="indent with spaces only",
    )


# Python 2, prompts, marks of other programs.


def _python2(what: str, now: str) -> Callable[..., SourceProblem]:
    def describe(_: re.Match[str], line: int, lines: Sequence[str]) -> SourceProblem:
        return _at("python-2", line, lines, f"Python 2: {what}", help=f"write {now}, or run 2to3 over the file")

    return describe


MARKS_OF_OTHERS = (
    (r"\s*>>> ", "an interpreter prompt", "remove the `>>> ` and `... ` at the beginning of lines"),
    (r"\s*In \[\d*\]:", "a notebook prompt", "remove the prompts"),
    (r"(<<<<<<<|=======|>>>>>>>)( |$)", "the mark of a merge conflict", "resolve the conflict"),
    (r"\s*```", "a Markdown fence", "keep only the code between the fences"),
    (r"\s*<(!doctype|html|head|body|div|p|pre|code|span)\b", "HTML", "copy the code only, not the page"),
    (r"\s*[%!]\s*\w+", "a notebook command", "remove it, or export the notebook as a script"),
    (r"\s*print\s+[^(\s=]", "Python 2's print statement", "write `print(...)`"),
    (r"\s*exec\s+[^(\s=]", "Python 2's exec statement", "write `exec(...)`"),
    (r"\s*raise\s+[\w.]+\s*,", "Python 2's raise statement", "write `raise Error(...)`"),
    (r"\s*except\s+[\w.]+\s*,\s*\w+\s*:", "Python 2's except clause", "write `except Error as name:`"),
)
"""The beginning of a line, what it is, and what to do."""


def _foreign(_: re.Match[str], line: int, lines: Sequence[str]) -> SourceProblem | None:
    for beginning, what, cure in MARKS_OF_OTHERS:
        if re.match(beginning, lines[line - 1], re.IGNORECASE):
            kind = "python-2" if what.startswith("Python 2") else "not-python"
            return _at(kind, line, lines, f"not Python 3: {what}", help=cure)
    return None


def _character(match: re.Match[str], line: int, lines: Sequence[str]) -> SourceProblem | None:
    code = int(match[1], 16)
    column = lines[line - 1].find(chr(code)) + 1
    cure = TYPED_INSTEAD.get(code, "type the character again: web pages and word processors replace it")
    message = f"not Python: the character U+{code:04X} stands where only code may"
    return SourceProblem("not-python", message, line, max(column, 1), line, max(column, 1) + 1, help=cure)


TYPED_INSTEAD = {
    **dict.fromkeys((0x201C, 0x201D, 0x201E), 'type the straight quote `"`'),
    **dict.fromkeys((0x2018, 0x2019), "type the straight quote `'`"),
    **dict.fromkeys((0x00A0, 0x3000), "replace it by an ordinary space"),
    **dict.fromkeys((0x2013, 0x2014, 0x2212), "type the hyphen `-`"),
    **dict.fromkeys((0x200B, 0xFEFF), "delete it: it has no width"),
    0x00D7: "type `*`",
    0xFF08: "type `(`",
    0xFF09: "type `)`",
    0xFF0C: "type `,`",
    0xFF1A: "type `:`",
}
"""What the author meant by a character that a web page or a word processor put in."""

DESCRIPTIONS: tuple[tuple[str, Callable[..., SourceProblem | None]], ...] = (
    (r"expected an indented block after (.+) on line (\d+)", _body_missing),
    (r"unexpected indent", _unexpected_indent),
    (r"unindent does not match", _dedent),
    (r"('return'|'yield'|'await') outside", _outside_function),
    (r"inconsistent use of tabs", _tabs),
    (r"call to 'print'", _python2("`print` without parentheses", "`print(...)`")),
    (r"call to 'exec'", _python2("`exec` without parentheses", "`exec(...)`")),
    (r"multiple exception types", _python2("`except Error, name`", "`except Error as name`")),
    (r"leading zeros in decimal", _python2("an octal number without `0o`", "`0o755` for `0755`")),
    (r"invalid (?:non-printable )?character.*U\+([0-9A-F]+)", _character),
    (r".", _foreign),
)
"""Python's message, and the function that says it better; the first that returns something wins."""


# Problems before the parser, and of the parser.


def _at_byte(kind: str, data: bytes, offset: int, message: str, cure: str) -> SourceProblem:
    """Return a problem at a byte, when each byte is one character."""
    before = data[:offset].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return SourceProblem(kind, message, line, column, line, column + 1, help=cure)


def _too_large(_: Exception, data: bytes) -> SourceProblem | None:
    if len(data) <= MAX_BYTES:
        return None
    return SourceProblem("too-large", f"the file is larger than {MAX_BYTES // 1024} KiB and was not read")


def _wide_encoding(_: Exception, data: bytes) -> SourceProblem | None:
    if not data.startswith(WIDE_MARKS):
        return None
    return SourceProblem("encoding", "the file is encoded as UTF-16 or UTF-32", help="save it as UTF-8")


def _null_byte(_: Exception, data: bytes) -> SourceProblem | None:
    offset = data.find(b"\0")
    if offset < 0:
        return None
    return _at_byte("nul-byte", data, offset, "the file holds a NUL byte, so it is not text", "delete the byte")


def _undecodable(error: Exception, data: bytes) -> SourceProblem | None:
    """Return the problem of a byte that is not of the file's encoding."""
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError:
        encoding = "utf-8"
    if encoding.lower() in SLOW_ENCODINGS:
        return _unknown_encoding(data)
    try:
        data.decode(encoding)
    except UnicodeDecodeError as wrong:
        # A decoder that leaves out the mark at the beginning may count from behind it.
        message = f"the byte 0x{wrong.object[wrong.start]:02x} is not {encoding.upper().removesuffix('-SIG')}"
        cure = "save the file as UTF-8, or declare its encoding in its first line: `# -*- coding: latin-1 -*-`"
        return _at_byte("encoding", data, len(data) - len(wrong.object) + wrong.start, message, cure)
    except (LookupError, UnicodeError):
        return _unknown_encoding(data)
    return _unknown_encoding(data) if "encoding" in str(error) and not getattr(error, "lineno", None) else None


def _unknown_encoding(data: bytes) -> SourceProblem:
    """Return the problem of a declaration that names no encoding of text."""
    lines = data.decode("latin-1").splitlines()[:2]
    line = next((number for number, content in enumerate(lines, 1) if "coding" in content), 1)
    message = "the encoding that the file declares is none that Python can read text with"
    return _at("encoding", line, lines, message, help="declare `utf-8`, or nothing")


def _too_deep(error: Exception, _: bytes) -> SourceProblem | None:
    if not isinstance(error, RecursionError | MemoryError):
        return None
    return SourceProblem("too-deep", "an expression is nested too deeply for Python to parse")


def _explained(error: Exception, data: bytes) -> SourceProblem | None:
    return explain(error, split_lines(readable(data))) if isinstance(error, SyntaxError) else None


DIAGNOSES: tuple[Callable[[Exception, bytes], SourceProblem | None], ...] = (
    _too_large,
    _wide_encoding,
    _null_byte,
    _undecodable,
    _too_deep,
    _explained,
)
"""What may be wrong with a file, in the order in which Python would find it; the first that is wins."""


def diagnose(error: Exception, data: bytes) -> SourceProblem:
    """Return what kept a file's content from being parsed, given the error that said so."""
    found = (diagnosis(error, data) for diagnosis in DIAGNOSES)
    return next((problem for problem in found if problem), SourceProblem("not-python", f"not Python: {error}"))
