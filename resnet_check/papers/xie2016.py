"""Xie, Girshick, Dollár, Tu, He: Aggregated Residual Transformations for Deep Neural Networks, 2016, arXiv:1611.05431."""

from __future__ import annotations

from resnet_check.papers.records import Printed, Stem, Variant, cifar, imagenet

PAPER = "Xie et al. 2016, arXiv:1611.05431"
README = "facebookresearch/ResNeXt, README, revision 2206526"
EQUAL = "the README gives the ResNet's figure: the networks are built to cost about the same"


def resnext(depth: int, groups: int, width: int, blocks: tuple[int, ...], *printed: Printed) -> Variant:
    """Return ResNeXt-depth (groups x width d): the 3x3 in ``groups`` groups of ``width`` channels at the first stage."""
    return imagenet(
        f"resnext-{depth}-{groups}x{width}d",
        f"ResNeXt-{depth} ({groups}x{width}d)",
        f"{PAPER}, Table 1",
        depth,
        blocks,
        factor=groups * width / 64,
        groups=groups,
        strided=1,
        placements=(0, 1),
        printed=printed,
    )


def small(groups: int, width: int, figure: float, tolerance: float) -> Variant:
    """Return ResNeXt-29 for CIFAR: three stages of three bottlenecks, 64 channels before them (section 5.3)."""
    base = cifar(
        f"resnext-29-{groups}x{width}d",
        f"ResNeXt-29 ({groups}x{width}d)",
        f"{PAPER}, section 5.3",
        29,
        blocks=3,
        widths=(64, 128, 256),
        kind="bottleneck",
        stem=Stem(((3, 1, 64),), pool=False),
        groups=groups,
        strided=1,
        placements=(0, 1),
        printed=(Printed("parameters", figure, tolerance, f"{PAPER}, Table 7", read=False),),
    )
    return base._replace(inner=tuple(each * groups * width // 64 for each in base.inner))


VARIANTS = (
    resnext(
        *(50, 32, 4, (3, 4, 6, 3)),
        Printed("parameters", 25.0e6, 0.05e6, f"{PAPER}, Table 1", read=False),
        Printed("multiply-adds", 4.2e9, 0.05e9, f"{PAPER}, Table 1", read=False),
        Printed("multiply-adds", 4.1e9, 0.15e9, README, reason=EQUAL),
    ),
    resnext(101, 32, 4, (3, 4, 23, 3), Printed("multiply-adds", 7.8e9, 0.2e9, README, reason=EQUAL)),
    resnext(
        101,
        64,
        4,
        (3, 4, 23, 3),
        Printed("multiply-adds", 15.6e9, 0.15e9, README, reason="with norms, ReLUs and additions it is 15.6e9"),
    ),
    resnext(101, 32, 8, (3, 4, 23, 3)),
    small(8, 64, 34.4e6, 0.05e6),
    small(16, 64, 68.1e6, 0.1e6),
)
