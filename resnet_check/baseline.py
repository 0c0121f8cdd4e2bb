"""The baseline: a file of the findings that are known, so that a check fails only for those that are new."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from resnet_check.errors import CannotCheckError
from resnet_check.report.fingerprint import around, fingerprints
from resnet_check.source import MAX_OWN_BYTES, read_bytes

if TYPE_CHECKING:
    from resnet_check.finding import Finding
    from resnet_check.report import RenderOptions

VERSION = 1
"""The version of the file's shape."""


class Entry(NamedTuple):
    """A known finding: its path from the root of the repository, rule, definitions around it, and fingerprint.

    ``reason`` is for people to write into the file: why the finding may stay.
    """

    path: str
    rule: str
    where: str
    fingerprint: str
    reason: str = ""


def entries(findings: Sequence[Finding], options: RenderOptions) -> list[Entry]:
    """Return the entry of each finding."""
    return [
        Entry(options.path(finding.path), finding.rule, around(options.lines(finding.path), finding.line), name)
        for finding, name in zip(findings, fingerprints(findings, options), strict=True)
    ]


def written(known: Iterable[Entry]) -> str:
    """Return the content of the file: sorted, an entry on each line, so that a change is a change of its line."""
    rows = [
        json.dumps({key: value for key, value in entry._asdict().items() if value or key != "reason"})
        for entry in sorted(known)
    ]
    return f'{{"version": {VERSION}, "entries": [\n' + ",\n".join(rows) + "\n]}\n"


def read_baseline(path: str) -> list[Entry]:
    """Return the entries of a file; raises `CannotCheckError` for one that is no baseline."""
    try:
        content = json.loads(read_bytes(path, MAX_OWN_BYTES))
        if content["version"] != VERSION:
            message = f"{path} is a baseline of version {content['version']}, not {VERSION}"
            raise CannotCheckError(message)
        return [Entry(*map(str, Entry(**entry))) for entry in content["entries"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{path} is no baseline"
        raise CannotCheckError(message) from error
