"""A residual block whose branch gives zeros is not the identity.

## What it checks
The weights of the last norm (or convolution) of each branch are set to zero. A block with an identity shortcut must then
give what it got, but for the activation that follows the sum. Blocks are those that the anatomy finds, each a module of its
own; a block whose branch does not end in zeros by that, or whose shortcut is not the identity, is left out.

## Why it matters
That a block can be the identity by having nothing in its branch is what residual learning is about. Where the input of the
block is changed on the way to the sum, as by an in-place activation at the beginning of the branch, deeper is not
easier any more.

## Bad
    y = self.bn1(self.conv1(F.relu_(x)))    # writes into x
    return y + x

## Good
    y = self.bn1(self.conv1(F.relu(x)))
    return y + x

## How to fix
Add what the block got, unchanged: no in-place operator on it before the sum.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, section 3.1; Identity Mappings in Deep Residual Networks,
2016, section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import TOLERANCE, Case, Subject, apart, shaken

if TYPE_CHECKING:
    import torch
    from torch import nn

    from resnet_check.anatomy import Anatomy
    from resnet_check.anatomy.blocks import Block
    from resnet_check.graph.records import Op, Site

KEEP_ZERO = frozenset("ag_")
"""Roles that make zeros of zeros: activations, gates, padding."""

NOT_ZERO = frozenset(
    {"sigmoid", "softmax", "log_softmax", "softplus", "logsigmoid", "hardsigmoid", "threshold", "clamp"}
)
"""Activations that do not."""

PLAIN = frozenset({"relu", "relu6", "silu", "gelu", "tanh", "elu", "mish", "hardswish"})
"""Activations after the sum that are applied here as torch does by default."""


class Tested(NamedTuple):
    """A block to look at: the module that is the block, the layer to be zeroed, the activations after the sum, its place."""

    owner: str
    last: str
    then: tuple[str, ...]
    site: Site


@prop("RC609", "identity-at-zero-branch", "warning")
def check(subject: Subject) -> None:
    """Zero the branches and compare what each block gives with what it gets."""
    from resnet_check.anatomy import anatomy

    subject.require_same_each_time()
    if subject.graph is None:
        message = "not every operation of it was understood"
        raise DoesNotApply(message)
    found = list(tested(anatomy(subject.graph)))
    if not found:
        message = "it has no block with an identity shortcut that is a module of its own"
        raise DoesNotApply(message)
    net = shaken(subject.build(), subject.seed)
    modules = dict(net.named_modules())
    for each in found:
        zero(modules[each.last])

    def identity(case: Case) -> None:
        for each, before, after in passed(subject, net, found, case):
            expected = before
            for kind in each.then:
                expected = activation(kind)(expected)
            if apart(expected, after) > TOLERANCE:
                message = f"with a branch of zeros the block `{each.owner}` is not the identity"
                raise Failed(message, line=subject.line_at(each.site))

    for_all(subject, identity, batches=(1, 2))


def tested(net: Anatomy) -> Iterator[Tested]:
    """Yield the blocks that can be looked at from outside."""
    model = net.model
    owners = [model.ops[added.last].path for added in net.sums]
    for block in net.blocks:
        owner = model.ops[block.sum].path
        last = zeroed(net, block)
        after = [model.ops[op] for op in net.flow.following(block.sum)]
        inside = [op.kind for op in after if within(op, owner)]
        whole = owner and owners.count(owner) == 1 and enters(net, block, owner)
        if block.is_identity and whole and last is not None and set(inside) <= PLAIN:
            yield Tested(owner, last, tuple(inside), model.ops[block.sum].site)


def within(op: Op, owner: str) -> bool:
    """Return whether an Op belongs to a module or to one below it."""
    return op.path == owner or op.path.startswith(owner + ".")


def enters(net: Anatomy, block: Block, owner: str) -> bool:
    """Return whether a block begins with what its module gets, or with that as an in-place operator left it."""
    start = net.model.ops[block.start]
    while within(start, owner) and start.inplace and start.inputs:
        start = net.model.ops[start.inputs[0]]
    return not within(start, owner)


def zeroed(net: Anatomy, block: Block) -> str | None:
    """Return the layer of the branch to be zeroed: its last norm or convolution, if zeros stay zeros behind it."""
    for op, letter in zip(reversed(block.branch.ops), reversed(block.branch.letters), strict=True):
        layer = net.model.layer(net.model.ops[op])
        if letter in "ncd":
            return layer.path if layer is not None and "weight" in layer.parameters else None
        if net.model.ops[op].kind in NOT_ZERO or (letter not in KEEP_ZERO and net.model.ops[op].kind != "dropout"):
            return None
    return None


def zero(layer: nn.Module) -> None:
    """Set a layer's weights to zero."""
    import torch

    with torch.no_grad():
        for parameter in layer.parameters(recurse=False):
            parameter.zero_()


def activation(kind: str) -> Callable[[Any], Any]:
    """Return the function of torch of that kind."""
    from torch.nn import functional

    function: Callable[[Any], Any] = getattr(functional, kind)
    return function


def passed(
    subject: Subject, net: nn.Module, found: list[Tested], case: Case
) -> Iterator[tuple[Tested, torch.Tensor, torch.Tensor]]:
    """Yield what each block got and gave in one pass; a block that takes or gives something else than a tensor is left out."""
    import torch

    got: dict[str, torch.Tensor] = {}
    gave: dict[str, torch.Tensor] = {}

    def before(name: str) -> Any:
        def keep(_module: Any, inputs: Any) -> None:
            if len(inputs) == 1 and isinstance(inputs[0], torch.Tensor):
                got.setdefault(name, inputs[0].clone())

        return keep

    def after(name: str) -> Any:
        def keep(_module: Any, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                gave.setdefault(name, output.clone())

        return keep

    modules = dict(net.named_modules())
    hooks = [modules[each.owner].register_forward_pre_hook(before(each.owner)) for each in found]
    hooks += [modules[each.owner].register_forward_hook(after(each.owner)) for each in found]
    try:
        subject.output(net, case)
    finally:
        for hook in hooks:
            hook.remove()
    return ((each, got[each.owner], gave[each.owner]) for each in found if each.owner in got and each.owner in gave)


_BRANCH = "y = F.relu(self.bn1(self.conv1(x)))"
_SUM = "return F.relu(y + self.shortcut(x))"

BAD = (
    network(
        (_BRANCH, "y = F.relu_(x)\n        y = F.relu(self.bn1(self.conv1(y)))"), (_SUM, "return y + self.shortcut(x)")
    ),
)

GOOD = (
    network(
        (_BRANCH, "y = F.relu(x)\n        y = F.relu(self.bn1(self.conv1(y)))"), (_SUM, "return y + self.shortcut(x)")
    ),
    network((_SUM, "y += self.shortcut(x)\n        return y.relu_()")),
    network((_SUM, "return F.silu(y * torch.sigmoid(y.mean((2, 3), True)) + self.shortcut(x))")),
)
