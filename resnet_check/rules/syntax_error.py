"""The file is not Python that can be run.

## What it checks
Whether Python 3 can read the file: its encoding, its indentation, its syntax. Python 2, indentation that was lost when
code was copied from a web page, typographic quotes and the marks of notebooks, merge conflicts and Markdown are told
apart.

## Why it matters
Nothing else can be checked in a file that cannot be read.

## Bad
    class Block(nn.Module):
    def forward(self, x):
    return x

## Good
    class Block(nn.Module):
        def forward(self, x):
            return x

## How to fix
The message names the line to mend, and what is expected there.

## Source
The Python language reference, chapter "Lexical analysis"; PEP 263.
"""

from collections.abc import Iterator

from resnet_check.finding import Finding, Related
from resnet_check.graph.records import Site
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC001", "syntax-error", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield what kept the file from being parsed."""
    problem = context.source.problem
    if problem is None or problem.kind == "too-large":
        return
    path = context.source.path
    yield report(
        Site(path, problem.line, problem.column, problem.end_line, problem.end_column),
        problem.message,
        label=problem.label,
        help=problem.help,
        related=tuple(Related(path, line, message) for line, message in problem.related),
    )


BAD = [
    """
class Block:
def forward(self, x):  # <- syntax-error
return x
""",
    """
def forward(x):
    y = x + 1
z = y * 2  # <- syntax-error
return z
""",
    """
print "hello"  # <- syntax-error
""",
    """
names = [“conv1”]  # <- syntax-error
""",
]

GOOD = [
    """
class Block:
    def forward(self, x):
        return x
""",
]
