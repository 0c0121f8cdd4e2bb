"""``resnet-check lock PATH...``: write down what the models are."""

from __future__ import annotations

import os
from typing import Any

import click

from resnet_check.api import excluded
from resnet_check.cli.check import INPUT
from resnet_check.cli.main import CANNOT, FOUND_NOTHING, FOUND_SOMETHING, complain
from resnet_check.cli.output import write, write_file
from resnet_check.config import find_settings, override
from resnet_check.discovery import find_files


@click.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@INPUT
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Write what the models in files and folders are to `resnet-check.lock`, so that `check --locked` sees a change.

    That is the lock file of this folder or of one above, up to the root of the repository, else a new one here. Models of
    other files stay in it. Nothing that is read is run. A model that does not run cannot be locked: the exit status is 1;
    a file that cannot be read keeps the entries that it has, and the status is 2.
    """
    from resnet_check.gate.lockfile import NAME, Lock, nearest_lock, read_lock, updated, written
    from resnet_check.gate.past import look, unreadable

    target = nearest_lock(os.curdir)
    old = Lock(NAME, {}) if target is None else read_lock(target)
    changes = {"input": options["input_size"]}
    files = find_files(paths, excluded)
    reports = look((path, override(find_settings(os.path.dirname(path)), changes)) for path in files)
    failures = {report.path: list(unreadable(report)) for report in reports}
    read = [report for report in reports if not failures[report.path]]
    whole = {report.path: [each for each in report.snapshots if each.status != "failed"] for report in read}
    broken = [f"{report.path}:{each.line}" for report in read for each in report.snapshots if each.status == "failed"]
    new = updated(old, whole)
    write_file(new.path, written(new))
    number = sum(map(len, whole.values()))
    write(f"{number:,} model{'' if number == 1 else 's'} written to {new.path}\n")
    for failure in (why for found in failures.values() for why in found):
        complain(f"not locked: {failure}")
    for place in broken:
        complain(
            f"not locked, since it does not run: the model at {place}; see `resnet-check {place.rpartition(':')[0]}`"
        )
    if len(read) < len(reports):
        return CANNOT
    return FOUND_SOMETHING if broken else FOUND_NOTHING
