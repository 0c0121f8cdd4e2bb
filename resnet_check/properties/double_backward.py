"""The gradient itself has no gradient: an in-place operator has overwritten what the backward pass needs.

## What it checks
In double precision, the gradient of the output with respect to input and weights is computed, and then the gradient of
its square. What torch or the model's own backward functions do not differentiate twice is left out.

## Why it matters
Gradient penalties, influence functions and meta-learning differentiate twice. Values that an in-place operator overwrote
are missed by the first or the second backward pass, depending on what each operator keeps.

## Bad
    y = torch.sigmoid(y)
    y += x

## Good
    y = torch.sigmoid(y)
    y = y + x

## How to fix
Write the operator out of place where the value before it is used again.

## Source
The PyTorch documentation, "Autograd mechanics", in-place correctness checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import Case, Subject, in_words, leaves, precision

if TYPE_CHECKING:
    import torch

OVERWRITTEN = "modified by an inplace operation"
"""What torch says where a value that backward needs is not there any more."""


@prop("RC614", "double-backward", "note")
def check(subject: Subject) -> None:
    """Differentiate the square of the gradient."""
    import torch

    net = subject.double
    weights = [p for p in net.parameters() if p.requires_grad]

    def twice(case: Case) -> None:
        inputs = [x.requires_grad_() for x in subject.inputs(case, precision(net))]
        outputs: list[torch.Tensor] = []
        try:
            # Not the leaves themselves: that a model writes into its input has a property of its own.
            outputs = [leaf for leaf in leaves(net(*(x * 1 for x in inputs))) if leaf.requires_grad]
            total = sum(((leaf * leaf).sum() for leaf in outputs), torch.zeros((), requires_grad=True))
            first = torch.autograd.grad(total, [*inputs, *weights], create_graph=True, allow_unused=True)
            square = torch.stack([(g * g).sum() for g in first if g is not None]).sum()
            if square.requires_grad:
                torch.autograd.grad(square, inputs, allow_unused=True)
        except Exception as error:
            if OVERWRITTEN not in str(error) or has_own_backward(outputs):
                message = f"it cannot be differentiated twice: {in_words(error)}"
                raise DoesNotApply(message) from error
            message = "backward needs a value that an in-place operator has overwritten"
            raise Failed(message, line=subject.line_of(error)) from error

    for_all(subject, twice, batches=(1, 2))


def has_own_backward(outputs: list[torch.Tensor]) -> bool:
    """Return whether a backward function written in Python takes part: it may manage memory by itself."""
    from torch.autograd.function import BackwardCFunction

    seen: set[Any] = set()
    todo: list[Any] = [leaf.grad_fn for leaf in outputs]
    while todo:
        node = todo.pop()
        if isinstance(node, BackwardCFunction):
            return True
        if node is not None and node not in seen:
            seen.add(node)
            todo.extend(following for following, _ in node.next_functions)
    return False


_SUM = "y = self.bn2(self.conv2(y))\n        return F.relu(y + self.shortcut(x))"

BAD = (
    network(
        (_SUM, "y = torch.sigmoid(self.bn2(self.conv2(y)))\n        y += self.shortcut(x)\n        return F.relu(y)")
    ),
    network(
        (
            _SUM,
            "y = self.bn2(self.conv2(y))\n        z = y * y\n        y.relu_()\n        return y + z + self.shortcut(x)",
        )
    ),
)

GOOD = (
    network((_SUM, "y = self.bn2(self.conv2(y))\n        y += self.shortcut(x)\n        return F.relu_(y)")),
    network((_SUM, "y = F.relu_(self.bn2(self.conv2(y))).clone()\n        y += self.shortcut(x)\n        return y")),
)
