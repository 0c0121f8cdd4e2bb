"""A parameter never gets a gradient: it stays what it was drawn as.

## What it checks
Passes in training and in eval mode, with several seeds and sizes, are followed by a backward pass: each parameter that is
to be trained gets a finite gradient that is not zero in at least one of them. Frozen parameters are left out.

## Why it matters
What gets no gradient does not learn, though it is counted, stored and decayed. The usual causes are a layer that `forward`
does not call, a tensor that is detached, and code under `no_grad`.

## Bad
    with torch.no_grad():
        x = self.stem(x)

## Good
    x = self.stem(x)

## How to fix
Call the layer, or remove it; do not detach what is to be trained. What is to stay as it is gets
`requires_grad_(False)`.

## Source
The PyTorch documentation, "Autograd mechanics", locally disabling gradient computation.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, Raised, prop
from resnet_check.properties.generated import SECONDS
from resnet_check.properties.subject import Case, Subject, in_words, leaves, shaken
from resnet_check.properties.watching import recorded

if TYPE_CHECKING:
    import torch

SEEDS = 3
"""How many draws of weights and inputs a parameter has to show itself in: a ReLU may be dead in one of them."""

NAMED = 3
"""How many parameters are named."""


@prop("RC604", "every-parameter-learns", "warning")
def check(subject: Subject) -> None:
    """Look for a gradient of each parameter."""
    import torch

    learned: set[str] = set()
    wanted: dict[str, None] = {}
    raised: list[BaseException] = []
    finished = 0
    started = time.process_time()
    sizes = (subject.sizes[-1], subject.sizes[0])
    for size, seed, training in [
        (size, seed, mode) for seed in range(SEEDS) for size in sizes for mode in (True, False)
    ]:
        if finished and time.process_time() - started > 5 * SECONDS:
            break
        net = shaken(subject.build(seed=subject.seed + seed), subject.seed + seed).train(training)
        wanted.update(dict.fromkeys(name for name, p in net.named_parameters() if p.requires_grad))
        case = Case(4, size, subject.seed + seed)
        try:
            outputs = leaves(subject.attempt(partial(net, *subject.inputs(case, torch.float32))))
        except Raised:
            continue  # training mode may want what is not known here, such as labels
        try:
            backward(outputs, seed)
        except Exception as error:  # noqa: BLE001 - a backward function may be the model's own
            raised.append(error)
            continue
        finished += 1
        learned.update(name for name, p in net.named_parameters() if has_gradient(p))
        if learned >= wanted.keys():
            return
    if not wanted:
        message = "it has no parameters to train"
        raise DoesNotApply(message)
    if not finished and not raised:
        message = "forward raises with gradients switched on"
        raise DoesNotApply(message)
    if not finished:
        message = f"backward raises {in_words(raised[0])}"
        raise Failed(message, line=subject.line_of(raised[0]))
    dead = [name for name in wanted if name not in learned]
    names = ", ".join(f"`{name}`" for name in dead[:NAMED]) + (
        f" and {len(dead) - NAMED} more" if len(dead) > NAMED else ""
    )
    message = f"{len(dead)} of {len(wanted)} parameters never get a gradient: {names}"
    owner = dead[0].rpartition(".")[0]
    raise Failed(message, line=cut_off(subject, owner) or subject.line_of_module(owner))


def cut_off(subject: Subject, path: str) -> int | None:
    """Return the line at which a module runs without gradients, None where it runs with them, or not at all."""
    import torch

    net = subject.build()
    owner = net.get_submodule(path)
    inputs = subject.inputs(Case(2, subject.stated), torch.float32)
    try:
        calls = recorded(subject.holds, partial(net, *inputs))
    except Exception:  # noqa: BLE001 - in eval mode and with gradients it may raise; then no line is known
        return None
    own = [(call, given) for call, given in calls if any(each is owner for each in call.owners[:1])]
    return next((call.line for call, given in own if given and not any(leaf.requires_grad for leaf in given)), None)


def backward(outputs: list[torch.Tensor], seed: int) -> None:
    """Run backward from a random direction in what the model returns."""
    import torch

    trained = [leaf for leaf in outputs if leaf.requires_grad]
    generator = torch.Generator().manual_seed(seed)
    directions = [torch.rand(leaf.shape, generator=generator).to(leaf.dtype) + 0.5 for leaf in trained]
    if trained:
        torch.autograd.backward(trained, directions)


def has_gradient(parameter: Any) -> bool:
    """Return whether a parameter has a gradient that is finite and not zero."""
    gradient = parameter.grad
    return gradient is not None and bool(gradient.isfinite().all()) and bool((gradient != 0).any())


_FORWARD = "x = self.body(self.stem(x))"

BAD = (
    network((_FORWARD, "with torch.no_grad():\n            x = self.stem(x)\n        x = self.body(x)")),
    network((_FORWARD, "x = self.body(self.stem(x)).detach()")),
    network(("y = self.bn2(self.conv2(y))", "y = self.bn1(self.conv2(y))")),
)

GOOD = (
    network(),
    network(("return Net()", "net = Net()\n    net.stem.requires_grad_(False)\n    return net")),
    network((_FORWARD, "x = self.body(self.stem(x) if self.training else self.stem(x).detach())")),
)
