"""What the papers and the blog say of their networks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from resnet_check.graph.dim import value
from resnet_check.reference import blog, build, cifar, preact, resnet, resnext, se, tricks, wide
from tests.reference.test_figures import call, read_text

BLOCKS = {
    "basic": lambda: resnet.BasicBlock(8, 8),
    "bottleneck": lambda: resnet.Bottleneck(8, 2),
    "bottleneck v1.5": lambda: resnet.Bottleneck(8, 2, version="v1.5"),
    "cifar": lambda: cifar.Block(8, 8, 1, "A"),
    "wide bottleneck": lambda: wide.WideBottleneck(8, 2, 1, 3),
    "resnext": lambda: resnext.ResNeXtBlock(256, 64, 1, 4, 2),
    "se basic": lambda: se.SEBasicBlock(16, 16, 1),
    "se bottleneck": lambda: se.SEBottleneck(16, 4, 1, "v1"),
    "D": lambda: tricks.BottleneckD(8, 2, 1),
    "blog, Sequential": lambda: blog.Residual(8, 8),
    "blog, Module": lambda: blog.ResidualBlock(8, 8),
}

PREACTIVATED = {
    "basic": lambda: preact.BasicUnit(8, 8, 1, first=False),
    "bottleneck": lambda: preact.BottleneckUnit(8, 2, 1, first=False, stride_in="1x1"),
    "wide": lambda: wide.WideBlock(8, 8, 1),
}

seeds = st.integers(0, 2**16)


def images(seed: int, channels: int) -> torch.Tensor:
    """Return a batch of two random maps, positive and negative, that the seed decides."""
    return torch.randn(2, channels, 6, 5, generator=torch.Generator().manual_seed(seed))


def channels(block: nn.Module) -> int:
    """Return the channels that a block takes: those of its first convolution."""
    return next(module.in_channels for module in block.modules() if isinstance(module, nn.Conv2d))


@pytest.mark.parametrize("kind", BLOCKS)
@settings(max_examples=20)
@given(seed=seeds)
def test_a_block_whose_branch_is_zero_is_the_identity_after_relu(kind, seed):
    block = BLOCKS[kind]()
    x = images(seed, channels(block))
    assert not torch.equal(block(x), torch.relu(x))
    norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]
    nn.init.zeros_(norms[-1].weight)
    assert torch.equal(block(x), torch.relu(x))


@pytest.mark.parametrize("kind", PREACTIVATED)
@settings(max_examples=20)
@given(seed=seeds)
def test_a_preactivation_unit_whose_branch_is_zero_is_the_identity(kind, seed):
    block = PREACTIVATED[kind]()
    x = images(seed, channels(block))
    assert not torch.equal(block(x), x)
    convolutions = [module for module in block.modules() if isinstance(module, nn.Conv2d)]
    nn.init.zeros_(convolutions[-1].weight)
    assert torch.equal(block(x), x)


@given(st.integers(1, 8), st.integers(0, 8), st.integers(1, 3), seeds)
def test_the_padded_identity_has_no_parameters_and_keeps_every_value_that_it_takes(width, new, stride, seed):
    x = images(seed, width)
    for module in (resnet.PaddedIdentity(width, width + new, stride), cifar.PaddedIdentity(width, width + new, stride)):
        assert list(module.parameters()) == []
        y = module(x)
        assert torch.equal(y[:, :width], x[:, :, ::stride, ::stride])
        assert y[:, width:].count_nonzero() == 0
        assert y.shape[1] == width + new


@pytest.mark.parametrize(("plain", "residual"), [("plain-18", "resnet-18-a"), ("plain-34", "resnet-34-a")])
def test_an_identity_shortcut_adds_no_parameters(plain, residual):
    with torch.device("meta"):
        shapes = [sorted(tuple(p.shape) for p in build(name).parameters()) for name in (plain, residual)]
    assert shapes[0] == shapes[1]


def test_projections_add_what_their_convolutions_and_norms_have():
    """Option B has three of them in ResNet-34, option C one in each of the sixteen blocks (section 4.1)."""
    with torch.device("meta"):
        a, b, c = (
            sum(p.numel() for p in build(name).parameters()) for name in ("resnet-34-a", "resnet-34", "resnet-34-c")
        )

    def projection(cin, cout):
        return cin * cout + 2 * cout

    assert b - a == projection(64, 128) + projection(128, 256) + projection(256, 512)
    stages = {64: 3, 128: 3, 256: 5, 512: 2}
    assert c - b == sum(count * projection(width, width) for width, count in stages.items())


STAGES = [
    ("0", (64, 112, 112)),
    ("1", (64, 112, 112)),
    ("2", (64, 112, 112)),
    ("3", (64, 56, 56)),
    ("resnet_block1", (64, 56, 56)),
    ("resnet_block2", (128, 28, 28)),
    ("resnet_block3", (256, 14, 14)),
    ("resnet_block4", (512, 7, 7)),
    ("global_avg_pool", (512, 1, 1)),
    ("fc", (10,)),
]
"""What the blog prints of a 224x224 image's way through its Sequential."""


def test_the_shapes_that_the_blog_prints():
    x = torch.empty(1, 1, 224, 224, device="meta")
    with torch.device("meta"):
        net = build("blog-sequential")
    shapes = []
    for name, layer in net.named_children():
        x = layer(x)
        shapes.append((name, tuple(x.shape[1:])))
    assert shapes == STAGES


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("blog-sequential", ["resnet_block1.2", "resnet_block2.3", "resnet_block3.5", "resnet_block4.2"]),
        ("blog-module", ["layer1.2", "layer2.3", "layer3.5", "layer4.2"]),
        ("resnet-34", ["conv2_x.2", "conv3_x.3", "conv4_x.5", "conv5_x.2"]),
    ],
)
def test_the_stages_of_resnet_34_as_the_source_has_them(name, last):
    model = read_text(call(name, 1), (1, 224, 224))
    sums = {op.path: tuple(map(value, op.shape[1:])) for op in model.ops if op.kind == "add"}
    assert [sums[path] for path in last] == [(64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]


@pytest.mark.parametrize("name", ["resnet-20", "wrn-16-8", "resnext-29-8x64d"])
def test_the_weights_of_convolutions_begin_with_the_variance_of_he(name):
    """Variance 2 / n with n the kernel's size times the output channels (1502.01852, equation 14), groups or not."""
    torch.manual_seed(0)
    for module in build(name).modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 5000:
            kernel = module.kernel_size[0] * module.kernel_size[1]
            assert module.weight.var().item() == pytest.approx(2 / (kernel * module.out_channels), rel=0.15)


@pytest.mark.parametrize("depth", [-2, 4, 9, 12, 27, 29])
def test_a_wide_resnet_has_the_depths_of_its_formula(depth):
    with pytest.raises(ValueError, match=rf"has 6N \+ 4 layers \(10, 16, 22, 28, \.\.\.\), not {depth}$"):
        wide.wide_resnet(depth, 1)
