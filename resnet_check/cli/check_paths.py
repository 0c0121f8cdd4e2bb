"""Checking files and folders and writing the report, as ``resnet-check check`` does: all but the words of its options."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from resnet_check import config
from resnet_check.cli.main import CANNOT, COMMANDS, FOUND_NOTHING, FOUND_SOMETHING, complain
from resnet_check.cli.output import append, repository_path, use_color, write, write_file
from resnet_check.config import Settings
from resnet_check.discovery import STANDARD_INPUT, Ignored, find_files, ignored_by
from resnet_check.errors import CannotCheckError, nearest
from resnet_check.report import FORMATS, RenderOptions, render
from resnet_check.running import Advance, Work, run
from resnet_check.source import MAX_BYTES, read_bytes, readable, split_lines

if TYPE_CHECKING:
    from resnet_check.checking import FileReport, Report
    from resnet_check.cli.fix import Fixed

MANY_FILES = 20
"""From more files than this on, a terminal shows a progress bar."""


class Options(NamedTuple):
    """What the options of the command say, by their names; None is what the configuration decides."""

    output_format: str = "text"
    output_file: str | None = None
    reports: tuple[tuple[str, str | None], ...] = ()
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    input_size: tuple[int, ...] | None = None
    like: str | None = None
    baseline: str | None = None
    write_baseline: str | None = None
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    fail_on: str | None = None
    exit_zero: bool = False
    force_exclude: bool = False
    statistics: bool = False
    stdin_filename: str = "<stdin>"
    jobs: int | None = None
    no_cache: bool = False
    locked: bool = False
    since: str | None = None
    live: bool = False
    require_isolation: bool = False
    config_file: str | None = None
    color: str = "auto"


DEFAULT = Options()

SWITCHES = {f"--{name.replace('_', '-')}": name for name, value in DEFAULT._asdict().items() if value is False}
"""The options that are on or off, by their words."""


CHOICES = {"--output-format": ("output_format", FORMATS)}
"""Options with one of a few words, by their words."""


def usual(words: Sequence[str]) -> tuple[tuple[str, ...], Options] | None:
    """Return the paths and options of a command line with no other options than switches and choices; None for any other.

    Most runs are such, in editors and hooks as by hand, and go without importing what parses any command line: that takes
    as long as reading a small network.
    """
    left = list(words[1:] if words[:1] == ["check"] else words if words[:1] and words[0] not in COMMANDS else [])
    paths: list[str] = []
    given: dict[str, Any] = {}
    while left:
        word, equals, value = left.pop(0).partition("=")
        if word in SWITCHES and not equals:
            given[SWITCHES[word]] = True
        elif word in CHOICES:
            name, known = CHOICES[word]
            given[name] = value if equals else left.pop(0) if left else ""
            if given[name] not in known:
                return None
        elif word.startswith("-") and word != STANDARD_INPUT:
            return None
        else:
            paths.append(word + equals + value)
    return (tuple(paths), DEFAULT._replace(**given)) if paths else None


def check_paths(paths: Sequence[str], options: Options) -> int:
    """Check the models in files and folders, write the report, and return the exit status."""
    chosen = {
        "select": options.select,
        "extend_select": options.extend_select,
        "ignore": options.ignore,
        "fail_on": options.fail_on,
        "input": options.input_size,
        "jobs": options.jobs,
        "like": options.like,
    }
    _require_known_rules(chosen)
    if options.unsafe_fixes and not (options.fix or options.diff):
        message = "--unsafe-fixes says which fixes to make: give --fix or --diff with it"
        raise CannotCheckError(message)
    settings_in = _settings_finder(options.config_file, chosen)
    name = options.stdin_filename
    files = _files(paths, settings_in, force=options.force_exclude)
    whole_run = settings_in(_folder_of(paths[0], name))
    work = [_work(path, name, settings_in) for path in files]
    lock = None
    if options.locked or options.since:
        from resnet_check.cli.gated import gated, lock_here

        lock = lock_here() if options.locked else None
        work = gated(work, lock)
    with _progress(len(work)) as advance:
        report = run(
            work, jobs=whole_run.jobs, use_cache=not options.no_cache, fail_on=whole_run.fail_on, advance=advance
        )
    if options.fix or options.diff:
        fixed = _fixed(report, work, options, paths, settings_in)
        if options.diff:
            return _show_difference(fixed, options)
        report, work = fixed.report, fixed.work
    if options.require_isolation and not options.live:
        message = "--require-isolation says how --live runs models: give both"
        raise CannotCheckError(message)
    if options.live:
        from resnet_check.live import check_live

        report = check_live(report, work, _line_finder({}), strict=options.require_isolation)
    if lock is not None:
        from resnet_check.cli.gated import with_gone

        report = with_gone(report, lock, paths)
    lines = _lines_of(work)
    rendering = RenderOptions(options.color == "always", options.statistics, lines, repository_path)
    outdated = False
    if options.baseline or options.write_baseline:
        from resnet_check.cli.known import Baselines, without_known

        baselines = Baselines(options.baseline, options.write_baseline)
        report, outdated = without_known(report, work, baselines, rendering, live=options.live)
    if options.since:
        from resnet_check.cli.gated import only_new

        report = only_new(report, options.since, paths, settings_in, lines)
    _emit(report, options, rendering, work)
    for failure in report.failures:
        complain(failure)
    if report.failures:
        return CANNOT
    return FOUND_SOMETHING if (report.failed or outdated) and not options.exit_zero else FOUND_NOTHING


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


def _files(paths: Sequence[str], settings_in: SettingsIn, *, force: bool) -> list[str]:
    def excluded(folder: str) -> Ignored:
        settings = settings_in(folder)
        return ignored_by(settings.exclude, settings.root)

    try:
        return find_files(paths, excluded, force=force)
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


def _fixed(
    report: Report, work: Sequence[Work], options: Options, paths: Sequence[str], settings_in: SettingsIn
) -> Fixed:
    """Return the run with the fixes made that are asked for, of findings that would be reported."""
    from resnet_check.cli.fix import Asked, fix_files, spared

    lines = _lines_of(work)
    shown = report
    if options.since:
        from resnet_check.cli.gated import only_new

        shown = only_new(report, options.since, paths, settings_in, lines)
    left_out = spared(options.baseline, report, shown, RenderOptions(lines=lines, path=repository_path))
    asked = Asked(unsafe=options.unsafe_fixes, keep=options.diff, spared=left_out, path=repository_path)
    return fix_files(report, work, asked, use_cache=not options.no_cache)


def _show_difference(fixed: Fixed, options: Options) -> int:
    """Write what the fixes would change where the report would go, and return the exit status."""
    from resnet_check.cli.fix import difference

    if options.output_file:
        write_file(options.output_file, difference(fixed.changes))
    else:
        write(difference(fixed.changes))
    for failure in fixed.report.failures:
        complain(failure)
    if fixed.report.failures:
        return CANNOT
    return FOUND_SOMETHING if fixed.changes and not options.exit_zero else FOUND_NOTHING


def _emit(report: Report, options: Options, plain: RenderOptions, work: Sequence[Work]) -> None:
    """Write each report where it shall go, and the summary of a GitHub job where its annotations were asked for.

    Where standard input was fixed, its text goes to standard output, and reports go to standard error.
    """
    given = [item.data for item in work if item.data is not None] if options.fix else []
    stream = sys.stderr if given else sys.stdout
    for data in given:
        write(data)
    colored = plain._replace(color=use_color(options.color, stream, os.environ))
    reports = ((options.output_format, options.output_file), *options.reports)
    for output_format, target in reports:
        if target:
            write_file(target, render(output_format, report, plain))
        else:
            write(render(output_format, report, colored), stream)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and any(output_format == "github" for output_format, _ in reports):
        append(summary, render("markdown", report, plain))


def _lines_of(work: Sequence[Work]) -> Callable[[str], list[str]]:
    """Return what gives the lines of a source file, also of one that standard input holds."""
    return _line_finder({item.path: item.data for item in work if item.data is not None})


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
