"""The model changes its input in place.

## What it checks
After a pass in eval mode and one in training mode, the generated input holds the same values as before.

## Why it matters
Whoever uses the tensor again (for a second model, for the loss of an autoencoder, to show the image) works with another
one, and nothing says so.

## Bad
    x -= self.mean

## Good
    x = x - self.mean

## How to fix
Do not use in-place operators, or layers with `inplace=True`, before the first layer that makes a tensor of its own.

## Source
The PyTorch documentation, "Autograd mechanics", in-place operations.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from resnet_check.properties._examples import network
from resnet_check.properties.base import Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import Case, Subject, precision
from resnet_check.properties.watching import changing

if TYPE_CHECKING:
    from torch import nn


@prop("RC605", "input-unchanged", "warning")
def check(subject: Subject) -> None:
    """Compare the input before and after."""
    import torch

    trained = subject.build().train()

    def unchanged(case: Case) -> None:
        for net in (subject.module, trained):
            inputs = subject.inputs(case, precision(net))
            before = [x.clone() for x in inputs]
            try:
                with torch.no_grad():
                    subject.attempt(partial(net, *inputs))
            except Failed:
                if net is subject.module:
                    raise
                continue  # training mode may want what is not known here, such as labels
            changed = [not torch.equal(x, old) for x, old in zip(inputs, before, strict=True)]
            if any(changed):
                name, line = writer(subject, net, case)
                mode = "training" if net.training else "eval"
                which = f"input {changed.index(True)}" if len(inputs) > 1 else "its input"
                message = f"it changes {which} in place in {mode} mode{name}"
                raise Failed(message, line=line)

    for_all(subject, unchanged, batches=(2, 3))


def writer(subject: Subject, net: nn.Module, case: Case) -> tuple[str, int | None]:
    """Return the words and the line of the first call that writes into the input."""
    import torch

    inputs = subject.inputs(case, precision(net))
    with torch.no_grad():
        calls = changing(subject.holds, lambda: [x._version for x in inputs], lambda: net(*inputs))  # noqa: SLF001 - the count of writes has no other name
    return (f" (`{calls[0].name}`)", calls[0].line) if calls else ("", None)


BAD = (
    network(("x = self.body(self.stem(x))", "x -= 0.5\n        x = self.body(self.stem(x))")),
    network(("self.stem = nn.Sequential(", "self.stem = nn.Sequential(nn.ReLU(inplace=True), ")),
    network(("x = self.body(self.stem(x))", "x[:, 0] = 0\n        x = self.body(self.stem(x))")),
)

GOOD = (
    network(),
    network(("x = self.body(self.stem(x))", "x = x - 0.5\n        x.relu_()\n        x = self.body(self.stem(x))")),
    network(("F.relu(", "F.relu_(")),
)
