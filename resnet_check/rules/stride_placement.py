"""The stride is on another convolution of the block than in the paper.

## What it checks
Blocks that make the map smaller. In a bottleneck the paper has the stride on the first 1x1 (v1), and most code today on
the 3x3 (v1.5): both are right, and a note says which it is where the name claims one of the paper's networks. In a basic
block the stride belongs to the first convolution; on the second it is a warning.

## Why it matters
In a bottleneck, v1.5 costs 6 % more and is half a per cent better; weights of the one do not fit the other. In a basic
block, a stride on the second convolution runs the first at four times the cost, and no published weights fit.

## Bad
    self.conv1 = nn.Conv2d(inplanes, planes, 3, stride=1, padding=1, bias=False)
    self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)

## Good
    self.conv1 = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=False)
    self.conv2 = nn.Conv2d(planes, planes, 3, stride=1, padding=1, bias=False)

## How to fix
Give the stride to the first convolution of a basic block. For a bottleneck, say in the docstring which one it is.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, Table 1; the authors' model definitions; Goyal et al., 2017.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.anatomy.architecture import Architecture
from resnet_check.anatomy.units import Unit
from resnet_check.finding import Finding, related
from resnet_check.rules._claims import claims
from resnet_check.rules._examples import BASIC, BOTTLENECK, RESNET18, RESNET50, network
from resnet_check.rules._networks import identities
from resnet_check.rules._stages import layer_site
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC408", "stride-placement", "note")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report strides on the second convolution of basic blocks, and say which of both a bottleneck has."""
    for identity in identities(context):
        net = identity.architecture
        model = net.net.model
        late = [unit for unit in net.units if is_late(unit)] if model.status == "complete" else []
        for unit in late if is_original(net) else ():
            yield report(
                layer_site(net, unit.convs[1].op),
                "the stride is on the second convolution of a basic block: the first runs at four times the cost",
                label="strided here",
                help="give the stride to the first convolution",
                model=model,
                module=unit.module,
                severity="warning",
                related=(related(layer_site(net, unit.convs[0].op), "it belongs here"),),
            )
    for claim in claims(context):
        net, model = claim.identity.architecture, claim.model
        placed = next((one for one in net.units if one.stride > 1), None)
        comparable = net.blocks == claim.variant.blocks and claim.variant.placements == (0, 1)
        if model.status == "complete" and placed is not None and placed.kind == "bottleneck" and comparable:
            place = next((i for i, conv in enumerate(placed.convs) if conv.stride > 1), None)
            if place is not None and place != claim.variant.strided:
                words = ("the first 1x1 (v1)", "the 3x3 (v1.5)", "the last 1x1")
                yield report(
                    layer_site(net, placed.convs[place].op),
                    f"the stride of the bottlenecks is on {words[place]}, the paper has it on {words[claim.variant.strided]}",
                    help="both are right; weights and costs of the one are not those of the other",
                    model=model,
                    module=placed.module,
                )


def is_late(unit: Unit) -> bool:
    """Return whether a basic block has its stride on the second convolution alone."""
    return unit.kind == "basic" and unit.convs[0].stride == 1 < unit.convs[1].stride


def is_original(net: Architecture) -> bool:
    """Return whether the network is of the paper's plan: basic blocks, each stage wider than the last, no dropout.

    Dropout between the two convolutions is Wide ResNet's, of which widely used code has the stride behind it.
    """
    steps = [stage for stage in net.stages[1:] if stage.stride > 1]
    return (
        net.kind == "basic"
        and not net.preactivated
        and not any(net.net.model.of_kind("dropout"))
        and net.dimensions == 2
        and len(steps) > 1
        and all(is_late(stage.units[0]) for stage in steps)
        and all(later.wide > earlier.wide for earlier, later in zip(net.stages, net.stages[1:], strict=False))
        and {unit.convs[0].kernel for unit in net.units} == {3}
    )


BAD = (
    network(
        BASIC,
        RESNET18,
        (
            "self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)",
            "self.conv1 = nn.Conv2d(inplanes, planes, 3, 1, 1, bias=False)",
        ),
        (
            "self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)",
            "self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)  # <- stride-placement",
        ),
    ),
    network(
        BOTTLENECK,
        RESNET50,
        (
            "self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)",
            "self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)  # <- stride-placement",
        ),
    ),
)

GOOD = (
    network(BASIC, RESNET18),
    network(BOTTLENECK, RESNET50.replace("resnet50():", 'make():\n    """Return ResNet-50-B."""')),
    network(
        BOTTLENECK, RESNET50.replace("resnet50():", 'make():\n    """Return a net with the blocks of ResNet-50."""')
    ),
    network(
        BOTTLENECK,
        RESNET50,
        (
            "self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)",
            "self.conv1 = nn.Conv2d(inplanes, planes, 1, stride, bias=False)",
        ),
        (
            "self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)",
            "self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)",
        ),
    ),
)
