"""Mending a file: the fixes of its findings, made only where a check of the mended text shows what they promise.

A rule offers a `Fix` for a finding where it knows the mended line. That alone changes no file: the mended text is
checked like any other, and the fix is made if the finding is gone, nothing new is found, and no model has become
another one. So a fix that was right in itself but not at its place is never made.
"""

from __future__ import annotations

import io
import time
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from resnet_check.checking import UNREAD, FileReport, check_source
from resnet_check.editing import edited, overlap
from resnet_check.finding import Edit, Finding
from resnet_check.gate.lines import definition
from resnet_check.gate.snapshot import Gate, Snapshot
from resnet_check.source import decode, parse_source, readable, split_lines

if TYPE_CHECKING:
    from resnet_check.config import Settings

ROUNDS = 10
"""How often fixes are looked for in what the last ones left: those that lie over each other take turns."""

MAX_SECONDS = 60.0
"""The processor time after which no further fix of a file is tried."""

NOTE = "note"

STORED = frozenset({"params", "state"})
COMPUTED = frozenset({"output"})
MEANT = {
    "bias-before-norm": STORED,
    "unregistered-module": STORED,
    "stage-width-mismatch": STORED,
    "batch-mixed": COMPUTED,
    "late-binding-closure": COMPUTED,
    "result-discarded": COMPUTED,
    "return-inside-loop": COMPUTED | STORED,
}
"""What else than an operator changes in a running model where a mistake is mended, by the rule that reports it."""


class Mended(NamedTuple):
    """What became of a file: its content, what a check now finds in it, and the findings whose fixes were made."""

    data: bytes
    report: FileReport
    made: tuple[Finding, ...]


Wanted = Callable[[FileReport, bytes], Sequence[Finding]]
"""Gives those findings in a file, of a report and the content that it is about, whose fixes are to be made."""


def mend(path: str, data: bytes, settings: Settings, wanted: Wanted, gate: Gate | None = None) -> Mended:
    """Return a file's content with the fixes made that prove right, and what is found in it then.

    Fixes that are refused are no longer part of the report. Files in an encoding that does not give the same bytes again
    stay as they are.
    """
    check = _Check(path, settings, gate or Gate())
    now = check(data)
    made: list[Finding] = []
    end = time.process_time() + MAX_SECONDS
    for _ in range(ROUNDS if _is_reversible(data) else 0):
        accepted, now = _round(now, wanted(now.report, now.data), check, end)
        if not accepted:
            break
        made += accepted
    refused = {id(finding) for finding in wanted(now.report, now.data)}
    findings = tuple(f._replace(fix=None) if id(f) in refused else f for f in now.report.findings)
    snapshots = () if gate is None else now.report.snapshots
    return Mended(now.data, now.report._replace(findings=findings, snapshots=snapshots), tuple(made))


def is_offered(finding: Finding, *, unsafe: bool) -> bool:
    """Return whether a finding has a fix of the kind that is asked for."""
    return finding.fix is not None and (finding.fix.safe or unsafe)


class _Checked(NamedTuple):
    """A content of a file, and what a check found in it."""

    data: bytes
    report: FileReport


@dataclass(frozen=True, slots=True)
class _Check:
    """Checks one content of a file after the other."""

    path: str
    settings: Settings
    gate: Gate

    def __call__(self, data: bytes) -> _Checked:
        return _Checked(data, check_source(parse_source(self.path, data), self.settings, self.gate))


def edits_of(finding: Finding) -> tuple[Edit, ...]:
    """Return the edits of a finding's fix."""
    return () if finding.fix is None else finding.fix.edits


def _apart(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield those findings whose fixes can be made together: of some that lie over each other the first."""
    chosen: list[tuple[Edit, ...]] = []
    for finding in findings:
        edits = edits_of(finding)
        if not any(overlap(edits, other) for other in chosen):
            chosen.append(edits)
            yield finding


def _round(
    before: _Checked, findings: Sequence[Finding], check: _Check, end: float
) -> tuple[tuple[Finding, ...], _Checked]:
    """Return the findings whose fixes are made first, and the file with them made: safe fixes go before the others."""
    for safe in (True, False):
        chosen = [finding for finding in findings if finding.fix is not None and finding.fix.safe is safe]
        accepted, after = _accepted(before, list(_apart(chosen)), check, end)
        if accepted:
            return accepted, after
    return (), before


def _accepted(
    before: _Checked, findings: list[Finding], check: _Check, end: float
) -> tuple[tuple[Finding, ...], _Checked]:
    """Return the findings whose fixes prove right together, and the file with them made.

    All are tried at once; what does not hold is tried in halves, down to each alone.
    """
    accepted: tuple[Finding, ...] = ()
    now = before
    todo = [tuple(findings)] if findings else []
    while todo and time.process_time() < end:
        part = todo.pop()
        after = _tried(before, (*accepted, *part), check)
        if after is not None:
            accepted, now = (*accepted, *part), after
        elif len(part) > 1:
            half = len(part) // 2
            todo += [part[half:], part[:half]]
    return accepted, now


def _tried(before: _Checked, findings: Sequence[Finding], check: _Check) -> _Checked | None:
    """Return the file with fixes made, if a check shows that they are right."""
    data = with_edits(before.data, [edit for finding in findings for edit in edits_of(finding)])
    if data is None or data == before.data:
        return None
    after = check(data)
    return after if _holds(before, after.report, findings) else None


def with_edits(data: bytes, edits: Iterable[Edit]) -> bytes | None:
    """Return a file's content with edits made, in its encoding, None where that has no bytes for them."""
    try:
        return edited(decode(data), edits).encode(_encoding(data))
    except UnicodeEncodeError:
        return None


def _encoding(data: bytes) -> str:
    """Return the encoding of a file's content; it says whether a byte-order mark belongs to it."""
    return tokenize.detect_encoding(io.BytesIO(data).readline)[0]


def _is_reversible(data: bytes) -> bool:
    """Return whether a file's content is text that gives the same bytes again."""
    try:
        return decode(data).encode(_encoding(data)) == data
    except (SyntaxError, LookupError, ValueError, MemoryError):
        return False


# What a fix has to prove.


def _holds(before: _Checked, after: FileReport, findings: Sequence[Finding]) -> bool:
    """Return whether after some fixes their findings are gone, nothing else is found, and no model is another one."""
    if after.failures or any(finding.rule in UNREAD for finding in after.findings):
        return False
    lines = split_lines(readable(before.data))
    return _only_less_is_found(before.report, after, findings) and _models_stay(before.report, after, findings, lines)


def _only_less_is_found(before: FileReport, after: FileReport, mended: Sequence[Finding]) -> bool:
    """Return whether what was mended is found no more, and nothing else is found but what the mistake hid; notes may be new.

    Lines move with a fix, so findings are counted, not compared.
    """
    hidden = {model.name for model in before.models if model.status == "failed"}
    edits = [edit for finding in mended for edit in edits_of(finding)]
    own = {line for edit in edits for line in _lines_after(edit, edits)}
    loud_before, loud_after = ([f for f in found.findings if f.severity != NOTE] for found in (before, after))
    uncovered = Counter(
        f.rule
        for f in loud_after
        if f.model in hidden and (_is_safe(mended) or (f.severity == "warning" and f.line not in own))
    )
    if not Counter(f.rule for f in loud_after) - uncovered <= Counter(f.rule for f in loud_before):
        return False
    fewer = Counter(finding.rule for finding in mended)
    all_before, all_after = (Counter(f.rule for f in found.findings) for found in (before, after))
    if all(all_after[rule] <= all_before[rule] - fewer[rule] for rule in fewer):
        return True
    places = {(finding.rule, _moved(finding.line, finding.column, edits)) for finding in mended}
    return (
        _is_safe(mended)
        and bool(hidden)
        and places.isdisjoint((finding.rule, finding.line) for finding in after.findings)
    )


def _moved(line: int, column: int, edits: Iterable[Edit]) -> int:
    """Return the line on which a place is after some edits, those at the place itself included."""
    above = [edit for edit in edits if edit[:2] <= (line, column)]
    return line + sum(edit.text.count("\n") - (edit.end_line - edit.line) for edit in above)


def _lines_after(edit: Edit, edits: Iterable[Edit]) -> range:
    """Return the lines that an edit leaves, where it stands after all of them."""
    first = _moved(edit.line, edit.column, [other for other in edits if other != edit])
    return range(first, first + edit.text.count("\n") + 1)


def _is_safe(findings: Iterable[Finding]) -> bool:
    return all(finding.fix is not None and finding.fix.safe for finding in findings)


def _models_stay(before: FileReport, after: FileReport, findings: Sequence[Finding], lines: Sequence[str]) -> bool:
    """Return whether every model that runs still does, and is what it was but for what the fixes are about.

    A safe fix leaves each as it is, operator by operator. An unsafe one changes models that rest on what it stands in;
    they keep the shape of their output and what they store, unless the mistake was about that.
    """
    safe = _is_safe(findings)
    meant = frozenset[str]().union(*(MEANT.get(finding.rule, frozenset()) for finding in findings))
    around = {line for finding in findings for edit in edits_of(finding) for line in definition(lines, edit.line)}
    now = {snapshot.name: snapshot for snapshot in after.snapshots}
    return all(
        old.name in now
        and (
            _is_alike(old, now[old.name], meant)
            if old.status == "partial" or (not safe and _rests_on(old, before.path, around))
            else _is_same(old, now[old.name])
        )
        for old in before.snapshots
        if old.status != "failed"
    )


def _is_same(old: Snapshot, new: Snapshot) -> bool:
    """Return whether a model is what it was, wherever it stands now."""
    return old._replace(line=0, lines=()) == new._replace(line=0, lines=())


def _is_alike(old: Snapshot, new: Snapshot, meant: frozenset[str]) -> bool:
    """Return whether as much is known of a model, and it gives and stores what it did but for what is meant to change."""
    kept = (STORED | COMPUTED) - meant
    return new.status in {old.status, "complete"} and all(
        getattr(old, name) in (None, getattr(new, name)) for name in kept
    )


def _rests_on(model: Snapshot, path: str, lines: set[int]) -> bool:
    """Return whether some of a file's lines are part of a model."""
    return any(other == path and not lines.isdisjoint(numbers) for other, numbers in model.lines)
