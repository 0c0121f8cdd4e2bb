"""The report for a person: a code frame for each finding, a line for each model, and what was checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from resnet_check.report import RenderOptions, printable, short, statistics
from resnet_check.report.frame import Label, Paint, frame

if TYPE_CHECKING:
    from resnet_check.checking import FileReport, ModelReport, Report
    from resnet_check.finding import Finding, Related

STYLES = {
    "error": "1;31",
    "warning": "1;33",
    "note": "1;36",
    "secondary": "34",
    "gutter": "1;34",
    "help": "1;32",
    "strong": "1",
    "good": "1;32",
    "dim": "2",
}
"""The style of each part, as a terminal's graphic rendition codes."""

MANY_MODELS = 24
"""Where there are more models than this, those that are complete are only counted."""


def render(report: Report, options: RenderOptions) -> str:
    """Return the report for a person."""
    paint = _paint if options.color else _plain
    blocks = frames(report.findings, options)
    models = "\n".join(_models(report, paint))
    blocks += [models] if models else []
    if options.statistics and report.findings:
        blocks.append("\n".join(_statistics(report)))
    closing = _closing(report, paint)
    if report.known:
        closing += f"\n{_number(report.known, 'known finding')} in the baseline."
    if report.fixed:
        closing += f"\nFixed {_number(report.fixed, 'finding')}."
    closing += "".join(f"\n{paint('help', '[*]')} {text}" for text in _fixable(report.findings))
    blocks.append(closing if report.isolation is None else f"{closing}\nisolation: {report.isolation}")
    return "\n\n".join(blocks) + "\n"


def frames(findings: Iterable[Finding], options: RenderOptions) -> list[str]:
    """Return each finding with its code frame, without the line end of its last line."""
    paint = _paint if options.color else _plain
    return ["\n".join(_finding(finding, options, paint)) for finding in findings]


def _paint(style: str, text: str) -> str:
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def _plain(_style: str, text: str) -> str:
    return text


# Findings.


def _finding(finding: Finding, options: RenderOptions, paint: Paint) -> Iterator[str]:
    head = paint(finding.severity, f"{finding.severity}[{finding.code}]")
    yield f"{head}{paint('strong', ': ' + printable(finding.message))}"
    numbers = [finding.line + 1, *(other.line for other in finding.related)]
    gutter = len(str(max(numbers)))
    for path, labels in _labels_by_path(finding, options).items():
        arrow = "-->" if path == finding.path else ":::"
        yield from frame(path, options.lines(path), labels, gutter=gutter, arrow=arrow, paint=paint)
    for word, text in _remarks(finding):
        yield f"{' ' * gutter} {paint('gutter', '=')} {paint('help' if word == 'help' else 'strong', word)}: {text}"


def _labels_by_path(finding: Finding, options: RenderOptions) -> dict[str, list[Label]]:
    """Return the labels of a finding for each file, its own file and label first."""
    end = finding.end_column if finding.end_line == finding.line else None
    span = (finding.line, finding.column, end)
    first = _label(options.lines(finding.path), span, finding.label, mark="^", style=finding.severity)
    found = {finding.path: [first]}
    for other in finding.related:
        found.setdefault(other.path, []).append(_secondary(other, options))
    return found


def _secondary(other: Related, options: RenderOptions) -> Label:
    lines = options.lines(other.path)
    end = other.end_column if other.end_line == other.line else None
    column = other.column
    if other.end_line is None and 1 <= other.line <= len(lines):
        text = lines[other.line - 1]
        column = len(text) - len(text.lstrip()) + 1
    return _label(lines, (other.line, column, end), other.message, mark="-", style="secondary")


def _label(lines: Sequence[str], span: tuple[int, int, int | None], text: str, *, mark: str, style: str) -> Label:
    """Return the label of a span of one line; one without an end column goes to the end of its line."""
    line, column, end_column = span
    if end_column is None:
        end_column = len(lines[line - 1].rstrip()) + 1 if 1 <= line <= len(lines) else column + 1
    return Label(line, column, end_column, text, mark, style)


def _remarks(finding: Finding) -> Iterator[tuple[str, str]]:
    """Yield the lines below the frame, each with its first word."""
    where = ".".join(part for part in (finding.model, finding.module) if part)
    if where:
        more = f" and {finding.count - 1:,} more" if finding.count > 1 else ""
        yield "where", printable(where) + more
    fix = finding.fix
    help_text = finding.help or (fix.title if fix else "")
    if help_text:
        yield "help", printable(help_text) + (f"  [fix: {'safe' if fix.safe else 'unsafe'}]" if fix else "")


# Models.


def _models(report: Report, paint: Paint) -> Iterator[str]:
    several = len(report.files) > 1
    everything = len(report.models) <= MANY_MODELS
    for file in report.files:
        shown = [model for model in file.models if everything or model.status != "complete"]
        prefix = f"{printable(file.path)}: " if several else ""
        for model in shown:
            yield f"{prefix}{paint('strong', printable(model.name))}: {', '.join(_figures(model))}"
        yield from _unchecked(file, shown, paint)


def _figures(model: ModelReport) -> Iterator[str]:
    """Yield what is known of a model."""
    yield "cannot run as written" if model.status == "failed" else model.status
    if model.params is not None:
        yield f"{model.params:,} parameters"
    at = "" if model.input is None else " at " + "x".join(str(size) for size in model.input[1:])
    if model.macs is not None:
        yield f"{short(model.macs)}MACs{at}"
    elif at and model.status != "failed":
        yield at.strip()
    if model.accepted_sizes is not None:
        ranges = (str(low) if low == high else f"{low}-{high}" for low, high in model.accepted_sizes)
        yield f"sizes {_some(list(ranges), 4)}" if model.accepted_sizes else "no square size"
    if model.variant is not None:
        number = len(model.differences)
        but = f" but for {number} difference{'' if number == 1 else 's'}" if number else ""
        yield f"{model.variant}{but}"


def _unchecked(file: FileReport, models: Iterable[ModelReport], paint: Paint) -> Iterator[str]:
    """Yield for each place past which something was not checked a line that names the models."""
    names: dict[str, list[str]] = {}
    for model in models:
        for unknown in model.unknown[:1]:
            more = f", and {len(model.unknown) - 1} more" if len(model.unknown) > 1 else ""
            place = f"({printable(unknown.path or file.path)}:{unknown.line}{more})"
            names.setdefault(f"{printable(unknown.reason)} {place}", []).append(printable(model.name))
    for reason, found in names.items():
        yield f"  {paint('warning', 'not checked past here')}: {reason}: {_some(found, 3)}"


def _some(words: Sequence[str], limit: int) -> str:
    """Return the first words, and how many more there are."""
    more = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {more} more" if more > 0 else "")


# The end.


def _statistics(report: Report) -> Iterator[str]:
    rows = statistics(report)
    wide = len(str(rows[0][0]))
    for count, code, name in rows:
        yield f"{count:>{wide}}  {code}  {name}"


def _closing(report: Report, paint: Paint) -> str:
    checked = f"{_number(len(report.models), 'model')} checked, {report.seconds:.2f} s"
    files = len({finding.path for finding in report.findings})
    total = len(report.files)
    if report.findings:
        counts = ((severity, report.count(severity)) for severity in ("error", "warning", "note"))
        found = ", ".join(paint(severity, _number(count, severity)) for severity, count in counts if count)
        where = _number(total, "file") if files >= total else f"{files} of {_number(total, 'file')}"
        return f"Found {found} in {where} ({checked})."
    where = printable(report.files[0].path) if total == 1 else _number(total, "file")
    if not report.models:
        return f"No model found in {where}: {paint('warning', 'nothing was checked')} ({report.seconds:.2f} s)."
    if report.failures:
        return f"Nothing found in {where}, as far as it could be checked ({checked})."
    if broken := sum(model.status == "failed" for model in report.models):
        return f"Nothing found in {where}, but {_number(broken, 'model')} cannot run as written ({checked})."
    return f"{paint('good', 'Nothing found')} in {where} ({checked})."


def _fixable(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield how many findings could be fixed, if there are any."""
    kinds = Counter(finding.fix.safe for finding in findings if finding.fix is not None)
    safe, unsafe = kinds[True], kinds[False]
    if safe:
        yield f"{safe:,} fixable with --fix" + (f" ({unsafe:,} more with --unsafe-fixes)" if unsafe else "")
    elif unsafe:
        yield f"{unsafe:,} fixable with --fix --unsafe-fixes"


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
