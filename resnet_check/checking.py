"""Checking one file: read it, run the rules, leave out what is switched off or suppressed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from resnet_check.finding import SEVERITIES, Finding
from resnet_check.graph.records import Model, Problem, Site, Unknown

if TYPE_CHECKING:
    from resnet_check.config import Settings
    from resnet_check.gate.changes import ModelChange
    from resnet_check.gate.snapshot import Gate, Snapshot
    from resnet_check.papers.comparing import Identity
    from resnet_check.read.reading import Reading
    from resnet_check.rules.base import FileContext, Reread, Rule
    from resnet_check.source import Source
    from resnet_check.suppression import Suppression

TOO_COMPLEX = "too-complex"
"""The rule that says what was left out, and the kind of the problem that it reports."""

UNREAD = frozenset({"syntax-error", TOO_COMPLEX})
"""The rules whose findings say that a file was not read to its end: what else is in it stays unknown."""

INPUT_REFUSED = "input-refused"
"""The rule that says where a model stops if no other does."""

LOOK_FOR_REASONS = ("RC1", "RC2")
"""Codes of the rules that look for what keeps a model from running."""

UNUSED_IGNORE = "unused-ignore"
"""The rule that runs after all others, on what they left."""

MAX_SECONDS = 8.5
"""Processor time after which no rule begins: reading may take most of it, and no file shall take more than ten seconds."""


class ModelReport(NamedTuple):
    """What a report says of one model: the figures of the JSON report, in its words.

    Sizes are numbers, or None where they are free. ``output`` nests lists and dicts as ``forward`` returns them.
    ``depth`` counts layers as the papers do, None for what is no chain of residual blocks. ``variant`` is the nearest
    published architecture, None where none is near, and ``differences`` say in what the model is not that one.
    """

    name: str
    kind: str
    line: int
    status: str
    unknown: tuple[Unknown, ...] = ()
    input: tuple[int | None, ...] | None = None
    output: Any = None
    params: int | None = None
    macs: int | None = None
    accepted_sizes: tuple[tuple[int, int], ...] | None = None
    depth: int | None = None
    variant: str | None = None
    differences: tuple[str, ...] = ()


class FileReport(NamedTuple):
    """What was found in one file.

    ``failures`` say what the tool could not do. ``dependencies`` are the other files of the project that were read.
    ``snapshots`` are what a gate compares the models by, where there is one.
    """

    path: str
    models: tuple[ModelReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    failures: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in all files, in how many seconds; from the severity ``fail_on`` on it counts as a failure.

    ``isolation`` names the layers behind which models were run; None where none was run. ``known`` is the number of
    findings that were left out because a baseline knows them. ``fixed`` is the number of fixes that were made, and
    ``changes`` is what became of the models since a revision; None where nobody asked.
    """

    files: tuple[FileReport, ...]
    seconds: float = 0.0
    fail_on: str = field(default="warning", kw_only=True)
    isolation: str | None = field(default=None, kw_only=True)
    known: int = field(default=0, kw_only=True)
    fixed: int | None = field(default=None, kw_only=True)
    changes: tuple[ModelChange, ...] | None = field(default=None, kw_only=True)

    @property
    def models(self) -> tuple[ModelReport, ...]:
        """The models of all files."""
        return tuple(model for file in self.files for model in file.models)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all files."""
        return tuple(finding for file in self.files for finding in file.findings)

    @property
    def failures(self) -> tuple[str, ...]:
        """What the tool could not do."""
        return tuple(failure for file in self.files for failure in file.failures)

    @property
    def failed(self) -> bool:
        """Whether a finding is at least as grave as ``fail_on``."""
        limit = SEVERITIES.index(self.fail_on)
        return any(SEVERITIES.index(finding.severity) >= limit for finding in self.findings)

    @property
    def ok(self) -> bool:
        """Whether everything was checked and nothing was found that counts as a failure."""
        return not self.failed and not self.failures

    def count(self, severity: str) -> int:
        """Return the number of findings of one severity."""
        return sum(finding.severity == severity for finding in self.findings)


def check_source(source: Source, settings: Settings, gate: Gate | None = None) -> FileReport:
    """Return what the rules that are on find in one file; for a gate, also what it compares the models by."""
    from resnet_check.rules.base import FileContext
    from resnet_check.rules.selection import selected

    failures: list[str] = []
    deadline = time.process_time() + MAX_SECONDS
    reading = _read(source, settings, failures)
    rules = selected(settings.select, settings.extend_select, settings.ignored_in(source.path))
    context = FileContext(
        source,
        tuple(reading.models),
        tuple(reading.problems),
        reread=_reread(source),
        like=settings.like,
        reference=_reference,
        locked=None if gate is None else gate.locked,
    )
    findings, ran = _run(rules, context, failures, deadline)
    late = rules[len(ran) :]
    if any(model.status == "failed" for model in reading.models):
        findings += _untold(ran, replace(context, told=tuple(findings)), failures)
    if late:
        said = replace(context, models=(), problems=(_left_out(source.path, late),))
        findings += _run([rule for rule in rules if rule.name == TOO_COMPLEX], said, failures)[0]
    findings = _without_suppressed(findings, context, ran, failures)
    return FileReport(
        path=source.path,
        models=tuple(_reports(context, failures, compare=not late)),
        findings=tuple(findings),
        failures=tuple(failures),
        dependencies=tuple(reading.dependencies),
        snapshots=() if gate is None else _snapshots(context, failures),
    )


def _untold(ran: tuple[Rule, ...], context: FileContext, failures: list[str]) -> list[Finding]:
    """Return where models stop of which no finding speaks, if every rule ran that looks for the reason."""
    from resnet_check.rules.base import all_rules

    wanted = {rule for rule in all_rules() if rule.code.startswith(LOOK_FOR_REASONS)}
    return _run([rule for rule in ran if rule.name == INPUT_REFUSED], context, failures)[0] if wanted <= {*ran} else []


def _snapshots(context: FileContext, failures: list[str]) -> tuple[Snapshot, ...]:
    from resnet_check.gate.snapshot import snapshots

    try:
        return snapshots(context)
    except Exception as error:  # noqa: BLE001 - a gate must not end the report of the findings
        failures.append(_failure(context.source.path, "its models", error))
        return ()


def _left_out(path: str, rules: Sequence[Rule]) -> Problem:
    """Return the problem that there was no time for some rules."""
    first = f"`{rules[0].name}`"
    words = first if len(rules) == 1 else f"the {len(rules)} rules from {first} on"
    return Problem(TOO_COMPLEX, Site(path, 1, 1, 1, 2), facts={"rules": words, "reason": "the time limit"})


def _reports(context: FileContext, failures: list[str], *, compare: bool) -> Iterator[ModelReport]:
    """Yield what a report says of the models; of one that the anatomy stumbles over only its figures.

    Those are all that it says without ``compare`` too.
    """
    from resnet_check.rules._networks import identity_of

    for model in context.models:
        if model.trial:
            continue
        try:
            found = identity_of(context, model) if compare else None
        except Exception as error:  # noqa: BLE001 - one model must not end the report of the others
            failures.append(_failure(context.source.path, f"model {model.name}", error))
            found = None
        yield model_report(model, found)


def _read(source: Source, settings: Settings, failures: list[str]) -> Reading:
    """Return what the reader makes of a file; running out of stack or memory is a problem of the file."""
    from resnet_check.read.reading import Reading, ReadOptions

    if source.tree is None:
        return Reading()
    try:
        from resnet_check.read.static.reader import read

        return read(source, ReadOptions(input_size=settings.input))
    except (RecursionError, MemoryError) as error:
        reason = "it nests too deeply" if isinstance(error, RecursionError) else "it needs too much memory"
        return Reading(problems=[Problem(TOO_COMPLEX, Site(source.path, 1, 1, 1, 2), facts={"reason": reason})])
    except Exception as error:  # noqa: BLE001 - one file must not end the check of the others
        failures.append(_failure(source.path, "reading it", error))
        return Reading()


def _reference(name: str, channels: int | None, classes: int | None, image: tuple[int, ...] | None) -> Model:
    """Return the Model of a reference."""
    from resnet_check.equality.reference import reference_model

    return reference_model(name, channels, classes, image)


def _reread(source: Source) -> Reread:
    """Return a function that reads a file's tree again; of what goes wrong in that nothing is known."""

    def again(
        names: frozenset[str], size: tuple[int, ...] | None, stop: Callable[[Problem], bool] | None = None
    ) -> list[Model]:
        from resnet_check.read.reading import ReadOptions
        from resnet_check.read.static.reader import read

        options = ReadOptions(size, max_steps=1_000_000, max_seconds=1.0, only=names, figures=False, stop=stop)
        try:
            reading = read(source, options)
        except Exception:  # noqa: BLE001 - a changed tree may be odder than any file
            return []
        return [] if any(problem.kind == TOO_COMPLEX for problem in reading.problems) else reading.models

    return again


def _run(
    rules: Sequence[Rule], context: FileContext, failures: list[str], deadline: float = inf
) -> tuple[list[Finding], tuple[Rule, ...]]:
    """Return the merged findings of the rules, and the rules that ran: after the deadline none begins."""
    from resnet_check.rules.base import merge

    found: list[Finding] = []
    for number, rule in enumerate(rules):
        if time.process_time() > deadline:
            return merge(found), tuple(rules[:number])
        try:
            found.extend(rule.check(context))
        except Exception as error:  # noqa: BLE001 - one rule must not end the check of the others
            failures.append(_failure(context.source.path, f"rule {rule.name}", error))
    return merge(found), tuple(rules)


def _failure(path: str, what: str, error: Exception) -> str:
    """Return the one line about a mistake of the tool itself."""
    import os

    if os.environ.get("RESNET_CHECK_DEBUG") == "1":
        import traceback

        traceback.print_exc()
    words = " ".join(str(error).split())
    return f"internal error in {path} ({what}): {type(error).__name__}: {words}"[:300]


def _without_suppressed(
    findings: list[Finding], context: FileContext, rules: tuple[Rule, ...], failures: list[str]
) -> list[Finding]:
    """Leave out what comments suppress, and add what is found in the comments themselves."""
    suppressions = {context.source.path: context.source.suppressions}
    if not any(suppressions.values()) and all(finding.path in suppressions for finding in findings):
        return findings
    used: set[tuple[Suppression, str]] = set()
    kept = [finding for finding in findings if not _suppressed(finding, suppressions, used)]
    unused = _unused(context, rules, used)
    late = [rule for rule in rules if rule.name == UNUSED_IGNORE]
    if not unused or not late:
        return kept
    from resnet_check.rules.base import merge

    more, _ = _run(late, replace(context, unused=unused), failures)
    # A comment for the whole file that names no rule does not silence what is said about itself.
    named = {path: tuple(each for each in found if each.rules) for path, found in suppressions.items()}
    return merge([*kept, *(finding for finding in more if not _suppressed(finding, named, used))])


def not_suppressed(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that no comment of their file suppresses."""
    suppressions: dict[str, tuple[Suppression, ...]] = {}
    return [finding for finding in findings if not _suppressed(finding, suppressions, set())]


def _suppressed(
    finding: Finding, suppressions: dict[str, tuple[Suppression, ...]], used: set[tuple[Suppression, str]]
) -> bool:
    """Return whether a comment suppresses the finding, and note the names that did."""
    if finding.path not in suppressions:
        suppressions[finding.path] = _suppressions_of(finding.path)
    naming = [
        (suppression, name)
        for suppression in suppressions[finding.path]
        if suppression.covers(finding.line)
        for name in _names(suppression)
        if _stands_for(name, finding.code, finding.rule)
    ]
    used.update(naming)
    return bool(naming)


def _suppressions_of(path: str) -> tuple[Suppression, ...]:
    from resnet_check.errors import CannotCheckError
    from resnet_check.source import read_source

    try:
        return read_source(path).suppressions
    except CannotCheckError:
        return ()


def _names(suppression: Suppression) -> tuple[str, ...]:
    """Return the names of a suppression; a comment for the whole file that names nothing means every rule."""
    if suppression.scope == "ignore-file" and not suppression.whole_file:
        return ()
    return suppression.rules or (("RC",) if suppression.whole_file else ())


def _stands_for(name: str, code: str, rule: str) -> bool:
    from resnet_check.rules.selection import stands_for

    return stands_for(name, code, rule)


def _is_on(name: str, rules: tuple[Rule, ...]) -> bool:
    """Return whether a name of a suppression stands for a rule that ran."""
    return any(_stands_for(name, rule.code, rule.name) for rule in rules)


def _is_known(name: str) -> bool:
    from resnet_check.rules.selection import matches

    return bool(matches(name))


def _unused(
    context: FileContext, rules: tuple[Rule, ...], used: set[tuple[Suppression, str]]
) -> tuple[tuple[Suppression, tuple[str, ...]], ...]:
    """Return the suppressions with the names that had no effect, as far as that is certain."""
    everything = context.source.tree is not None and all(model.status == "complete" for model in context.models)
    found = []
    for suppression in context.source.suppressions:
        names = _names(suppression)
        idle = tuple(
            name
            for name in names
            if (suppression, name) not in used and (everything if _is_on(name, rules) else not _is_known(name))
        )
        if idle or not names:
            found.append((suppression, idle if suppression.rules else ()))
    return tuple(found)


def model_report(model: Model, found: Identity | None) -> ModelReport:
    """Return what a report says of a model, and of which ResNet it is."""
    return ModelReport(
        name=model.name,
        kind=model.kind,
        line=model.line,
        status=model.status,
        unknown=tuple(model.unknown),
        input=None if model.input is None else tuple(_sizes(model.input)),
        output=_nested(model.output),
        params=model.params,
        macs=model.macs,
        accepted_sizes=None if model.accepted is None else tuple(model.accepted),
        depth=found and found.depth,
        variant=found and found.variant,
        differences=found.differences if found else (),
    )


def _nested(output: Any) -> Any:
    """Return the output's sizes: a list for a tensor, a list of those for several, a dict for named ones."""
    if isinstance(output, Mapping):
        return {str(name): _nested(value) for name, value in output.items()}
    if isinstance(output, list):
        return [_nested(value) for value in output]
    return list(_sizes(output)) if isinstance(output, tuple) else None


def _sizes(shape: Iterable[Any]) -> Iterator[int | None]:
    """Yield each size's value, None for one that the batch decides."""
    from resnet_check.graph.dim import symbols, value

    return (None if "N" in symbols(size) else value(size) for size in shape)
