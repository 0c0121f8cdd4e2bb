"""Leaving out of a report what a baseline knows, and keeping the baseline up to date."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from resnet_check.baseline import Entry, entries, read_baseline, written
from resnet_check.checking import UNREAD
from resnet_check.cli.main import complain
from resnet_check.cli.output import repository_path, repository_root, write_file
from resnet_check.rules.selection import selected, selected_properties

if TYPE_CHECKING:
    from resnet_check.checking import FileReport, Report
    from resnet_check.report import RenderOptions
    from resnet_check.running import Work

Judged = Callable[[Entry], bool]
"""Says whether the run would have found what an entry stands for."""


class Baselines(NamedTuple):
    """The file whose findings are known, and the one to write those of this run to."""

    known: str | None
    target: str | None


def without_known(
    report: Report, work: Sequence[Work], files: Baselines, options: RenderOptions, *, live: bool
) -> tuple[Report, bool]:
    """Return the report without the known findings, and whether the baseline has entries that are out of date.

    Those leave the file, except where ``CI=true``: there the file is not one to be changed.
    """
    found = entries(report.findings, options)
    known = [] if files.known is None else read_baseline(files.known)
    names = {entry.fingerprint for entry in found}
    stale: list[Entry] = []
    if files.target is not None:
        _write(files.target, found, _judge(report, work, files.target, live=live))
        known += found
    elif files.known is not None:
        judged = _judge(report, work, files.known, live=live)
        stale = [entry for entry in known if entry.fingerprint not in names and judged(entry)]
    outdated = bool(stale) and os.environ.get("CI", "").lower() in {"true", "1"}
    if outdated:
        more = f", and {len(stale) - 1} more" if len(stale) > 1 else ""
        complain(f"{files.known} is out of date: {stale[0].rule} is not found in {stale[0].path} any more{more}")
    elif stale and files.known is not None:
        write_file(files.known, written(set(known) - set(stale)))
    return _left(report, found, {entry.fingerprint for entry in known}), outdated


def _left(report: Report, found: Sequence[Entry], known: set[str]) -> Report:
    """Return the report with the findings that are not known."""
    names = iter(entry.fingerprint for entry in found)
    files = tuple(
        file._replace(findings=tuple(finding for finding in file.findings if next(names) not in known))
        for file in report.files
    )
    left = replace(report, files=files)
    return replace(left, known=len(report.findings) - len(left.findings))


def _write(target: str, found: Sequence[Entry], judged: Judged) -> None:
    """Write a baseline: what was found, with the reasons that the file gave, and what this run says nothing about."""
    old = read_baseline(target) if os.path.exists(target) else []
    reasons = {entry.fingerprint: entry.reason for entry in old}
    new = {entry.fingerprint: entry._replace(reason=reasons.get(entry.fingerprint, "")) for entry in found}
    kept = [entry for entry in old if entry.fingerprint not in new and not judged(entry)]
    write_file(target, written([*new.values(), *kept]))


def _judge(report: Report, work: Sequence[Work], baseline: str, *, live: bool) -> Judged:
    """Return what says of an entry whether this run looked for it, or its file is gone."""
    root = repository_root(os.path.dirname(os.path.realpath(baseline)))
    reports = {file.path: file for file in report.files}
    ran = {repository_path(item.path): looked_for(reports[item.path], item, live=live) for item in work}

    def judged(entry: Entry) -> bool:
        if entry.path in ran:
            return entry.rule in ran[entry.path]
        return not os.path.exists(os.path.join(root, entry.path))

    return judged


def looked_for(file: FileReport, item: Work, *, live: bool) -> set[str]:
    """Return the names of the rules that looked at the whole of a file.

    None did at one that could not be read to its end, nor at what an editor holds, which is not finished.
    """
    if item.data is not None or file.failures or any(finding.rule in UNREAD for finding in file.findings):
        return set()
    settings = item.settings
    chosen = (settings.select, settings.extend_select, settings.ignored_in(item.path))
    properties = {each.name for each in selected_properties(*chosen)} if live else set()
    return properties | {rule.name for rule in selected(*chosen)}
