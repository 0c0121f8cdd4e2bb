"""Building or running the model does something besides: it writes files, starts processes, uses the network, prints.

## What it checks
What the code of the project does while the model is built and run with `--live`: files that it writes, deletes or
changes, programs and connections that it starts, questions that it asks, megabytes that it prints, exceptions where
nothing can catch them (in a `__del__`). The isolation keeps all of it from happening. What a library does for itself,
on its import or in its functions, is its own matter.

## Why it matters
Whoever imports a model does not expect it. Training on many machines does it many times at once.

## Bad
    def build():
        os.makedirs("/var/log/models", exist_ok=True)
        return Net()

## Good
    def build():
        return Net()

## How to fix
Move it to the program that trains or evaluates, below `if __name__ == "__main__":`.

## Source
The reference manual of Python, audit events: what is noticed are its events on files, processes and sockets.
"""

from __future__ import annotations

import os

from resnet_check.properties._examples import network
from resnet_check.properties.base import Failed, prop
from resnet_check.properties.subject import Subject


@prop("RC653", "side-effects", "warning", runs=False)
def check(subject: Subject) -> None:
    """Build it and run it once, and listen meanwhile."""
    from resnet_check.read.live.building import project_of
    from resnet_check.read.live.effects import watching

    seen: list[tuple[str, int | None]] = []
    path = os.path.abspath(subject.path)
    with watching(path, project_of(path), "", lambda what, line: seen.append((what, line))):
        subject.attempt(subject.build, "building it")
        subject.require_runs()
    for what, line in seen:
        message = f"it {what} when it is built or run"
        raise Failed(message, line=line)


BAD = (
    network(
        ("import torch\n", "import os\nimport torch\n"),
        ("    return Net()", "    os.system('true')\n    return Net()"),
    ),
    network(
        ("import torch\n", "import pathlib\nimport torch\n"),
        (
            "x = self.body(self.stem(x))",
            "x = self.body(self.stem(x))\n        pathlib.Path('shape.txt').write_text(str(x.shape))",
        ),
    ),
)

GOOD = (network(), network(("return Net()", "print('building')\n    return Net()")))
