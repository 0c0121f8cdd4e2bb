"""``resnet-check check PATH...``: the static check."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from resnet_check import config
from resnet_check.cli.main import CANNOT, COMMANDS, FOUND_NOTHING, FOUND_SOMETHING, complain
from resnet_check.cli.output import use_color, write, write_file
from resnet_check.config import Settings
from resnet_check.discovery import STANDARD_INPUT, Ignored, find_files, ignored_by
from resnet_check.errors import CannotCheckError, nearest
from resnet_check.finding import SEVERITIES
from resnet_check.report import FORMATS, RenderOptions, render
from resnet_check.running import Advance, Work, run
from resnet_check.source import MAX_BYTES, read_bytes, readable, split_lines

if TYPE_CHECKING:
    from resnet_check.checking import FileReport, Report

MANY_FILES = 20
"""From more files than this on, a terminal shows a progress bar."""


def _words(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the words of all occurrences of an option, which may hold commas."""
    return tuple(word for value in values for word in map(str.strip, value.split(",")) if word) or None


def _size(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    try:
        return None if value is None else config.parse_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


INPUT = click.option(
    "--input", "input_size", callback=_size, metavar="CxHxW", help="Size of the models' input, like 3x224x224."
)
COLOR = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the report."
)
"""Options that other commands have too."""


def _like(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else config.parse_variant(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _rules(name: str, text: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    return click.option(name, multiple=True, callback=_words, metavar="RULE,...", help=text)


@click.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--output-format", type=click.Choice(list(FORMATS)), default="text", help="Format of the report.")
@click.option("--output-file", metavar="FILE", help="Write the report there instead of standard output.")
@_rules("--select", "Check only these rules: names, codes, or groups of codes such as RC3.")
@_rules("--extend-select", "Check these rules too.")
@_rules("--ignore", "Do not check these rules.")
@INPUT
@click.option("--like", callback=_like, metavar="VARIANT", help="The published network that the models shall be.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Mildest severity that gives exit status 1: warning.")
@click.option("--exit-zero", is_flag=True, help="Exit with status 0 whatever is found.")
@click.option("--statistics", is_flag=True, help="Also count the findings of each rule.")
@click.option("--stdin-filename", metavar="FILE", default="<stdin>", help="Name of what `-` reads.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Number of processes; one for each processor.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep results of other runs.")
@click.option("--config", "config_file", metavar="FILE", help="Take the settings from this file.")
@COLOR
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Check the models in files and folders; `-` is standard input.

    Nothing that is read is run, and torch is not needed.
    """
    chosen = {
        "select": options["select"],
        "extend_select": options["extend_select"],
        "ignore": options["ignore"],
        "fail_on": options["fail_on"],
        "input": options["input_size"],
        "jobs": options["jobs"],
        "like": options["like"],
    }
    _require_known_rules(chosen)
    settings_in = _settings_finder(options["config_file"], chosen)
    name = options["stdin_filename"]
    files = _files(paths, settings_in)
    whole_run = settings_in(_folder_of(paths[0], name))
    work = [_work(path, name, settings_in) for path in files]
    with _progress(len(work)) as advance:
        report = run(
            work, jobs=whole_run.jobs, use_cache=not options["no_cache"], fail_on=whole_run.fail_on, advance=advance
        )
    _emit(report, work, options)
    for failure in report.failures:
        complain(failure)
    if report.failures:
        return CANNOT
    return FOUND_SOMETHING if report.failed and not options["exit_zero"] else FOUND_NOTHING


def _require_known_rules(chosen: dict[str, Any]) -> None:
    for key in config.RULE_KEYS:
        words = chosen[key.replace("-", "_")]
        if words:
            from resnet_check.rules.selection import require_known

            require_known(words, f"--{key}")


SettingsIn = Callable[[str], Settings]
"""Gives the settings that hold in a folder."""


def _settings_finder(config_file: str | None, chosen: dict[str, Any]) -> SettingsIn:
    """Return what gives a folder's settings, with those of the command line in their place."""
    fixed = None if config_file is None else config.load_settings(config_file)

    @cache
    def settings_in(folder: str) -> Settings:
        return config.override(fixed or config.find_settings(folder), chosen)

    return settings_in


def _folder_of(path: str, stdin_name: str) -> str:
    if os.path.isdir(path):
        return path
    return os.path.dirname(stdin_name if path == STANDARD_INPUT else path)


def _files(paths: Sequence[str], settings_in: SettingsIn) -> list[str]:
    def excluded(folder: str) -> Ignored:
        settings = settings_in(folder)
        return ignored_by(settings.exclude, settings.root)

    try:
        return find_files(paths, excluded)
    except CannotCheckError as error:
        if os.path.exists(paths[0]) or paths[0] == STANDARD_INPUT:
            raise
        message = f"{error}{nearest(paths[0], COMMANDS, 0.75)}"
        raise CannotCheckError(message) from error


def _work(path: str, stdin_name: str, settings_in: SettingsIn) -> Work:
    settings = settings_in(_folder_of(path, stdin_name))
    if path == STANDARD_INPUT:
        return Work(stdin_name, settings, sys.stdin.buffer.read(MAX_BYTES + 1))
    return Work(path, settings)


def _emit(report: Report, work: Sequence[Work], options: Mapping[str, Any]) -> None:
    """Write the report where it shall go."""
    target = options["output_file"]
    given = {item.path: item.data for item in work if item.data is not None}
    color = use_color(options["color"], sys.stdout, os.environ) if not target else options["color"] == "always"
    text = render(
        options["output_format"],
        report,
        RenderOptions(color=color, statistics=options["statistics"], lines=_line_finder(given)),
    )
    if target:
        write_file(target, text)
    else:
        write(text)


def _line_finder(given: Mapping[str, bytes]) -> Callable[[str], list[str]]:
    """Return what gives the lines of a source file; nothing for one that cannot be read any more."""

    @cache
    def lines(path: str) -> list[str]:
        try:
            data = given[path] if path in given else read_bytes(path)
        except CannotCheckError:
            return []
        return split_lines(readable(data))

    return lines


@contextmanager
def _progress(total: int) -> Iterator[Advance]:
    """Show a progress bar while many files are checked on a terminal."""
    if total <= MANY_FILES or not sys.stderr.isatty():
        yield lambda _report: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # No refreshing thread: processes are forked while the bar is shown.
    with Progress(console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("checking", total=total)

        def advance(_report: FileReport) -> None:
            bar.advance(task)
            bar.refresh()

        yield advance
