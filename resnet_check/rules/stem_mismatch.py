"""The stem is not the one that the network's name says: its padding or its pool was forgotten.

## What it checks
The convolutions and the pool before the first block. In any network of residual blocks: a 3x3 convolution that makes an
image of three channels larger, because its padding is more than half of its kernel. And in a model whose name, docstring,
file or `--like` says which published network it is: padding that is missing from the stem's convolution or its max pool, and
a 7x7 convolution with stride 2 that no pool follows. A stem for small images (3x3, stride 1, no pool), a stem of three
convolutions, a pool that rounds up instead of padding, and an explicit padding before are silent.

## Why it matters
Every map of the network gets another size. It runs and trains, but neither weights nor figures of the published network
hold for it, and without the pool all stages cost four times as much.

## Bad
    self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, bias=False)

## Good
    self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)

## How to fix
Pad by half of the kernel: 3 for 7x7, 1 for 3x3, and let a 3x3 max pool with stride 2 and padding 1 follow the 7x7.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, Table 1: 112x112 after conv1, 56x56 after the pool.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.anatomy.architecture import Architecture
from resnet_check.anatomy.kinds import NORMS
from resnet_check.anatomy.owners import written
from resnet_check.finding import Finding, Fix
from resnet_check.graph.records import Site
from resnet_check.papers.records import IMAGENET_STEM
from resnet_check.rules._claims import Claim, claims, subject
from resnet_check.rules._examples import BASIC, RESNET18, network
from resnet_check.rules._networks import identities
from resnet_check.rules._places import Places, name_of, places
from resnet_check.rules._stages import layer_site
from resnet_check.rules.base import FileContext, Reporter, rule

SETTING = re.compile(r"`(padding|stride)=(\d)`")
POSITIONS = {"stride": 3, "padding": 4}
"""The positions of a convolution's arguments."""

SMALL = 28
"""The size of the images of MNIST, which some files pad to 32 in the stem."""


@rule("RC404", "stem-mismatch", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report stems without their padding or their pool."""
    told: set[tuple[str, int]] = set()
    for identity in identities(context):
        net = identity.architecture
        model = net.net.model
        for op, words, cure in grows(net) if model.status == "complete" else ():
            told.add((model.name, op))
            fix = setting(places(context), layer_site(net, op), cure)
            yield report(layer_site(net, op), words, label="padding", help=cure, model=model, fix=fix)
    for claim in claims(context):
        net, model = claim.identity.architecture, claim.model
        if model.status != "complete" or not is_comparable(claim):
            continue
        for op, words, cure in wrong_stem(net):
            if (model.name, op) not in told:
                told.add((model.name, op))
                pool = op not in {conv.op for conv in net.stem.convs} and (
                    net.stem.pool is None or op != net.stem.pool.op
                )
                site = written(model, model.ops[op]) if pool else layer_site(net, op)
                fix = None if pool else setting(places(context), site, cure)
                yield report(site, f"{subject(claim)} {words}", help=cure, model=model, fix=fix)


def setting(found: Places, site: Site, cure: str) -> Fix | None:
    """Return the fix that gives a convolution another padding or stride."""
    from resnet_check.editing import set_argument

    said, call = SETTING.search(cure), found.at(site, ast.Call)
    if said is None or not isinstance(call, ast.Call) or not re.fullmatch(r"Conv[123]d", name_of(call.func)):
        return None
    edit = set_argument(found.source, call, said[1], POSITIONS[said[1]], said[2])
    return None if edit is None else Fix(f"write {said[0]}", (edit,), safe=False)


def grows(net: Architecture) -> Iterator[tuple[int, str, str]]:
    """Yield the convolutions of the stem that make a colour image larger, in words, with the cure."""
    sizes = [int(size) for size in net.net.model.input[2:] if isinstance(size, int)] if net.net.model.input else []
    for one in net.stem.convs:
        half = one.kernel // 2
        if (
            net.stem.channels == 3
            and one.stride == 1
            and one.dilation == 1
            and one.padding > half
            and SMALL not in sizes
        ):
            words = f"the stem's {one.kernel}x{one.kernel} convolution has padding {one.padding}, so that the map grows"
            yield one.op, words, f"pad by half of the kernel: `padding={half}`"


def is_comparable(claim: Claim) -> bool:
    """Return whether a network for images has the claimed one's blocks."""
    return claim.fits_blocks and claim.identity.architecture.dimensions == 2


def wrong_stem(net: Architecture) -> Iterator[tuple[int, str, str]]:
    """Yield what is wrong with a stem: the Op, the words, the cure."""
    if "_" in net.net.stem.letters:
        return
    pool = net.stem.pool
    for one in net.stem.convs:
        half = one.kernel // 2
        if one.padding < half and one.dilation == 1 and one.kernel % 2:
            words = f"has padding {one.padding} in the stem's {one.kernel}x{one.kernel} convolution, not {half}"
            yield one.op, words, f"write `padding={half}`"
        if (
            one.kernel == 7
            and one.stride == 1
            and pool is not None
            and (pool.kernel, pool.stride, pool.padding) == (3, 2, 1)
        ):
            yield one.op, "has stride 1 in the stem's 7x7 convolution, not 2", "write `stride=2`"
    kernel, stride, _ = IMAGENET_STEM.convs[0]
    large = [(one.kernel, one.stride) for one in net.stem.convs] == [(kernel, stride)]
    if pool is None:
        if large and net.stages[0].stride == 1:
            yield (
                end(net),
                "has no max pool behind the 7x7 convolution of the stem",
                "let `nn.MaxPool2d(3, stride=2, padding=1)` follow the stem",
            )
        return
    facts = net.net.model.ops[pool.op].attributes
    if pool.kind == "max_pool" and (pool.kernel, pool.stride, pool.padding) == (3, 2, 0) and not facts.get("ceil_mode"):
        yield pool.op, "has no padding in the max pool of the stem", "write `nn.MaxPool2d(3, stride=2, padding=1)`"


def end(net: Architecture) -> int:
    """Return the last Op of the stem's own: a norm and an activation that follow those are the first block's."""
    kinds = {op: net.net.model.ops[op].kind for op in net.net.stem.ops if op >= net.stem.convs[-1].op}
    norms = [op for op, kind in kinds.items() if kind in NORMS]
    return max(op for op in kinds if len(norms) < 2 or op < norms[1])


BAD = (
    network(
        BASIC,
        RESNET18,
        (
            "nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)",
            "nn.Conv2d(3, 64, 7, stride=2, bias=False)  # <- stem-mismatch",
        ),
    ),
    network(
        BASIC,
        RESNET18,
        ("nn.MaxPool2d(3, stride=2, padding=1)", "nn.MaxPool2d(3, stride=2)  # <- stem-mismatch"),
    ),
    network(
        BASIC,
        "model = ResNet(BasicBlock, [2, 2, 2, 2])",
        (
            "nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)",
            "nn.Conv2d(3, 64, 3, stride=1, padding=2, bias=False)  # <- stem-mismatch",
        ),
    ),
)

GOOD = (
    network(BASIC, RESNET18),
    network(BASIC, RESNET18, ("nn.MaxPool2d(3, stride=2, padding=1)", "nn.MaxPool2d(3, stride=2, ceil_mode=True)")),
    network(
        BASIC,
        RESNET18,
        (
            "nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)",
            "nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)",
        ),
        ("nn.MaxPool2d(3, stride=2, padding=1)", "nn.Identity()"),
    ),
)
