"""The network has not the layers that its name says.

## What it checks
A model whose name, docstring, file or `--like` says which published network it is, and whose residual blocks are that
network's, but not as many: a block too many or too few, another network's block list, a stage that is missing, basic
blocks where the name means bottlenecks. A network that counts as many layers as its name says is never reported, whatever
its blocks; neither is one with another number of stages (a network of another family), a truncated backbone without a
classifier, or one whose blocks the papers do not have. A docstring that contradicts the name is a note.

## Why it matters
Such a network runs and trains. It is only worse, or larger, than the one that it is compared with.

## Bad
    def resnet34():
        return ResNet(BasicBlock, [3, 4, 5, 3])

## Good
    def resnet34():
        return ResNet(BasicBlock, [3, 4, 6, 3])

## How to fix
Give the stages the blocks of the paper's table, or the network another name. `resnet-check show resnet-34` prints the table.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, Table 1 and section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.anatomy.architecture import Architecture
from resnet_check.anatomy.owners import key
from resnet_check.finding import Finding, Related, related
from resnet_check.graph.records import Site
from resnet_check.papers import find
from resnet_check.papers.records import Variant
from resnet_check.rules._claims import Claim, claims, is_deep_enough, layers, listed, own_name, subject
from resnet_check.rules._examples import BASIC, BOTTLENECK, RESNET18, network
from resnet_check.rules._networks import identities
from resnet_check.rules._places import Places, places
from resnet_check.rules._stages import built, literal, loop, stage_site
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC401", "depth-mismatch", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report networks with other blocks than the claimed network has."""
    where = places(context)
    yield from no_networks(report, context)
    told: set[str] = set()
    for claim in claims(context):
        net, wanted = claim.identity.architecture, claim.variant
        if claim.model.status != "complete" or is_deep_enough(claim) or not is_meant(claim):
            continue
        if claim.by == "docstring" and is_satisfied(context, claim):
            words = f"the docstring says {claim.said}, the network has {layers(claim)} layers"
            yield report(claim.site, words, help="correct the docstring", model=claim.model, severity="note")
            continue
        if claim.model.name in told:
            continue
        told.add(claim.model.name)
        site, more = place(where, claim)
        yield report(
            site,
            f"{subject(claim)} has {layers(claim)} layers: {difference(net, wanted)}",
            label=label(net, wanted),
            help=f"give the stages {listed(wanted.blocks)} {wanted.kind} blocks, or the network another name",
            model=claim.model,
            related=more,
        )


def no_networks(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report, where the user says what the models shall be, those that are no chain of residual blocks at all."""
    if context.like is None:
        return
    chains = {id(one.architecture.net.model) for one in identities(context)}
    for model in context.complete:
        if id(model) not in chains and not model.trial:
            yield report(
                Site(model.path, model.line, 1, model.line, 2),
                f"`{model.name}` is no {find(context.like).title}: it is no chain of residual blocks",
                help="check it without `--like`, or check the model that it shall be",
                model=model,
            )


def is_meant(claim: Claim) -> bool:
    """Return whether a network is one of the claimed one's family, so that another number of blocks is a mistake."""
    net, wanted = claim.identity.architecture, claim.variant
    if claim.by == "option":
        return True
    if net.kind not in {"basic", "bottleneck"} or wanted.shortcut == "none":
        return False
    if len(net.stages) == len(wanted.blocks):
        return net.kind == wanted.kind or net.blocks in {(2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)}
    return (
        is_prefix(net, wanted)
        and net.kind == wanted.kind
        and len(net.blocks) == len(wanted.blocks) - 1
        and is_classifier(net)
    )


def is_prefix(net: Architecture, wanted: Variant) -> bool:
    """Return whether the last stages alone are missing."""
    return net.blocks == wanted.blocks[: len(net.blocks)]


def is_classifier(net: Architecture) -> bool:
    """Return whether the network ends in one linear layer that reads the last stage."""
    return net.head.classes is not None and len(net.head.convs) == 1


def is_satisfied(context: FileContext, claim: Claim) -> bool:
    """Return whether the name of the docstring's model claims another network, which the model is."""
    others = [other for other in claims(context) if other.identity is claim.identity and other.by == "name"]
    return any(is_deep_enough(other) for other in others)


def difference(net: Architecture, wanted: Variant) -> str:
    """Return in what the blocks differ."""
    if net.kind != wanted.kind:
        return f"its blocks are {net.kind}, those of {wanted.title} are {wanted.kind}"
    return f"its stages have {listed(net.blocks)} blocks, those of {wanted.title} {listed(wanted.blocks)}"


def label(net: Architecture, wanted: Variant) -> str:
    """Return the short text under the code."""
    if len(net.blocks) < len(wanted.blocks):
        return f"stage {len(net.blocks) + 1} is missing"
    return f"{listed(wanted.blocks)} for {wanted.title}"


def place(where: Places, claim: Claim) -> tuple[Site, tuple[Related, ...]]:
    """Return the line that decides on the number of blocks, and what else belongs to it."""
    net, wanted = claim.identity.architecture, claim.variant
    model = claim.model
    if len(net.blocks) != len(wanted.blocks) and not is_prefix(net, wanted):
        return claim.site, ()
    if len(net.blocks) < len(wanted.blocks):
        last = stage_site(net, len(net.stages) - 1)
        called = model.ops[net.stages[-1].units[-1].block.sum].site
        return outermost(where, called), (related(last, f"stage {len(net.stages)} is built here, and is the last"),)
    found = literal(where, net, net.blocks, own_name(model))
    if found is not None:
        return found, ()
    steps = {mine - his for mine, his in zip(net.blocks, wanted.blocks, strict=True)}
    around = loop(where, net) if len(steps) == 1 and net.kind == wanted.kind else None
    if around is not None:
        return around, ()
    wrong = [i for i, (mine, his) in enumerate(zip(net.blocks, wanted.blocks, strict=True)) if mine != his]
    if not wrong or net.kind != wanted.kind:
        return claim.site, ()
    units = net.stages[wrong[0]].units
    one_by_one = len({key(built(net, unit)) for unit in units}) == len(units) > 1
    return (built(net, units[-1]) if one_by_one else stage_site(net, wrong[0])), ()


def outermost(where: Places, site: Site) -> Site:
    """Return the line of the model's own forward that led to a place."""
    way = [each for each in (site, *site.calls) if where.function_around(each) is not None]
    return way[-1] if way else site


BAD = (
    network(BASIC, "def resnet34():\n    return ResNet(BasicBlock, [3, 4, 5, 3])  # <- depth-mismatch"),
    network(
        BASIC,
        RESNET18,
        ("        for i in range(blocks):", "        for i in range(blocks + 1):  # <- depth-mismatch"),
    ),
    network(
        BASIC,
        "def resnet50():\n    return ResNet(BasicBlock, [3, 4, 6, 3])  # <- depth-mismatch",
    ),
    network(
        BOTTLENECK,
        'class ResNet50(ResNet):\n    """ResNet-50."""\n\n    def __init__(self):\n        super().__init__(Bottleneck, [3, 4, 6])',
        ("        self.layer4 = self._make_layer(block, 512, layers[3], 2)\n", ""),
        (
            "self.layer4(self.layer3(self.layer2(self.layer1(x))))",
            "self.layer3(self.layer2(self.layer1(x)))  # <- depth-mismatch",
        ),
        ("nn.Linear(512", "nn.Linear(256"),
    ),
)

GOOD = (
    network(BASIC, "def resnet34():\n    return ResNet(BasicBlock, [3, 4, 6, 3])"),
    network(BASIC, "def resnet10():\n    return ResNet(BasicBlock, [1, 1, 1, 1])"),
    network(BASIC, "def resnet34_small():\n    return ResNet(BasicBlock, [3, 4, 5, 3])"),
    network(
        BASIC, 'def resnet18():\n    """A small one, like ResNet-34."""\n    return ResNet(BasicBlock, [2, 2, 2, 2])'
    ),
)
