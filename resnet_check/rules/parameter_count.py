"""The network has not as many parameters as the one that its name says.

## What it checks
A model whose name, docstring, file or `--like` says which published network it is, and which is that network in every part
that is compared: stem, stages, widths, strides, blocks, shortcuts, norms, head. Its parameters must then be as many as that
network has with these input channels and classes. Where another finding says what differs, this one is silent.

## Why it matters
The count is the quickest proof that two networks are the same. A difference that no other rule explains is a layer
more or less, a norm without scale and shift, a classifier without bias.

## Bad
    self.bn1 = nn.BatchNorm2d(planes, affine=False)

## Good
    self.bn1 = nn.BatchNorm2d(planes)

## How to fix
Compare the stages: `resnet-check summary FILE` shows the model's parameters beside the paper's.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, Table 1; counted from its layout.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.papers.comparing import differences
from resnet_check.papers.counting import params
from resnet_check.rules._claims import PROSE_CLAIMS, Claim, claims, is_deep_enough, subject
from resnet_check.rules._examples import BASIC, RESNET18, network
from resnet_check.rules._figures import expected_params
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC406", "parameter-count", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report models with another number of parameters than the claimed network has."""
    for claim in claims(context):
        model = claim.model
        if model.status != "complete" or model.params is None or claim.by in PROSE_CLAIMS:
            continue
        expected = expected_params(claim)
        if expected is None and claim.by == "option":
            yield from everything(report, claim)
        if expected is not None and expected != model.params:
            more = "more" if model.params > expected else "fewer"
            yield report(
                claim.site,
                f"{subject(claim)} has {model.params:,} parameters, {abs(model.params - expected):,} {more} than "
                f"{claim.variant.title} with {claim.identity.architecture.head.classes:,} classes",
                label=f"{expected:,} for {claim.variant.title}",
                help="`resnet-check summary` shows the stages beside the paper's",
                model=model,
            )


def everything(report: Reporter, claim: Claim) -> Iterator[Finding]:
    """Report all differences from the network that the user says it shall be, where its parameters differ."""
    net, wanted = claim.identity.architecture, claim.variant
    expected = params(wanted, net.stem.channels, net.head.classes)
    words = [each.words for each in differences(net, wanted) if each.weight and each.part != "placement"]
    if claim.model.params != expected and words and is_deep_enough(claim):
        yield report(
            claim.site,
            f"{subject(claim)} is no {wanted.title} of {expected:,} parameters: {'; '.join(words)}",
            help=f"`resnet-check show {wanted.name}` prints the paper's column",
            model=claim.model,
        )


BAD = (
    network(
        BASIC,
        "def resnet18():  # <- parameter-count\n    return ResNet(BasicBlock, [2, 2, 2, 2])",
        ("self.bn1 = nn.BatchNorm2d(planes)", "self.bn1 = nn.BatchNorm2d(planes, affine=False)"),
    ),
    network(
        BASIC,
        "def resnet18():  # <- parameter-count\n    return ResNet(BasicBlock, [2, 2, 2, 2])",
        ("num_classes)\n\n    def _make_layer", "num_classes, bias=False)\n\n    def _make_layer"),
    ),
)

GOOD = (network(BASIC, RESNET18), network(BASIC, RESNET18, ("num_classes=1000", "num_classes=7")))
