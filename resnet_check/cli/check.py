"""``resnet-check check PATH...``: the static check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from resnet_check import config
from resnet_check.cli.check_paths import DEFAULT, Options, check_paths
from resnet_check.errors import nearest
from resnet_check.finding import SEVERITIES
from resnet_check.report import FORMATS


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
    "--color", type=click.Choice(["auto", "always", "never"]), default=DEFAULT.color, help="Colour the report."
)
"""Options that other commands have too."""


def _like(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else config.parse_variant(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _reports(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str | None], ...]:
    """Return the format and the file, None for standard output, of each further report."""
    found = []
    for value in values:
        output_format, equals, target = value.partition("=")
        if output_format not in FORMATS:
            message = f"`{output_format}` is not one of {', '.join(FORMATS)}{nearest(output_format, FORMATS)}"
            raise click.BadParameter(message, ctx, param)
        if equals and not target:
            message = f"`{value}` names no file"
            raise click.BadParameter(message, ctx, param)
        found.append((output_format, target or None))
    return tuple(found)


def _rules(name: str, text: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    return click.option(name, multiple=True, callback=_words, metavar="RULE,...", help=text)


@click.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--output-format", type=click.Choice(list(FORMATS)), default=DEFAULT.output_format, help="Format of the report."
)
@click.option("--output-file", metavar="FILE", help="Write the report there instead of standard output.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    callback=_reports,
    metavar="FORMAT[=FILE]",
    help="Write another report too, to standard output or a file; may be repeated.",
)
@_rules("--select", "Check only these rules: names, codes, or groups of codes such as RC3.")
@_rules("--extend-select", "Check these rules too.")
@_rules("--ignore", "Do not check these rules.")
@INPUT
@click.option("--like", callback=_like, metavar="VARIANT", help="The published network that the models shall be.")
@click.option("--baseline", metavar="FILE", help="Leave out the findings of this file; those that are mended leave it.")
@click.option("--write-baseline", metavar="FILE", help="Write what is found to this file, as known from now on.")
@click.option("--locked", is_flag=True, help="Also compare the models with `resnet-check.lock`, which `lock` writes.")
@click.option("--since", metavar="REV", help="Report only what a change since this revision of git may have brought.")
@click.option("--fix", is_flag=True, help="Make the safe fixes in the files, and report what remains.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also fixes that change what a model is.")
@click.option("--diff", is_flag=True, help="Show what --fix would change instead of the report, and write nothing.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Mildest severity that gives exit status 1: warning.")
@click.option("--exit-zero", is_flag=True, help="Exit with status 0 whatever is found.")
@click.option("--force-exclude", is_flag=True, help="Leave out what the settings exclude even where it is named.")
@click.option("--statistics", is_flag=True, help="Also count the findings of each rule.")
@click.option("--stdin-filename", metavar="FILE", default=DEFAULT.stdin_filename, help="Name of what `-` reads.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Number of processes; one for each processor.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep results of other runs.")
@click.option("--config", "config_file", metavar="FILE", help="Take the settings from this file.")
@click.option("--live", is_flag=True, help="Also build and run the models, isolated, and try properties; needs torch.")
@click.option("--require-isolation", is_flag=True, help="With --live: run nothing where the isolation is incomplete.")
@COLOR
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Check the models in files and folders; `-` is standard input.

    Nothing that is read is run, and torch is not needed, unless --live asks for it.
    """
    return check_paths(paths, Options(**options))
