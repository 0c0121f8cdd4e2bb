"""The model cannot be built: its file raises, ends the process or does not come to an end.

## What it checks
With `--live`, the file is imported and the model built, in a process of its own with limits on time, memory, files and
processes. What goes wrong there is told at the line of the file where it went wrong.

## Why it matters
Nobody can use the model. What is missing on this machine only, such as a library or a file of weights, is a note.

## Bad
    layers = {50: [3, 4, 6, 3]}[34]

## Good
    layers = {34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}[34]

## How to fix
Run `python -c "from model import build; build()"` and mend what it says.

## Source
The limits are 90 s, 60 s of processor time, 4 GiB of memory and no other process for each model: ResNet-152 takes half of
it for all properties, and less than a tenth to be built and run.
"""

from __future__ import annotations

from resnet_check.properties._examples import network
from resnet_check.properties.base import prop
from resnet_check.properties.subject import Subject


@prop("RC651", "cannot-build", "error", runs=False)
def check(subject: Subject) -> None:
    """Build it."""
    subject.attempt(subject.build, "building it")


BAD = (network(("return Net()", "return Net({5: 10}[50])")), network(("return Net()", "return Net(classes=-1)")))

GOOD = (network(), network(("return Net()", "return Net({50: 10}[50])")))
