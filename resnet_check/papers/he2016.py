"""He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, 2016, arXiv:1603.05027."""

from __future__ import annotations

from resnet_check.papers.records import Printed, Variant, cifar, imagenet

PAPER = "He et al. 2016, arXiv:1603.05027"
TABLE_4 = f"{PAPER}, Table 4"

SIZES = {110: (1.7e6, 0.05e6), 164: (1.7e6, 0.05e6), 1001: (10.2e6, 0.15e6)}
"""Table 4."""

REASONS = {1001: "the printed figure is that of the weights without the norms, 10.18 million"}


def small(depth: int, kind: str = "basic") -> Variant:
    """Return a network for CIFAR: of basic blocks (6n + 2 layers) as 110, or bottlenecks (9n + 2) as 164 and 1001."""
    printed: tuple[Printed, ...] = ()
    if depth in SIZES:
        figure, tolerance = SIZES[depth]
        printed = (Printed("parameters", figure, tolerance, TABLE_4, reason=REASONS.get(depth, "")),)
    return cifar(
        f"preresnet-{depth}",
        f"pre-activation ResNet-{depth}",
        f"{PAPER}, section 3 and appendix",
        depth,
        blocks=(depth - 2) // (6 if kind == "basic" else 9),
        widths=(16, 32, 64),
        kind=kind,
        preactivated=True,
        placements=(0,) if kind == "basic" else (0, 1),
        printed=printed,
    )


def large(depth: int, blocks: tuple[int, ...]) -> Variant:
    """Return a network for ImageNet: that of 2015 with pre-activation, as section 4 trains 101, 152 and 200 layers."""
    return imagenet(
        f"preresnet-{depth}",
        f"pre-activation ResNet-{depth}",
        f"{PAPER}, section 4 (Table 5)",
        depth,
        blocks,
        preactivated=True,
        strided=int(depth >= 50),
        placements=(0, 1) if depth >= 50 else (0,),
    )


VARIANTS = (
    large(18, (2, 2, 2, 2)),
    large(34, (3, 4, 6, 3)),
    large(50, (3, 4, 6, 3)),
    large(101, (3, 4, 23, 3)),
    large(152, (3, 8, 36, 3)),
    large(200, (3, 24, 36, 3)),
    small(110),
    small(164, "bottleneck"),
    small(1001, "bottleneck"),
)
