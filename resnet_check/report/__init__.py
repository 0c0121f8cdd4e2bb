"""Reports: one module per output format, each with ``render(report, options) -> str``."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from resnet_check.checking import Report

FORMATS = {
    "text": "resnet_check.report.text",
    "concise": "resnet_check.report.concise",
    "json": "resnet_check.report.json",
    "sarif": "resnet_check.report.sarif",
    "github": "resnet_check.report.github",
    "gitlab": "resnet_check.report.gitlab",
    "junit": "resnet_check.report.junit",
    "markdown": "resnet_check.report.markdown",
}
"""The output formats, and the module of each."""


def no_lines(_path: str) -> list[str]:
    """Return the lines of a source file that is not at hand."""
    return []


def as_given(path: str) -> str:
    """Return a path as it was given."""
    return path


class RenderOptions(NamedTuple):
    """How to render: in colour, with the findings of each rule counted where the format has a place for that.

    ``lines`` gives the lines of a source file, and ``path`` what programs that know the repository call it.
    """

    color: bool = False
    statistics: bool = False
    lines: Callable[[str], list[str]] = no_lines
    path: Callable[[str], str] = as_given


def render(output_format: str, report: Report, options: RenderOptions) -> str:
    """Return the report in a format, with the line end of its last line."""
    text: str = importlib.import_module(FORMATS[output_format]).render(report, options)
    return text


def statistics(report: Report) -> list[tuple[int, str, str]]:
    """Return the number of findings, the code and the name of each rule that found something, most first."""
    counts = Counter((finding.code, finding.rule) for finding in report.findings)
    return sorted(((count, code, name) for (code, name), count in counts.items()), key=lambda row: (-row[0], row[1]))


def short(number: int) -> str:
    """Return a number with three digits and the prefix of its unit: ``4.09 G``."""
    for prefix, factor in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= factor:
            return f"{number / factor:.3g} {prefix}"
    return f"{number} "


def printable(text: str) -> str:
    """Return the text with every character that a terminal would act upon written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
