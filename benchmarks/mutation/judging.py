"""What the check finds of the planted mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from mutation.bases import checked
from mutation.operators import OPERATORS
from resnet_check.finding import Finding


class Mutant(NamedTuple):
    """A file with one mistake, and the lines that are right to name."""

    operator: str
    number: int
    path: str
    text: str
    lines: frozenset[int]


class Judgement(NamedTuple):
    """What was found of a mutant: anything, at a right line, by a right rule; ``findings`` are those that are new."""

    mutant: Mutant
    found: bool
    at_line: bool
    right_rule: bool
    findings: tuple[Finding, ...]


def judge(original: str, before: Iterable[Finding], mutant: Mutant) -> Judgement:
    """Check a mutant; what the correct file has too does not count, and a note only where the mistake deserves no more."""
    operator = OPERATORS[mutant.operator]
    known = Counter(_key(finding, original) for finding in before)
    findings = []
    report = checked(mutant.path, mutant.text)
    if report.failures:
        raise RuntimeError(report.failures[0])
    for finding in report.findings:
        key = _key(finding, mutant.text)
        if known[key]:
            known[key] -= 1
        elif operator.note or finding.severity != "note":
            findings.append(finding)
    there = [finding for finding in findings if _names(finding, mutant)]
    right = any(finding.code in operator.rules for finding in there or findings)
    return Judgement(mutant, bool(findings), bool(there), right, tuple(findings))


def _key(finding: Finding, text: str) -> tuple[str, str]:
    """Return what two findings have in common that say the same: the rule and the line's text."""
    lines = text.splitlines()
    return finding.code, lines[finding.line - 1].strip() if finding.line <= len(lines) else ""


def _names(finding: Finding, mutant: Mutant) -> bool:
    """Return whether a finding names a right line: where it points, or in the places that it relates to."""
    spans = [
        (finding.line, finding.end_line),
        *((each.line, each.line) for each in finding.related if each.path == mutant.path),
    ]
    return finding.path == mutant.path and any(
        line in range(first, last + 1) for first, last in spans for line in mutant.lines
    )


class Row(NamedTuple):
    """The figures of one operator."""

    operator: str
    planted: int
    equivalent: int
    found: int
    at_line: int
    right_rule: int

    @property
    def real(self) -> int:
        """The mutants that behave in another way than the correct file."""
        return self.planted - self.equivalent


def rows(judgements: Iterable[Judgement], planted: Counter[str]) -> list[Row]:
    """Return the figures of each operator, in the order of the rules."""
    by_name: dict[str, list[Judgement]] = {}
    for each in judgements:
        by_name.setdefault(each.mutant.operator, []).append(each)
    return [
        Row(
            name,
            planted[name],
            planted[name] - len(by_name.get(name, ())),
            sum(each.found for each in by_name.get(name, ())),
            sum(each.at_line for each in by_name.get(name, ())),
            sum(each.right_rule for each in by_name.get(name, ())),
        )
        for name in sorted(OPERATORS, key=lambda name: OPERATORS[name].rules[0])
        if planted[name]
    ]
