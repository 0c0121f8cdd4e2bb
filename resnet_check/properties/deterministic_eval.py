"""In eval mode the same input gives something else the second time.

## What it checks
Two passes over the same generated input in eval mode give the same. Dropout that is kept on in so many words
(``training=True``, or a registered layer that stays in training mode after `eval()`) is taken as meant.

## Why it matters
Predictions cannot be repeated, and measured accuracy is that of a network with noise in it.

## Bad
    x = F.dropout(x, 0.5)

## Good
    x = F.dropout(x, 0.5, training=self.training)

## How to fix
Make noise depend on `self.training`; build layers in `__init__` and not in `forward`, where each call draws new weights.

## Source
The PyTorch documentation, `torch.nn.Module.eval` and `torch.nn.functional.dropout`.
"""

from __future__ import annotations

import random
import re
from typing import Any

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import TOLERANCE, Case, Subject, all_apart
from resnet_check.properties.watching import Call, changing

MEANT = re.compile(r"training\s*=\s*True|,\s*True\s*[,)]")
"""A call of a dropout function that asks for noise."""

SAMPLING = re.compile(r"(^|_)mc(_|$)|^MC|monte|uncertain|bayes|sampl|stochastic", re.IGNORECASE)
"""Names of modules in which noise is meant to stay on."""


@prop("RC602", "deterministic-eval", "warning")
def check(subject: Subject) -> None:
    """Compare two passes over the same input."""
    noise = drawing(subject)
    by_mistake = [call for call in noise if not is_meant(subject, call)]
    if noise and not by_mistake:
        message = f"it draws random numbers in eval mode on purpose (`{noise[0].name}`, line {noise[0].line})"
        raise DoesNotApply(message)

    def twice(case: Case) -> None:
        first, second = subject.output(subject.module, case), subject.output(subject.module, case)
        if all_apart(first, second) > TOLERANCE:
            cause = f": `{by_mistake[0].name}` draws random numbers" if by_mistake else ""
            message = f"two passes over the same input in eval mode give different outputs{cause}"
            raise Failed(message, line=by_mistake[0].line if by_mistake else None)

    for_all(subject, twice, batches=(1, 3))


def drawing(subject: Subject) -> list[Call]:
    """Return the calls of one pass in eval mode that draw random numbers."""
    import torch

    def state() -> Any:
        return bytes(torch.get_rng_state().numpy()), random.getstate()

    inputs = subject.inputs(Case(2, subject.stated), torch.float32)
    with torch.no_grad():
        return changing(subject.holds, state, lambda: subject.module(*inputs))


def is_meant(subject: Subject, call: Call) -> bool:
    """Return whether a call draws random numbers on purpose."""
    if "dropout" not in call.name:
        return False
    if MEANT.search(call.text) or any(SAMPLING.search(type(owner).__name__) for owner in call.owners):
        return True
    registered = {id(module) for module in subject.module.modules()}
    layer = call.owners[0] if call.owners else None
    return "Dropout" in type(layer).__name__ and id(layer) in registered


_FORWARD = "return self.fc(x.mean((2, 3)))"

BAD = (
    network((_FORWARD, "return self.fc(F.dropout(x.mean((2, 3)), 0.5))")),
    network((_FORWARD, "return self.fc(x.mean((2, 3))) + torch.rand(1)")),
    network((_FORWARD, "return nn.Linear(16, 5)(x.mean((2, 3)))")),
    network(
        (_FORWARD, "self.calls = getattr(self, 'calls', 0) + 1\n        return self.fc(x.mean((2, 3))) * self.calls")
    ),
)

GOOD = (
    network((_FORWARD, "return self.fc(F.dropout(x.mean((2, 3)), 0.5, training=self.training))")),
    network((_FORWARD, "return self.fc(F.dropout(x.mean((2, 3)), 0.5, training=True))")),
    network(
        (_FORWARD, "noise = torch.rand(1) if self.training else 0\n        return self.fc(x.mean((2, 3))) + noise")
    ),
)
