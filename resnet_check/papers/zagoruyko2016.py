"""Zagoruyko, Komodakis: Wide Residual Networks, 2016, arXiv:1605.07146."""

from __future__ import annotations

from resnet_check.papers.records import Printed, Variant, cifar, imagenet

PAPER = "Zagoruyko and Komodakis 2016, arXiv:1605.07146"

SIZES = {
    (40, 1): 0.6e6,
    (40, 2): 2.2e6,
    (40, 4): 8.9e6,
    (40, 8): 35.7e6,
    (28, 10): 36.5e6,
    (28, 12): 52.5e6,
    (22, 8): 17.2e6,
    (22, 10): 26.8e6,
    (16, 8): 11.0e6,
    (16, 10): 17.1e6,
}
"""The tables on width and on CIFAR: parameters by depth and widening factor."""


def wide(depth: int, factor: int) -> Variant:
    """Return WRN-depth-factor: 6n + 4 layers, the projections counted and the classifier not (Table 1)."""
    figure = SIZES.get((depth, factor))
    printed = () if figure is None else (Printed("parameters", figure, 0.05e6, f"{PAPER}, CIFAR tables"),)
    widths = (16 * factor, 32 * factor, 64 * factor)
    blocks = (depth - 4) // 6
    return cifar(
        f"wrn-{depth}-{factor}",
        f"WRN-{depth}-{factor}",
        f"{PAPER}, Table 1",
        depth,
        blocks=blocks,
        widths=widths,
        preactivated=True,
        printed=printed,
    )


def bottleneck(depth: int, blocks: tuple[int, ...], printed: tuple[Printed, ...]) -> Variant:
    """Return ResNet-50 or -101 with the inside of its bottlenecks twice as wide (section 3.3, ImageNet)."""
    return imagenet(
        f"wrn-{depth}-2",
        f"WRN-{depth}-2-bottleneck",
        f"{PAPER}, section 3.3",
        depth,
        blocks,
        factor=2,
        strided=1,
        placements=(0, 1),
        printed=printed,
    )


VARIANTS = (
    *(wide(depth, factor) for depth, factor in SIZES),
    bottleneck(50, (3, 4, 6, 3), (Printed("parameters", 68.9e6, 0.05e6, f"{PAPER}, Tables 4 and 8", read=False),)),
    bottleneck(101, (3, 4, 23, 3), ()),
)
