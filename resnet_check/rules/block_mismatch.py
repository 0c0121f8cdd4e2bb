"""A block is not what its kind is: a bottleneck that never looks around, a gate that is no gate.

## What it checks
Residual blocks in which the middle convolution of a bottleneck, or one of a basic block, is 1x1, in a network of which the
name, docstring, file or `--like` says that it is one of the published ones; and bottlenecks with a 1x1 in the middle where no
block looks at more than one position. And gates, as in
squeeze-and-excitation, that scale the channels by what a linear layer or 1x1 convolution gives, without the sigmoid.

## Why it matters
A network of 1x1 convolutions sees nothing but single positions of what the stem gives. A gate without sigmoid is
unbounded and may be negative: it multiplies instead of choosing, and the signal grows from block to block.

## Bad
    self.conv2 = nn.Conv2d(planes, planes, kernel_size=1, stride=stride, bias=False)

## Good
    self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)

## How to fix
Make the middle convolution 3x3 with padding 1; end the gate in a sigmoid.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, Figure 5; Hu et al., Squeeze-and-Excitation Networks, 2017,
section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.anatomy.architecture import Architecture
from resnet_check.anatomy.owners import culprit
from resnet_check.anatomy.units import Conv, Unit, pooled
from resnet_check.finding import Finding
from resnet_check.graph.records import Op
from resnet_check.rules._claims import Claim, claims
from resnet_check.rules._examples import BASIC, BOTTLENECK, RESNET18, RESNET50, network
from resnet_check.rules._networks import identities
from resnet_check.rules._stages import layer_site
from resnet_check.rules.base import FileContext, Reporter, rule


def is_pointwise(op: Op) -> bool:
    """Return whether a convolution sees one position only, in each of its directions."""
    return all(size == 1 for size in op.attributes.get("kernel", ()))


@rule("RC405", "block-mismatch", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report bottlenecks without a 3x3, and gates without a sigmoid."""
    claimed = {id(claim.identity): claim.variant.kind for claim in claims(context) if has_its_blocks(claim)}
    for identity in identities(context):
        net = identity.architecture
        model = net.net.model
        if model.status != "complete":
            continue
        blind = all(conv.kernel == 1 for unit in net.units for conv in unit.convs) and looks_around(net)
        faulty = {
            conv: unit for unit in net.units for conv in narrow(net, unit, claimed.get(id(identity)), blind=blind)
        }
        others = [layer.built for op in model.of_kind("conv") if op.index not in faulty and (layer := model.layer(op))]
        for conv, unit in faulty.items():
            layer = model.layer(model.ops[conv])
            what = (
                "the middle convolution of this bottleneck" if len(unit.convs) == 3 else "this convolution of the block"
            )
            yield report(
                model.ops[conv].site if layer is None else culprit(layer.built, others),
                f"{what} is 1x1: it sees no neighbours",
                label="1x1 instead of 3x3",
                help="write a 3x3 convolution with `padding=1`",
                model=model,
                module=unit.module,
            )
        for unit in net.units:
            last = open_gate(net, unit)
            if last is not None:
                yield report(
                    layer_site(net, last),
                    "this gate scales its block without a sigmoid: its weights are unbounded and may be negative",
                    label="the gate ends here",
                    help="let `nn.Sigmoid()` follow the gate's last layer",
                    model=model,
                    module=unit.module,
                )


def has_its_blocks(claim: Claim) -> bool:
    """Return whether a network has as many blocks in each stage as the one that it is said to be."""
    return claim.identity.architecture.blocks == claim.variant.blocks


def narrow(net: Architecture, unit: Unit, kind: str | None, *, blind: bool) -> list[int]:
    """Return the convolutions of a block that should see neighbours and do not: its middle one, or any of a basic block.

    Where no name says what the network is, they only count if no block sees any.
    """
    looking: tuple[Conv, ...] = ()
    if len(unit.convs) == 3 and (kind == "bottleneck" or (blind and unit.kind == "bottleneck")):
        looking = unit.convs[1:2]
    elif len(unit.convs) == 2 and kind == "basic":
        looking = unit.convs
    return [conv.op for conv in looking if is_pointwise(net.net.model.ops[conv.op])]


def looks_around(net: Architecture) -> bool:
    """Return whether the stem looks at more than one position, and the blocks have convolutions that could, too."""
    ops = net.net.model.ops
    all_convs = all(ops[conv.op].kind == "conv" for unit in net.units for conv in unit.convs)
    return net.dimensions > 1 and all_convs and any(conv.kernel > 1 for conv in net.stem.convs)


def open_gate(net: Architecture, unit: Unit) -> int | None:
    """Return the last layer of a gate of two layers that nothing bounds before it scales its branch; None for others."""
    flow = net.net.flow
    gates = pooled(flow, unit.block.branch)
    layers = [op for op in sorted(gates) if flow.letter(op) in "cd"]
    if len(layers) != 2 or not any(flow.letter(op) == "a" for op in gates):
        return None
    end = layers[-1]
    scaled = [op for op in unit.block.branch.ops if flow.letter(op) == "g"]
    way, op = [], flow.only_reader(end)
    while op is not None and op in gates:
        way.append(op)
        op = flow.only_reader(op)
    return end if op in scaled and all(flow.ops[each].kind in SHAPES for each in way) else None


SHAPES = frozenset({"view", "reshape", "unsqueeze", "squeeze", "flatten", "getitem", "expand", "permute", "transpose"})
"""What changes a gate's shape and not its values."""

_LAYERS = """\
        self.squeeze = nn.Linear(wide, wide // 16)
        self.excite = {excite}
        self.shortcut = nn.Sequential()
"""

_SCALED = """\
        y = self.bn3(self.conv3(y))
        s = self.excite(F.relu(self.squeeze(y.mean((2, 3)))))
        y = y * s[:, :, None, None]
"""


def _gated(excite: str) -> str:
    return network(
        BOTTLENECK,
        RESNET50,
        ("        self.shortcut = nn.Sequential()\n", _LAYERS.format(excite=excite)),
        ("        y = self.bn3(self.conv3(y))\n", _SCALED),
    )


BAD = (
    network(
        BASIC,
        RESNET18,
        (
            "self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)",
            "self.conv2 = nn.Conv2d(planes, planes, 1, 1, 0, bias=False)  # <- block-mismatch",
        ),
    ),
    network(
        BOTTLENECK,
        RESNET50,
        (
            "self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)",
            "self.conv2 = nn.Conv2d(planes, planes, 1, stride, 0, bias=False)  # <- block-mismatch",
        ),
    ),
    _gated("nn.Linear(wide // 16, wide)  # <- block-mismatch"),
)

GOOD = (
    network(BOTTLENECK, RESNET50),
    # Frames one by one: each convolution of three dimensions sees a single frame, and its neighbours in that.
    network(
        BOTTLENECK,
        RESNET50,
        (
            "nn.Conv2d(planes, planes, 3, stride, 1, bias=False)",
            "nn.Conv2d(planes, planes, (1, 3, 3), stride, (0, 1, 1), bias=False)",
        ),
    )
    .replace("2d(", "3d(")
    .replace("(2, 3)", "(2, 3, 4)"),
    _gated("nn.Sequential(nn.Linear(wide // 16, wide), nn.Sigmoid())"),
    _gated("nn.Sequential(nn.Linear(wide // 16, wide), nn.Hardsigmoid())"),
)
