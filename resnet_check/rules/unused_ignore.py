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

from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.graph.records import Site
from resnet_check.rules.base import FileContext, Reporter, rule
from resnet_check.rules.selection import matches, nearest_rule
from resnet_check.suppression import Suppression


@rule("RC003", "unused-ignore", "note")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the suppressions, and the names in them, that had no effect."""
    for suppression, names in context.unused:
        site = Site(context.source.path, suppression.line, suppression.column, suppression.line, suppression.end_column)
        message, cure = _explain(suppression, names)
        yield report(site, message, help=cure)


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
    return f"the comment does not suppress {what} here", "delete it"


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
