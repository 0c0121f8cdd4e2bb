"""The model does not compute what the reference of its name computes.

## What it checks
With `--like NAME`: the model's operators are matched with those of the reference of that name (`resnet_check.reference`),
random weights and random statistics of the norms are put into both, and both are run in double precision at several sizes,
an odd one among them. They must agree within 1e-9. Where the operators cannot be matched, the first that differs is named.

## Why it matters
A missing activation, another epsilon or a stride in another place all train, to another result. Published weights and
figures are those of the network as published.

## Bad
    out = F.relu(self.bn2(self.conv2(out)))
    out += identity

## Good
    out = self.bn2(self.conv2(out))
    out += identity

## How to fix
Make the operator that is named as it is in the reference, or check without `--like`.

## Source
The papers, as the references in `resnet_check/reference` cite them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_check.errors import CannotCheckError, nearest
from resnet_check.graph.dim import value
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.subject import SIZES, Case, Subject, apart, leaves, shaken
from resnet_check.reference import REFERENCES
from resnet_check.rules._examples import BASIC
from resnet_check.rules._examples import network as resnet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from resnet_check.equality.compare import Comparison
    from resnet_check.graph.records import Model

LARGEST = 1e-9
"""How far the outputs may be apart, relative to the largest value: double precision leaves room for 1e-13 on this way."""

TRIED = 3
"""How many sizes are tried."""

SMALLEST = 31
"""From this size on the maps of an ImageNet network are not all of one value."""


@prop("RC612", "equals-reference", "error")
def check(subject: Subject) -> None:
    """Compare the model with the references of the name that it is to have."""
    if subject.like is None or subject.like not in REFERENCES:
        message = "no reference is named (`--like`)"
        raise DoesNotApply(message)
    name, found = against(subject, subject.like)
    if found.equal is None:
        raise DoesNotApply(found.reason)
    if not found.equal:
        words = found.first.words if found.first is not None else "the operators differ"
        line = found.first.ours.site.line if found.first is not None else None
        message = f"it is not what the reference {name} computes: {words}"
        raise Failed(message, line=line)
    compare_outputs(subject, name, found)


def assert_equal_reference(module: nn.Module, name: str, input_size: tuple[int, ...] = (3, 224, 224)) -> None:
    """Assert that a module in memory computes what a reference computes: ``assert_equal_reference(net, "resnet-50")``.

    ``name`` is one of `resnet_check.reference.REFERENCES`, or a published network, of which any build counts (v1 or v1.5).
    The module is copied, its own weights stay as they are.

    Raises:
        AssertionError: it does not; the message names the first operator that differs.
        CannotCheckError: there is no reference of that name.
        ValueError: the module was not understood completely, so that there is no answer.
    """
    import copy

    if name not in REFERENCES:
        message = f"there is no reference `{name}`{nearest(name, REFERENCES)}"
        raise CannotCheckError(message)
    from resnet_check.read.live.tracer import trace

    model = trace(module, name=type(module).__name__, path="", input_shape=input_size)
    subject = Subject(lambda: copy.deepcopy(module), type(module).__name__, model=model, like=name)
    try:
        check(subject)
    except Failed as failed:
        raise AssertionError(failed.message) from None
    except DoesNotApply as reason:
        raise ValueError(str(reason)) from None


def against(subject: Subject, like: str) -> tuple[str, Comparison]:
    """Return the reference that the model equals, else the one of that name, with the comparison.

    Of a published network there may be several builds; without the exact one the paper's own is named.
    """
    from resnet_check.equality.compare import compare
    from resnet_check.equality.reference import reference_model
    from resnet_check.equality.verdict import builds

    model = subject.graph
    if model is None:
        message = "not every operation of it was understood"
        raise DoesNotApply(message)
    channels, classes = value(subject.shapes[0][1]), classes_of(model)
    first: tuple[str, Comparison] | None = None
    for name in builds(like) or [like]:
        reference = reference_model(name, channels, classes, subject.stated)
        found = compare(*alike(model, reference))
        if found.equal:
            return name, found
        first = first or (name, found)
    assert first is not None  # noqa: S101 - there is one name at least
    return first


def classes_of(model: Model) -> int | None:
    """Return the number of classes: the last size of the output, None where it is no matrix."""
    output = model.output
    return (
        value(output[-1])
        if isinstance(output, tuple) and len(output) == 2 and not isinstance(output[0], tuple)
        else None
    )


def alike(ours: Model, theirs: Model) -> tuple[Model, Model]:
    """Return both Models at the size being looked at if one of them knows no other, as one that was traced."""
    from resnet_check.equality.agreement import at_size
    from resnet_check.graph.dim import symbols

    fixed = not any(symbols(size) for size in (ours.input or ())[1:])
    return (at_size(ours), at_size(theirs)) if fixed else (ours, theirs)


def compare_outputs(subject: Subject, name: str, found: Comparison) -> None:
    """Run both with the same weights; `Failed` where their outputs are apart."""
    import torch

    from resnet_check.reference import build

    model = subject.graph
    assert model is not None  # noqa: S101 - it was compared
    ours = shaken(subject.build(), subject.seed).double()
    with torch.random.fork_rng():
        theirs = build(name, value(subject.shapes[0][1]), classes_of(model)).double().eval()
    transplant(ours, theirs, found.weights)
    for size in sizes(subject, found):
        inputs = torch.randn(2, *size, generator=torch.Generator().manual_seed(subject.seed), dtype=torch.float64)
        case = Case(2, size[1:], subject.seed)
        pairs = zip(
            leaves(subject.output(ours, case, (inputs,))), leaves(subject.output(theirs, case, (inputs,))), strict=True
        )
        if any(apart(one, other) > LARGEST for one, other in pairs):
            message = f"with the same weights it gives something else than the reference {name}"
            shape = "x".join(map(str, size))
            raise Failed(message, example=f"an input of 2x{shape} with seed {subject.seed}")


def transplant(ours: nn.Module, theirs: nn.Module, weights: Mapping[str, str]) -> None:
    """Put the weights and statistics of one module into another, by a map of their names."""
    import torch

    mine, others = ours.state_dict(), theirs.state_dict()
    with torch.no_grad():
        for path, other in weights.items():
            others[other].copy_(mine[path].reshape(others[other].shape))


def sizes(subject: Subject, found: Comparison) -> list[tuple[int, ...]]:
    """Return shapes without the batch at which both are the same: the stated one if no others are known."""
    channels, stated = value(subject.shapes[0][1]), subject.stated
    fit = [n for low, high in found.sizes or () for n in SIZES if max(low, SMALLEST) <= n <= high]
    return [(channels, *(n,) * len(stated)) for n in fit[:TRIED]] or [(channels, *stated)]


LIKE = "resnet-18"
"""The examples are to be this network."""

_BUILD = "def build():\n    return ResNet(BasicBlock, [2, 2, 2, 2])"

BAD = (
    resnet(BASIC, _BUILD, ("self.bn1 = nn.BatchNorm2d(64)", "self.bn1 = nn.BatchNorm2d(64, eps=1e-3)")),
    resnet(BASIC, _BUILD, ("y = self.bn2(self.conv2(y))", "y = F.relu(self.bn2(self.conv2(y)))")),
    resnet(BASIC, _BUILD, ("[2, 2, 2, 2]", "[2, 2, 3, 2]")),
)

GOOD = (resnet(BASIC, _BUILD),)
