"""The network does not cost what the one that its name says costs.

## What it checks
A model whose name, docstring, file or `--like` says which published network it is, which is that network in every part
that is compared, and has its parameters. Its multiply-adds of convolutions and linear layers for one image of its input
size must then be that network's. Where another finding says what differs, this one is silent.

## Why it matters
The same weights on larger or smaller maps are another network: a stride, a padding or a pool differs somewhere.

## Bad
    x = self.layer3(F.avg_pool2d(x, 2))

## Good
    x = self.layer3(x)

## How to fix
Compare the stages: `resnet-check summary FILE` shows the model's multiply-adds beside the paper's.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, Table 1 (FLOPs are multiply-adds there).
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.rules._claims import PROSE_CLAIMS, claims, subject
from resnet_check.rules._examples import BASIC, RESNET18, network
from resnet_check.rules._figures import expected_macs, expected_params
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC407", "mac-count", "note")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Note models with other multiply-adds than the claimed network has, though with its parameters."""
    for claim in claims(context):
        model = claim.model
        if model.status != "complete" or model.macs is None or claim.by in PROSE_CLAIMS:
            continue
        expected = expected_macs(claim)
        if expected is not None and expected != model.macs and expected_params(claim) == model.params:
            yield report(
                claim.site,
                f"{subject(claim)} needs {model.macs:,} multiply-adds, {claim.variant.title} {expected:,} at this input size",
                label="other maps",
                help="`resnet-check summary` shows the stages beside the paper's",
                model=model,
            )


BAD = (
    network(
        BASIC,
        "def resnet18():  # <- mac-count\n    return ResNet(BasicBlock, [2, 2, 2, 2])",
        ("self.layer2(self.layer1(x))", "F.avg_pool2d(self.layer2(self.layer1(x)), 2)"),
    ),
)

GOOD = (network(BASIC, RESNET18),)
