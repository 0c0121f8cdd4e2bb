"""ResNeXt, for ImageNet and for CIFAR.

Xie, Girshick, Dollar, Tu, He: Aggregated Residual Transformations for Deep Neural Networks, 2016, arXiv:1611.05431.
"Section", "table" and "figure" below are those of this paper.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_check.reference.initialisation import initialise
from resnet_check.reference.resnet import ResNet, convolution, make_shortcut


class ResNeXtBlock(nn.Module):
    """A bottleneck whose 3x3 convolution is grouped (figure 3c): ``cardinality`` paths of ``path_width`` channels each.

    ``path_width`` counts in the stage of width 64 and doubles with every stage (table 1: 32x4d has 128, 256, 512 and
    1024 channels inside). The stride is in the 3x3 convolution (section 4).
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, cardinality: int, path_width: int) -> None:
        super().__init__()
        inner = cardinality * path_width * width // 64
        out_channels = width * self.expansion
        self.conv1 = convolution(in_channels, inner, 1)
        self.conv2 = nn.Sequential(
            nn.Conv2d(inner, inner, 3, stride, padding=1, groups=cardinality, bias=False), nn.BatchNorm2d(inner)
        )
        self.conv3 = convolution(inner, out_channels, 1)
        self.shortcut = make_shortcut("B", in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Equation 3, the sum of all paths and x: the grouped convolution and the last 1x1 are the sum of the paths."""
        y = F.relu(self.conv1(x))
        y = F.relu(self.conv2(y))
        y = self.conv3(y)
        return F.relu(y + self.shortcut(x))


class CifarResNeXt(nn.Module):
    """The networks of section 5.3: a 3x3 convolution of 64 filters, three stages of three blocks, pool and classifier.

    The blocks end with 256, 512 and 1024 channels. The depth is 1 + 3 stages * 3 blocks * 3 convolutions + 1 = 29.
    """

    def __init__(self, cardinality: int, path_width: int, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, 64, 3)
        self.stage1 = stage(64, 64, 1, cardinality, path_width)
        self.stage2 = stage(256, 128, 2, cardinality, path_width)
        self.stage3 = stage(512, 256, 2, cardinality, path_width)
        self.fc = nn.Linear(1024, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Take images (N, in_channels, H, W) to logits (N, num_classes); the comments give the map at 32x32."""
        x = F.relu(self.conv1(x))  # 32x32
        x = self.stage1(x)  # 32x32
        x = self.stage2(x)  # 16x16
        x = self.stage3(x)  # 8x8
        x = x.mean((2, 3))  # 1x1
        return self.fc(x)


def stage(in_channels: int, width: int, stride: int, cardinality: int, path_width: int) -> nn.Sequential:
    """Return three blocks; the first one changes the width and has the stride."""
    out_channels = width * ResNeXtBlock.expansion
    return nn.Sequential(
        ResNeXtBlock(in_channels, width, stride, cardinality, path_width),
        ResNeXtBlock(out_channels, width, 1, cardinality, path_width),
        ResNeXtBlock(out_channels, width, 1, cardinality, path_width),
    )


def resnext50_32x4d(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return ResNeXt-50 (32x4d), the right column of table 1."""
    return ResNet(ResNeXtBlock, (3, 4, 6, 3), in_channels, num_classes, cardinality=32, path_width=4)


def resnext101_32x4d(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return ResNeXt-101 (32x4d) (table 3)."""
    return ResNet(ResNeXtBlock, (3, 4, 23, 3), in_channels, num_classes, cardinality=32, path_width=4)


def resnext101_64x4d(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return ResNeXt-101 (64x4d) (table 4)."""
    return ResNet(ResNeXtBlock, (3, 4, 23, 3), in_channels, num_classes, cardinality=64, path_width=4)


def resnext101_32x8d(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return ResNeXt-101 (32x8d); it is not in this paper, but in many libraries."""
    return ResNet(ResNeXtBlock, (3, 4, 23, 3), in_channels, num_classes, cardinality=32, path_width=8)


def resnext29_8x64d(in_channels: int = 3, num_classes: int = 10) -> CifarResNeXt:
    """Return ResNeXt-29 (8x64d) for CIFAR (table 7)."""
    return CifarResNeXt(8, 64, in_channels, num_classes)


def resnext29_16x64d(in_channels: int = 3, num_classes: int = 10) -> CifarResNeXt:
    """Return ResNeXt-29 (16x64d) for CIFAR (table 7)."""
    return CifarResNeXt(16, 64, in_channels, num_classes)
