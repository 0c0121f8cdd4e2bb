"""The model fails at an input size that its layers accept, or accepts one at which they do not fit.

## What it checks
The static check works out at which sizes `forward` finishes. Here generated sizes are tried, those at the borders of these
ranges and oblong ones among them: each that is accepted runs in eval mode, each that is refused raises.

## Why it matters
What `accepted sizes` says is what people rely on who train at one resolution and test at another.

## Bad
    net.__class__ = EvenOnly   # a class exchanged where the static check does not look

## Good
    x = F.pad(x, (0, x.shape[-1] % 2))          # in `forward`

## How to fix
Where the message names a size that the model should take, look at the line that raised. Where it seems wrong, the static
check has misread the model: please report it.

## Source
The operators of torch, whose conditions the static check states (`resnet_check/graph/operators`).
"""

from __future__ import annotations

from itertools import product
from math import prod

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import SIZES, Case, Subject

MOST = 128 * 128
"""The most values in one channel of an input: larger ones cost too much."""

NEAR = (-1, 0, 1)
"""How far from the ends of a range sizes are tried."""

RANGES = 3
"""At the ends of how many ranges sizes are tried."""


@prop("RC603", "any-accepted-size", "error")
def check(subject: Subject) -> None:
    """Run the model at accepted and at refused sizes."""
    sizes = candidates(subject)

    def runs(case: Case) -> None:
        accepted = subject.accepts(case.size, case.batch)
        if accepted is None:
            return
        size = "x".join(map(str, case.size))
        try:
            subject.output(subject.module, case)
        except Failed as failed:
            if accepted:
                message = f"at {size}, a size that it should accept, {failed.message}"
                raise Failed(message, line=failed.line) from failed
            return
        if not accepted:
            message = f"it runs at {size}, a size at which its layers should not fit"
            raise Failed(message)

    for_all(subject, runs, batches=(1, 3), sizes=sizes)


def candidates(subject: Subject) -> list[tuple[int, ...]]:
    """Return the sizes to draw from, the smallest first: usual ones, and those at the borders of what is accepted."""
    if not subject.free:
        message = "its accepted sizes are not known"
        raise DoesNotApply(message)
    borders = {end + near for pair in subject.accepted[:RANGES] for end in pair for near in NEAR}
    each = sorted({n for n in (*SIZES, *borders) if n > 0})
    wide = len(subject.free)
    whole = [size for size in product(each, repeat=wide) if prod(size) <= MOST] if wide <= 2 else []
    square = [(n,) * wide for n in each if n**wide <= MOST]
    if not whole and not square:
        message = "the sizes that it accepts are too large to try"
        raise DoesNotApply(message)
    return sorted({*whole, *square}, key=lambda size: (prod(size), size))


_EXCHANGED = """
class EvenOnly(Net):
    def forward(self, x):
        assert x.shape[3] % 2 == 0, "odd width"
        return super().forward(x)


def build():
    net = Net()
    net.__class__ = EvenOnly
    return net
"""

BAD = (network(("\ndef build():\n    return Net()\n", _EXCHANGED)),)

GOOD = (
    network(),
    network(("return self.fc(x.mean((2, 3)))", "return self.fc(F.adaptive_max_pool2d(x, 1).flatten(1))")),
)
