"""A fresh model with this model's state dict computes something else.

## What it checks
The state dict is loaded into a freshly built model with other random weights; both then give the same for generated
inputs. A model that gives something else each time in eval mode is left out.

## Why it matters
Whatever is not in the state dict is not in a checkpoint: after loading, the model works with weights that were never
trained. Layers in a plain list or dict, and layers built in `forward`, are the usual cause.

## Bad
    self.blocks = [Block(8, 8), Block(8, 16, 2)]

## Good
    self.blocks = nn.ModuleList([Block(8, 8), Block(8, 16, 2)])

## How to fix
Keep layers in attributes, `nn.ModuleList`, `nn.ModuleDict` or `nn.Sequential`; trainable tensors in `nn.Parameter`; other
tensors that belong to the model in `register_buffer`.

## Source
The PyTorch documentation, "Saving and Loading Models", and `torch.nn.Module.state_dict`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from resnet_check.properties._examples import network
from resnet_check.properties.base import Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import TOLERANCE, Case, Subject, all_apart, precision

if TYPE_CHECKING:
    from torch import nn


@prop("RC606", "state-dict-round-trip", "error")
def check(subject: Subject) -> None:
    """Load the state dict into a fresh model and compare."""
    subject.require_same_each_time()
    fresh = loaded(subject)

    def same(case: Case) -> None:
        if all_apart(subject.output(subject.module, case), subject.output(fresh, case)) > TOLERANCE:
            outside = next(unregistered(subject.module), "")
            what = f": {outside}" if outside else ""
            message = f"a fresh model with the same state dict gives something else{what}"
            raise Failed(message)

    for_all(subject, same, batches=(1, 3))


def loaded(subject: Subject) -> nn.Module:
    """Return a fresh model with the weights of the shared one.

    What only the first pass registers, such as a table of positions, is there after a pass of the fresh one.
    """
    state = copy.deepcopy(subject.module.state_dict())
    fresh = subject.build(seed=subject.seed + 1)
    try:
        fresh.load_state_dict(state)
    except Exception:  # noqa: BLE001 - whatever it is, it comes again below
        case = Case(2, subject.stated)
        subject.output(fresh, case, subject.inputs(case, precision(fresh)))
        subject.attempt(lambda: fresh.load_state_dict(state), "loading its state dict into a fresh model")
    return fresh


def unregistered(module: nn.Module) -> Iterator[str]:
    """Yield the words for tensors and layers that modules keep where no state dict sees them."""
    import torch

    known = {id(each) for each in (*module.modules(), *module.parameters(), *module.buffers())}

    def holds(kept: Any) -> bool:
        if isinstance(kept, (list, tuple)):
            return any(map(holds, kept))
        if isinstance(kept, dict):
            return any(map(holds, kept.values()))
        return isinstance(kept, (torch.nn.Module, torch.Tensor)) and id(kept) not in known

    for path, owner in module.named_modules():
        for name, kept in vars(owner).items():
            if not name.startswith("_") and holds(kept):
                yield f"`{path}{'.' if path else ''}{name}` is not in it"


_LIST = "self.body = nn.Sequential(Block(8, 8), Block(8, 16, 2), Block(16, 16))"
_LOOP = "x = self.body(self.stem(x))"

BAD = (
    network(
        (_LIST, "self.body = [Block(8, 8), Block(8, 16, 2), Block(16, 16)]"),
        (_LOOP, "x = self.stem(x)\n        for block in self.body:\n            x = block(x)"),
        ("return Net()", "net = Net()\n    [block.eval() for block in net.body]\n    return net"),
    ),
    network((_LIST, _LIST + "\n        self.scale = torch.rand(16, 1, 1)"), (_LOOP, _LOOP + " * self.scale")),
)

GOOD = (
    network(
        (_LIST, _LIST + '\n        self.register_buffer("scale", torch.full((16, 1, 1), 0.5), persistent=False)'),
        (_LOOP, _LOOP + " * self.scale"),
    ),
    network(
        (_LIST, _LIST + '\n        self.register_buffer("scale", torch.rand(16, 1, 1))'),
        (_LOOP, _LOOP + " * self.scale"),
    ),
)
