"""The summary for a person: each model's modules as a tree in a table, and below it what holds for the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.text import Text

from resnet_check.checking import ModelReport
from resnet_check.report import printable, short
from resnet_check.report.drawing import Column, View, facts, lines, listed, table
from resnet_check.report.summary.rows import FORWARD, OF_MODULE, UNREGISTERED, Row, count, cut, height, rolled_up

ROWS_AT_EASE = 40
"""Without a depth that is asked for, a table is as deep as stays within these rows."""

BYTES_OF_FLOAT = 4

GUIDES = {True: ("├─ ", "└─ ", "│  ", "   "), False: ("|- ", "`- ", "|  ", "   ")}
"""The marks of a tree in Unicode and without: a branch, the last one, and what passes by each."""


class Summary(NamedTuple):
    """What is shown of a model.

    ``mistakes`` says why it cannot run, in the words of the check; ``computes`` how it compares with its reference.
    """

    model: ModelReport
    path: str
    root: Row
    mistakes: tuple[str, ...] = ()
    computes: str = ""


COLUMNS = (
    Column("module"),
    Column("", 4),
    Column("output"),
    Column("parameters", right=True),
    Column("%", 2, right=True),
    Column("MACs", 5, right=True),
    Column("%", 1, right=True),
    Column("stage", 3),
    Column("", 6),
)


def render(summaries: Sequence[Summary], view: View, depth: int | None = None) -> str:
    """Return the summaries of the models, one below the other, with so many levels (None: as many as are read at ease)."""
    blocks: list[str] = []
    seen: list[Summary] = []
    for summary in summaries:
        twin = next((other for other in seen if _same(other, summary)), None)
        seen.append(summary)
        blocks.append(
            "\n".join(_title(summary, view, twin) if twin else (*_title(summary, view), *_body(summary, view, depth)))
        )
    return "\n\n".join(blocks) + "\n"


def _same(one: Summary, other: Summary) -> bool:
    """Return whether two models of a file have the same rows and figures."""
    alike = one.model._replace(name="", kind="", line=0) == other.model._replace(name="", kind="", line=0)
    return alike and one[1:3] == other[1:3]


def _title(summary: Summary, view: View, twin: Summary | None = None) -> Iterator[str]:
    model = summary.model
    where = f"{model.kind}, {printable(summary.path)}:{model.line}" if summary.path else model.kind
    same = f": the same as {printable(twin.model.name)}" if twin else ""
    line = Text.assemble((printable(model.name), "bold"), (f"  {where}", "dim"), same)
    yield from lines(line, view)


def _body(summary: Summary, view: View, depth: int | None) -> Iterator[str]:
    root = shown(summary, depth)
    if root.children:
        yield ""
        yield from lines(table(COLUMNS, list(cells(root, GUIDES[view.unicode])), view), view)
    yield ""
    yield from lines(facts(said(summary)), view)


def shown(summary: Summary, depth: int | None = None) -> Row:
    """Return the rows that are shown, with so many levels of modules (None: as many as are read at ease)."""
    root = rolled_up(summary.root)
    return cut(root, depth_at_ease(root) if depth is None else depth)


def depth_at_ease(root: Row) -> int:
    """Return how many levels of rows are read at ease."""
    depths = range(2, height(root) + 1)
    return max((depth for depth in depths if count(cut(root, depth)) <= ROWS_AT_EASE), default=1)


# The table.


def cells(root: Row, guides: Sequence[str]) -> Iterator[list[Text]]:
    """Yield the cells of all rows below the root, one for each of `COLUMNS`."""
    return _cells(root, guides, root)


def _cells(row: Row, guides: Sequence[str], root: Row, before: str = "") -> Iterator[list[Text]]:
    """Yield the cells of all rows below a row."""
    branch, end, passing, nothing = guides
    for child in row.children:
        last = child is row.children[-1]
        guide = (before + (end if last else branch)) if row is not root else ""
        yield [
            Text.assemble((guide, "dim"), (printable(child.name), "italic" if child.kind in OF_MODULE else "")),
            Text(_kind(child)),
            Text(", ".join(map(shape, child.outputs[:3])) + (", ..." if len(child.outputs) > 3 else "")),
            Text(_figure(child.params, child.count, "{:,}".format)),
            Text("" if UNREGISTERED in child.remarks else _share(child.params, child.count, root.params), "dim"),
            Text(_figure(child.macs, child.count, short)),
            Text(_share(child.macs, child.count, root.macs), "dim"),
            Text(child.place, "cyan"),
            Text("; ".join(map(printable, child.remarks)), "yellow"),
        ]
        yield from _cells(child, guides, root, before + (nothing if last else passing) if row is not root else "")


def _kind(row: Row) -> str:
    many = f"{row.count} x " if row.count > 1 else ""
    name = "" if row.kind == FORWARD else row.kind
    return " ".join(filter(None, (many + printable(name), row.detail)))


def _figure(number: int | None, many: int, written: Callable[[int], str]) -> str:
    """Return a figure, with the number of rows that it stands for; nothing for none at all."""
    if number is None:
        return "?"
    if not number:
        return ""
    text = written(number).strip()
    return f"{many} x {text}" if many > 1 else text


def _share(number: int | None, many: int, whole: int | None) -> str:
    return f"{100 * many * number / whole:.1f}" if number and whole else ""


def shape(output: Any) -> str:
    """Return an output without its batch: ``64x56x56``, lists in brackets, dicts in braces, ``?`` for what is not known."""
    if isinstance(output, tuple):
        sizes = output[1:] if output[:1] == (None,) else output
        return "x".join("N" if size is None else str(size) for size in sizes) or "scalar"
    if not _knows(output):
        return "?"
    if isinstance(output, list):
        return f"[{', '.join(map(shape, output))}]"
    return "{" + ", ".join(f"{printable(name)}: {shape(part)}" for name, part in output.items()) + "}"


def _knows(output: Any) -> bool:
    """Return whether the shape of any tensor in an output is known."""
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, list) else ()
    return isinstance(output, tuple) or any(map(_knows, parts))


# What holds for the whole.


def said(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield what is said of the whole model: a title, empty for more of the same, and the words."""
    model = summary.model
    if model.input is not None:
        yield "input", shape(tuple(model.input))
    if model.status == "complete":
        yield "output", ", ".join(map(shape, summary.root.outputs))
    yield (
        "parameters",
        "?" if model.params is None else f"{model.params:,} ({short(BYTES_OF_FLOAT * model.params)}B as float32)",
    )
    if model.status != "failed":
        yield "MACs", "?" if model.macs is None else f"{model.macs:,} for one image"
    if model.accepted_sizes is not None:
        ranges = (str(low) if low == high else f"{low}-{high}" for low, high in model.accepted_sizes)
        yield "sizes", ", ".join(ranges) or "no square size"
    if model.depth is not None:
        yield "depth", f"{model.depth} layers"
    if model.variant is not None:
        yield "variant", model.variant
    yield from listed("differences", model.differences)
    if summary.computes:
        yield "computes", printable(summary.computes)
    yield from listed("cannot run", map(printable, summary.mistakes))
    path = summary.path
    reasons = (f"{place(unknown.path or path, unknown.line, path)}: {unknown.reason}" for unknown in model.unknown)
    yield from listed("not known", map(printable, reasons))


def place(path: str, line: int, here: str) -> str:
    """Return the words for a line, seen from a file."""
    return f"line {line}" if path == here else f"{path}:{line}"
