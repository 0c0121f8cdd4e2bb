"""The models of a project as they were in a commit, and what has become of them since."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from resnet_check.checking import FileReport
from resnet_check.config import Settings
from resnet_check.gate.changes import ModelChange, Side, model_changes
from resnet_check.gate.lockfile import BETWEEN
from resnet_check.gate.revision import Repository, laid_out
from resnet_check.gate.snapshot import Gate
from resnet_check.running import Work, run

READABLE = ("syntax-error",)
"""The rule that says whether a file can be read at all: what else is wrong with it is not the question here."""


class Past(NamedTuple):
    """What became of models since a commit, and what kept some of them from being compared.

    ``changed`` are the paths that are not as they were, with what each was called; ``compared`` is the number of models
    that were looked at on either side. Paths are from the root of the repository.
    """

    changed: Mapping[str, str | None]
    changes: tuple[ModelChange, ...] = ()
    failures: tuple[str, ...] = ()


def since(
    repository: Repository,
    commit: str,
    files: Sequence[FileReport],
    is_inside: Callable[[str], bool],
    settings_in: Callable[[str], Settings],
) -> Past:
    """Return what became of the models since a commit, given the reports with Snapshots of the files as they are.

    Only what a change can have reached is read again: files that changed, and those that rest on one that did. Of the
    files that are gone those count of whose path from the root ``is_inside`` says so.
    """
    changed = repository.changed(commit)
    now = {from_root(repository, report.path): report for report in files}
    reached = {
        path: report
        for path, report in now.items()
        if path in changed or any(from_root(repository, other) in changed for other in report.dependencies)
    }
    tree = repository.tree(commit) if changed else {}
    gone = [old for path, old in changed.items() if old in tree and old not in now and (path in now or is_inside(old))]
    wanted = [path for path in dict.fromkeys([*reached, *gone]) if path in tree and path.endswith(".py")]
    before = _read(repository, tree, wanted, settings_in) if wanted else []
    old, new = named(dict(zip(wanted, before, strict=True))), named(reached)
    moved = {
        f"{path}{BETWEEN}{each.name}": f"{was}{BETWEEN}{each.name}"
        for path, was in changed.items()
        if was not in {None, path} and path in now
        for each in now[path].snapshots
    }
    return Past(changed, model_changes(old, new, moved), tuple(unreadable([*before, *reached.values()])))


def _read(
    repository: Repository, tree: Mapping[str, str], paths: Sequence[str], settings_in: Callable[[str], Settings]
) -> list[FileReport]:
    """Return the reports of files as they are in a tree, under their paths from the root."""
    with laid_out(repository, tree) as folder:
        work = [
            Work(os.path.join(folder, path), bare(settings_in(os.path.dirname(path))), gate=Gate()) for path in paths
        ]
        reports = run(work, use_cache=False).files
    return [report._replace(path=path) for path, report in zip(paths, reports, strict=True)]


def bare(settings: Settings) -> Settings:
    """Return settings under which only the models of a file are looked at, and whether it can be read."""
    from dataclasses import replace

    return replace(settings, select=READABLE, extend_select=(), ignore=(), per_file_ignores=())


def from_root(repository: Repository, path: str) -> str:
    """Return a file's path from the root of a repository, with ``/`` between folders."""
    return os.path.relpath(os.path.realpath(path), os.path.realpath(repository.root)).replace(os.sep, "/")


def named(files: Mapping[str, FileReport]) -> Side:
    """Return the models of files by the path of the file and their name; by the name alone where there is no path."""
    return {
        f"{path}{BETWEEN}{each.name}" if path else each.name: each
        for path, report in files.items()
        for each in report.snapshots
    }


def is_below(path: str, folder: str) -> bool:
    """Return whether a path from the root is a folder, in it, or below it; both are written with ``/``."""
    return folder in {os.curdir, path} or path.startswith(f"{folder}/")


def unreadable(reports: Iterable[FileReport]) -> Iterator[str]:
    """Yield why files could not be read, so that nothing is known of their models."""
    for report in reports:
        yield from report.failures
        for finding in report.findings:
            if finding.rule == "syntax-error":
                yield f"{report.path}:{finding.line}: {finding.message}"
