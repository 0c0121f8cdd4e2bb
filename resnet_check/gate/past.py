"""The models of a project as they were in a commit, and what has become of them since."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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

    ``changed`` are the paths that are not as they were, with what each was called; paths are from the root of the
    repository.
    """

    changed: Mapping[str, str | None]
    changes: tuple[ModelChange, ...] = ()
    failures: tuple[str, ...] = ()


def since(
    repository: Repository,
    commit: str,
    files: Sequence[FileReport],
    paths: Iterable[str],
    settings_in: Callable[[str], Settings],
) -> Past:
    """Return what became of the models since a commit, given the reports with Snapshots of the files as they are.

    Only what a change can have reached is read again: files that changed, and those that rest on one that did. Of the
    files that are gone those count that were one of the ``paths`` or below it.
    """
    asked = [from_root(repository, path) for path in paths]
    changed = repository.changed(commit)
    now = {from_root(repository, report.path): report for report in files}
    reached = {
        path: report
        for path, report in now.items()
        if path in changed or any(from_root(repository, other) in changed for other in report.dependencies)
    }
    tree = repository.tree(commit) if changed else {}
    gone = [
        old
        for path, old in changed.items()
        if old in tree and old not in now and (path in now or any(is_below(old, folder) for folder in asked))
    ]
    wanted = [path for path in dict.fromkeys([*reached, *gone]) if path in tree and path.endswith(".py")]
    before = _read(repository, tree, wanted, settings_in) if wanted else []
    old, new = named(dict(zip(wanted, before, strict=True))), named(reached)
    moved = {
        f"{path}{BETWEEN}{each.name}": f"{was}{BETWEEN}{each.name}"
        for path, was in changed.items()
        if was not in {None, path} and path in now
        for each in now[path].snapshots
    }
    failures = tuple(why for report in (*before, *reached.values()) for why in unreadable(report))
    return Past(changed, model_changes(old, new, moved), failures)


def _read(
    repository: Repository, tree: Mapping[str, str], paths: Sequence[str], settings_in: Callable[[str], Settings]
) -> list[FileReport]:
    """Return the reports of files as they are in a tree, under their paths from the root; their settings are those of now."""
    settings = [settings_in(os.path.join(repository.root, os.path.dirname(path))) for path in paths]
    with laid_out(repository, tree) as folder:
        files = [os.path.join(folder, path) for path in paths]
        reports = look(zip(files, settings, strict=True), use_cache=False)
    return [report._replace(path=path) for path, report in zip(paths, reports, strict=True)]


def look(files: Iterable[tuple[str, Settings]], *, use_cache: bool = True) -> tuple[FileReport, ...]:
    """Return the reports of files with the Snapshots of their models, and with nothing else but whether each can be read."""
    return run([Work(path, _bare(settings), gate=Gate()) for path, settings in files], use_cache=use_cache).files


def _bare(settings: Settings) -> Settings:
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


def unreadable(report: FileReport) -> Iterator[str]:
    """Yield why a file could not be read, so that nothing is known of its models."""
    yield from report.failures
    for finding in report.findings:
        if finding.rule in READABLE:
            yield f"{report.path}:{finding.line}: {finding.message}"
