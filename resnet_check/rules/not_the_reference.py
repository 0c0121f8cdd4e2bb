"""The network does not compute what the reference of the network that it shall be computes.

## What it checks
With `--like`, each model that has the blocks of the published network is compared with this project's reference of it,
operator by operator: wiring, constants, order. Names, equivalent spellings (`view` or `flatten`, a pool or a mean, a layer or
a function) and the order of independent branches do not matter. Of several builds (v1 and v1.5, the shortcut options) one
must be equal.

## Why it matters
Two networks with the same parameters may compute different things: a ReLU that is missing, another eps, a shortcut
that is taken behind the activation. Weights that were trained in the one do not work in the other.

## Bad
    self.bn1 = nn.BatchNorm2d(64, eps=1e-3)    # checked with --like resnet-18

## Good
    self.bn1 = nn.BatchNorm2d(64)

## How to fix
Change the operator that is named, or leave `--like` out for a network that is meant to differ.

## Source
The references of this project, `resnet_check.reference`; He et al., Deep Residual Learning, 2015.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.finding import Finding, related
from resnet_check.rules._claims import claims, is_deep_enough
from resnet_check.rules._examples import BASIC, RESNET18, network
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC409", "not-the-reference", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report, where the user says what the models shall be, the first operator that is not the reference's."""
    if context.like is None or context.reference is None:
        return
    from resnet_check.equality.verdict import against_reference

    for claim in claims(context):
        match = claim.identity.match
        if not is_deep_enough(claim) or match is None or match.variant.name != claim.variant.name:
            continue
        verdict = against_reference(claim.identity, context.reference)
        if verdict is None or verdict.comparison.equal is not False or verdict.comparison.first is None:
            continue
        first = verdict.comparison.first
        yield report(
            first.ours.site,
            f"`{claim.model.name}` is {verdict.words}",
            label="the first operator that differs",
            help=f"do here what the reference {verdict.reference} does, or check without `--like`",
            model=claim.model,
            module=first.ours.module,
            related=(related(first.theirs.site, "the reference's operator"),),
        )


LIKE = "resnet-18"
"""The examples are checked with this network."""

BAD = (
    network(
        BASIC,
        RESNET18,
        (
            "        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))",
            "        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))  # <- not-the-reference",
        ),
        ("self.bn1 = nn.BatchNorm2d(64)", "self.bn1 = nn.BatchNorm2d(64, eps=1e-3)"),
    ),
)

GOOD = (network(BASIC, RESNET18),)
