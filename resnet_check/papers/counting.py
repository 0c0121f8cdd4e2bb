"""Parameters and multiply-adds of a Variant, from its layout alone, for any input channels, classes and image size.

The convention is that of the papers: one multiply-add for each product of a weight and a value in convolutions and linear
layers, padding counted as data; no bias, norm, activation, addition or pool. Parameters are all that is learned: weights,
scales and shifts of the norms, the classifier's bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from resnet_check.papers.records import Variant

REDUCTION = 16
"""By how much the first layer of a squeeze-and-excitation gate narrows (Hu et al. 2017, section 6.1)."""


class Count(NamedTuple):
    """One row of the paper's table: the stage, the size and width of its output, its parameters and multiply-adds."""

    stage: str
    size: int
    wide: int
    params: int
    macs: int


def count(
    variant: Variant, channels: int | None = None, classes: int | None = None, image: int | None = None
) -> tuple[Count, ...]:
    """Return the rows of a Variant; the last is the head."""
    rows = list(_trunk(variant, variant.channels if channels is None else channels, image or variant.image))
    classes = variant.classes if classes is None else classes
    wide = rows[-1].wide
    norm = 2 * wide if variant.preactivated else 0
    rows.append(Count("head", 1, classes, norm + wide * classes + classes, wide * classes))
    return tuple(rows)


def params(variant: Variant, channels: int | None = None, classes: int | None = None) -> int:
    """Return the learned scalars of a Variant."""
    return sum(row.params for row in count(variant, channels, classes))


def macs(variant: Variant, channels: int | None = None, classes: int | None = None, image: int | None = None) -> int:
    """Return the multiply-adds of a Variant for one image."""
    return sum(row.macs for row in count(variant, channels, classes, image))


def _trunk(variant: Variant, channels: int, size: int) -> Iterator[Count]:
    total = Count("conv1", size, channels, 0, 0)
    for kernel, stride, wide in variant.stem.convs:
        total = _conv(total, wide, kernel, stride)
    if variant.preactivated and not variant.stem.pool:
        # The blocks begin with the norm: none of the stem's own on CIFAR (He et al. 2016, section 3).
        total = total._replace(params=total.params - 2 * total.wide)
    yield total
    size, wide = (-(-total.size // 2) if variant.stem.pool else total.size), total.wide
    for index, name in enumerate(variant.stages):
        row = Count(name, size, wide, 0, 0)
        for place in range(variant.blocks[index]):
            row = _block(variant, row, index, stride=2 if index and not place else 1)
        size, wide = row.size, row.wide
        yield row


def _block(variant: Variant, row: Count, stage: int, stride: int) -> Count:
    """Return the row with one more block."""
    inner, wide = variant.inner[stage], variant.wide[stage]
    shape = ((1, 1, inner), (3, variant.groups, inner), (1, 1, wide)) if variant.kind == "bottleneck" else None
    end = row
    for index, (kernel, groups, each) in enumerate(shape or ((3, 1, inner), (3, 1, wide))):
        before = end.wide
        end = _conv(end, each, kernel, stride if index == variant.strided else 1, groups)
        if variant.preactivated:
            end = end._replace(params=end.params + 2 * (before - each))
    if variant.gate == "se":
        narrow = wide // REDUCTION
        end = end._replace(params=end.params + 2 * wide * narrow + narrow + wide, macs=end.macs + 2 * wide * narrow)
    projected = {"A": False, "none": False, "C": True}.get(variant.shortcut, stride != 1 or row.wide != wide)
    if projected:
        way = _conv(Count("", row.size, row.wide, 0, 0), wide, 1, stride)
        extra = way.params - (2 * wide if variant.preactivated else 0)
        end = end._replace(params=end.params + extra, macs=end.macs + way.macs)
    return end


def _conv(row: Count, wide: int, kernel: int, stride: int, groups: int = 1) -> Count:
    """Return the row with one more convolution that keeps the size but for its stride, and its norm."""
    size = -(-row.size // stride)
    weights = row.wide // groups * wide * kernel * kernel
    return Count(row.stage, size, wide, row.params + weights + 2 * wide, row.macs + weights * size * size)
