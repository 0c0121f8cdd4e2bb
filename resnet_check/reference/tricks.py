"""ResNet-B, ResNet-C and ResNet-D: three tweaks of ResNet, each of which keeps those before it.

He, Zhang, Zhang, Zhang, Xie, Li: Bag of Tricks for Image Classification with Convolutional Neural Networks, 2018,
arXiv:1812.01187. "Section" and "figure" below are those of this paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_check.reference.initialisation import initialise
from resnet_check.reference.resnet import BasicBlock, Bottleneck, ResNet, convolution, make_shortcut, stage


def deep_stem(in_channels: int) -> nn.Sequential:
    """Return the stem of ResNet-C (figure 2b): three 3x3 convolutions of 32, 32 and 64 channels for the 7x7 one.

    The first one has the stride. The last one's ReLU is the caller's.
    """
    return nn.Sequential(
        convolution(in_channels, 32, 3, 2), nn.ReLU(), convolution(32, 32, 3), nn.ReLU(), convolution(32, 64, 3)
    )


def pooled_shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Return the shortcut of ResNet-D (figure 2c): a 2x2 average pool has the stride, the projection sees every pixel.

    Rounding up keeps the size equal to that of the branch where it is odd, which the paper does not speak of.
    """
    if stride == 1:
        return make_shortcut("B", in_channels, out_channels, stride)
    return nn.Sequential(nn.AvgPool2d(2, stride, ceil_mode=True), convolution(in_channels, out_channels, 1))


class BasicBlockD(BasicBlock):
    """A basic block with the shortcut of ResNet-D; the paper shows bottlenecks only."""

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__(in_channels, width, stride)
        self.shortcut = pooled_shortcut(in_channels, width, stride)


class BottleneckD(Bottleneck):
    """A bottleneck with the stride in its 3x3 convolution, as ResNet-B has it (figure 2a), and the shortcut of ResNet-D."""

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__(in_channels, width, stride, version="v1.5")
        self.shortcut = pooled_shortcut(in_channels, width * self.expansion, stride)


class DeepStemResNet(nn.Module):
    """ResNet behind the stem of ResNet-C; ``blocks`` has the number of blocks of each stage."""

    def __init__(
        self, block: type[Any], blocks: Sequence[int], in_channels: int, num_classes: int, **options: Any
    ) -> None:
        super().__init__()
        self.stem = deep_stem(in_channels)
        self.max_pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2_x = stage(block, blocks[0], 64, 64, 1, **options)
        self.conv3_x = stage(block, blocks[1], 64 * block.expansion, 128, 2, **options)
        self.conv4_x = stage(block, blocks[2], 128 * block.expansion, 256, 2, **options)
        self.conv5_x = stage(block, blocks[3], 256 * block.expansion, 512, 2, **options)
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Take images (N, in_channels, H, W) to logits (N, num_classes); the comments give the map at 224x224."""
        x = F.relu(self.stem(x))  # 112x112
        x = self.max_pool(x)  # 56x56
        x = self.conv2_x(x)  # 56x56
        x = self.conv3_x(x)  # 28x28
        x = self.conv4_x(x)  # 14x14
        x = self.conv5_x(x)  # 7x7
        x = x.mean((2, 3))  # 1x1
        return self.fc(x)


def resnet50_b(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return ResNet-50-B (table 5): the stride is in the 3x3 convolution, as in "v1.5"."""
    return ResNet(Bottleneck, (3, 4, 6, 3), in_channels, num_classes, version="v1.5")


def resnet50_c(in_channels: int = 3, num_classes: int = 1000) -> DeepStemResNet:
    """Return ResNet-50-C (table 5): B with the deep stem."""
    return DeepStemResNet(Bottleneck, (3, 4, 6, 3), in_channels, num_classes, version="v1.5")


def resnet50_d(in_channels: int = 3, num_classes: int = 1000) -> DeepStemResNet:
    """Return ResNet-50-D (table 5): C with the pool in the shortcut."""
    return DeepStemResNet(BottleneckD, (3, 4, 6, 3), in_channels, num_classes)


def resnet18_d(in_channels: int = 3, num_classes: int = 1000) -> DeepStemResNet:
    """Return ResNet-18-D."""
    return DeepStemResNet(BasicBlockD, (2, 2, 2, 2), in_channels, num_classes)


def resnet34_d(in_channels: int = 3, num_classes: int = 1000) -> DeepStemResNet:
    """Return ResNet-34-D."""
    return DeepStemResNet(BasicBlockD, (3, 4, 6, 3), in_channels, num_classes)


def resnet101_d(in_channels: int = 3, num_classes: int = 1000) -> DeepStemResNet:
    """Return ResNet-101-D."""
    return DeepStemResNet(BottleneckD, (3, 4, 23, 3), in_channels, num_classes)


def resnet152_d(in_channels: int = 3, num_classes: int = 1000) -> DeepStemResNet:
    """Return ResNet-152-D."""
    return DeepStemResNet(BottleneckD, (3, 8, 36, 3), in_channels, num_classes)
