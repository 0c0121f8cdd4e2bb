"""The report as Markdown: a comment on a pull request, or the summary of a job of GitHub Actions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from resnet_check.report import RenderOptions, printable, short, statistics

if TYPE_CHECKING:
    from resnet_check.checking import ModelReport, Report
    from resnet_check.finding import Finding

SPECIAL = re.compile(r"[\\`*_\[\]<>&|~]")
"""What would be read as Markdown or as HTML within a line."""

ROOM = 20_000
"""How many characters the rows of a table may have: a comment of GitHub has up to 65,536, a report three long tables."""


def render(report: Report, options: RenderOptions) -> str:
    """Return a heading, what changed in the architecture where that was asked for, the findings, and the models."""
    blocks = [f"### resnet-check: {_counts(report)}", *_changes(report), *_findings(report, options)]
    blocks += _models(report, options)
    if options.statistics and report.findings:
        rows = [f"| {count:,} | {code} | {name} |" for count, code, name in statistics(report)]
        blocks.append(table("| findings | code | rule |", rows))
    blocks += [f"Not checked: {escaped(failure)}" for failure in report.failures]
    return "\n\n".join(blocks) + "\n"


def _counts(report: Report) -> str:
    counts = ((severity, report.count(severity)) for severity in ("error", "warning", "note"))
    found = [f"{count:,} {severity}{'' if count == 1 else 's'}" for severity, count in counts if count]
    return ", ".join(found) or ("nothing found" if report.models else "no model found")


def _changes(report: Report) -> Iterator[str]:
    if report.changes is not None:
        from resnet_check.report.changes import markdown

        yield markdown(report.changes)


def _findings(report: Report, options: RenderOptions) -> Iterator[str]:
    if report.findings:
        yield table("| severity | where | finding |", [_row(finding, options) for finding in report.findings])


def _row(finding: Finding, options: RenderOptions) -> str:
    text = escaped(finding.message)
    if finding.help:
        text += f"<br>help: {escaped(finding.help)}"
    where = escaped(f"{options.path(finding.path)}:{finding.line}")
    return f"| {finding.severity} {finding.code} | {where} | {text} |"


def _models(report: Report, options: RenderOptions) -> Iterator[str]:
    rows = [_model(options.path(file.path), model) for file in report.files for model in file.models]
    if rows:
        # The empty line lets GitHub and GitLab read the table inside of the element as Markdown.
        models = table("| model | status | parameters | MACs | nearest |", rows)
        summary = f"{len(rows):,} model{'' if len(rows) == 1 else 's'} checked"
        yield f"<details><summary>{summary}</summary>\n\n{models}\n\n</details>"


def _model(path: str, model: ModelReport) -> str:
    params = "" if model.params is None else f"{model.params:,}"
    macs = "" if model.macs is None else short(model.macs).strip()
    nearest = model.variant or ""
    if nearest and model.differences:
        nearest += f", {len(model.differences)} difference{'' if len(model.differences) == 1 else 's'}"
    cells = (f"{escaped(model.name)} ({escaped(path)}:{model.line})", model.status, params, macs, nearest)
    return f"| {' | '.join(cells)} |"


def table(head: str, rows: Sequence[str]) -> str:
    """Return a table of the rows that there is room for, and below it how many more there are."""
    ends = accumulate(len(row) + 1 for row in rows)
    shown = sum(end <= ROOM for end in ends)
    more = f"\n\n{len(rows) - shown:,} more not listed." if shown < len(rows) else ""
    return "\n".join((head, "|" + " --- |" * (head.count("|") - 1), *rows[:shown])) + more


def escaped(text: str) -> str:
    """Return text for the cell of a table, on one line: code between backticks stays code, all else is plain."""
    words = printable(text).split("`")
    if len(words) % 2 == 0:
        return _plain("`".join(words))
    return "".join(_code(word) if number % 2 else _plain(word) for number, word in enumerate(words))


def _plain(text: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", text)


def _code(text: str) -> str:
    """Return a code span; the bar ends a cell even there, and nothing between backticks is no code."""
    return f"`{text.replace('|', chr(92) + '|')}`" if text.strip() else _plain(f"`{text}`")
