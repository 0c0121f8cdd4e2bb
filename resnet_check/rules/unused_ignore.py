"""A suppression comment suppresses nothing.

## What it checks
Whether each ``# resnet-check: ignore[...]`` comment, and each rule that it names, keeps a finding from being reported.
Nothing is said in a file that could not be checked to its end, nor of a rule that is switched off.

## Why it matters
A comment that outlives its mistake will hide the next one. One that is misspelled never worked.

## Bad
    x = self.conv(x)  # resnet-check: ignore[missing-norm] the checkpoint has none

## Good
    x = self.conv(x)

## How to fix
Delete the comment, or the name in it. A comment belongs at the end of the line of the finding, or of the line of the
``class`` or ``def`` around it; ``ignore-file`` belongs above the first statement.

## Source
The unused-suppression reports of mypy, ruff and ESLint.
"""

import re
from collections.abc import Iterator

from resnet_check.finding import Edit, Finding, Fix
from resnet_check.graph.records import Site
from resnet_check.rules.base import FileContext, Reporter, rule
from resnet_check.rules.selection import matches, nearest_rule
from resnet_check.source import Source
from resnet_check.suppression import COMMENT, Suppression

DELETE = "delete it"

OTHER_COMMENT = re.compile(r"\s#(?!\d)")
"""Where another comment begins behind the first one; ``#12`` is a number in the words of the first."""


@rule("RC003", "unused-ignore", "note")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the suppressions, and the names in them, that had no effect."""
    for suppression, names in context.unused:
        site = Site(context.source.path, suppression.line, suppression.column, suppression.line, suppression.end_column)
        message, cure = _explain(suppression, names)
        fix = _removal(context.source, suppression, names) if cure == DELETE else None
        yield report(site, message, help=cure, fix=fix)


def _explain(suppression: Suppression, names: tuple[str, ...]) -> tuple[str, str]:
    unknown = [name for name in names if not matches(name)]
    if unknown:
        hint = nearest_rule(unknown[0]).strip(" ()?").removeprefix("did you mean ")
        return f"the comment names no rule: `{unknown[0]}`", f"write {hint}" if hint else "see `resnet-check rules`"
    if suppression.scope == "ignore-file" and not suppression.whole_file:
        return "`ignore-file` is not at the top of the file", "move the comment above the first statement"
    if suppression.scope == "ignore" and not suppression.rules:
        return "the comment names no rule, so it suppresses nothing", "write `ignore[rule-name]`"
    what = f"`{', '.join(names)}`" if names else "anything"
    return f"the comment does not suppress {what} here", DELETE


def _removal(source: Source, suppression: Suppression, names: tuple[str, ...]) -> Fix | None:
    """Return the fix that takes the comment out, or only the names in it that have no effect.

    There is none for a name that stands for several rules, as some of them may not have run. What another tool wrote
    behind a further ``#`` stays.
    """
    if not names or any(len(matches(name)) != 1 for name in names):
        return None
    line, start, end = suppression.line, suppression.column, suppression.end_column
    text = source.lines[line - 1]
    comment = COMMENT.match(text[start - 1 : end - 1])
    left = [name for name in suppression.rules if name not in names]
    if comment is None:
        return None
    if left:
        first, last = comment.span("rules")
        return Fix(
            "take out what has no effect", (Edit(line, start + first, line, start + last, ", ".join(left)),), safe=True
        )
    other = OTHER_COMMENT.search(text, start)
    if other is not None:
        edit = Edit(line, start, line, other.start() + 2, "")
    elif text[: start - 1].strip():
        edit = Edit(line, len(text[: start - 1].rstrip()) + 1, line, end, "")
    else:
        edit = Edit(line, 1, line + 1, 1, "")
    return Fix("delete the comment", (edit,), safe=True)


BAD = [
    """
x = 1  # resnet-check: ignore[missing-norm]  # <- unused-ignore
""",
    """
x = 1  # resnet-check: ignore[RC303, misspelled]  # <- unused-ignore
""",
    """
x = 1  # resnet-check: ignore  # <- unused-ignore
""",
    """
x = 1
# resnet-check: ignore-file  # <- unused-ignore
""",
]

GOOD = [
    """
x = 1  # a comment
""",
    """
# resnet-check: ignore-file an example of what goes wrong
print "hello"
""",
]
