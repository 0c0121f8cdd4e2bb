"""Whether a network computes just what a reference of its published variant computes, and where it first does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from resnet_check.anatomy import anatomy
from resnet_check.equality.compare import Comparison, compare
from resnet_check.graph.dim import value
from resnet_check.graph.records import Model
from resnet_check.papers.comparing import Identity, identify
from resnet_check.reference import REFERENCES

ReadReference = Callable[[str, int | None, int | None, tuple[int, ...] | None], Model]
"""Reads a reference with so many input channels and classes, at the sizes of an image."""

BUILDS = frozenset({"placement", "shortcut"})
"""Differences between the builds of one variant: v1 and v1.5, the options A, B and C."""


class Verdict(NamedTuple):
    """The reference that a network was compared with, and what came of it."""

    reference: str
    comparison: Comparison

    @property
    def words(self) -> str:
        """The verdict for a person; nothing where there is no answer."""
        equal, sizes, first, _, _ = self.comparison
        if equal is None:
            return ""
        if not equal:
            return f"not what the reference {self.reference} computes: {first.words}" if first else ""
        at = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in sizes or ())
        limited = f" at sizes {at}" if first is not None and at else ""
        return f"exactly what the reference {self.reference} computes{limited}"


def against_reference(identity: Identity, read: ReadReference) -> Verdict | None:
    """Return how a network compares with the reference of its variant that is built as it is; None without a variant.

    Of several builds an equal one counts, else the one with the network's stride placement and shortcuts.
    """
    net = identity.architecture
    model = net.net.model
    if identity.match is None or model.status != "complete" or model.input is None:
        return None
    image = tuple(value(size) for size in model.input[2:])
    built = tuple(each.words for each in identity.match.differences if each.part in BUILDS)
    nearest: Verdict | None = None
    for name in builds(identity.match.variant.name):
        reference = read(name, net.stem.channels, net.head.classes, image)
        verdict = Verdict(name, compare(model, reference))
        if verdict.comparison.equal:
            return verdict
        found = identify(anatomy(reference))
        kin = (
            found is not None
            and found.match is not None
            and built == tuple(each.words for each in found.match.differences if each.part in BUILDS)
        )
        nearest = verdict if nearest is None or kin else nearest
    return nearest


def builds(variant: str) -> list[str]:
    """Return the names of the references of one variant, the paper's own first."""
    if variant not in REFERENCES:
        return []
    made = REFERENCES[variant][:2]
    return [name for name, reference in REFERENCES.items() if reference[:2] == made and name.startswith(variant)]
