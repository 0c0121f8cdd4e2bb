"""A norm's running statistics stay as they are in training mode, or change in eval mode.

## What it checks
A pass in eval mode leaves the running mean and variance of every norm as they are. A pass in training mode changes those
of every norm that it calls and that `train()` put into training mode. Norms that a model keeps in eval mode by overriding
`train`, or that have a momentum of 0, are left out.

## Why it matters
Statistics that do not follow the data make the model compute with a mean of 0 and a variance of 1 when it is evaluated.
Statistics that follow the test data make results depend on what was evaluated before.

## Bad
    def forward(self, x):
        self.eval()

## Good
    model.eval()          # once, by the code that evaluates

## How to fix
Leave the mode to the code that trains and evaluates; call norms as modules.

## Source
Ioffe and Szegedy, Batch Normalization, 2015, algorithm 2.
"""

from __future__ import annotations

from typing import Any

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.subject import Case, Subject, norms, precision


@prop("RC613", "norm-statistics", "warning")
def check(subject: Subject) -> None:
    """Compare the statistics before and after a pass in each mode."""
    import torch

    net = subject.build()
    names = {module: name for name, module in net.named_modules()}
    kept = [norm for norm in norms(net) if norm.momentum != 0]
    if not kept:
        message = "it has no norm that keeps statistics"
        raise DoesNotApply(message)
    case = Case(4, subject.sizes[-1], subject.seed)
    before = [statistics(norm) for norm in kept]
    subject.output(net, case)
    for norm, old in zip(kept, before, strict=True):
        if not equal(old, statistics(norm)):
            message = f"the statistics of `{names[norm]}` change in eval mode"
            raise Failed(message, line=subject.line_of_module(names[norm]))
    net.train()
    wanted = [norm for norm in kept if norm.training]
    called: set[Any] = set()
    for norm in wanted:
        norm.register_forward_pre_hook(lambda module, _: called.add(module))
    before = [statistics(norm) for norm in wanted]
    try:
        with torch.no_grad():
            net(*subject.inputs(case, precision(net)))
    except Exception as error:  # it may want what is not known here, such as labels
        message = f"forward in training mode raises {type(error).__name__}"
        raise DoesNotApply(message) from error
    for norm, old in zip(wanted, before, strict=True):
        if norm in called and equal(old, statistics(norm)):
            message = f"the statistics of `{names[norm]}` stay as they are in training mode"
            raise Failed(message, line=subject.line_of_module(names[norm]))


def statistics(norm: Any) -> tuple[Any, Any]:
    """Return copies of a norm's running mean and variance."""
    return norm.running_mean.clone(), norm.running_var.clone()


def equal(first: tuple[Any, Any], second: tuple[Any, Any]) -> bool:
    """Return whether two pairs of statistics are the same."""
    return all(bool((a == b).all()) for a, b in zip(first, second, strict=True))


_FORWARD = "        x = self.body(self.stem(x))"

_FROZEN = """
class Frozen(Net):
    def train(self, mode=True):
        super().train(mode)
        self.stem.eval()
        return self


def build()"""

BAD = (
    network((_FORWARD, "        self.eval()\n" + _FORWARD)),
    network((_FORWARD, "        self.train()\n" + _FORWARD)),
    network(
        (
            "y = self.bn2(self.conv2(y))",
            "y = self.bn2(self.conv2(y))\n        self.bn2.running_mean.mul_(0.9).add_(0.1)",
        )
    ),
)

GOOD = (
    network(),
    network(
        (
            "\ndef build()",
            _FROZEN,
        ),
        ("return Net()", "return Frozen()"),
    ),
)
