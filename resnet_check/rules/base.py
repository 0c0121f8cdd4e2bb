"""What a rule is: a function over one file, its documentation, and its examples.

A rule lives in a file of its own, named like the rule. Its module docstring is its page (``resnet-check explain``): the
first line says what is wrong, then sections ``## What it checks``, ``## Why it matters``, ``## Bad``, ``## Good``,
``## How to fix``, ``## Source``. ``BAD`` and ``GOOD`` hold complete small model files that run as tests; in a bad one a
comment ``# <- rule-name`` ends each line to be reported.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from resnet_check.finding import SEVERITIES, Finding, Fix, Related
from resnet_check.graph.records import Model, Problem, Site
from resnet_check.rules._explained import explained, softer, told_twice

if TYPE_CHECKING:
    from resnet_check.gate.snapshot import Snapshot
    from resnet_check.source import Source
    from resnet_check.suppression import Suppression


class Reread(Protocol):
    """Reads the file's syntax tree once more, as it is now."""

    def __call__(
        self,
        names: frozenset[str],
        size: tuple[int, ...] | None,
        stop: Callable[[Problem], bool] | None = None,
    ) -> Sequence[Model]:
        """Return the models of the given names at the given size of the input, none once ``stop`` says so."""


@dataclass(frozen=True, slots=True)
class FileContext:
    """What a rule looks at: one Source, the models read from it, and what the reader saw outside of models.

    ``told`` and ``unused`` are known once every other rule has run: the findings of those, if all that look for why a model
    cannot run were among them, and the suppressions, and the names in them, that had no effect.
    With ``reread`` a rule that changes the syntax tree finds out what the change would mend. ``like`` is the published
    network that the user says the models are, and ``reference`` reads its reference. ``locked`` are the file's models as the
    lock file has them. ``shared`` keeps what several rules work out together.
    """

    source: Source
    models: tuple[Model, ...]
    problems: tuple[Problem, ...] = ()
    unused: tuple[tuple[Suppression, tuple[str, ...]], ...] = ()
    reread: Reread | None = None
    like: str | None = None
    reference: Callable[[str, int | None, int | None, tuple[int, ...] | None], Model] | None = None
    locked: tuple[Snapshot, ...] | None = None
    told: tuple[Finding, ...] | None = None
    shared: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def complete(self) -> Iterator[Model]:
        """The models of which every operation was understood: only they show what is *missing*."""
        return (model for model in self.models if model.status == "complete")

    def found(self, *kinds: str) -> Iterator[tuple[Model | None, Problem]]:
        """Yield the problems of the given kinds with the model in which they were seen, without mere consequences."""
        for problem in self.problems:
            if problem.kind in kinds:
                yield None, problem
        for model in self.models:
            for problem in model.problems:
                if problem.kind in kinds and not explained(self, model, problem):
                    yield model, problem


class Rule(NamedTuple):
    """One kind of mistake, with its page and its examples.

    ``like`` is the network that the examples are said to be, ``locked`` the file of which a lock was made before.
    """

    code: str
    name: str
    severity: str
    check: Callable[[FileContext], Iterator[Finding]]
    page: str = ""
    bad: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    like: str | None = None
    locked: str | None = None

    @property
    def title(self) -> str:
        """The first line of the page."""
        return self.page.strip().partition("\n")[0]


class Reporter:
    """Makes the Findings of one rule; handed to the rule's function as its first argument."""

    def __init__(self, code: str, name: str, severity: str) -> None:
        self.code = code
        self.name = name
        self.severity = severity

    def __call__(
        self,
        site: Site,
        message: str,
        *,
        label: str = "",
        help: str = "",  # noqa: A002 - the word of the report, as in Finding
        model: Model | None = None,
        module: str | None = None,
        severity: str | None = None,
        related: tuple[Related, ...] = (),
        fix: Fix | None = None,
    ) -> Finding:
        """Return a Finding at a place of the graph; one in an imported file is shown where this file leads there."""
        shown = site if model is None else within(site, model.path)
        if shown is not site:
            related = (Related(site.path, site.line, "it is here, in an imported file"), *related)
            site = shown
        return Finding(
            rule=self.name,
            code=self.code,
            severity=severity or self.severity,
            path=site.path,
            line=site.line,
            column=site.column,
            end_line=site.end_line,
            end_column=site.end_column,
            message=message,
            label=label,
            help=help,
            model=None if model is None else model.name,
            module=module,
            related=related,
            fix=fix,
        )


def within(site: Site, path: str) -> Site:
    """Return the place itself if it lies in the file, else the innermost call of the file that led there."""
    return next((each for each in (site, *site.calls) if each.path == path), site)


Check = Callable[[Reporter, FileContext], Iterator[Finding]]


def rule(code: str, name: str, severity: str) -> Callable[[Check], Check]:
    """Mark the function of a rule's file as its check."""

    def mark(check: Check) -> Check:
        check.rule = (code, name, severity)  # type: ignore[attr-defined]
        return check

    return mark


def load(module: Any) -> Rule:
    """Return the Rule that a rule's file defines."""
    code, name, severity = module.check.rule
    reporter = Reporter(code, name, severity)
    return Rule(
        code,
        name,
        severity,
        check=lambda context: (f for f in module.check(reporter, context) if not softer(context, f)),
        page=module.__doc__ or "",
        bad=tuple(module.BAD),
        good=tuple(module.GOOD),
        like=getattr(module, "LIKE", None),
        locked=getattr(module, "LOCKED", None),
    )


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule of the package, by code."""
    folder = os.path.dirname(__file__)
    names = sorted(entry[:-3] for entry in os.listdir(folder) if entry.endswith(".py"))
    modules = (importlib.import_module(f"resnet_check.rules.{name}") for name in names)
    return tuple(sorted((load(module) for module in modules if hasattr(module, "check")), key=lambda r: r.code))


def merge(findings: list[Finding]) -> list[Finding]:
    """Return one Finding for each construct of the source, with the number of its instances, in the order of lines."""
    merged: dict[tuple[Any, ...], Finding] = {}
    for finding in told_twice(findings):
        key = (finding.path, finding.rule, finding.line, finding.column)
        first = merged.get(key)
        merged[key] = finding if first is None else _together(first, finding)
    return sorted(merged.values(), key=lambda f: (f.path, f.line, f.column, f.code))


def _together(first: Finding, second: Finding) -> Finding:
    """Return the graver of two Findings of one construct, the first of two alike, with the instances of both."""
    graver = max(first, second, key=lambda f: SEVERITIES.index(f.severity))
    return graver._replace(count=first.count + second.count)
