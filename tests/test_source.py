"""Sources: decoding, parsing, places, and the words for what is no Python."""

import ast
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_check.errors import CannotCheckError
from resnet_check.source import MAX_BYTES, parse_source, read_source

NOT_PYTHON = [
    # content, kind, line to mend, a part of the message
    (b"class A:\ndef f(self):\n    return 1\n", "lost-indentation", 2, "belongs to the class definition on line 1"),
    (b"class A:\ndef f(self):\nreturn 1\n", "lost-indentation", 2, "no line of the file is indented"),
    (b"class A:\n    def f(self):\n", "lost-indentation", 2, "nothing is indented below the function definition"),
    (b"def f(x):\n    y = 1\nz = y\nreturn z\n", "lost-indentation", 3, "lines 3 to 4 lost their indentation"),
    (b"def f(x):\n    y = 1\n\nreturn y\n", "lost-indentation", 4, "it lost its indentation"),
    (b"def f():\n    a = 1\nb = 2\n    c = 3\n", "lost-indentation", 3, "the lines around it are indented further"),
    (b"x = 1\n    y = 2\n", "lost-indentation", 2, "no block begins above it"),
    (b"def f(x):\n    y = 1\n  z = 2\n", "lost-indentation", 3, "indented by 2 columns, which no enclosing block is"),
    (b"if x:\n\ty = 1\n        z = 2\n", "tabs", 3, "mixes tabs and spaces"),
    (b"print 'a'\n", "python-2", 1, "`print` without parentheses"),
    (b"try:\n    pass\nexcept A, e:\n    pass\n", "python-2", 3, "except Error, name"),
    (b"raise E, 'x'\n", "python-2", 1, "raise statement"),
    (b"mode = 0755\n", "python-2", 1, "octal"),
    (b"x = 1\n>>> y\n", "not-python", 2, "an interpreter prompt"),
    (b"%matplotlib inline\n", "not-python", 1, "a notebook command"),
    (b"<<<<<<< HEAD\nx = 1\n", "not-python", 1, "merge conflict"),
    (b"```python\nx = 1\n```\n", "not-python", 1, "Markdown"),
    (b"<!DOCTYPE html>\n", "not-python", 1, "HTML"),
    ("x = “a”\n".encode(), "not-python", 1, "U+201C"),
    ("x = 1\u00a0+ 2\n".encode(), "not-python", 1, "U+00A0"),
    (b"x = (\n", "not-python", 1, "was never closed"),
    (b"def f(a, a): pass\n", "not-python", 1, "duplicate argument"),
    (b"x = 1\ny = 'a\0b'\n", "nul-byte", 2, "NUL byte"),
    ("x = 1\n".encode("utf-16"), "encoding", 1, "UTF-16"),
    (b"a\nb\nc\nx = '\xe9'\n", "encoding", 4, "byte 0xe9 is not UTF-8"),
    (b"x = '\xe9'\n", "encoding", 1, "byte 0xe9 is not UTF-8"),
    (b"#!python\n# coding: nonsense\n", "encoding", 2, "none that Python can read"),
    (b"# coding: rot13\nk = 1\n", "encoding", 1, "none that Python can read"),
    (b"# coding: unicode_escape\nx = '\\ud800'\n", "not-python", 1, "surrogates"),
    (b"-" * 100_000 + b"1", "too-deep", 1, "nested too deeply"),
    (b"x" + b".a" * 100_000, "too-deep", 1, "nested too deeply"),
    (b"x = 1\n" * 100_000, "too-large", 1, "larger than 512 KiB"),
]


@pytest.mark.parametrize(("data", "kind", "line", "words"), NOT_PYTHON)
def test_what_is_no_python_is_told_with_its_line(data, kind, line, words):
    problem = parse_source("model.py", data).problem
    assert problem is not None
    assert (problem.kind, problem.line) == (kind, line)
    assert words in problem.message


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"# coding: latin-1\nx = '\xe9'\n", "# coding: latin-1\nx = 'é'\n"),
        (b"x = 1\r\ny = 2\r\n", "x = 1\r\ny = 2\r\n"),
        (b"", ""),
    ],
)
def test_what_is_python_is_decoded_as_python_does(data, text):
    source = parse_source("model.py", data)
    assert source.problem is None
    assert source.text == text


def test_warnings_about_the_checked_file_are_not_printed():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse_source("model.py", b"x = '\\d'\nassert (1, 'x')\n1 is 1\n").tree is not None


def test_lines_are_counted_as_python_counts_them():
    source = parse_source("model.py", "a = '\u2028\x0c'\r\nb = 2\rc = 3\n".encode())
    assert [node.lineno for node in source.tree.body] == [1, 2, 3]
    assert source.lines[1:] == ["b = 2", "c = 3", ""]


@given(st.text(alphabet="aéß漢😀 ", max_size=12))
def test_columns_count_code_points(before):
    source = parse_source("model.py", f"{before!r}; name\n".encode())
    path, line, column, _, end_column = source.span(source.tree.body[1])
    assert (path, line) == ("model.py", 1)
    assert source.lines[0][column - 1 : end_column - 1] == "name"


def test_a_site_is_the_place_of_a_node():
    source = parse_source("model.py", b"x = [\n  1,\n]\n")
    site = source.site(source.tree.body[0].value)
    assert (site.line, site.column, site.end_line, site.end_column) == (1, 5, 3, 2)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_explained(data):
    source = parse_source("model.py", data)
    assert (source.tree is None) == (source.problem is not None)
    assert source.problem is None or 1 <= source.problem.line <= len(source.lines)


@given(
    st.lists(st.sampled_from(["class A:", "def f(self):", "  return x", "return x", "    y = 1", "\tz", "else:", ""]))
)
def test_any_loss_of_indentation_is_parsed_or_explained(rows):
    source = parse_source("model.py", "\n".join(rows).encode())
    assert (source.tree is None) == (source.problem is not None)
    assert source.problem is None or 1 <= source.problem.line <= len(source.lines)


@pytest.mark.parametrize("codec", ["punycode", "idna", "utf-7", "raw_unicode_escape", "undefined", "zlib", "mbcs"])
def test_an_odd_encoding_is_parsed_or_explained(codec):
    start = time.process_time()
    source = parse_source("model.py", f"# coding: {codec}\n".encode() + b"ax" * 200_000 + b"-" + b"b" * 50_000)
    assert (source.tree is None) == (source.problem is not None)
    assert time.process_time() - start < 5


def test_a_file_that_is_not_there_cannot_be_read():
    with pytest.raises(CannotCheckError, match=r"cannot read nothing\.py: No such file"):
        read_source("nothing.py")


def test_of_a_file_without_end_only_the_beginning_is_read():
    source = read_source("/dev/zero")
    assert source.problem.kind == "too-large"
    assert len(source.text) <= MAX_BYTES + 1


def test_the_tree_is_a_module():
    assert isinstance(parse_source("model.py", b"x = 1\n").tree, ast.Module)
