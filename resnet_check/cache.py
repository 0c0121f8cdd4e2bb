"""The cache: what was found in a file, for as long as nothing that it rests on has changed.

An entry is named by everything that goes into a check: the file's path and content, the settings, the versions of the
tool and of Python. It lists the other files that were read with a digest of each. Entries are JSON behind a digest of
their own; whatever cannot be read or written is as if it were not there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from resnet_check import __version__
from resnet_check.checking import FileReport, ModelReport
from resnet_check.config import Settings
from resnet_check.errors import CannotCheckError
from resnet_check.finding import Edit, Finding, Fix, Related
from resnet_check.graph.records import Unknown
from resnet_check.source import read_bytes

if TYPE_CHECKING:
    from resnet_check.gate.snapshot import Gate, Snapshot

FOLDER_VARIABLE = "RESNET_CHECK_CACHE_DIR"

USER_FOLDERS = {"win32": ("LOCALAPPDATA", "AppData/Local"), "darwin": ("", "Library/Caches")}
"""Where the systems that have a way of their own keep caches: a variable, and the folder when it is not set."""


def cached(
    path: str, data: bytes, settings: Settings, check: Callable[[], FileReport], gate: Gate | None = None
) -> FileReport:
    """Return the report of a file's content from the cache, or else from ``check``, and keep it."""
    entry = os.path.join(_folder(), _key(path, data, settings, gate))
    report = _load(entry)
    if report is None:
        report = check()
        if not report.failures:
            _store(entry, report)
    return report


@cache
def _folder() -> str:
    return user_folder(os.environ, sys.platform)


def user_folder(environment: Mapping[str, str], platform: str) -> str:
    """Return the folder of the entries."""
    chosen = environment.get(FOLDER_VARIABLE)
    if chosen:
        return chosen
    variable, fallback = USER_FOLDERS.get(platform, ("XDG_CACHE_HOME", ".cache"))
    home = environment.get("HOME") or os.path.expanduser("~")
    return os.path.join(environment.get(variable) or os.path.join(home, fallback), "resnet-check")


def _digest(*parts: bytes) -> str:
    whole = blake2b(digest_size=20)
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest()


def _key(path: str, data: bytes, settings: Settings, gate: Gate | None) -> str:
    rules = (settings.select, settings.extend_select, settings.ignored_in(path))
    choices = (*rules, settings.input, settings.like, gate)
    words = (os.path.abspath(path), path, choices, __version__, _newest_change(), sys.version, sys.platform)
    return _digest(repr(words).encode("utf-8", "surrogatepass"), data)


@cache
def _newest_change() -> int:
    """Return when a file of the package was last changed, for an installation that is being worked on."""
    return max(_changes(os.path.dirname(__file__)))


def _changes(folder: str) -> Iterable[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _changes(entry.path)
            else:
                yield entry.stat().st_mtime_ns


def _digest_of_file(path: str) -> str:
    """Return the digest of a file's content, nothing for one that cannot be read, or is none (a pipe would not end)."""
    if not os.path.isfile(path):
        return ""
    try:
        return _digest(read_bytes(path))
    except CannotCheckError:
        return ""


def _load(entry: str) -> FileReport | None:
    """Return the report of an entry, if it is whole and the files that it rests on are as they were."""
    import json

    try:
        with open(entry, "rb") as file:
            seal, _, body = file.read().partition(b"\n")
        if seal.decode("ascii", "replace") != _digest(body):
            return None
        content = json.loads(body)
    except (OSError, ValueError):
        return None
    if any(_digest_of_file(path) != digest for path, digest in content["digests"].items()):
        return None
    return _report(content["report"])


def _store(entry: str, report: FileReport) -> None:
    """Write an entry in one step, so that no reader ever sees half of it."""
    import json

    digests = {path: _digest_of_file(path) for path in report.dependencies}
    body = json.dumps({"digests": digests, "report": report}, separators=(",", ":")).encode()
    unfinished = f"{entry}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(entry), exist_ok=True)
        with open(unfinished, "xb") as file:
            file.write(_digest(body).encode() + b"\n" + body)
        os.replace(unfinished, entry)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished)


def _report(content: list[Any]) -> FileReport:
    """Return the record that was written as a list; JSON has no tuples and no names for them."""
    report = FileReport(*content)
    return report._replace(
        models=tuple(map(_model, report.models)),
        findings=tuple(map(_finding, report.findings)),
        failures=tuple(report.failures),
        dependencies=tuple(report.dependencies),
        snapshots=_snapshots(report.snapshots) if report.snapshots else (),
    )


def _snapshots(content: Any) -> tuple[Snapshot, ...]:
    from resnet_check.gate.snapshot import restored

    return tuple(map(restored, content))


def _model(content: Any) -> ModelReport:
    model = ModelReport(*content)
    return model._replace(
        unknown=tuple(Unknown(*each) for each in model.unknown),
        input=None if model.input is None else tuple(model.input),
        accepted_sizes=None if model.accepted_sizes is None else tuple((a, b) for a, b in model.accepted_sizes),
        differences=tuple(model.differences),
    )


def _finding(content: Any) -> Finding:
    finding = Finding(*content)
    fix = None if finding.fix is None else _fix(finding.fix)
    return finding._replace(related=tuple(Related(*each) for each in finding.related), fix=fix)


def _fix(content: Any) -> Fix:
    fix = Fix(*content)
    return fix._replace(edits=tuple(Edit(*each) for each in fix.edits))
