"""Comparing a network with a published one: what differs, part by part, in words; and which published one is nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.architecture import Architecture, architecture
from resnet_check.anatomy.units import Conv, is_normed
from resnet_check.papers import variants
from resnet_check.papers.he2015 import small
from resnet_check.papers.he2016 import small as preactivated
from resnet_check.papers.records import Stem, Variant
from resnet_check.papers.zagoruyko2016 import wide


class Difference(NamedTuple):
    """One thing in which a network is not the published one.

    ``part`` is one word for its kind, ``weight`` how far it takes the network away from the published one; ``stage`` is
    the index of the stage that it is in, and ``op`` an Op that shows it, where there is one.
    """

    part: str
    words: str
    weight: float
    stage: int | None = None
    op: int | None = None


FAR = 6.5
"""A network with differences of more weight is no longer called a variant of the published one."""

NEAR = 1.5
"""What a member of a family that no paper prints may differ: then the network follows the paper's rule for the family."""


class Match(NamedTuple):
    """The nearest published variant of a network, and every difference from it."""

    variant: Variant
    differences: tuple[Difference, ...]

    @property
    def weight(self) -> float:
        """How far the network is from the variant."""
        return sum(each.weight for each in self.differences)


def nearest(net: Architecture) -> Match | None:
    """Return the published variant with the network's blocks that differs least, or None where none is near."""
    known = variants()
    found = [Match(each, tuple(differences(net, each))) for each in (*known.values(), *members(net)) if fits(net, each)]
    near = (match for match in found if match.weight <= (FAR if match.variant.name in known else NEAR))
    return min(near, key=lambda match: match.weight, default=None)


class Identity(NamedTuple):
    """Which ResNet a network is: its architecture, and the nearest published one where one is near."""

    architecture: Architecture
    match: Match | None

    @property
    def depth(self) -> int:
        """The depth as the paper of the variant counts it, else as He et al. 2015 do."""
        if self.match is not None and len(self.architecture.head.convs) == 1:
            return self.match.variant.depth
        return self.architecture.depth

    @property
    def variant(self) -> str | None:
        """The name of the nearest published architecture."""
        return self.match and self.match.variant.name

    @property
    def differences(self) -> tuple[str, ...]:
        """In what the network is not the variant, in words."""
        return tuple(each.words for each in self.match.differences) if self.match else ()


def identify(net: Anatomy) -> Identity | None:
    """Return which ResNet a network is, None for what is no chain of residual blocks."""
    found = architecture(net)
    return None if found is None else Identity(found, nearest(found))


def fits(net: Architecture, variant: Variant) -> bool:
    """Return whether a network has the kind and the number of blocks of a variant with shortcuts."""
    return variant.shortcut != "none" and net.kind == variant.kind and net.blocks == variant.blocks


def members(net: Architecture) -> Iterator[Variant]:
    """Yield the members of the families that the papers define for any number of blocks, with the network's own."""
    blocks, wide_ = net.blocks, net.stages[0].wide
    if net.kind != "basic" or len(blocks) != 3 or len(set(blocks)) != 1:
        return
    if not net.preactivated:
        yield small(6 * blocks[0] + 2)
    elif wide_ == 16:
        yield preactivated(6 * blocks[0] + 2)
    elif wide_ % 16 == 0:
        yield wide(6 * blocks[0] + 4, wide_ // 16)


def differences(net: Architecture, variant: Variant) -> Iterator[Difference]:
    """Yield in what a network differs from a variant, from its input to its output."""
    for compare in PARTS:
        yield from compare(net, variant)


def _input(net: Architecture, variant: Variant) -> Iterator[Difference]:
    if net.dimensions != 2:
        what = {1: "signals", 3: "volumes"}.get(net.dimensions, f"{net.dimensions}-dimensional data")
        yield Difference("dimensions", f"it works on {what} instead of images", 1)
    if net.stem.channels != variant.channels:
        yield Difference(
            "channels", f"the stem takes {many(net.stem.channels, 'channel')} instead of {variant.channels}", 0
        )


def _stem(net: Architecture, variant: Variant) -> Iterator[Difference]:
    mine = Stem(tuple((one.kernel, one.stride, one.wide) for one in net.stem.convs), net.stem.pool is not None)
    mine_wide, his_wide = net.stages[0].wide, variant.wide[0]
    wanted = Stem(tuple((k, s, w * mine_wide // his_wide) for k, s, w in variant.stem.convs), variant.stem.pool)
    entry = net.stem.convs[0].op
    if mine in {wanted, variant.stem}:
        yield from _stem_details(net)
    elif mine.convs in {wanted.convs, variant.stem.convs}:
        words = "no max pool follows the stem" if variant.stem.pool else "a pool follows the stem"
        yield Difference("pool", words, 1, op=net.stem.convs[-1].op)
        yield from _stem_details(net)
    else:
        yield Difference("stem", f"the stem is {stem_words(mine)} instead of {stem_words(variant.stem)}", 2, op=entry)
        yield from _stem_details(net)


def _stem_details(net: Architecture) -> Iterator[Difference]:
    for one in net.stem.convs:
        same = one.dilation * (one.kernel - 1) // 2
        if one.padding != same and one.dilation == 1:
            words = f"the stem's {one.kernel}x{one.kernel} convolution has padding {one.padding} instead of {same}"
            yield Difference("padding", words, 0.5, op=one.op)
    pool = net.stem.pool
    if pool is None:
        return
    facts = net.net.model.ops[pool.op].attributes
    if pool.kind != "max_pool":
        yield Difference("pool", "the stem's pool takes the average instead of the maximum", 0.5, op=pool.op)
    elif (pool.kernel, pool.stride, pool.padding) != (3, 2, 1):
        usual = "3x3 with stride 2 and padding 1"
        ceil = ", rounded up" if facts.get("ceil_mode") else ""
        words = (
            f"the max pool is {pool.kernel}x{pool.kernel} with stride {pool.stride} and padding {pool.padding}{ceil}"
        )
        part = "ceil" if ceil else "pool"
        yield Difference(part, f"{words} instead of {usual}", 0.5, op=pool.op)


def _depth(net: Architecture, variant: Variant) -> Iterator[Difference]:
    if net.kind != variant.kind:
        yield Difference("block", f"the blocks are {net.kind} instead of {variant.kind}", 4, op=net.units[0].block.sum)
    if len(net.stages) != len(variant.blocks):
        words = f"there are {many(len(net.stages), 'stage')} instead of {len(variant.blocks)}"
        yield Difference("stages", words, 4)
        return
    for index, (mine, wanted) in enumerate(zip(net.blocks, variant.blocks, strict=True)):
        if mine != wanted:
            yield Difference(
                "depth", f"stage {index + 1} has {many(mine, 'block')} instead of {wanted}", 2, stage=index
            )


def _widths(net: Architecture, variant: Variant) -> Iterator[Difference]:
    stages = list(enumerate(zip(net.stages, variant.wide, variant.inner, strict=False)))
    # Different ratios of numbers below 2**26, as all widths are, are different floats too.
    ratios = {stage.wide / wide_ for _, (stage, wide_, _) in stages}
    inside = {stage.inner / inner for _, (stage, _, inner) in stages}
    if len(ratios) == 1 and len(inside) == 1 and ratios != inside and net.kind == "bottleneck" and inside == {1}:
        mine, wanted = net.stages[0].wide / net.stages[0].inner, variant.wide[0] / variant.inner[0]
        yield Difference("expansion", f"the expansion is {mine:g} instead of {wanted:g}", 3, stage=0)
        return
    if len(ratios) == 1 and ratios != {1}:
        yield Difference("scale", f"every stage is {next(iter(ratios)):.3g} times as wide", 3.2)
    elif len(ratios) > 1:
        for index, (stage, wide_, _) in stages:
            if stage.wide != wide_:
                words = f"stage {index + 1} is {stage.wide} wide instead of {wide_}"
                yield Difference("width", words, 1, stage=index)
    if inside != ratios and net.kind == "bottleneck":
        for index, (stage, _, inner) in stages:
            if stage.inner != inner:
                words = f"the bottlenecks of stage {index + 1} are {stage.inner} wide inside instead of {inner}"
                yield Difference("inner", words, 0.8, stage=index)


def _strides(net: Architecture, variant: Variant) -> Iterator[Difference]:
    for index, stage in enumerate(net.stages[: len(variant.blocks)]):
        wanted = 1 if index == 0 else 2
        later = [one for one in stage.units[1:] if one.stride != 1]
        if later:
            words = f"{len(later) + (stage.stride > 1)} blocks of stage {index + 1} have a stride instead of the first alone"
            yield Difference("strides", words, 1, stage=index, op=later[0].block.sum)
        if stage.stride == wanted:
            continue
        if any(one.dilated for one in stage.units):
            yield Difference("dilation", f"stage {index + 1} is dilated instead of strided", 0.5, stage=index)
        else:
            words = f"stage {index + 1} has stride {stage.stride} instead of {wanted}"
            yield Difference("stride", words, 1, stage=index, op=stage.units[0].block.sum)


def _placement(net: Architecture, variant: Variant) -> Iterator[Difference]:
    strided = [one for one in net.units if one.stride > 1 and one.kind == variant.kind]
    places = {next((i for i, each in enumerate(one.convs) if each.stride > 1), None): one for one in strided}
    for place, one in places.items():
        if place is None or place == variant.strided:
            continue
        if variant.kind == "bottleneck":
            names = {0: "first 1x1", 1: "3x3 convolution", 2: "last 1x1"}
            version = {0: " (v1)", 1: " (v1.5)"}.get(place, "")
            where = names[variant.strided].replace(" convolution", "")
            words = f"stride {one.stride} is on the {names[place]}{version}, the paper puts it on the {where}"
        else:
            words = f"stride {one.stride} is on the second convolution of the block, the paper puts it on the first"
        yield Difference("placement", words, 0.3, op=one.convs[place].op)


def _blocks(net: Architecture, variant: Variant) -> Iterator[Difference]:
    if net.preactivated != variant.preactivated:
        words = "before" if net.preactivated else "after"
        wanted = "after" if net.preactivated else "before"
        yield Difference("order", f"norm and ReLU stand {words} the convolutions instead of {wanted}", 3)
    if net.gate != variant.gate:
        have = {"se": "squeeze-and-excitation gates", "": "no gates"}
        words = f"the blocks have {have.get(net.gate, 'other gates')}"
        yield Difference("gate", f"{words} instead of {have[variant.gate]}" if variant.gate else words, 3)
    groups = max(one.groups for one in net.units)
    if groups != variant.groups:
        weight = 1.5 if min(groups, variant.groups) > 1 else 3
        yield Difference(
            "groups", f"the 3x3 convolutions have {many(groups, 'group')} instead of {variant.groups}", weight
        )
    for place in (1,) if variant.kind == "bottleneck" else (0, 1):
        looking = [one.convs[place] for one in net.units if one.kind == variant.kind]
        wrong = next((conv for conv in looking if conv.kernel != 3), None)
        if wrong is not None:
            which = "the middle" if variant.kind == "bottleneck" else "a"
            words = f"{which} convolution of the blocks is {wrong.kernel}x{wrong.kernel} instead of 3x3"
            yield Difference("kernel", words, 2, op=wrong.op)
            return


def _shortcuts(net: Architecture, variant: Variant) -> Iterator[Difference]:
    units = net.units
    changing = [one for before, one in pairwise(units) if one.stride > 1 or one.wide != before.wide]
    steady = [one for one in units[1:] if one not in changing]
    usual = {"A": "zero-padded", "D": "pooled projection"}.get(variant.shortcut, "projection")
    kinds = {one.shortcut for one in changing}
    bare = [one for one in units if one.shortcut == "projection without norm"]
    if bare and not variant.preactivated:
        yield Difference("norm", "the projection has no norm", 0.5, op=bare[0].projection and bare[0].projection.op)
        kinds = {"projection" if kind == "projection without norm" else kind for kind in kinds}
    if variant.preactivated:
        kinds = {kind.removesuffix(" without norm") for kind in kinds}
    if variant.shortcut == "D" and kinds - {usual}:
        kinds -= {"projection"} if all(one.stride == 1 for one in changing if one.shortcut == "projection") else set()
    if kinds and kinds != {usual}:
        others = " and ".join(sorted(kinds - {usual}))
        yield Difference("shortcut", f"shortcuts that change the shape are {others} instead of {usual}", 1)
    if variant.shortcut != "C" and any(one.projection for one in steady):
        yield Difference("shortcut", "every block has a projection instead of an identity", 1)
    if variant.shortcut == "C" and not all(one.projection for one in steady):
        yield Difference("shortcut", "blocks have the identity instead of a projection", 1)


def _layers(net: Architecture, variant: Variant) -> Iterator[Difference]:
    flow = net.net.flow
    convs: list[Conv] = [*net.stem.convs, *(conv for one in net.units for conv in one.convs)]
    biased = [conv for conv in convs if conv.bias]
    if biased:
        some = "the convolutions carry" if len(biased) == len(convs) else f"{many(len(biased), 'convolution')} carry"
        yield Difference("bias", f"{some} a bias", 0.5, op=biased[0].op)
    kinds = {op.kind for op in net.net.model.of_kind("instance_norm", "group_norm", "layer_norm", "rms_norm")}
    if kinds:
        yield Difference("norm", f"{' and '.join(sorted(kinds)).replace('_', ' ')} instead of batch norm", 0.5)
    elif not variant.preactivated:
        bare = [conv for conv in convs if not is_normed(flow, conv.op)]
        if bare:
            yield Difference(
                "norm", f"{many(len(bare), 'convolution')} of stem and branches have no norm", 0.5, op=bare[0].op
            )
    active = {
        op.kind for op in net.net.model.of_kind("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "prelu", "mish")
    }
    if active and active != {"relu"}:
        yield Difference(
            "activation", f"{' and '.join(sorted(active - {'relu'})).replace('_', ' ')} instead of ReLU", 0.5
        )


def _head(net: Architecture, variant: Variant) -> Iterator[Difference]:
    head = net.head
    if variant.preactivated and net.preactivated and "n" not in net.net.blocks[-1].then:
        yield Difference("end", "no norm follows the last block", 1)
    if head.classes is None:
        yield Difference("head", "there is no classifier", 0.3)
    elif not head.averaged:
        yield Difference(
            "head", "the head reads every position of the map instead of the average", 0.5, op=head.convs[0].op
        )
    elif len(head.convs) > 1:
        yield Difference(
            "head", f"the head has {len(head.convs)} layers with weights instead of 1", 0.5, op=head.convs[0].op
        )
    if head.classes is not None and head.classes != variant.classes:
        yield Difference(
            "classes", f"the head gives {many(head.classes, 'class', 'classes')} instead of {variant.classes}", 0
        )
    if net.beside:
        yield Difference("beside", f"{many(net.beside, 'layer')} with weights stand beside stem, blocks and head", 1)


PARTS: tuple[Callable[[Architecture, Variant], Iterator[Difference]], ...] = (
    *(_input, _stem, _depth, _widths, _strides, _placement, _blocks, _shortcuts, _layers, _head),
)
"""What is compared, from input to output."""


def stem_words(stem: Stem) -> str:
    """Return a stem in words: ``7x7 with stride 2, 64 wide, and a pool``."""
    convs = ", then ".join(
        f"{kernel}x{kernel} with stride {stride}, {wide_} wide" for kernel, stride, wide_ in stem.convs
    )
    return f"{convs}, {'and a pool' if stem.pool else 'without a pool'}"


def many(number: int, one: str, more: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else more or one + 's'}"
