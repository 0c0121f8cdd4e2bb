"""ResNet for the 32x32 images of CIFAR-10.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015, arXiv:1512.03385, section 4.2.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_check.reference.initialisation import initialise


class Block(nn.Module):
    """Two 3x3 convolutions and their shortcut.

    "On this dataset we use identity shortcuts in all cases (i.e., option A)": where the width doubles, the shortcut
    takes every second pixel and has zeros for the new channels. Option B projects there instead.
    """

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if in_channels == width:
            self.shortcut: nn.Module = nn.Identity()
        elif shortcut == "A":
            self.shortcut = PaddedIdentity(in_channels, width, stride)
        else:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, width, H / stride, W / stride), rounded up."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class PaddedIdentity(nn.Module):
    """The parameter-free shortcut: every ``stride``-th pixel, and zeros for the channels that are new."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride), rounded up."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


class CifarResNet(nn.Module):
    """The network of 6n + 2 layers: a 3x3 convolution, 6n convolutions "with 2n layers for each feature map size", fc.

    The section's table: maps of 32x32, 16x16 and 8x8 have 1 + 2n, 2n and 2n layers of 16, 32 and 64 filters.
    """

    def __init__(self, depth: int, in_channels: int, num_classes: int, shortcut: str) -> None:
        super().__init__()
        n = (depth - 2) // 6
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.stage1 = stage(n, 16, 16, 1, shortcut)
        # "The subsampling is performed by convolutions with a stride of 2."
        self.stage2 = stage(n, 16, 32, 2, shortcut)
        self.stage3 = stage(n, 32, 64, 2, shortcut)
        # "The network ends with a global average pooling, a 10-way fully-connected layer, and softmax."
        self.fc = nn.Linear(64, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Take images (N, in_channels, H, W) to logits (N, num_classes); the comments give the map at 32x32."""
        x = F.relu(self.bn1(self.conv1(x)))  # 32x32
        x = self.stage1(x)  # 32x32
        x = self.stage2(x)  # 16x16
        x = self.stage3(x)  # 8x8
        x = x.mean((2, 3))  # 1x1
        return self.fc(x)


def stage(blocks: int, in_channels: int, width: int, stride: int, shortcut: str) -> nn.Sequential:
    """Return the blocks of one map size; the first one changes the width and has the stride."""
    first = Block(in_channels, width, stride, shortcut)
    return nn.Sequential(first, *[Block(width, width, 1, shortcut) for _ in range(1, blocks)])


def resnet20(in_channels: int = 3, num_classes: int = 10, shortcut: str = "A") -> CifarResNet:
    """Return ResNet-20, n = 3 (table 6)."""
    return CifarResNet(20, in_channels, num_classes, shortcut)


def resnet32(in_channels: int = 3, num_classes: int = 10, shortcut: str = "A") -> CifarResNet:
    """Return ResNet-32, n = 5 (table 6)."""
    return CifarResNet(32, in_channels, num_classes, shortcut)


def resnet44(in_channels: int = 3, num_classes: int = 10, shortcut: str = "A") -> CifarResNet:
    """Return ResNet-44, n = 7 (table 6)."""
    return CifarResNet(44, in_channels, num_classes, shortcut)


def resnet56(in_channels: int = 3, num_classes: int = 10, shortcut: str = "A") -> CifarResNet:
    """Return ResNet-56, n = 9 (table 6)."""
    return CifarResNet(56, in_channels, num_classes, shortcut)


def resnet110(in_channels: int = 3, num_classes: int = 10, shortcut: str = "A") -> CifarResNet:
    """Return ResNet-110, n = 18 (table 6)."""
    return CifarResNet(110, in_channels, num_classes, shortcut)


def resnet1202(in_channels: int = 3, num_classes: int = 10, shortcut: str = "A") -> CifarResNet:
    """Return ResNet-1202, n = 200 (table 6)."""
    return CifarResNet(1202, in_channels, num_classes, shortcut)
