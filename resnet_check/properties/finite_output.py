"""The output is not finite for an input that can occur.

## What it checks
In eval mode and single precision, with the first weights: an input of zeros, of ones, of one value everywhere, an image
whose values were not scaled (up to 255), very large and very small values all give finite outputs. A model whose values
grow so much on the way that ordinary inputs come near the end of single precision is left out.

## Why it matters
A black image, a constant border or a dead channel is no rare thing. A division by a standard deviation or a norm of zero
gives NaN, and one NaN in a batch ends a training run.

## Bad
    x = x / x.std((1, 2, 3), keepdim=True)

## Good
    x = x / (x.std((1, 2, 3), keepdim=True) + 1e-5)

## How to fix
Add a small number before dividing and before taking a square root or logarithm; use torch's own softmax and norms, which
do.

## Source
Ioffe and Szegedy, Batch Normalization, 2015, algorithm 1: epsilon is there for numerical stability.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import Case, Subject, leaves

if TYPE_CHECKING:
    import torch

EXTREMES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "zeros": lambda x: x * 0,
    "ones": lambda x: x * 0 + 1,
    "one value everywhere": lambda x: x * 0 - 0.37,
    "values up to 255": lambda x: (x.abs() * 100).clamp(max=255).floor(),
    "values of 1e4": lambda x: x * 1e4,
    "values of 1e-20": lambda x: x * 1e-20,
}
"""What is made of normal numbers."""

ROOM = 1e20
"""From here on ordinary outputs leave too little room for larger inputs: single precision ends at 3e38."""


@prop("RC615", "finite-output", "warning")
def check(subject: Subject) -> None:
    """Run the model on inputs of each kind."""
    import torch

    net = subject.build()
    usual = subject.output(net, Case(2, subject.stated), subject.inputs(Case(2, subject.stated), torch.float32))
    if any(not bool((leaf.abs() < ROOM).all()) for leaf in leaves(usual) if leaf.is_floating_point()):
        message = "with its first weights, ordinary inputs come to the end of single precision"
        raise DoesNotApply(message)

    def finite(case: Case) -> None:
        inputs = subject.inputs(case, torch.float32)
        for kind, make in EXTREMES.items():
            outputs = leaves(subject.output(net, case, tuple(make(x) for x in inputs)))
            if not all(bool(leaf.isfinite().all()) for leaf in outputs):
                message = f"an input of {kind} gives an output that is not finite"
                raise Failed(message)

    for_all(subject, finite, batches=(1, 2))


_FORWARD = "x = self.body(self.stem(x))"

BAD = (
    network((_FORWARD, "x = x / x.std((1, 2, 3), keepdim=True)\n        " + _FORWARD)),
    network((_FORWARD, "x = x.exp() / x.exp().sum(1, keepdim=True)\n        " + _FORWARD)),
)

GOOD = (
    network((_FORWARD, "x = x / (x.std((1, 2, 3), keepdim=True, unbiased=False) + 1e-5)\n        " + _FORWARD)),
    network((_FORWARD, "x = x.softmax(1)\n        " + _FORWARD)),
)
