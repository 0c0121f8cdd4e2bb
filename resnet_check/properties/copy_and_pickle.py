"""A copy of the model is no copy: it computes something else, or with the weights of the original.

## What it checks
`copy.deepcopy` and pickling give a model that computes the same; when the copy's weights are changed, the original stays
as it was and the copy computes with the new ones. A model that cannot be pickled (it holds a lambda, say) is left out.

## Why it matters
Averaged weights, teachers and checkpoints of whole models are made by copying. A function that was made in `__init__` and
remembers `self` still runs the layers of the original.

## Bad
    self.run = lambda x: self.fc(x)

## Good
    def run(self, x):
        return self.fc(x)

## How to fix
Make methods of functions that use layers; keep layers, and not functions that remember them, in attributes.

## Source
The Python documentation, `copy.deepcopy`: functions are not copied.
"""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import TOLERANCE, Case, Subject, all_apart, in_words

if TYPE_CHECKING:
    from torch import nn


@prop("RC608", "copy-and-pickle", "warning")
def check(subject: Subject) -> None:
    """Compare a copy, and the model that a pickle gives back, with the original."""
    subject.require_same_each_time()
    changed, rebuilt = copied(subject.module), subject.build(seed=subject.seed + 1)
    move(changed)
    subject.attempt(lambda: rebuilt.load_state_dict(changed.state_dict()), "loading a copy's state dict")
    again = copied(subject.module)

    def copies(case: Case) -> None:
        expected = subject.output(subject.module, case)
        if all_apart(expected, subject.output(again, case)) > TOLERANCE:
            message = "a deep copy gives something else"
            raise Failed(message)
        if all_apart(subject.output(rebuilt, case), subject.output(changed, case)) > TOLERANCE:
            message = "a deep copy does not compute with its own weights: it still uses layers of the original"
            raise Failed(message)

    for_all(subject, copies, batches=(1, 2))
    restored = pickled(subject.module)

    def restores(case: Case) -> None:
        if all_apart(subject.output(subject.module, case), subject.output(restored, case)) > TOLERANCE:
            message = "what a pickle gives back computes something else"
            raise Failed(message)

    for_all(subject, restores, batches=(1, 2))


def copied(module: nn.Module) -> Any:
    """Return a deep copy; `DoesNotApply` for a module that does not allow one."""
    try:
        return copy.deepcopy(module)
    except Exception as error:
        message = f"it cannot be copied: {in_words(error)}"
        raise DoesNotApply(message) from error


def pickled(module: nn.Module) -> Any:
    """Return what a pickle of a module gives back; `DoesNotApply` for a module that does not allow one."""
    try:
        return pickle.loads(pickle.dumps(module))  # noqa: S301 - written by this process a moment ago
    except Exception as error:
        message = f"it cannot be pickled: {in_words(error)}"
        raise DoesNotApply(message) from error


def move(module: nn.Module) -> None:
    """Change all weights that can be trained."""
    import torch

    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.is_floating_point():
                parameter.mul_(torch.rand(parameter.shape, generator=generator).to(parameter.dtype) + 0.5)


_INIT = "self.fc = nn.Linear(16, classes)"
_CALL = "return self.fc(x.mean((2, 3)))"

BAD = (
    network((_INIT, _INIT + "\n        self.run = lambda x: self.fc(x)"), (_CALL, "return self.run(x.mean((2, 3)))")),
    network(
        (_INIT, _INIT + "\n        self.weights = {'fc': self.fc.weight.data_ptr()}\n        self.first = id(self)"),
        (_CALL, "return self.fc(x.mean((2, 3))) * (1 if id(self) == self.first else 2)"),
    ),
)

GOOD = (
    network((_INIT, _INIT + "\n        self.run = self.fc"), (_CALL, "return self.run(x.mean((2, 3)))")),
    network(
        (_INIT, _INIT + "\n        self.run = self.head"),
        (_CALL, "return self.run(x)\n\n    def head(self, x):\n        " + _CALL),
    ),
)
