"""ResNet and its plain counterparts for ImageNet.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015, arXiv:1512.03385. "Section" and "table" below
are those of this paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_check.reference.initialisation import initialise


def convolution(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution and its norm, which comes "right after each convolution and before activation" (section 3.4).

    The convolution has no bias: the norm would subtract it again. Its padding keeps the size at stride 1.
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class PaddedIdentity(nn.Module):
    """The parameter-free shortcut of option A: every ``stride``-th pixel, and zeros for the channels that are new."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride), rounded up."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def make_shortcut(option: str, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Return the shortcut of one block: options A, B and C of section 4.1, "Identity vs. Projection Shortcuts".

    The projection is W_s of equation 2.
    """
    same_shape = stride == 1 and in_channels == out_channels
    if option == "C" or (option == "B" and not same_shape):
        return convolution(in_channels, out_channels, 1, stride)
    if same_shape:
        return nn.Identity()
    return PaddedIdentity(in_channels, out_channels, stride)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions (figure 5, left). The first one has the stride: table 1, conv3_1, conv4_1 and conv5_1."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1, option: str = "B") -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, width, 3, stride)
        self.conv2 = convolution(width, width, 3)
        self.shortcut = make_shortcut(option, in_channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Equation 1, y = F(x) + x; "the second nonlinearity after the addition" (section 3.2)."""
        y = F.relu(self.conv1(x))
        y = self.conv2(y)
        return F.relu(y + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions (figure 5, right); the last one widens four times.

    Version "v1" is the paper, whose first 1x1 has the stride. Version "v1.5" has it in the 3x3, which then sees every
    pixel: what most libraries call ResNet-50.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1, option: str = "B", version: str = "v1") -> None:
        super().__init__()
        out_channels = width * self.expansion
        stride1, stride2 = (stride, 1) if version == "v1" else (1, stride)
        self.conv1 = convolution(in_channels, width, 1, stride1)
        self.conv2 = convolution(width, width, 3, stride2)
        self.conv3 = convolution(width, out_channels, 1)
        self.shortcut = make_shortcut(option, in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return F(x) + x, with the ReLU after the sum as in the basic block."""
        y = F.relu(self.conv1(x))
        y = F.relu(self.conv2(y))
        y = self.conv3(y)
        return F.relu(y + self.shortcut(x))


class PlainBlock(nn.Module):
    """The two convolutions of a basic block without the shortcut (section 3.3, "Plain Network")."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, width, 3, stride)
        self.conv2 = convolution(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, width, H / stride, W / stride)."""
        return F.relu(self.conv2(F.relu(self.conv1(x))))


class ResNet(nn.Module):
    """A column of table 1: ``blocks`` has the number of blocks of conv2_x, conv3_x, conv4_x and conv5_x.

    ``block(in_channels, width, stride, **options)`` makes one block of ``width * block.expansion`` output channels.
    """

    def __init__(
        self, block: type[Any], blocks: Sequence[int], in_channels: int = 3, num_classes: int = 1000, **options: Any
    ) -> None:
        super().__init__()
        # Table 1: "7x7, 64, stride 2", then "3x3 max pool, stride 2".
        self.conv1 = convolution(in_channels, 64, 7, 2)
        self.max_pool = nn.MaxPool2d(3, stride=2, padding=1)
        # Table 1: the width doubles wherever the map is halved, by the stride of the stage's first block.
        self.conv2_x = stage(block, blocks[0], 64, 64, 1, **options)
        self.conv3_x = stage(block, blocks[1], 64 * block.expansion, 128, 2, **options)
        self.conv4_x = stage(block, blocks[2], 128 * block.expansion, 256, 2, **options)
        self.conv5_x = stage(block, blocks[3], 256 * block.expansion, 512, 2, **options)
        # Table 1: "average pool, 1000-d fc, softmax". The softmax belongs to the loss.
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Take images (N, in_channels, H, W) to logits (N, num_classes); the comments give the map at 224x224."""
        x = F.relu(self.conv1(x))  # 112x112
        x = self.max_pool(x)  # 56x56
        x = self.conv2_x(x)  # 56x56
        x = self.conv3_x(x)  # 28x28
        x = self.conv4_x(x)  # 14x14
        x = self.conv5_x(x)  # 7x7
        x = x.mean((2, 3))  # 1x1
        return self.fc(x)


def stage(block: type[Any], blocks: int, in_channels: int, width: int, stride: int, **options: Any) -> nn.Sequential:
    """Return the blocks of one stage; the first one changes the width and has the stride."""
    first = block(in_channels, width, stride, **options)
    others = [block(width * block.expansion, width, 1, **options) for _ in range(1, blocks)]
    return nn.Sequential(first, *others)


def plain18(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return the plain network of 18 layers (figure 4, left)."""
    return ResNet(PlainBlock, (2, 2, 2, 2), in_channels, num_classes)


def plain34(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return the plain network of 34 layers (figure 3, middle)."""
    return ResNet(PlainBlock, (3, 4, 6, 3), in_channels, num_classes)


def resnet18(in_channels: int = 3, num_classes: int = 1000, shortcut: str = "B") -> ResNet:
    """Return ResNet-18 (table 1, column 18-layer)."""
    return ResNet(BasicBlock, (2, 2, 2, 2), in_channels, num_classes, option=shortcut)


def resnet34(in_channels: int = 3, num_classes: int = 1000, shortcut: str = "B") -> ResNet:
    """Return ResNet-34 (table 1, column 34-layer)."""
    return ResNet(BasicBlock, (3, 4, 6, 3), in_channels, num_classes, option=shortcut)


def resnet50(in_channels: int = 3, num_classes: int = 1000, shortcut: str = "B", version: str = "v1") -> ResNet:
    """Return ResNet-50 (table 1, column 50-layer): each basic block of ResNet-34 has become a bottleneck."""
    return ResNet(Bottleneck, (3, 4, 6, 3), in_channels, num_classes, option=shortcut, version=version)


def resnet101(in_channels: int = 3, num_classes: int = 1000, shortcut: str = "B", version: str = "v1") -> ResNet:
    """Return ResNet-101 (table 1, column 101-layer)."""
    return ResNet(Bottleneck, (3, 4, 23, 3), in_channels, num_classes, option=shortcut, version=version)


def resnet152(in_channels: int = 3, num_classes: int = 1000, shortcut: str = "B", version: str = "v1") -> ResNet:
    """Return ResNet-152 (table 1, column 152-layer)."""
    return ResNet(Bottleneck, (3, 8, 36, 3), in_channels, num_classes, option=shortcut, version=version)
