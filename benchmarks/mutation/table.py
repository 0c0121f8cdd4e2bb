"""The figures as a page of the documentation."""

from __future__ import annotations

import datetime as dt
from importlib.metadata import version

from mutation.judging import Row
from mutation.operators import OPERATORS

PAGE = """# Planted mistakes: what is found

{command} plants each mistake of the rules mechanically, with edits at the spans of the syntax tree: in the references, in
correct model files of every style, and in files of public packages with residual networks in which there is nothing to find.
Torch then runs the correct file and the mutant with the same weights, images and random numbers; a mutant that behaves as
before (state, outputs at two sizes, gradients, running statistics, mode) is equivalent and does not count. A mistake is *found*
when an error or a warning is new (a note only where the mistake deserves no more: {notes}), *at the line* when
one of those names the line that was changed, or one that would mend it just as well, in its span or among its related
places, and *by the rule* when the rule is one of those that the mistake belongs to.

{date}, resnet-check {tool}, torch {torch}, Python {python}; seed {seed}, {files} files, {operators} kinds of mistake.

| mistake | rules | planted | equivalent | found | at the line | by the rule |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
{rows}

## Weak ones

{weak}
"""

WEAK = {
    "1x1 in the middle of a bottleneck": "a 1x1 convolution is only wrong where a name says which network this is; a block"
    " without such a name may have any kernel.",
    "kernel of the stem wrong": "a stem of another kernel is a note at most: many networks with a published name change it"
    " for small images.",
    "shortcut added twice": "a sum of three is a design of its own where the network has no published name.",
    "ReLU after the sum dropped": "networks without a published name may leave the sum as it is, as those for"
    " super-resolution do.",
    "stride handed to padding": "where the shapes do not fit any more, the sum is named and not always the call.",
    "gate without a sigmoid": "the line that builds the gate is named, where the last layer of the gate is meant.",
    "expansion of 2": "where the file writes the widths out as numbers, the first width that does not fit is named.",
    "attribute misspelled where it is built": "where the attribute was set to None before, the block's sum is named.",
}
"""Why an operator is not found, or not at its line, as often as the others."""

LEVEL = 0.9
"""The share at the line below which an operator is called weak."""


def page(rows: list[Row], files: int, seed: int, date: dt.date, python: str) -> str:
    """Return the page, one row an operator."""
    total = Row("**all**", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True)))  # type: ignore[arg-type]
    weak = [row.operator for row in rows if row.real and row.at_line < LEVEL * row.real]
    return PAGE.format(
        command="`python benchmarks/mutants.py`",
        notes=", ".join(f'"{each.name}"' for each in OPERATORS.values() if each.note),
        date=date,
        tool=version("resnet-check"),
        torch=version("torch"),
        python=python,
        seed=seed,
        files=files,
        operators=len(rows),
        rows="\n".join([*(_row(row, " ".join(OPERATORS[row.operator].rules[:3])) for row in rows), _row(total, "")]),
        weak="\n".join(f"- **{name}**: {WEAK.get(name, 'not explained yet.')}" for name in weak) or "None.",
    )


def _row(row: Row, rules: str) -> str:
    shares = (f"{count} ({100 * count / row.real:.0f} %)" if row.real else "-" for count in row[3:])
    return f"| {row.operator} | {rules} | {row.planted} | {row.equivalent} | {' | '.join(shares)} |"
