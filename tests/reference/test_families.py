"""Over the families' parameters, three figures are one: from the source, from torch, and from the papers' arithmetic."""

from __future__ import annotations

from typing import NamedTuple

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import formula
from tests.reference.formula import Sum
from tests.reference.test_figures import counted, read_text

IMAGENET = (64, 128, 256, 512)
CIFAR = (16, 32, 64)


class Family(NamedTuple):
    """A network without its ends: the call (``{}`` stands for channels and classes), and what it is made of."""

    module: str
    call: str
    stem: formula.Stem
    block: formula.Block
    expansion: int
    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    normed_head: bool = False

    @property
    def text(self) -> str:
        """A model file without the channels and classes."""
        return f"from resnet_check.reference.{self.module} import *\n\nnet = {self.call}\n"


four_stages = st.tuples(*[st.integers(1, 3)] * 4)
versions = st.sampled_from(["v1", "v1.5"])
options = st.sampled_from("ABC")


def plain(blocks: tuple[int, ...]) -> Family:
    block = formula.basic(option="none")
    return Family("resnet", f"ResNet(PlainBlock, {blocks}, {{}})", formula.imagenet, block, 1, IMAGENET, blocks)


def basic(blocks: tuple[int, ...], option: str) -> Family:
    call = f"ResNet(BasicBlock, {blocks}, {{}}, option={option!r})"
    return Family("resnet", call, formula.imagenet, formula.basic(option=option), 1, IMAGENET, blocks)


def bottleneck(blocks: tuple[int, ...], option: str, version: str) -> Family:
    call = f"ResNet(Bottleneck, {blocks}, {{}}, option={option!r}, version={version!r})"
    block = formula.bottleneck(option=option, version=version)
    return Family("resnet", call, formula.imagenet, block, 4, IMAGENET, blocks)


def wide_bottleneck(blocks: tuple[int, ...], widening: int) -> Family:
    call = f"ResNet(WideBottleneck, {blocks}, {{}}, widening={widening})"
    return Family("wide", call, formula.imagenet, formula.bottleneck(widening=widening), 4, IMAGENET, blocks)


def resnext(blocks: tuple[int, ...], cardinality: int, path_width: int) -> Family:
    call = f"ResNet(ResNeXtBlock, {blocks}, {{}}, cardinality={cardinality}, path_width={path_width})"
    block = formula.bottleneck(widening=cardinality * path_width / 64, groups=cardinality)
    return Family("resnext", call, formula.imagenet, block, 4, IMAGENET, blocks)


def cifar_resnext(cardinality: int, path_width: int) -> Family:
    call = f"CifarResNeXt({cardinality}, {path_width}, {{}})"
    block = formula.bottleneck(widening=cardinality * path_width / 64, groups=cardinality)
    return Family("resnext", call, formula.cifar(64), block, 4, IMAGENET[:3], (3, 3, 3))


def se_basic(blocks: tuple[int, ...]) -> Family:
    block = formula.basic(squeezed=True)
    return Family("se", f"ResNet(SEBasicBlock, {blocks}, {{}})", formula.imagenet, block, 1, IMAGENET, blocks)


def se_bottleneck(blocks: tuple[int, ...], version: str) -> Family:
    call = f"ResNet(SEBottleneck, {blocks}, {{}}, version={version!r})"
    block = formula.bottleneck(squeezed=True, version=version)
    return Family("se", call, formula.imagenet, block, 4, IMAGENET, blocks)


def deep_basic(blocks: tuple[int, ...]) -> Family:
    return Family(
        "tricks", f"DeepStemResNet(BasicBlockD, {blocks}, {{}})", formula.deep, formula.basic(), 1, IMAGENET, blocks
    )


def deep_bottleneck(blocks: tuple[int, ...]) -> Family:
    call = f"DeepStemResNet(BottleneckD, {blocks}, {{}})"
    return Family("tricks", call, formula.deep, formula.bottleneck(), 4, IMAGENET, blocks)


def deep_c(blocks: tuple[int, ...], version: str) -> Family:
    call = f"DeepStemResNet(Bottleneck, {blocks}, {{}}, version={version!r})"
    return Family("tricks", call, formula.deep, formula.bottleneck(version=version), 4, IMAGENET, blocks)


def cifar(n: int, option: str) -> Family:
    call = f"CifarResNet({6 * n + 2}, {{}}, {option!r})"
    return Family("cifar", call, formula.cifar(16), formula.basic(option=option), 1, CIFAR, (n, n, n))


def preact_basic(n: int) -> Family:
    block = formula.preactivation(expansion=1)
    return Family(
        "preact",
        f"CifarPreResNet(BasicUnit, {n}, {{}})",
        formula.cifar(16, normed=False),
        block,
        1,
        CIFAR,
        (n, n, n),
        normed_head=True,
    )


def preact_bottleneck(n: int, version: str) -> Family:
    stride_in = {"v1": "1x1", "v1.5": "3x3"}[version]
    call = f"CifarPreResNet(BottleneckUnit, {n}, {{}}, stride_in={stride_in!r})"
    block = formula.preactivation(expansion=4, version=version)
    return Family("preact", call, formula.cifar(16, normed=False), block, 4, CIFAR, (n, n, n), normed_head=True)


def preact_imagenet(blocks: tuple[int, ...]) -> Family:
    block = formula.preactivation(expansion=4)
    return Family(
        "preact", f"PreResNet({blocks}, {{}})", formula.imagenet, block, 4, IMAGENET, blocks, normed_head=True
    )


def wide(n: int, factor: int) -> Family:
    block, widths = formula.preactivation(expansion=1), tuple(width * factor for width in CIFAR)
    call = f"wide_resnet({6 * n + 4}, {factor}, {{}})"
    return Family("wide", call, formula.cifar(16, normed=False), block, 1, widths, (n, n, n), normed_head=True)


cardinalities = st.sampled_from([1, 2, 16, 32])

families = st.one_of(
    st.builds(plain, four_stages),
    st.builds(basic, four_stages, options),
    st.builds(bottleneck, four_stages, options, versions),
    st.builds(wide_bottleneck, four_stages, st.integers(1, 3)),
    st.builds(resnext, four_stages, cardinalities, st.sampled_from([2, 4, 6])),
    st.builds(cifar_resnext, cardinalities, st.sampled_from([2, 4, 6])),
    st.builds(se_basic, four_stages),
    st.builds(se_bottleneck, four_stages, versions),
    st.builds(deep_basic, four_stages),
    st.builds(deep_bottleneck, four_stages),
    st.builds(deep_c, four_stages, versions),
    st.builds(cifar, st.integers(1, 4), st.sampled_from("AB")),
    st.builds(preact_basic, st.integers(1, 4)),
    st.builds(preact_bottleneck, st.integers(1, 4), versions),
    st.builds(preact_imagenet, four_stages),
    st.builds(wide, st.integers(1, 3), st.integers(1, 4)),
)


def expected(family: Family, channels: int, classes: int, height: int, width: int) -> Sum:
    """Return the papers' arithmetic for one image."""
    s = Sum(height, width)
    stem_width = family.stem(s, channels)
    out = formula.stages(s, family.block, stem_width, family.widths, family.blocks, expansion=family.expansion)
    s.norm(out * family.normed_head)
    s.linear(out, classes)
    return s


@settings(max_examples=60)
@given(families, st.integers(1, 5), st.integers(1, 1000), st.integers(1, 97), st.integers(1, 97))
def test_source_torch_and_arithmetic_agree(
    family: Family, channels: int, classes: int, height: int, width: int
) -> None:
    text = family.text.format(f"{channels}, {classes}")
    arithmetic = expected(family, channels, classes, height, width)

    model = read_text(text, (channels, height, width))
    assert model.status == "complete"
    assert (model.params, model.macs) == (arithmetic.parameters, arithmetic.multiply_adds)

    scope: dict[str, torch.nn.Module] = {}
    with torch.device("meta"):
        exec(text, scope)  # noqa: S102 - the text is this test's own
    live = counted(scope["net"], 1, channels, height, width)
    assert (live.parameters, live.multiply_adds) == (arithmetic.parameters, arithmetic.multiply_adds)
    assert live.output == (1, classes)
