"""The model is built, and its forward pass raises, ends the process or does not come to an end.

## What it checks
With `--live`, the model runs once in eval mode at the size that the file speaks of, in a process of its own with limits on
time, memory, files and processes. What goes wrong there is told at the line of the file where it went wrong.

## Why it matters
Nobody can use the model. Where the static check has told what is wrong, the exception of torch is not told again; where
only a property used up the time, it is a note that says what was not checked.

## Bad
    x = torch.cat([x, y], dim=7)

## Good
    x = torch.cat([x, y], dim=1)

## How to fix
Run the model on one image and mend what torch says.

## Source
The limits are those of `cannot-build`.
"""

from __future__ import annotations

from resnet_check.properties._examples import network
from resnet_check.properties.base import Failed, prop
from resnet_check.properties.subject import Subject, in_words


@prop("RC652", "cannot-run", "error", runs=False)
def check(subject: Subject) -> None:
    """Run it once."""
    if subject.runs is not None:
        message = f"running it ends with {in_words(subject.runs)}"
        raise Failed(message, line=subject.line_of(subject.runs))


BAD = (
    network(("x.mean((2, 3))", "x.mean((2, 3, 7))")),
    network(("x = self.body(self.stem(x))", "x = self.body(self.stem(x))\n        raise SystemError")),
)

GOOD = (network(),)
