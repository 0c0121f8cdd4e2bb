"""He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015, arXiv:1512.03385."""

from __future__ import annotations

from resnet_check.papers.records import Printed, Variant, cifar, imagenet

PAPER = "He et al. 2015, arXiv:1512.03385"
TABLE_1 = f"{PAPER}, Table 1"
TABLE_6 = f"{PAPER}, Table 6"
MADE_LATER = "facebookresearch/ResNeXt, README, revision 2206526"

ROUNDING = 0.06e9
"""Table 1 does not state its convention: of 3,072 tried, those that give all five rows round 3.858 down to 3.8."""

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Table 1."""

FLOPS = {18: 1.8e9, 34: 3.6e9, 50: 3.8e9, 101: 7.6e9, 152: 11.3e9}
"""Table 1, last row."""

README = {50: 4.1e9, 101: 7.8e9}
"""What the authors of ResNeXt print for the stride in the 3x3 (v1.5)."""

SENET = "Hu et al. 2017, arXiv:1709.01507"

IN_SENET = {
    50: Printed("multiply-adds", 3.86e9, 0.005e9, f"{SENET}, section 4"),
    101: Printed("multiply-adds", 7.58e9, 0.015e9, f"{SENET}, section 4"),
    152: Printed("multiply-adds", 11.3e9, 0.05e9, f"{SENET}, Table 2", read=False),
}
"""What the authors of SENet print for their ResNets; for 101 layers with the additions of the shortcuts."""

SIZES = {20: 0.27e6, 32: 0.46e6, 44: 0.66e6, 56: 0.85e6, 110: 1.7e6, 1202: 19.4e6}
"""Table 6, #params."""


def resnet(depth: int) -> Variant:
    """Return a network of Table 1; 50, 101 and 152 have their stride in the first 1x1, as in the authors' models."""
    build = "" if depth >= 50 else "shortcut A"
    printed = [Printed("multiply-adds", FLOPS[depth], ROUNDING, TABLE_1, build=build)]
    if depth in README:
        printed.append(Printed("multiply-adds", README[depth], ROUNDING, MADE_LATER, build="v1.5"))
    if depth in IN_SENET:
        printed.append(IN_SENET[depth])
    placements = (0, 1) if depth >= 50 else (0,)
    name, title = f"resnet-{depth}", f"ResNet-{depth}"
    return imagenet(name, title, TABLE_1, depth, BLOCKS[depth], placements=placements, printed=tuple(printed))


def plain(depth: int) -> Variant:
    """Return a plain network of section 3.3: the same layers, without shortcuts."""
    printed = (Printed("multiply-adds", FLOPS[34], ROUNDING, f"{PAPER}, section 3.3"),) if depth == 34 else ()
    where = f"{PAPER}, section 3.3, Figure 3"
    return imagenet(f"plain-{depth}", f"plain-{depth}", where, depth, BLOCKS[depth], shortcut="none", printed=printed)


def small(depth: int) -> Variant:
    """Return a network for CIFAR-10 of section 4.2: 6n + 2 layers, option A ("all identity shortcuts")."""
    known = SIZES.get(depth)
    printed = () if known is None else (Printed("parameters", known, rounding(known), TABLE_6),)
    where = f"{PAPER}, section 4.2"
    widths = (16, 32, 64)
    return cifar(
        f"resnet-{depth}",
        f"ResNet-{depth}",
        where,
        depth,
        blocks=(depth - 2) // 6,
        widths=widths,
        shortcut="A",
        printed=printed,
    )


def rounding(figure: float) -> float:
    """Return half of the last place that Table 6 prints: 0.27M, but 1.7M and 19.4M."""
    return 0.005e6 if figure < 1e6 else 0.05e6


VARIANTS = (
    *(resnet(depth) for depth in BLOCKS),
    *(plain(depth) for depth in (18, 34)),
    *(small(depth) for depth in SIZES),
)
