"""``resnet-check summary PATH...``: what each model's modules give and cost."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from resnet_check.api import excluded
from resnet_check.cli.check import COLOR, INPUT
from resnet_check.cli.main import CANNOT, FOUND_NOTHING, FOUND_SOMETHING, complain
from resnet_check.cli.output import view, write
from resnet_check.config import Settings, find_settings, override
from resnet_check.discovery import STANDARD_INPUT, find_files
from resnet_check.errors import CannotCheckError, nearest
from resnet_check.source import MAX_BYTES, parse_source, read_source

if TYPE_CHECKING:
    from resnet_check.finding import Finding
    from resnet_check.graph.records import Model
    from resnet_check.papers.comparing import Identity
    from resnet_check.read.reading import Reading
    from resnet_check.report.summary.table import Summary
    from resnet_check.source import Source

STOPPING = ("RC1", "RC2", "RC4")
"""The groups of rules about what torch refuses, and about what the network is."""

MOST_MISTAKES = 4
"""More mistakes of one model than these are only counted: `check` shows them all."""


class Asked(NamedTuple):
    """What to show: the models of these names (none: all), at an input of this size (None: the one of the file)."""

    names: frozenset[str]
    size: tuple[int, ...] | None


@click.command(no_args_is_help=True)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--model", "names", multiple=True, metavar="NAME", help="Show only the model of this name.")
@click.option(
    "--depth", type=click.IntRange(min=1), metavar="N", help="Levels of modules; as many as are easy to read."
)
@INPUT
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="Format of the summary.")
@COLOR
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Show the modules of the models in files and folders, with output shapes, parameters and multiply-adds.

    Modules stand in the order in which forward calls them, alike neighbours in one row; beside them the stage of the
    paper's table. Nothing that is read is run, and torch is not needed. `--depth 1` is the trace of shapes through the
    network.
    """
    try:
        return _show(paths, Asked(frozenset(options["names"]), options["input_size"]), options)
    except RecursionError as error:
        message = f"cannot show {', '.join(paths)}: modules nest too deeply"
        raise CannotCheckError(message) from error


def _show(paths: Sequence[str], asked: Asked, options: dict[str, Any]) -> int:
    """Show the models of all files and return the exit status; a file that cannot be read does not hide the others."""
    found: list[Summary] = []
    unread: list[str] = []
    for path in find_files(paths, excluded):
        try:
            found.extend(_summaries(path, asked))
        except CannotCheckError as error:
            unread.append(str(error))
    if found:
        write(_rendered(found, options))
    for message in unread if found or unread else [_nothing(paths, asked)]:
        complain(message)
    if unread or not found:
        return CANNOT
    return FOUND_SOMETHING if any(summary.model.status == "failed" for summary in found) else FOUND_NOTHING


def _rendered(found: list[Summary], options: dict[str, Any]) -> str:
    from resnet_check.report.summary import data, table

    if options["output_format"] == "json":
        return data.render(found, options["depth"])
    return table.render(found, view(options["color"]), options["depth"])


def _summaries(path: str, asked: Asked) -> Iterator[Summary]:
    """Yield the summaries of a file's models."""
    from resnet_check.checking import model_report
    from resnet_check.report.summary.places import places
    from resnet_check.report.summary.rows import rows
    from resnet_check.report.summary.table import Summary
    from resnet_check.rules._networks import identity_of
    from resnet_check.rules.base import FileContext

    source, settings = _source(path), override(find_settings(os.path.dirname(path)), {"input": asked.size})
    reading = _reading(source, settings, asked.names)
    context = FileContext(source, tuple(reading.models), tuple(reading.problems))
    models = [model for model in reading.models if not model.trial]
    mistakes = _mistakes(source, settings) if any(model.status == "failed" for model in models) else []
    for model in models:
        network = identity_of(context, model)
        yield Summary(
            model_report(model, network),
            source.path,
            rows(model, places(network) if network else {}),
            _of_model(mistakes, model),
            _verdict(network),
        )


def _verdict(network: Identity | None) -> str:
    """Return how a model compares with the reference of its variant, in words."""
    if network is None:
        return ""
    from resnet_check.equality.reference import reference_model
    from resnet_check.equality.verdict import against_reference

    verdict = against_reference(network, reference_model)
    return "" if verdict is None else verdict.words


def _source(path: str) -> Source:
    """Return the Source of a file; one that is not Python holds no models, and the check says why."""
    given = path == STANDARD_INPUT
    source = parse_source("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1)) if given else read_source(path)
    if source.problem is not None:
        message = f"{source.path}:{source.problem.line}: {source.problem.message}"
        raise CannotCheckError(message)
    return source


def _reading(source: Source, settings: Settings, names: frozenset[str]) -> Reading:
    from resnet_check.read.reading import ReadOptions
    from resnet_check.read.static.reader import read

    return read(source, ReadOptions(input_size=settings.input, only=names or None))


def _mistakes(source: Source, settings: Settings) -> list[Finding]:
    """Return the findings of the check that say why a model cannot run."""
    from resnet_check.checking import check_source

    found = check_source(source, settings).findings
    return [finding for finding in found if finding.severity == "error" and finding.code.startswith(STOPPING)]


def _of_model(mistakes: list[Finding], model: Model) -> tuple[str, ...]:
    """Return the mistakes that keep a model from running, in words: its own, else those of the file.

    What a model raises of its own accord is no mistake; then the exception is named.
    """
    from resnet_check.report.summary.table import place

    if model.status != "failed":
        return ()
    own = [mistake for mistake in mistakes if mistake.model == model.name] or mistakes
    said = [f"{place(mistake.path, mistake.line, model.path)}: {mistake.message}" for mistake in own[:MOST_MISTAKES]]
    raised = (problem for problem in model.problems if problem.kind == "raised")
    said = said or [f"{place(p.site.path, p.site.line, model.path)}: {p.facts['message']}" for p in raised]
    more = len(own) - MOST_MISTAKES
    return (*said, *([f"and {more} more"] if more > 0 else []))


def _nothing(paths: Sequence[str], asked: Asked) -> str:
    """Return why there is nothing to show: what is asked for is not there, or needs arguments."""
    where = ", ".join(paths)
    again = [path for path in find_files(paths, excluded) if path != STANDARD_INPUT]
    models = [model for path in again for model in _reading(_source(path), Settings(), frozenset()).models]
    known = [model.name for model in models if not model.trial]
    if asked.names and known:
        wanted = " or ".join(f"`{name}`" for name in sorted(asked.names))
        return f"no model {wanted} in {where}{nearest(min(asked.names), known)}"
    needy = next((model.name.partition("(")[0] for model in models if model.trial), None)
    why = f": `{needy}` needs arguments that the file does not give" if needy else ""
    return f"no model found in {where}{why}"
