"""The lock file: the Snapshots of a project's models, written down to be read by people and compared by machines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from resnet_check.errors import CannotCheckError
from resnet_check.gate.snapshot import Snapshot, restored
from resnet_check.source import MAX_OWN_BYTES, read_bytes

NAME = "resnet-check.lock"

VERSION = 1
"""The version of the file's shape; to be changed also with what digests are made of."""

BETWEEN = "::"
"""Between the path of a model's file and its name."""

UNWRITTEN = frozenset({"name", "line", "lines"})
"""What a Snapshot knows of a model's place: that may change without the model."""

TABLES = frozenset({"parts", "operators", "training", "state"})
"""What is written as a table, with an entry on each line."""


class Lock(NamedTuple):
    """The content of a lock file: its path, and the models of each file by the file's path from the lock's folder."""

    path: str
    files: Mapping[str, tuple[Snapshot, ...]]

    def key(self, path: str) -> str:
        """Return the path by which the lock knows a file."""
        folder = os.path.dirname(os.path.abspath(self.path))
        return os.path.relpath(os.path.abspath(path), folder).replace(os.sep, "/")

    def models(self, path: str) -> tuple[Snapshot, ...]:
        """Return the locked models of a file."""
        return self.files.get(self.key(path), ())

    def whole_path(self, key: str) -> str:
        """Return the path of a file that the lock knows."""
        return os.path.join(os.path.dirname(os.path.abspath(self.path)), *key.split("/"))


def nearest_lock(folder: str) -> str | None:
    """Return the path of the lock file of a folder: in it or above, up to the root of its repository."""
    current = os.path.abspath(folder)
    while not os.path.isfile(os.path.join(current, NAME)):
        parent = os.path.dirname(current)
        if parent == current or os.path.exists(os.path.join(current, ".git")):
            return None
        current = parent
    return os.path.relpath(os.path.join(current, NAME))


def read_lock(path: str) -> Lock:
    """Return the content of a lock file; raises `CannotCheckError` for one that is no lock file, or of another version."""
    try:
        content = json.loads(read_bytes(path, MAX_OWN_BYTES))
        if content["version"] != VERSION:
            message = f"{path} is a lock file of version {content['version']}, not {VERSION}: write it anew"
            raise CannotCheckError(message)
        files: dict[str, tuple[Snapshot, ...]] = {}
        for name, fields in content["models"].items():
            file, _, model = name.rpartition(BETWEEN)
            files[file] = (*files.get(file, ()), _read(model, fields))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{path} is no lock file, or one with conflicts: write it anew with `resnet-check lock`"
        raise CannotCheckError(message) from error
    return Lock(path, files)


def _read(name: str, fields: Mapping[str, Any]) -> Snapshot:
    tables = {key: tuple(fields[key].items()) for key in TABLES if fields.get(key) is not None}
    whole = Snapshot(name)._replace(**{**fields, **tables})
    if not isinstance(whole.digest, str | None) or not isinstance(whole.status, str):
        raise TypeError
    return restored(whole)


def written(lock: Lock) -> str:
    """Return the text of a lock file: sorted by file, an entry of a table on each line, so that a change is a change of lines."""
    models = {
        f"{file}{BETWEEN}{model.name}": _fields(model) for file, found in sorted(lock.files.items()) for model in found
    }
    return "\n".join(_lines({"version": VERSION, "models": models})) + "\n"


def _fields(model: Snapshot) -> dict[str, Any]:
    fields = model._asdict()
    tables = {key: None if fields[key] is None else dict(fields[key]) for key in TABLES}
    kept = {key: value for key, value in {**fields, **tables}.items() if key not in UNWRITTEN}
    return {key: value for key, value in kept.items() if value not in (None, "") and (value != {} or key == "state")}


def _lines(value: Any, before: str = "", after: str = "", indent: str = "") -> Iterator[str]:
    """Yield the lines of a JSON value, an entry of an object on each."""
    if not isinstance(value, dict) or not value:
        yield f"{indent}{before}{json.dumps(value, ensure_ascii=False)}{after}"
        return
    yield f"{indent}{before}{{"
    for number, (key, part) in enumerate(value.items(), 1):
        comma = "," if number < len(value) else ""
        yield from _lines(part, f"{json.dumps(key, ensure_ascii=False)}: ", comma, f"{indent}  ")
    yield f"{indent}}}{after}"


def line_of(text: str, key: str) -> int:
    """Return the line of a lock file at which the first model of a file stands, 1 where there is none."""
    start = json.dumps(f"{key}{BETWEEN}", ensure_ascii=False)[:-1]
    return next((number for number, line in enumerate(text.split("\n"), 1) if line.strip().startswith(start)), 1)


def updated(lock: Lock, seen: Mapping[str, Iterable[Snapshot]]) -> Lock:
    """Return a lock with the models of the files that were seen as they are now, and without files that are gone."""
    kept = {key: models for key, models in lock.files.items() if os.path.isfile(lock.whole_path(key))}
    now = {lock.key(path): tuple(models) for path, models in seen.items()}
    return lock._replace(files={key: models for key, models in {**kept, **now}.items() if models})
