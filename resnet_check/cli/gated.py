"""What a check adds for ``--locked`` and ``--since``: models that are not what they were, and findings that are not new."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from resnet_check.checking import UNREAD, FileReport
from resnet_check.errors import CannotCheckError
from resnet_check.gate.changes import RENAMED
from resnet_check.gate.lines import changed_lines, definition
from resnet_check.gate.lockfile import BETWEEN, NAME, Lock, line_of, nearest_lock, read_lock
from resnet_check.gate.past import Past, from_root, is_below, since
from resnet_check.gate.revision import Repository, repository
from resnet_check.gate.snapshot import Gate

if TYPE_CHECKING:
    from resnet_check.checking import Report
    from resnet_check.config import Settings
    from resnet_check.finding import Finding
    from resnet_check.running import Work

LinesOf = Callable[[str], list[str]]


def lock_here() -> Lock:
    """Return the lock file of this folder."""
    path = nearest_lock(os.curdir)
    if path is None:
        message = f"--locked: there is no {NAME} here or above; `resnet-check lock` writes one"
        raise CannotCheckError(message)
    return read_lock(path)


def gated(work: Sequence[Work], lock: Lock | None) -> list[Work]:
    """Return the work with a gate at each file, against the models that the lock has of it."""
    return [item._replace(gate=Gate(None if lock is None else lock.models(item.path))) for item in work]


# --locked


def with_gone(report: Report, lock: Lock, paths: Sequence[str]) -> Report:
    """Return a report with a finding for each file below the paths that the lock knows and that is gone."""
    asked = [lock.key(path) for path in paths]
    gone = {
        key: models
        for key, models in lock.files.items()
        if any(is_below(key, folder) for folder in asked) and not os.path.exists(lock.whole_path(key))
    }
    if not gone:
        return report
    with open(lock.path, encoding="utf-8") as file:
        text = file.read()
    found = (_gone(lock.path, line_of(text, key), key, [model.name for model in gone[key]]) for key in gone)
    return replace(report, files=(*report.files, FileReport(lock.path, findings=tuple(found))))


def _gone(path: str, line: int, key: str, names: Sequence[str]) -> Finding:
    from resnet_check.finding import Finding
    from resnet_check.rules.architecture_changed import MEANT

    told = " and ".join(f"`{name}`" for name in names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    message = f"the lock file has {told} of {key}, and that file is gone"
    return Finding("architecture-changed", "RC701", "error", path, line, 1, line, 2, message, help=MEANT)


# --since


class New(NamedTuple):
    """What is new since a commit: its changes of models, and by path from the root the lines that are not as they were."""

    repository: Repository
    past: Past
    lines: Mapping[str, frozenset[int]]

    def touches(self, path: str, lines: Sequence[int]) -> bool:
        """Return whether one of the lines of a file, by its path from the root, is new."""
        return not self.lines.get(path, frozenset()).isdisjoint(lines)


def only_new(
    report: Report, name: str, paths: Sequence[str], settings_in: Callable[[str], Settings], lines_of: LinesOf
) -> Report:
    """Return a report with the findings on lines that changed since a revision, and in models that these touch."""
    first = os.path.abspath(paths[0])
    repo = repository(first if os.path.isdir(first) else os.path.dirname(first))
    commit = repo.fork(name)
    past = since(repo, commit, report.files, paths, settings_in)
    lines = {
        path: changed_lines(repo.content(commit, old) if old else b"", _whole(repo, path))
        for path, old in past.changed.items()
        if path.endswith(".py")
    }
    new = New(repo, past, lines)
    files = tuple(file._replace(findings=tuple(_new_findings(file, new, lines_of))) for file in report.files)
    return replace(report, files=files, changes=past.changes)


def _whole(repo: Repository, path: str) -> bytes:
    from resnet_check.source import read_bytes

    whole = os.path.join(repo.root, path)
    return read_bytes(whole) if os.path.isfile(whole) else b""


def _new_findings(file: FileReport, new: New, lines_of: LinesOf) -> Iterator[Finding]:
    """Yield the findings of a file that a change since then may have brought.

    A model is touched where its architecture changed, or a line that it is built or called from. What is found in no
    listed model, in a class that needs arguments say, is taken with the definition at top level that it stands in.
    """
    path = from_root(new.repository, file.path)
    changed = {change.new for change in new.past.changes if change.kind != RENAMED}
    touched = {
        each.name: f"{path}{BETWEEN}{each.name}" in changed
        or any(new.touches(from_root(new.repository, other), lines) for other, lines in each.lines)
        for each in file.snapshots
    }
    for finding in file.findings:
        where = from_root(new.repository, finding.path)
        around = range(finding.line, finding.end_line + 1)
        if finding.model not in touched:
            around = definition(lines_of(finding.path), finding.line)
        if (
            touched.get(finding.model or "")
            or new.touches(where, around)
            or (finding.rule in UNREAD and where in new.lines)
        ):
            yield finding
