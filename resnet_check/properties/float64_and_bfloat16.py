"""The model runs in single precision only.

## What it checks
In double precision the model gives, within rounding, what it gives in single precision. In bfloat16 it runs, and gives
finite values for what is finite in single precision. What torch itself cannot do in bfloat16 on a CPU is left out.

## Why it matters
Double precision is what numerical tests need, bfloat16 what training on recent hardware uses. A tensor that `forward`
makes without saying of which type is single precision, and does not fit the others.

## Bad
    pad = torch.zeros(x.shape[0], 8, x.shape[2], x.shape[3])

## Good
    pad = x.new_zeros(x.shape[0], 8, x.shape[2], x.shape[3])

## How to fix
Make tensors from those at hand (`x.new_zeros`, `torch.zeros_like`), or pass `dtype=x.dtype, device=x.device`; keep
constants in buffers.

## Source
The PyTorch documentation, "Tensor Attributes", type promotion.
"""

from __future__ import annotations

from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.generated import for_all
from resnet_check.properties.subject import Case, Subject, all_apart, copied, leaves

SAME = 1e-2
"""How far results in single and double precision may be apart: rounding grows with depth, a wrong type gives other values."""

MISSING = "not implemented for"
"""What torch says where it has no kernel for a type."""


@prop("RC607", "float64-and-bfloat16", "note")
def check(subject: Subject) -> None:
    """Run the model in both types."""
    import torch

    subject.require_same_each_time()
    single, double, half = subject.module, copied(subject).double(), copied(subject).bfloat16()

    def runs(case: Case) -> None:
        expected = subject.output(single, case, subject.inputs(case, torch.float32))
        found = {}
        for net, dtype, name in ((double, torch.float64, "float64"), (half, torch.bfloat16, "bfloat16")):
            try:
                found[name] = subject.output(net, case, subject.inputs(case, dtype))
            except Failed as failed:
                if MISSING in failed.message:
                    raise DoesNotApply(failed.message) from failed
                message = f"in {name} {failed.message}"
                raise Failed(message, line=failed.line) from failed
        if all_apart(expected, found["float64"]) > SAME:
            message = "in float64 it gives something else than in float32"
            raise Failed(message)
        if is_finite(expected) and not is_finite(found["bfloat16"]):
            message = "in bfloat16 it gives values that are not finite"
            raise Failed(message)

    for_all(subject, runs, batches=(1, 2))


def is_finite(output: object) -> bool:
    """Return whether all values of an output are finite."""
    return all(bool(leaf.isfinite().all()) for leaf in leaves(output))


_FORWARD = "x = self.body(self.stem(x))"

BAD = (
    network(
        (_FORWARD, "x = self.stem(x)\n        x = self.body(torch.cat([x[:, :4], torch.zeros(x[:, :4].shape)], 1))")
    ),
    network((_FORWARD, _FORWARD + ".float()")),
)

GOOD = (
    network(
        (_FORWARD, "x = self.stem(x)\n        x = self.body(torch.cat([x[:, :4], torch.zeros_like(x[:, :4])], 1))")
    ),
    network(("return self.fc(x.mean((2, 3)))", "return self.fc(x.float().mean((2, 3)).to(x.dtype)).float()")),
)
