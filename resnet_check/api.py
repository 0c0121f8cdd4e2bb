"""The functions of the package for programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from resnet_check.config import find_settings
from resnet_check.discovery import find_files, ignored_by
from resnet_check.errors import CannotCheckError
from resnet_check.running import Work, run

if TYPE_CHECKING:
    from resnet_check.checking import Report
    from resnet_check.discovery import Ignored


def check(*paths: str | os.PathLike[str]) -> Report:
    """Return the report of the static check of files and folders, with the settings that hold there.

    Raises `CannotCheckError` for a path that is not there.
    """
    files = find_files([os.fspath(path) for path in paths], excluded)
    work = [Work(path, find_settings(os.path.dirname(path))) for path in files]
    fail_on = work[0].settings.fail_on if work else "warning"
    report = run(work, jobs=1, fail_on=fail_on)
    if report.failures:
        raise CannotCheckError(report.failures[0])
    return report


def excluded(folder: str) -> Ignored:
    """Return what the settings of a folder leave out."""
    settings = find_settings(folder)
    return ignored_by(settings.exclude, settings.root)
