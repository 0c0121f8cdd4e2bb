"""What the model says of an image depends on the other images of its batch.

## What it checks
In eval mode, each image of a generated batch gives what it gives alone, and in another order each image keeps its result.
A model with one output must also give one row for each image. A model that draws random numbers in eval mode is left
out.

## Why it matters
The accuracy that is measured depends on how the test set is batched, and one image alone is answered differently from
the same image in a batch. In training, gradients flow between images that have nothing to do with each other.

## Bad
    x = x.view(-1, 16)

## Good
    x = x.view(x.size(0), -1)

## How to fix
Reshape so that the first dimension stays the batch, and take means and norms over the other dimensions only. What has to
look at the whole batch, such as batch normalisation, does so in training mode only.

## Source
Ioffe and Szegedy, Batch Normalization, 2015, section 3.1: at inference the output depends deterministically on the input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_check.properties._examples import network
from resnet_check.properties.base import Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import TOLERANCE, Case, Subject, apart, leaves, precision

if TYPE_CHECKING:
    import torch


@prop("RC601", "batch-independence", "error")
def check(subject: Subject) -> None:
    """Compare each image of a batch with the same image alone."""
    subject.require_same_each_time()

    def alone(case: Case) -> None:
        net = subject.double
        inputs = subject.inputs(case, precision(net))
        steps = tuple(Steps(net) for _ in range(2))
        with steps[0]:
            whole = leaves(subject.output(net, case, inputs))
        for row in range(case.batch):
            with steps[1]:
                own = leaves(subject.output(net, case, tuple(x[row : row + 1] for x in inputs)))
            message = difference(whole, own, case.batch, row)
            if message:
                where, line = first_seen(subject, steps[0].outputs, steps[1].outputs, case.batch, row)
                raise Failed(message + where, line=line)
        turned = leaves(subject.output(net, case, tuple(x.flip(0) for x in inputs)))
        if any(apart(a.flip(0), b) > TOLERANCE for a, b in zip(whole, turned, strict=True) if rows(a) == case.batch):
            message = "with the images of a batch in another order, an image gives something else"
            raise Failed(message)

    for_all(subject, alone, raising=True)


class Steps:
    """What each module gave, in the order in which they finished."""

    def __init__(self, net: torch.nn.Module) -> None:
        self.net = net
        self.outputs: list[tuple[str, list[torch.Tensor]]] = []
        self.hooks: list[Any] = []

    def __enter__(self) -> None:
        self.outputs.clear()
        self.hooks = [m.register_forward_hook(self.hook(name)) for name, m in self.net.named_modules()]

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def hook(self, name: str) -> Any:
        """Return a hook that keeps what the module of a name gives; a copy, for it may be overwritten."""

        def keep(_module: Any, _inputs: Any, output: Any) -> None:
            self.outputs.append((name, [leaf.clone() for leaf in leaves(output)]))

        return keep


def rows(leaf: torch.Tensor) -> int:
    """Return the size of a tensor's first dimension, 0 for a single number."""
    return leaf.shape[0] if leaf.ndim else 0


def difference(whole: list[torch.Tensor], own: list[torch.Tensor], batch: int, row: int) -> str:
    """Return how an image's share of a batch's outputs differs from its own, or nothing.

    Among several outputs one may be the same for every batch (anchors, a loss); a single one may not.
    """
    if len(whole) != len(own):
        return f"a batch of {batch} gives {len(whole)} outputs, an image alone {len(own)}"
    single = len(whole) == 1 and 0 < whole[0].ndim <= 2
    for all_, one in zip(whole, own, strict=True):
        shapes = f"a batch of {batch} gives {list(all_.shape)}, an image alone {list(one.shape)}"
        along = next((d for d in range(min(all_.ndim, one.ndim)) if all_.shape[d] == batch * one.shape[d]), None)
        if single and (along != 0 or one.shape[0] != 1):
            return f"{shapes}: the first dimension is not the batch"
        if along is None and all_.shape != one.shape:
            return shapes
        if along is None:
            continue
        share = one.shape[along]
        if apart(all_.narrow(along, row * share, share), one) > TOLERANCE:
            return f"image {row} of a batch of {batch} gives something else than the same image alone"
    return ""


def first_seen(
    subject: Subject, whole: list[tuple[str, Any]], own: list[tuple[str, Any]], batch: int, row: int
) -> tuple[str, int | None]:
    """Return the words and the line of the first module whose output shows the difference."""
    for (name, of_all), (other, of_one) in zip(whole, own, strict=False):
        if name and name == other and difference(of_all, of_one, batch, row):
            return f"; first seen behind `{name}`", subject.line_of_call(name)
    return "", None


_BATCH_MEAN = network(("return self.fc(x.mean((2, 3)))", "x = x.mean((2, 3))\n        return self.fc(x - x.mean(0))"))

BAD = (
    _BATCH_MEAN,
    network(("return self.fc(x.mean((2, 3)))", "return self.fc(x.mean((2, 3)).flip(0))")),
    network(("return self.fc(x.mean((2, 3)))", "return self.fc(F.avg_pool2d(x, x.shape[2] // 2).view(-1, 16))")),
)

GOOD = (
    network(),
    network(("return self.fc(x.mean((2, 3)))", "x = x.mean((2, 3))\n        return self.fc(x), x, x.mean()")),
)
