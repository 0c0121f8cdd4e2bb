"""Inputs for the fuzzer: Python from a grammar, and real files with tokens, lines or parts of the tree exchanged.

Everything is drawn from a `random.Random`, so a seed gives the same inputs again.
"""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

Bank = dict[str, list[str]]
"""Texts by kind: ``expression``, ``statement`` and ``token``, taken from real files."""

MAX_LINES = 120
"""Longer files are cut to their imports and a few definitions, so that many inputs can be tried."""

HEAD = """import torch
a, b, c, d, n = 1, [2, 3], "ab", {"a": 1, 2: "b"}, 4
k, f, g, y = (5, 6), lambda *args, **kwargs: args, range(3), None
x = torch.zeros(1, 3, 8, 8)
"""
"""A value of each kind, so that not every name is unknown."""

PARTS = ("head", "item", "item", "item", "net", "tail")
SYMBOL = re.compile(r"<(\w+)>")


def grammar_of(text: str) -> dict[str, list[str]]:
    """Return the templates of a grammar's text by symbol; its first lines say how it is written."""
    found: dict[str, list[str]] = {}
    templates: list[str] = []
    for line in text.splitlines():
        mark, rest = line[:2].strip(), line[2:]
        if mark == "*":
            templates += rest.split()
        elif mark == "-":
            templates.append(rest)
        elif line.startswith("["):
            templates = found.setdefault(line[1:-1], [])
        elif found and line:
            templates[-1] += f"\n{rest}"
    return found


GRAMMAR = grammar_of(Path(__file__).with_name("fuzz_grammar.txt").read_text("utf-8"))
FINAL = {symbol: [t for t in templates if not SYMBOL.search(t)] or ["x"] for symbol, templates in GRAMMAR.items()}
FINAL |= {
    "args": ["", "x", "b"],
    "block": ["pass"],
    "class": ["class A: pass"],
    "expr": ["a", "b", "c", "d", "n", "k", "g", "x", "1", "'a'", "[]", "{}", "2.5"],
    "function": ["f = print"],
    "item": ["pass"],
    "member": ["a = 1"],
    "members": ["a = 1"],
    "net": ["n = nn.ReLU()"],
    "params": ["a=1"],
    "simple": ["a = b", "a += 1", "b = [b, b]", "pass", "k = k, k", "del a"],
    "statement": ["pass"],
    "target": ["b"],
}
"""Templates without symbols, for where a file gets too deep."""


def generated(random: Random, depth: int = 7) -> str:
    """Return a file from the grammar."""

    def expand(symbol: str, left: int) -> str:
        template = random.choice(GRAMMAR[symbol] if left > 0 else FINAL[symbol])
        return "\n".join(line_of(line, left) for line in template.split("\n"))

    def line_of(line: str, left: int) -> str:
        indent = line[: len(line) - len(line.lstrip())]
        text = SYMBOL.sub(lambda found: expand(found[1], left - 1), line.lstrip())
        return textwrap.indent(text, indent) if indent else text

    parts = [HEAD, *(valid(lambda symbol=symbol: expand(symbol, depth)) for symbol in PARTS)]
    return "\n".join(parts) + "\n"


def valid(draw: Callable[[], str]) -> str:
    """Return a text that Python can compile, of a few that are drawn; else the last."""
    text = ""
    for _ in range(6):
        text = draw()
        try:
            compile(text, "<part>", "exec")
        except (SyntaxError, ValueError, RecursionError):
            continue
        break
    return text


def segment(lines: list[bytes], node: Any) -> str:
    """Return the text of a node; of a long one only the beginning, which need not be Python."""
    if node.lineno == node.end_lineno:
        return lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode(errors="replace")
    part = lines[node.lineno - 1 : min(node.end_lineno, node.lineno + 8)]
    return textwrap.dedent(b"\n".join(part).decode(errors="replace"))


def bank_of(texts: Iterable[str]) -> Bank:
    """Return the expressions, statements and tokens of real files, short ones, each once."""
    found: dict[str, dict[str, None]] = {"expression": {}, "statement": {}, "token": {}}
    for text in texts:
        lines = text.encode().split(b"\n")
        for node in ast.walk(ast.parse(text)):
            kind = "expression" if isinstance(node, ast.expr) else "statement" if isinstance(node, ast.stmt) else ""
            if kind and (node.end_lineno == node.lineno or kind == "statement"):  # type: ignore[attr-defined]
                found[kind][segment(lines, node)] = None
        found["token"].update((token.string, None) for token in tokens_of(text) if token.string.strip())
    return {kind: list(parts) for kind, parts in found.items()}


def tokens_of(text: str) -> list[tokenize.TokenInfo]:
    """Return the tokens of a text, as far as it can be split."""
    found: list[tokenize.TokenInfo] = []
    with suppress(tokenize.TokenError, IndentationError, SyntaxError):
        found.extend(tokenize.generate_tokens(io.StringIO(text).readline))
    return [token for token in found if token.start < token.end]


def cut(random: Random, text: str) -> str:
    """Return a file, or of a long one its imports and a few of its definitions."""
    if text.count("\n") <= MAX_LINES:
        return text
    body = ast.parse(text).body
    heads = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    others = [node for node in body if node not in heads and (node.end_lineno or 0) - node.lineno < MAX_LINES // 2]
    chosen = sorted(random.sample(others, min(len(others), 3)), key=lambda node: node.lineno)
    return "\n".join(ast.get_source_segment(text, node) or "" for node in (*heads, *chosen)) + "\n"


def exchange_token(random: Random, text: str, bank: Bank) -> str:
    """Delete, double, replace or swap one token."""
    tokens = tokens_of(text)
    if not tokens:
        return text
    token, other = random.choice(tokens), random.choice(tokens)
    new = random.choice(("", f"{token.string} {token.string}", other.string, random.choice(bank["token"])))
    lines = text.split("\n")
    (row, start), (end_row, end) = token.start, token.end
    before, after = lines[row - 1][:start], lines[end_row - 1][end:]
    return "\n".join([*lines[: row - 1], before + new + after, *lines[end_row:]])


def exchange_line(random: Random, text: str, bank: Bank) -> str:
    """Delete, double, move or indent one line, or put a statement there."""
    lines = text.split("\n")
    place, other = random.randrange(len(lines)), random.randrange(len(lines))
    line = lines[place]
    indent = line[: len(line) - len(line.lstrip())]
    new = random.choice(
        ([], [line, line], ["    " + line], [line[4:]], [textwrap.indent(random.choice(bank["statement"]), indent)])
    )
    lines[place : place + 1] = new
    if random.random() < 0.2:
        lines.insert(min(other, len(lines)), line)
    return "\n".join(lines)


class Exchange(ast.NodeTransformer):
    """Puts another part in the place of the expression or statement with a given number."""

    def __init__(self, place: int, new: ast.AST) -> None:
        self.left = place
        self.new = new

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Count the parts of the new one's kind."""
        if isinstance(node, ast.expr if isinstance(self.new, ast.expr) else ast.stmt):
            self.left -= 1
            if self.left == 0:
                return self.new
        return super().generic_visit(node)


def exchange_tree(random: Random, text: str, bank: Bank) -> str:
    """Replace one expression or statement by one of a real file, or of the grammar."""
    try:
        tree = ast.parse(text)
        kind = random.choice(("expression", "expression", "statement"))
        new = ast.parse(random.choice(bank[kind])).body[0]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    part: ast.AST = new.value if kind == "expression" and isinstance(new, ast.Expr) else new
    count = sum(isinstance(node, ast.expr if isinstance(part, ast.expr) else ast.stmt) for node in ast.walk(tree))
    try:
        return ast.unparse(Exchange(random.randint(1, max(count, 1)), part).visit(tree))
    except (ValueError, AttributeError, RecursionError):
        return text


EXCHANGES: Sequence[Callable[[Random, str, Bank], str]] = (exchange_token, exchange_line, exchange_tree, exchange_tree)


def mutated(random: Random, text: str, bank: Bank) -> str:
    """Return a text with one to four changes."""
    for _ in range(random.randint(1, 4)):
        text = random.choice(EXCHANGES)(random, text, bank)
    return text
