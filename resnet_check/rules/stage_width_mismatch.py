"""The stages have not the widths of the network that the name says.

## What it checks
A model whose name, docstring, file or `--like` says which published network it is, with that network's stages and kind of
blocks, but other widths: stages that do not double (128, 256, 512, 512 for 64, 128, 256, 512), or a bottleneck that
does not widen by four. A network that is narrower or wider by one factor throughout, as a width argument makes it, is
never reported.

## Why it matters
Such a network runs and trains, with another number of parameters, another cost, and another accuracy than the one that it
is compared with; published weights do not fit it.

## Bad
    self.layer1 = self._make_layer(64, 128, 3, stride=1)
    self.layer2 = self._make_layer(128, 256, 4, stride=2)

## Good
    self.layer1 = self._make_layer(64, 64, 3, stride=1)
    self.layer2 = self._make_layer(64, 128, 4, stride=2)

## How to fix
Give the stages the widths of the paper's table; `resnet-check show resnet-34` prints it.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, Table 1.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.anatomy.architecture import Architecture
from resnet_check.finding import Edit, Finding, Fix
from resnet_check.graph.records import Site
from resnet_check.papers.records import Variant
from resnet_check.rules._claims import Claim, claims, listed, own_name, subject
from resnet_check.rules._examples import BASIC, BOTTLENECK, RESNET18, RESNET50, network
from resnet_check.rules._places import Places, places
from resnet_check.rules._stages import constant, layer_site, literal, stage_site
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC402", "stage-width-mismatch", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report networks with other widths than the claimed network has."""
    where = places(context)
    told: set[str] = set()
    for claim in claims(context):
        net, wanted = claim.identity.architecture, claim.variant
        if claim.model.name in told or not is_comparable(claim) or is_scaled(net, wanted):
            continue
        told.add(claim.model.name)
        if expansion(net) is not None and is_scaled_inside(net, wanted):
            yield of_expansion(report, where, claim)
            continue
        have = widths(net, wanted)
        wrong = [i for i, (mine, his) in enumerate(zip(have, expected(wanted), strict=True)) if mine != his]
        yield report(
            literal(where, net, have) or stage_site(net, wrong[0]),
            f"{subject(claim)} has stages {listed(have)} wide, those of {wanted.title} are {listed(expected(wanted))}",
            label=f"{have[wrong[0]]} instead of {expected(wanted)[wrong[0]]}",
            help=f"give the stages the widths {listed(expected(wanted))}",
            model=claim.model,
        )


def is_comparable(claim: Claim) -> bool:
    """Return whether stages and blocks are those of the claimed network, so that other widths are a mistake.

    Of a model that fails the number of blocks is uncertain; two widths in four must differ to be the file's own.
    """
    net, wanted = claim.identity.architecture, claim.variant
    if wanted.groups != 1:
        return False  # widely used code widens a ResNeXt by its cardinality, not by the paper's table
    if claim.model.status == "failed":
        same_kind = net.kind == wanted.kind and len(net.stages) == len(wanted.wide)
        off = sum(mine != his for mine, his in zip(widths(net, wanted), expected(wanted), strict=False))
        return same_kind and claim.by == "name" and off > 1 and net.kind == "basic"
    return claim.fits_blocks and (net.head.classes is not None or claim.by == "option")


def widths(net: Architecture, wanted: Variant) -> tuple[int, ...]:
    """Return the widths by which a network's stages are known: of bottlenecks those inside."""
    return tuple(stage.inner if wanted.kind == "bottleneck" else stage.wide for stage in net.stages)


def expected(wanted: Variant) -> tuple[int, ...]:
    """Return the claimed network's widths."""
    return wanted.inner if wanted.kind == "bottleneck" else wanted.wide


def is_scaled(net: Architecture, wanted: Variant) -> bool:
    """Return whether every stage is wider than the claimed one by the same factor, inside and outside by one each.

    An inside that is wider by a factor of its own is a Wide ResNet's or a ResNeXt's.
    """
    outside = {stage.wide / his for stage, his in zip(net.stages, wanted.wide, strict=True)}
    inside = {stage.inner / his for stage, his in zip(net.stages, wanted.inner, strict=True)}
    narrower = wanted.kind == "bottleneck" and inside == {1} and outside != {1}
    return len(outside) == 1 and len(inside) == 1 and not narrower


def is_scaled_inside(net: Architecture, wanted: Variant) -> bool:
    """Return whether the inside of the blocks is the claimed network's."""
    return widths(net, wanted) == wanted.inner


def expansion(net: Architecture) -> int | None:
    """Return by how much all bottlenecks widen, None for other blocks."""
    found = {unit.wide / unit.inner for unit in net.units if unit.inner}
    one = next(iter(found), 0.0)
    return int(one) if net.kind == "bottleneck" and len(found) == 1 and one.is_integer() else None


def of_expansion(report: Reporter, where: Places, claim: Claim) -> Finding:
    """Return the finding on a bottleneck that widens by another factor than four."""
    net, wanted = claim.identity.architecture, claim.variant
    mine, his = expansion(net) or 1, wanted.wide[0] // wanted.inner[0]
    site: Site = constant(where, net, mine) or layer_site(net, net.units[0].convs[-1].op)
    words = f"{subject(claim)} has bottlenecks that widen {mine} times, those of {wanted.title} widen {his} times"
    label, number = f"{his} for {own_name(claim.model)}", where.at(site, ast.Constant)
    fix = None if number is None else Fix(f"write {his}", (Edit(*where.source.span(number)[1:], str(his)),), safe=False)
    return report(site, words, label=label, help=f"write {his}", model=claim.model, fix=fix)


BAD = (
    network(
        BASIC,
        RESNET18,
        (
            "self.layer1 = self._make_layer(block, 64, layers[0], 1)",
            "self.layer1 = self._make_layer(block, 128, layers[0], 1)  # <- stage-width-mismatch",
        ),
        ("block, 128, layers[1]", "block, 256, layers[1]"),
        ("block, 256, layers[2]", "block, 512, layers[2]"),
    ),
    network(BOTTLENECK, RESNET50, ("    expansion = 4\n", "    expansion = 2  # <- stage-width-mismatch\n")),
)

GOOD = (
    network(BASIC, RESNET18),
    network(BOTTLENECK, RESNET50),
    network(
        BASIC,
        RESNET18,
        ("block, 64, layers[0]", "block, 32, layers[0]"),
        ("block, 128, layers[1]", "block, 64, layers[1]"),
        ("block, 256, layers[2]", "block, 128, layers[2]"),
        ("block, 512, layers[3]", "block, 256, layers[3]"),
        ("nn.Linear(512", "nn.Linear(256"),
    ),
)
