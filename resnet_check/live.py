"""Checking live: after the static check, each model is built and run apart, and what comes of it joins the report."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from resnet_check.checking import FileReport, ModelReport, Report, not_suppressed
from resnet_check.errors import CannotCheckError
from resnet_check.finding import SEVERITIES, Finding
from resnet_check.read.live.isolation import LAYERS
from resnet_check.read.live.protocol import Done, Effect, Figures, Limits, Raised, Request, Stage, Tried
from resnet_check.read.live.session import Result, Session
from resnet_check.source import text_span

if TYPE_CHECKING:
    from resnet_check.config import Settings
    from resnet_check.properties.base import Property
    from resnet_check.running import Work

CANNOT_BUILD, CANNOT_RUN, SIDE_EFFECTS = "cannot-build", "cannot-run", "side-effects"
"""The properties that show by themselves when a model is built and run."""

BEFORE_RUN = {"import": "importing its file", "build": "building it"}
"""The stages of a model that is not built yet, in words."""

CHATTY = 1 << 20
"""From so many bytes on, what a model prints is worth a word."""

SEED = 0
"""From this number everything random is drawn; it is printed with what fails."""


class Told(NamedTuple):
    """Something to say about a model: the rule's name, the words, the line of its file, a milder severity."""

    name: str
    message: str
    line: int | None = None
    severity: str | None = None
    help: str = ""


Run = Callable[[Request], Result]


def check_live(
    report: Report,
    work: Sequence[Work],
    lines_of: Callable[[str], list[str]],
    *,
    strict: bool = False,
    limits: Limits = Limits(),  # noqa: B008 - a record that nothing changes
) -> Report:
    """Return a report with what building and running each model of its files shows.

    With ``strict`` nothing is run where a layer of the isolation is missing. Raises `CannotCheckError` for that, where
    torch is missing, and for standard input, which has no file to import.
    """
    if any(item.data is not None for item in work):
        message = "--live runs files: standard input is none"
        raise CannotCheckError(message)
    settings = {item.path: item.settings for item in work}
    start = time.perf_counter()
    with Session(len(report.models)) as session:
        missing = [layer for layer in LAYERS if layer not in session.layers]
        if strict and missing:
            message = f"--require-isolation: {' and '.join(missing)} cannot be had here; nothing was run"
            raise CannotCheckError(message)

        def run(request: Request) -> Result:
            return session.run(request._replace(strict=strict, limits=list(limits)))

        files = [check_file(file, settings[file.path], run, lines_of) for file in report.files]
        isolation = session.isolation
    seconds = report.seconds + time.perf_counter() - start
    return replace(report, files=tuple(files), seconds=seconds, isolation=isolation)


def check_file(file: FileReport, settings: Settings, run: Run, lines_of: Callable[[str], list[str]]) -> FileReport:
    """Return the report of one file with what its models show."""
    from resnet_check.rules.base import merge
    from resnet_check.rules.selection import selected_properties

    wanted = selected_properties(settings.select, settings.extend_select, settings.ignored_in(file.path))
    properties = {each.name: each for each in wanted}
    models: list[ModelReport] = []
    found: list[Finding] = []
    for model in file.models:
        result = run(_request(file.path, model, settings, wanted))
        models.append(_completed(model, result))
        for told in _told(model, result):
            if told.name in properties:
                found += [_finding(file.path, model, told, properties[told.name], lines_of(file.path))]
    new = not_suppressed(finding for finding in found if not _is_known(finding, file.findings))
    findings = merge([*(finding for finding in file.findings if not _is_told_better(finding, new)), *new])
    return file._replace(models=tuple(models), findings=tuple(findings))


def _request(path: str, model: ModelReport, settings: Settings, wanted: Iterable[Property]) -> Request:
    from resnet_check.read.live.building import project_of

    whole = os.path.abspath(path)
    return Request(
        path=whole,
        project=project_of(whole),
        name=model.name,
        kind=model.kind,
        line=model.line,
        input=_input(model, settings),
        size=None if settings.input is None else list(settings.input),
        known=model.status == "complete",
        like=settings.like,
        properties=[each.name for each in wanted if each.runs],
        seed=SEED,
    )


def _input(model: ModelReport, settings: Settings) -> list[int] | None:
    """Return the shape of the input without the batch, None where a size of it is not known."""
    shape = settings.input or (model.input or ())[1:]
    sizes = [size for size in shape if size is not None]
    return sizes if sizes and len(sizes) == len(shape) else None


def _completed(model: ModelReport, result: Result) -> ModelReport:
    """Return what a report says of a model with the figures that only running it gave."""
    for record in result.said:
        if isinstance(record, Figures):
            return model._replace(
                params=record.params if model.params is None else model.params,
                macs=record.macs if model.macs is None else model.macs,
                output=record.output if model.output is None else model.output,
            )
    return model


def _told(model: ModelReport, result: Result) -> Iterator[Told]:
    """Yield what there is to say about one model, in the order in which it happened."""
    stage = "import"
    for record in result.said:
        match record:
            case Stage(name):
                stage = name
            case Raised():
                yield _raised(record, Limits(*result.request.limits))  # type: ignore[arg-type]
            case Effect(what, line):
                yield Told(SIDE_EFFECTS, f"`{model.name}` {what} when it is built or run", line)
            case Tried(name, _, "failed", message, example, line):
                yield Told(name, f"{message}, for {example}" if example else message, line)
    if result.ended.printed > CHATTY:
        size = f"{result.ended.printed / 1e6:.0f} MB"
        yield Told(SIDE_EFFECTS, f"`{model.name}` prints {size} when it is built and run")
    if problem := _death(result):
        yield _at(stage, problem)


def _raised(record: Raised, limits: Limits) -> Told:
    words = f"{record.type}: {record.message}" if record.message and record.type else record.type or record.message
    if record.type == "UsedUp":
        return _at(
            record.stage, f"takes more than {limits.cpu} s of processor time or {limits.wall:.0f} s", record.line
        )
    if record.type == "MemoryError":
        return _at(record.stage, f"needs more than {limits.memory / 2**30:.0f} GiB", record.line)
    if record.here:
        # What keeps a file from being imported is one matter, however many models it has.
        line = record.line or (1 if record.stage == "import" else None)
        where = _at(record.stage, f"cannot be done here: {words}", line)
        return where._replace(severity="note", help="install what it needs; it runs without network and devices")
    return _at(record.stage, f"ends with {words}", record.line)


def _at(stage: str, what: str, line: int | None = None) -> Told:
    """Return that something went wrong in a stage. What stops a property says little about a model that has run before."""
    if stage in BEFORE_RUN:
        return Told(CANNOT_BUILD, f"{BEFORE_RUN[stage]} {what}", line)
    if stage == "run":
        return Told(CANNOT_RUN, f"running it {what}", line)
    return Told(CANNOT_RUN, f"trying {stage} {what}, it was not checked to its end", line, severity="note")


def _death(result: Result) -> str:
    """Return in words why a model's process did not come to its end, nothing if it did."""
    ended, limits = result.ended, result.request.bounds
    if Done() in result.said or not ended.how:
        return ""
    if result.lost:
        return "ends the process that watches over it"
    words = {
        "wall": f"takes more than {limits.wall:.0f} s",
        "printed": f"prints more than {limits.printed >> 20} MiB",
        "said": "writes into what is not its own",
    }
    if ended.how == "signal":
        return _signal(ended.code, ended.cpu, limits)
    return words.get(ended.how, f"ends its process with status {ended.code}")


def _signal(number: int, cpu: float, limits: Limits) -> str:
    if number in {signal.SIGXCPU, signal.SIGKILL} and cpu >= limits.cpu:
        return f"takes more than {limits.cpu} s of processor time"
    if number == signal.SIGKILL:
        return "is killed by the system, as for want of memory"
    names = {each.value: each.name for each in signal.Signals}
    return f"ends with {names.get(number, f'signal {number}')}"


def _finding(path: str, model: ModelReport, told: Told, tried: Property, lines: list[str]) -> Finding:
    """Return what is told as a Finding: at its line, or else where the model is defined."""
    line = told.line or model.line
    text = lines[line - 1] if 1 <= line <= len(lines) else ""
    start, end = text_span(text)
    return Finding(
        rule=tried.name,
        code=tried.code,
        severity=told.severity or tried.severity,
        path=path,
        line=line,
        column=start,
        end_line=line,
        end_column=end,
        message=told.message,
        help=told.help,
        model=model.name,
    )


def _is_known(finding: Finding, findings: Sequence[Finding]) -> bool:
    """Return whether the static check has told what is wrong with the model, in better words than the exception's."""
    if finding.rule not in {CANNOT_BUILD, CANNOT_RUN}:
        return False
    grave = [each for each in findings if each.severity == SEVERITIES[-1]]
    return any(each.model == finding.model or each.line == finding.line for each in grave)


def _is_told_better(finding: Finding, new: Sequence[Finding]) -> bool:
    """Return whether what a static rule supposes of a line has now been seen to happen there."""
    told = [each for each in new if each.rule in {CANNOT_BUILD, CANNOT_RUN} and each.severity == SEVERITIES[-1]]
    return any(each.line == finding.line and each.model == finding.model for each in told)
