"""He T., Zhang, Zhang, Zhang, Xie, Li: Bag of Tricks for Image Classification, 2018, arXiv:1812.01187."""

from __future__ import annotations

from resnet_check.papers.he2015 import BLOCKS
from resnet_check.papers.records import DEEP_STEM, Printed, Variant, imagenet

PAPER = "He T. et al. 2018, arXiv:1812.01187"
WHERE = f"{PAPER}, section 4.2, Figure 2"


def tweaked(depth: int, letter: str, shortcut: str, *printed: Printed) -> Variant:
    """Return ResNet-C (three 3x3 for the stem) or ResNet-D (besides, an average pool before the 1x1 of a projection)."""
    return imagenet(
        f"resnet-{depth}-{letter}",
        f"ResNet-{depth}-{letter.upper()}",
        WHERE,
        depth,
        BLOCKS[depth],
        stem=DEEP_STEM,
        shortcut=shortcut,
        strided=1 if depth >= 50 else 0,
        placements=(0, 1) if depth >= 50 else (0,),
        printed=printed,
    )


VARIANTS = (
    tweaked(50, "c", "B", Printed("multiply-adds", 4.3e9, 0.05e9, f"{PAPER}, Table 5", read=False)),
    tweaked(50, "d", "D", Printed("multiply-adds", 4.3e9, 0.05e9, f"{PAPER}, Table 5", read=False)),
    *(tweaked(depth, "d", "D") for depth in BLOCKS if depth != 50),
)
