"""Another counter of multiply-adds gives another number.

## What it checks
The multiply-adds of one image at the size that the model was looked at, against those of torchinfo and of fvcore, after
what each is known to add: fvcore two for each value that a batch norm gives and one for each that an adaptive average pool
takes, torchinfo the parameters of norms and a bias wherever it is added. Models with operators or layers of which the
counters do not know (matrix products in functions, layers used twice, other norms) are left out, and so is a counter that is
not installed.

## Why it matters
A figure that several counters agree on can be quoted. They go by different ways: ours by the operators read, fvcore by
torch's own trace, torchinfo by the layers called.

## Bad
    def extra_repr(self): ...    # anything that makes a counter miss or repeat a layer

## Good
    y = self.conv(x)

## How to fix
Nothing in the model need be wrong: please report a case in which our figure is.

## Source
The README files of torchinfo and fvcore, and their counts on 89 architectures.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

from resnet_check.graph.dim import value
from resnet_check.properties._examples import network
from resnet_check.properties.base import DoesNotApply, Failed, prop
from resnet_check.properties.subject import Case, Subject, copied

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resnet_check.graph.records import Model, Op

COUNTED = ("torch.nn.Conv1d", "torch.nn.Conv2d", "torch.nn.Conv3d", "torch.nn.Linear")
NORMS = ("torch.nn.BatchNorm1d", "torch.nn.BatchNorm2d", "torch.nn.BatchNorm3d")

FREE = frozenset(
    {
        *(
            "adaptive_max_pool",
            "add",
            "avg_pool",
            "cat",
            "chunk",
            "dropout",
            "flatten",
            "getitem",
            "hardtanh",
            "identity",
        ),
        *("input", "item", "max_pool", "mean", "mul", "pad", "relu", "relu6", "reshape", "sigmoid", "silu", "squeeze"),
        *("sub", "unsqueeze", "view", "detach", "clone", "split", "permute", "transpose"),
    }
)
"""Kinds for which no counter counts anything."""


@prop("RC610", "counts-agree", "note")
def check(subject: Subject) -> None:
    """Compare our multiply-adds with those of the other counters."""
    # The static figure is the one that is reported.
    model = next((m for m in (subject.static, subject.graph) if m is not None and m.macs is not None), None)
    if model is None or model.status != "complete":
        message = "its multiply-adds are not known"
        raise DoesNotApply(message)
    require_simple(model)
    found = {name: counted for name, count in COUNTERS.items() if (counted := count(subject, model)) is not None}
    if not found:
        message = "neither torchinfo nor fvcore is there, or neither can count it"
        raise DoesNotApply(message)
    for name, (theirs, more) in found.items():
        if theirs != value(model.macs) + more:
            message = f"{name} counts {theirs - more:,} multiply-adds, the operators read take {value(model.macs):,}"
            raise Failed(message)


def require_simple(model: Model) -> None:
    """Raise `DoesNotApply` for a model with something of which the counters are known not to know."""
    strange = next((op for op in model.ops if op.kind not in FREE and not is_counted(model, op)), None)
    if strange is not None:
        message = f"the counters disagree on `{strange.kind}` (line {strange.site.line})"
        raise DoesNotApply(message)
    alive = used(model)
    idle = next((op for op in model.ops if value(op.macs) and op.index not in alive), None)
    if idle is not None:
        message = f"the counters disagree on an operator whose result is not used (line {idle.site.line})"
        raise DoesNotApply(message)
    for record in model.modules:
        shared = record.tied or record.also or len(record.calls) > 1 or not record.registered
        if record.parameters and (shared or record.type not in (*COUNTED, *NORMS)):
            message = f"the counters disagree on `{record.path}`, a layer that is shared or not of torch's own"
            raise DoesNotApply(message)


def used(model: Model) -> set[int]:
    """Return the Ops on which something that is returned depends."""
    found: set[int] = set()
    todo = [op.index for op in model.ops if op.returned]
    while todo:
        index = todo.pop()
        if index not in found:
            found.add(index)
            todo.extend(model.ops[index].inputs)
    return found


def is_counted(model: Model, op: Op) -> bool:
    """Return whether an Op is counted, by all in the same way."""
    layer = model.layer(op)
    if op.kind == "adaptive_avg_pool":
        return len(op.shape) == 4
    if op.kind == "batch_norm":
        return layer is not None and layer.type in NORMS
    plain = op.kind == "conv" or (op.kind == "linear" and len(op.shape) == 2 and str(op.shape[0]) == "N")
    return (
        plain and layer is not None and layer.type in COUNTED and op.attributes.get("padding_mode", "zeros") == "zeros"
    )


def elements(ops: Iterable[Op]) -> int:
    """Return how many numbers these operators give out for one image."""
    return sum(prod(value(size) for size in op.shape[1:]) for op in ops)


def by_fvcore(subject: Subject, model: Model) -> tuple[int, int] | None:
    """Return the count of fvcore, and what it adds; None where it cannot count."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import compiles something that torch has deprecated
            from fvcore.nn import FlopCountAnalysis

            analysis = FlopCountAnalysis(copied(subject), subject.inputs(Case(1, subject.stated), torch.float32))
            analysis.unsupported_ops_warnings(enabled=False).uncalled_modules_warnings(enabled=False)
            total = int(analysis.total())
            if any(part in kind for kind in analysis.unsupported_ops() for part in PRODUCTS):
                return None
    except Exception:  # noqa: BLE001 - not installed, or it cannot trace the model
        return None
    pooled = elements(model.ops[op.inputs[0]] for op in model.of_kind("adaptive_avg_pool"))
    return total, 2 * elements(model.of_kind("batch_norm")) + pooled


def by_torchinfo(subject: Subject, model: Model) -> tuple[int, int] | None:
    """Return the count of torchinfo, and what it adds; None where it cannot count."""
    import torch

    try:
        from torchinfo import summary

        inputs = subject.inputs(Case(1, subject.stated), torch.float32)
        total = int(summary(copied(subject), input_data=list(inputs), device="cpu", verbose=0).total_mult_adds)
    except Exception:  # noqa: BLE001 - not installed, or it cannot run the model
        return None
    layers = [(op, layer) for op in model.ops if (layer := model.layer(op)) is not None]
    norms = sum(
        prod(map(value, shape))
        for op, layer in layers
        if op.kind == "batch_norm"
        for shape in layer.parameters.values()
    )
    return total, norms + elements(
        op for op, layer in layers if op.kind in {"conv", "linear"} and "bias" in layer.parameters
    )


PRODUCTS = ("conv", "linear", "mm")
"""Parts of names of torch's operators that fvcore would have to count: it leaves out ``padding="same"``, for example."""

COUNTERS: dict[str, Callable[[Subject, Model], tuple[int, int] | None]] = {
    "fvcore": by_fvcore,
    "torchinfo": by_torchinfo,
}

_FORWARD = "x = self.body(self.stem(x))"

_EXCHANGED = """
class Twice(Net):
    def forward(self, x):
        super().forward(x)
        return super().forward(x)


def build():
    net = Net()
    net.__class__ = Twice
    return net
"""

BAD = (network(("\ndef build():\n    return Net()\n", _EXCHANGED)),)

GOOD = (
    network(),
    network(
        ("3, padding=1, bias=False), nn.BatchNorm2d(8)", "3, padding=1), nn.BatchNorm2d(8)"),
        ("return self.fc(x.mean((2, 3)))", "return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))"),
    ),
)
