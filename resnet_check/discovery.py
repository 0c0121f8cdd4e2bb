"""Which files a PATH stands for: itself, or the Python files below a folder that no pattern excludes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from resnet_check.errors import CannotCheckError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

STANDARD_INPUT = "-"
EXCLUDED = frozenset(
    {
        ".bzr", ".direnv", ".eggs", ".git", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pytest_cache",
        ".ruff_cache", ".svn", ".tox", ".venv", "__pycache__", "__pypackages__", "build", "dist", "node_modules",
        "site-packages", "venv",
    }
)  # fmt: skip
"""Folders that are not entered: other people's code, and what tools leave behind."""

Ignored = Callable[[str, bool], bool | None]
"""Says whether a path is ignored, or None when no pattern speaks of it; the flag tells a folder from a file."""


def find_files(paths: Sequence[str], exclude: Callable[[str], Ignored], *, force: bool = False) -> list[str]:
    """Return the files that the paths stand for, each once, folders in sorted order.

    ``exclude`` gives for a folder what its settings exclude; with ``force`` that leaves out files that are named, too.
    Raises when a path is not there, or is a folder without a file to check.
    """
    found: dict[str, None] = {}
    for path in paths:
        if path == STANDARD_INPUT:
            found[path] = None
        elif os.path.isdir(path):
            files = list(_walk(path, (exclude(path),), _outer_ignores(path)))
            if not files:
                message = f"no Python files in {path}"
                raise CannotCheckError(message)
            found.update(dict.fromkeys(file.removeprefix("./") for file in files))
        elif os.path.exists(path):
            if not (force and _is_ignored(path, (exclude(os.path.dirname(path)),), is_folder=False)):
                found[path] = None
        else:
            message = f"no such file or folder: {path}"
            raise CannotCheckError(message)
    by_place: dict[str, str] = {}
    for path in found:
        by_place.setdefault(os.path.normpath(path), path)
    return list(by_place.values())


def nothing_ignored(_path: str, _is_folder: bool) -> None:  # noqa: FBT001 - the shape of every Ignored
    """Ignore nothing."""


def ignored_by(lines: Sequence[str], root: str) -> Ignored:
    """Return what the patterns of a ``.gitignore`` in the folder ``root`` ignore."""
    if not lines:
        return nothing_ignored
    from pathspec import GitIgnoreSpec

    spec: GitIgnoreSpec = GitIgnoreSpec.from_lines(lines)
    base = os.path.realpath(root)

    def ignored(path: str, is_folder: bool) -> bool | None:  # noqa: FBT001 - the shape of every Ignored
        relative = os.path.relpath(os.path.realpath(os.path.dirname(path)), base)
        name = os.path.normpath(os.path.join(relative, os.path.basename(path))).replace(os.sep, "/")
        return spec.check_file(f"{name}/" if is_folder else name).include

    return ignored


def _ignore_file(folder: str) -> tuple[Ignored, ...]:
    try:
        with open(os.path.join(folder, ".gitignore"), encoding="utf-8", errors="replace") as file:
            return (ignored_by(file.read().splitlines(), folder),)
    except OSError:
        return ()


def _outer_ignores(folder: str) -> tuple[Ignored, ...]:
    """Return what the ``.gitignore`` files above a folder, up to the root of its repository, ignore."""
    found: list[Ignored] = []
    current = os.path.realpath(folder)
    while not os.path.exists(os.path.join(current, ".git")):
        parent = os.path.dirname(current)
        if parent == current:
            return ()
        current = parent
        found.extend(_ignore_file(current))
    return tuple(found)


def _walk(folder: str, excluded: tuple[Ignored, ...], ignores: tuple[Ignored, ...]) -> Iterator[str]:
    """Yield the Python files below a folder; links to folders are not followed, so the walk ends."""
    ignores = (*_ignore_file(folder), *ignores)
    try:
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        message = f"cannot read {folder}: {error.strerror}"
        raise CannotCheckError(message) from error
    for entry in ordered:
        is_folder = entry.is_dir(follow_symlinks=False)
        if _is_ignored(entry.path, (*excluded, *ignores), is_folder=is_folder):
            continue
        if is_folder and entry.name not in EXCLUDED:
            yield from _walk(entry.path, excluded, ignores)
        elif entry.name.endswith(".py") and entry.is_file():
            yield entry.path


def _is_ignored(path: str, ignores: tuple[Ignored, ...], *, is_folder: bool) -> bool:
    """Return what the first of the patterns, the innermost, that speaks of a path says."""
    verdicts = (ignored(path, is_folder) for ignored in ignores)
    return next((verdict for verdict in verdicts if verdict is not None), False)
