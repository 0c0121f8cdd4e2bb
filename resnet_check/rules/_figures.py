"""What a network that is a published one in every part should have: parameters and multiply-adds at its own sizes."""

from __future__ import annotations

from resnet_check.anatomy.architecture import Architecture
from resnet_check.graph.dim import symbols, value
from resnet_check.graph.records import Model
from resnet_check.papers.comparing import differences
from resnet_check.papers.counting import macs, params
from resnet_check.papers.records import Stem, Variant
from resnet_check.rules._claims import Claim

KNOWN = frozenset({"channels", "classes", "placement", "shortcut", "stem", "pool"})
"""Differences that the layout can be given."""


def expected_params(claim: Claim) -> int | None:
    """Return the parameters of the claimed network with the model's channels, classes, stem and shortcuts.

    None where the model differs from it in other parts too: then a finding about these says why its figures differ.
    """
    variant = as_built(claim)
    if variant is None:
        return None
    net = claim.identity.architecture
    return params(variant, net.stem.channels, net.head.classes)


def expected_macs(claim: Claim) -> int | None:
    """Return the multiply-adds of the claimed network at the model's input size, None where it differs in other parts."""
    variant, size = as_built(claim), image(claim.model)
    net = claim.identity.architecture
    same_pool = net.stem.pool is None or (net.stem.pool.kernel, net.stem.pool.stride, net.stem.pool.padding) == (
        3,
        2,
        1,
    )
    if variant is None or size is None or not same_pool:
        return None
    return macs(variant, net.stem.channels, net.head.classes, size)


def as_built(claim: Claim) -> Variant | None:
    """Return the claimed network with the model's stem, shortcuts and stride placement."""
    net, wanted = claim.identity.architecture, claim.variant
    if any(each.part not in KNOWN for each in differences(net, wanted)) or net.head.classes is None:
        return None
    if wanted.gate:
        return None  # by how much a gate narrows, and to what multiple, is left to it (Hu et al. 2017, section 6.1)
    shortcut = option(net)
    places = {
        next((i for i, conv in enumerate(unit.convs) if conv.stride > 1), 0) for unit in net.units if unit.stride > 1
    }
    if shortcut is None or len(places) > 1 or idle(claim.model):
        return None
    stem = Stem(tuple((conv.kernel, conv.stride, conv.wide) for conv in net.stem.convs), net.stem.pool is not None)
    return wanted._replace(stem=stem, shortcut=shortcut, strided=next(iter(places), wanted.strided))


def option(net: Architecture) -> str | None:
    """Return the paper's option of a network's shortcuts, None for a mixture."""
    if not net.projected:
        return "A"
    if net.projected == len(net.units):
        return "C"
    kinds = {unit.shortcut for unit in net.units if unit.projection is not None}
    changing = sum(unit.stride > 1 or net.net.flow.ops[unit.block.start].shape[1] != unit.wide for unit in net.units)
    if net.projected != changing or any(unit.shortcut not in {"identity", *kinds} for unit in net.units):
        return None
    return "B" if kinds <= {"projection", "projection without norm"} else "D" if "pooled projection" in kinds else None


def idle(model: Model) -> bool:
    """Return whether a layer with parameters is never reached: a finding of its own says so."""
    return any(module.parameters and not module.reached for module in model.modules if module.path)


def image(model: Model) -> int | None:
    """Return the size of the model's square input, None for another input."""
    sizes = [value(size) for size in (model.input or ())[2:]]
    return (
        sizes[0] if len(sizes) == 2 and sizes[0] == sizes[1] and symbols(model.input[0] if model.input else 1) else None
    )
