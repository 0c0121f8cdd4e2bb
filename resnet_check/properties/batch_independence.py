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

from functools import partial
from typing import TYPE_CHECKING

from resnet_check.properties._examples import network
from resnet_check.properties.base import Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import TOLERANCE, Case, Subject, apart, leaves, precision
from resnet_check.properties.watching import recorded

if TYPE_CHECKING:
    import torch


@prop("RC601", "batch-independence", "error")
def check(subject: Subject) -> None:
    """Compare each image of a batch with the same image alone."""
    subject.require_same_each_time()

    def alone(case: Case) -> None:
        net = subject.double
        inputs = subject.inputs(case, precision(net))
        whole = leaves(subject.output(net, case, inputs))
        for row in range(case.batch):
            own = leaves(subject.output(net, case, rows_of(inputs, row)))
            message = difference(whole, own, case.batch, row, strict=True)
            if message:
                where, line = first_seen(subject, case, row)
                raise Failed(message + where, line=line)
        turned = leaves(subject.output(net, case, tuple(x.flip(0) for x in inputs)))
        if any(apart(a.flip(0), b) > TOLERANCE for a, b in zip(whole, turned, strict=True) if rows(a) == case.batch):
            message = "with the images of a batch in another order, an image gives something else"
            raise Failed(message)

    for_all(subject, alone, raising=True)


def rows_of(inputs: tuple[torch.Tensor, ...], row: int) -> tuple[torch.Tensor, ...]:
    """Return one image of each input, as a batch."""
    return tuple(x[row : row + 1] for x in inputs)


def rows(leaf: torch.Tensor) -> int:
    """Return the size of a tensor's first dimension, 0 for a single number."""
    return leaf.shape[0] if leaf.ndim else 0


def difference(
    whole: list[torch.Tensor], own: list[torch.Tensor], batch: int, row: int, *, strict: bool = False
) -> str:
    """Return how an image's share of a batch's outputs differs from its own, or nothing.

    Among several outputs one may be the same for every batch (anchors, a loss); a single one may not where it is looked at
    ``strict``.
    """
    if len(whole) != len(own):
        return f"a batch of {batch} gives {len(whole)} outputs, an image alone {len(own)}"
    single = strict and len(whole) == 1 and 0 < whole[0].ndim <= 2
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


def first_seen(subject: Subject, case: Case, row: int) -> tuple[str, int | None]:
    """Return the words and the line of the first call of torch whose result shows the difference.

    That is also one that makes several rows of an image, in a matrix.
    """
    net = subject.double
    inputs = subject.inputs(case, precision(net))
    whole, own = (
        recorded(subject.holds, partial(subject.output, net, case, given)) for given in (inputs, rows_of(inputs, row))
    )
    for (call, of_all), (_, of_one) in zip(whole, own, strict=False):
        many = [
            one
            for all_, one in zip(of_all, of_one, strict=False)
            if one.ndim == 2 and rows(all_) == case.batch * rows(one)
        ]
        if difference(of_all, of_one, case.batch, row) or any(rows(one) > 1 for one in many):
            return f"; first seen behind `{call.name}`", call.line
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
