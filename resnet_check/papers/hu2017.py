"""Hu, Shen, Albanie, Sun, Wu: Squeeze-and-Excitation Networks, 2017, arXiv:1709.01507."""

from __future__ import annotations

from resnet_check.papers.he2015 import BLOCKS
from resnet_check.papers.records import Printed, Variant, imagenet

PAPER = "Hu et al. 2017, arXiv:1709.01507"
TABLE_2 = f"{PAPER}, Table 2"

FLOPS = {
    50: Printed("multiply-adds", 3.87e9, 0.015e9, f"{PAPER}, section 4"),
    101: Printed("multiply-adds", 7.60e9, 0.03e9, TABLE_2, read=False),
    152: Printed("multiply-adds", 11.32e9, 0.04e9, TABLE_2, read=False),
}
"""The text gives 3.86 and 3.87 GFLOPs for ResNet-50 without and with gates; additions and scalings count a little."""


MODELS = "hujie-frank/SENet, README, revision 0262d43"
WORD = 2**20 / 4
"""The scalars in one MiB of a caffemodel, four bytes each."""

FILES = {
    50: Printed("parameters", 107 * WORD, 0.5 * WORD, MODELS),
    101: Printed("parameters", 189 * WORD, 1.0 * WORD, MODELS, reason="the file holds the norms' statistics too"),
    152: Printed("parameters", 256 * WORD, 1.5 * WORD, MODELS, reason="the file holds the norms' statistics too"),
}
"""The sizes of the published caffemodels, 107, 189 and 256 MiB."""


def se_resnet(depth: int) -> Variant:
    """Return SE-ResNet: each branch is scaled, channel by channel, before the addition (Figure 3, Table 1)."""
    return imagenet(
        f"se-resnet-{depth}",
        f"SE-ResNet-{depth}",
        f"{PAPER}, Table 1",
        depth,
        BLOCKS[depth],
        gate="se",
        placements=(0, 1) if depth >= 50 else (0,),
        printed=tuple(figures[depth] for figures in (FLOPS, FILES) if depth in figures),
    )


def se_resnext(depth: int, blocks: tuple[int, ...], *printed: Printed) -> Variant:
    """Return SE-ResNeXt (32x4d): the gates on the blocks of ResNeXt."""
    return imagenet(
        f"se-resnext-{depth}-32x4d",
        f"SE-ResNeXt-{depth} (32x4d)",
        f"{PAPER}, Table 1",
        depth,
        blocks,
        factor=2,
        groups=32,
        gate="se",
        strided=1,
        placements=(0, 1),
        printed=printed,
    )


VARIANTS = (
    *(se_resnet(depth) for depth in BLOCKS),
    se_resnext(
        *(50, BLOCKS[50]),
        Printed("multiply-adds", 4.25e9, 0.02e9, TABLE_2, read=False),
        Printed("parameters", 105 * WORD, 0.5 * WORD, MODELS),
    ),
    se_resnext(
        *(101, BLOCKS[101]),
        Printed("multiply-adds", 8.00e9, 0.03e9, TABLE_2, read=False),
        Printed("parameters", 187 * WORD, 0.5 * WORD, MODELS),
    ),
)
