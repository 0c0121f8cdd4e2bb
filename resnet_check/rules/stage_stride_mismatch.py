"""A stage makes the map smaller where it should not, or keeps it where the others make it smaller.

## What it checks
Two things. In any network of residual blocks: stages in which every block has a stride, so that blocks go on striding over
a map of one position. And in a model whose name, docstring, file or `--like` says which published network it is: a stride
in the first stage although the stem has made the map smaller already, a stride in more blocks than the first of a stage,
or a stage without a stride. Dilated stages are silent; a last stage that is given stride 1 in so many words, as in
re-identification and detection, is a note.

## Why it matters
Each missing stride makes the rest of the network four times as expensive; each stride too many throws away three
quarters of the map. Both run and train.

## Bad
    for i in range(blocks):
        layers.append(block(self.inplanes, planes, stride))

## Good
    for i in range(blocks):
        layers.append(block(self.inplanes, planes, stride if i == 0 else 1))

## How to fix
Give the stride to the first block of the second and each later stage, and to no other.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, section 3.4 and Table 1: "downsampling is performed by
conv3_1, conv4_1, and conv5_1 with a stride of 2".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.anatomy.architecture import Architecture
from resnet_check.anatomy.units import Unit, size
from resnet_check.finding import Finding
from resnet_check.graph.records import Site
from resnet_check.rules._claims import Claim, claims, subject
from resnet_check.rules._examples import BASIC, RESNET18, network
from resnet_check.rules._networks import identities
from resnet_check.rules._places import Places, places
from resnet_check.rules._stages import built, stage_site, stride_site
from resnet_check.rules.base import FileContext, Reporter, rule

EVERY = (
    (
        "layers.append(block(self.inplanes, planes, stride if i == 0 else 1))",
        "layers.append(block(self.inplanes, planes, stride))  # <- stage-stride-mismatch",
    ),
)


@rule("RC403", "stage-stride-mismatch", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report strides in the wrong blocks or stages."""
    where = places(context)
    told: set[str] = set()
    for identity in identities(context):
        net = identity.architecture
        model = net.net.model
        if model.status == "complete" and goes_on_striding(net):
            told.add(model.name)
            stage = next(i for i, each in enumerate(net.stages) if strides_later(each.units))
            yield report(
                stride_site(where, built(net, net.stages[stage].units[1])),
                "every block of a stage has the stride, so that the map shrinks to one position and is strided on",
                label="a stride in every block",
                help="give the stride to the first block of each stage, and stride 1 to the others",
                model=model,
                module=net.stages[stage].units[1].module,
            )
    for claim in claims(context):
        net, model = claim.identity.architecture, claim.model
        if model.status != "complete" or model.name in told or not is_comparable(claim):
            continue
        for unit, words in wrong_blocks(net):
            told.add(model.name)
            stage = next(i for i, each in enumerate(net.stages) if unit in each.units)
            first = unit is net.stages[stage].units[0]
            site = first_site(where, net, stage) if first else stride_site(where, built(net, unit))
            meant = first and stage == len(net.stages) - 1 and says_one(where, site)
            yield report(
                site,
                f"{subject(claim)} {words}; in {claim.variant.title} the second and later stages begin with stride 2",
                label=words,
                help=f"use stride {2 if first and stage else 1} for {'the first block of this stage' if first else 'this block'}",
                model=model,
                module=unit.module,
                severity="note" if meant else None,
            )


def says_one(where: Places, site: Site) -> bool:
    """Return whether a call gives the stride itself, as re-identification and detection networks do for their last stage."""
    call = where.at(site, ast.Call)
    if not isinstance(call, ast.Call):
        return False
    last = call.args[-1:]
    return any(keyword.arg == "stride" for keyword in call.keywords) or any(
        (isinstance(value, ast.Constant) and value.value == 1) or "stride" in ast.dump(value) for value in last
    )


def first_site(where: Places, net: Architecture, stage: int) -> Site:
    """Return the place that gives a stage its stride: its own call, or what all stages' blocks are built with."""
    asked = stage_site(net, stage)
    return stride_site(where, asked) if asked == built(net, net.stages[stage].units[0]) else asked


def strides_later(units: tuple[Unit, ...]) -> bool:
    """Return whether every block of a stage of two or more has a stride."""
    return len(units) > 1 and all(unit.stride > 1 for unit in units)


def goes_on_striding(net: Architecture) -> bool:
    """Return whether two stages stride in every block, and a block strides over a map of one position."""
    many = sum(strides_later(stage.units) for stage in net.stages)
    ops = net.net.model.ops
    starts = (ops[unit.block.start] for unit in net.units if unit.stride > 1)
    return many > 1 and net.dimensions > 0 and any(size(op, 2) == 1 for op in starts)


def is_comparable(claim: Claim) -> bool:
    """Return whether a network has the stages of the claimed one, for images, and nothing is dilated."""
    net = claim.identity.architecture
    return claim.fits_blocks and net.dimensions == 2 and not any(unit.dilated for unit in net.units)


def wrong_blocks(net: Architecture) -> Iterator[tuple[Unit, str]]:
    """Yield the blocks with a wrong stride, in words; of those that have one in every stage the first."""
    for index, stage in enumerate(net.stages):
        strided = next((unit for unit in stage.units[1:] if unit.stride > 1), None)
        if strided is not None:
            yield strided, f"has a stride in several blocks of stage {index + 1}"
            return
    for index, stage in enumerate(net.stages):
        early = len(net.stages) == 4 and net.stem.stride in {1, 4} and all(each.stride > 1 for each in net.stages[1:])
        if index == 0 and stage.stride > 1 and early:
            yield stage.units[0], "has a stride in its first stage already"
        elif index > 0 and stage.stride == 1:
            yield stage.units[0], f"has no stride in stage {index + 1}"


BAD = (
    network(BASIC, RESNET18, *EVERY),
    network(
        BASIC,
        RESNET18,
        (
            "        for i in range(blocks):",
            "        strides = [stride] * blocks  # <- stage-stride-mismatch\n        for s in strides:",
        ),
        ("planes, stride if i == 0 else 1))", "planes, s))"),
    ),
    network(
        BASIC,
        RESNET18,
        (
            "self.layer1 = self._make_layer(block, 64, layers[0], 1)",
            "self.layer1 = self._make_layer(block, 64, layers[0], 2)  # <- stage-stride-mismatch",
        ),
    ),
    network(
        BASIC,
        RESNET18,
        (
            "self.layer4 = self._make_layer(block, 512, layers[3], 2)",
            "self.layer4 = self._make_layer(block, 512, layers[3])  # <- stage-stride-mismatch",
        ),
        ("planes, blocks, stride):", "planes, blocks, stride=1):"),
    ),
    network(
        BASIC,
        RESNET18,
        (
            "self.layer3 = self._make_layer(block, 256, layers[2], 2)",
            "self.layer3 = self._make_layer(block, 256, layers[2], 1)  # <- stage-stride-mismatch",
        ),
    ),
)

GOOD = (network(BASIC, RESNET18),)
