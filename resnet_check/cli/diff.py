"""``resnet-check diff OLD NEW`` and ``diff --rev BASE [PATH...]``: what changed in the architecture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from resnet_check.api import excluded
from resnet_check.cli.check import INPUT
from resnet_check.cli.main import CANNOT, FOUND_NOTHING, FOUND_SOMETHING, complain
from resnet_check.cli.output import write, write_file
from resnet_check.config import Settings, find_settings, override
from resnet_check.discovery import find_files
from resnet_check.errors import CannotCheckError

if TYPE_CHECKING:
    from resnet_check.checking import FileReport
    from resnet_check.gate.changes import ModelChange


class Compared(NamedTuple):
    """What comparing two sides gave: the changes, the number of models on the newer side, and what could not be read."""

    changes: tuple[ModelChange, ...]
    models: int
    failures: tuple[str, ...]


@click.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, metavar="[OLD NEW | PATH...]")
@click.option("--rev", metavar="BASE", help="Compare the files with what they are in this revision of git.")
@INPUT
@click.option(
    "--output-format", type=click.Choice(["text", "json", "markdown"]), default="text", help="Format of the report."
)
@click.option("--output-file", metavar="FILE", help="Write the report there instead of standard output.")
@click.option("--exit-zero", is_flag=True, help="Exit with status 0 whatever has changed.")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Compare the models of two files or folders, or of files at a revision of git and now.

    Models that came, went, or are not what they were: stages, shapes, parameters, multiply-adds, accepted sizes, and
    whether old checkpoints still load. Nothing that is read is run, and nothing is checked out. The exit status is 1
    where something has changed.
    """
    found = _since(paths or (os.curdir,), options) if options["rev"] else _between(paths, options)
    text = _rendered(found, options["output_format"])
    if options["output_file"]:
        write_file(options["output_file"], text)
    else:
        write(text)
    for failure in found.failures:
        complain(failure)
    if found.failures:
        return CANNOT
    return FOUND_SOMETHING if found.changes and not options["exit_zero"] else FOUND_NOTHING


def _rendered(found: Compared, output_format: str) -> str:
    from resnet_check.report import changes

    if output_format == "markdown":
        return f"{changes.markdown(found.changes)}\n"
    return {"text": changes.text, "json": changes.as_json}[output_format](found.changes, found.models)


def _read(files: Sequence[str], options: dict[str, Any]) -> tuple[FileReport, ...]:
    """Return the reports of files with the Snapshots of their models."""
    from resnet_check.gate.past import look

    return look((path, _settings(options, os.path.dirname(path))) for path in files)


def _settings(options: dict[str, Any], folder: str) -> Settings:
    return override(find_settings(folder), {"input": options["input_size"]})


def _between(paths: Sequence[str], options: dict[str, Any]) -> Compared:
    """Compare two files, whose models have one name each, or two folders, file by file."""
    from resnet_check.gate.changes import model_changes
    from resnet_check.gate.past import named, unreadable

    if len(paths) != 2:
        message = "`diff` compares two files or folders: OLD NEW; with `--rev BASE` any number with what they were"
        raise CannotCheckError(message)
    sides = []
    failures: list[str] = []
    for path in paths:
        reports = _read(find_files([path], excluded), options)
        failures += [why for report in reports for why in unreadable(report)]
        folder = os.path.isdir(path)
        sides.append(named({os.path.relpath(r.path, path).replace(os.sep, "/") if folder else "": r for r in reports}))
    old, new = sides
    if len(old) == len(new) == 1:  # one network in two files: a name of its own does not make it another one
        old = dict(zip(new, old.values(), strict=True))
    return Compared(model_changes(old, new), len(new), tuple(failures))


def _since(paths: Sequence[str], options: dict[str, Any]) -> Compared:
    """Compare files with what they are in a revision; a path may be one that is only there."""
    from resnet_check.gate.past import from_root, is_below, since
    from resnet_check.gate.revision import repository

    repo = repository(_folder_of(paths[0]))
    commit = repo.commit(options["rev"])
    here = [path for path in paths if os.path.exists(path)]
    reports = _read(find_files(here, excluded), options) if here else ()
    past = since(repo, commit, reports, paths, partial(_settings, options))
    for path in set(paths) - set(here):
        if not any(is_below(old, from_root(repo, path)) for old in past.changed):
            message = f"no such file or folder, now or in `{options['rev']}`: {path}"
            raise CannotCheckError(message)
    return Compared(past.changes, sum(len(report.snapshots) for report in reports), past.failures)


def _folder_of(path: str) -> str:
    """Return the nearest folder that is there, of a path that may not be."""
    while not os.path.isdir(path):
        path = os.path.dirname(path) or os.curdir
    return path
