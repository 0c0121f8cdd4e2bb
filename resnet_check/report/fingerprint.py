"""A name for each finding that stays when its line moves: what code scanning, merge requests and baselines know it by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnet_check.finding import Finding
    from resnet_check.report import RenderOptions

DEFINITION = re.compile(r"(\s*)(?:class|def|async\s+def)\s+(\w+)")
"""A line that opens a class or a function: its indentation and its name."""


def fingerprints(findings: Sequence[Finding], options: RenderOptions) -> list[str]:
    """Return the fingerprint of each finding; no two are equal.

    It is made of the rule, the path, the classes and functions around the line, and the line itself without its
    indentation. The number of the line and the model in which the mistake was seen do not count: either may change
    with code elsewhere in the file. Of findings that are equal in all that, the second ends in ``:2``, and so on.
    """
    seen: Counter[str] = Counter()
    found = []
    for finding in findings:
        name = _digest(finding, options)
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}:{seen[name]}")
    return found


def _digest(finding: Finding, options: RenderOptions) -> str:
    lines = options.lines(finding.path)
    text = lines[finding.line - 1].strip() if 1 <= finding.line <= len(lines) else ""
    parts = (finding.rule, options.path(finding.path), around(lines, finding.line), text)
    return sha256("\0".join(parts).encode(errors="backslashreplace")).hexdigest()[:16]


def around(lines: Sequence[str], line: int) -> str:
    """Return the classes and functions around a line, counted from 1, as ``Block.forward``; nothing at top level."""
    names: list[str] = []
    above = [text for text in lines[:line] if text.strip()]
    indent = _indent(above[-1]) if above else 0
    for text in reversed(above[:-1]):
        opens = DEFINITION.match(text)
        if opens and len(opens[1]) < indent:
            names.append(opens[2])
            indent = len(opens[1])
    return ".".join(reversed(names))


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
