"""What a check adds for ``--fix`` and ``--diff``: files are mended, or it is shown how they would be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import unified_diff
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from resnet_check.baseline import read_baseline
from resnet_check.cli.output import write_bytes
from resnet_check.errors import CannotCheckError
from resnet_check.fixing import is_offered, mend
from resnet_check.report import RenderOptions
from resnet_check.report.fingerprint import fingerprints
from resnet_check.running import check_work, each_once
from resnet_check.source import read_bytes, readable, split_lines

if TYPE_CHECKING:
    from resnet_check.checking import FileReport, Report
    from resnet_check.finding import Finding
    from resnet_check.running import Work


class Asked(NamedTuple):
    """Which fixes are to be made: also ``unsafe`` ones, and none of the findings with fingerprints that are ``spared``.

    With ``keep`` no file is written. ``path`` is what fingerprints call a file.
    """

    unsafe: bool
    keep: bool
    spared: frozenset[str]
    path: Callable[[str], str]


class Change(NamedTuple):
    """The content of a file before its fixes and after."""

    path: str
    before: bytes
    after: bytes


class Fixed(NamedTuple):
    """What came of a run: the report on what remains, the work as it is now, and the files that changed."""

    report: Report
    work: list[Work]
    changes: tuple[Change, ...]


def spared(baseline: str | None, report: Report, shown: Report, options: RenderOptions) -> frozenset[str]:
    """Return the fingerprints of the findings that a baseline knows, and of those in a report that are not shown."""
    names = zip(report.findings, fingerprints(report.findings, options), strict=True)
    kept = {id(finding) for finding in shown.findings}
    known = () if baseline is None else (entry.fingerprint for entry in read_baseline(baseline))
    return frozenset([*known, *(name for finding, name in names if id(finding) not in kept)])


def fix_files(report: Report, work: Sequence[Work], asked: Asked, *, use_cache: bool) -> Fixed:
    """Mend the files of a run, each in one step; what comes from standard input is mended in the work.

    A file that was changed by others meanwhile is a failure, and stays as it is. What rests on a changed file is checked
    again.
    """
    files, items, changes, count = [], [], [], 0
    for old, item in zip(report.files, work, strict=True):
        now, new = old, item
        if not old.failures and any(_is_wanted(finding, item, asked) for finding in old.findings):
            data = _content(item)
            mended = mend(item.path, data, item.settings, partial(_wanted, item, asked), item.gate)
            try:
                if mended.made and item.data is None and not asked.keep:
                    _write(item.path, data, mended.data)
                now, new = mended.report, item._replace(data=item.data and mended.data)
                changes += [Change(item.path, data, mended.data)] if mended.made else []
                count += len(mended.made)
            except CannotCheckError as error:
                now = old._replace(failures=(str(error),))
        files.append(now)
        items.append(new)
    if not asked.keep:
        files = list(_again(files, items, {os.path.realpath(change.path) for change in changes}, use_cache=use_cache))
    return Fixed(replace(report, files=tuple(each_once(files)), fixed=count), items, tuple(changes))


def _is_wanted(finding: Finding, item: Work, asked: Asked) -> bool:
    return finding.path == item.path and is_offered(finding, unsafe=asked.unsafe)


def _wanted(item: Work, asked: Asked, report: FileReport, data: bytes) -> list[Finding]:
    """Return the findings of a report on a content of the file whose fixes are asked for."""
    lines = split_lines(readable(data))
    options = RenderOptions(lines=lambda path: lines if path == item.path else [], path=asked.path)
    names = fingerprints(report.findings, options) if asked.spared else [""] * len(report.findings)
    pairs = zip(report.findings, names, strict=True)
    return [finding for finding, name in pairs if name not in asked.spared and _is_wanted(finding, item, asked)]


def _content(item: Work) -> bytes:
    return read_bytes(item.path) if item.data is None else item.data


def _write(path: str, before: bytes, after: bytes) -> None:
    """Write a file that is still as it was when it was checked."""
    if not os.path.isfile(path) or not os.access(path, os.W_OK):
        message = f"cannot fix {path}: it is no file that may be written"
        raise CannotCheckError(message)
    if read_bytes(path) != before:
        message = f"cannot fix {path}: it changed while it was checked"
        raise CannotCheckError(message)
    write_bytes(path, after)


def _again(
    files: Sequence[FileReport], work: Sequence[Work], changed: set[str], *, use_cache: bool
) -> Iterator[FileReport]:
    """Yield the reports, those anew that rest on another file which changed."""
    for file, item in zip(files, work, strict=True):
        rests = any(os.path.realpath(path) in changed for path in file.dependencies)
        yield check_work(item, use_cache=use_cache) if rests and not file.failures else file


def difference(changes: Sequence[Change]) -> str:
    """Return what the fixes change as a unified diff, which ``patch -p0`` understands."""
    return "".join(line for change in changes for line in _difference(change))


def _difference(change: Change) -> Iterator[str]:
    # Lines end as `patch` has it, not as Python does: what else a line of Python ends with is part of it here.
    before, after = (readable(data).split("\n") for data in (change.before, change.after))
    for line in unified_diff(_ended(before), _ended(after), change.path, change.path):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _ended(lines: list[str]) -> list[str]:
    """Return lines that were split at their ends with these again."""
    return [f"{line}\n" for line in lines[:-1]] + [line for line in lines[-1:] if line]
