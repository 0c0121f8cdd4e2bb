"""Wide residual networks, for CIFAR and for ImageNet.

Zagoruyko, Komodakis: Wide Residual Networks, 2016, arXiv:1605.07146. "Section" and "table" below are those of this
paper.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_check.reference.initialisation import initialise
from resnet_check.reference.resnet import ResNet, convolution, make_shortcut


class WideBlock(nn.Module):
    """Block "basic-wide", B(3, 3) (figure 1c): norm, ReLU and 3x3 convolution, twice; nothing follows the sum.

    Section 2 takes the order of the pre-activation networks. Where the shape changes, the shortcut is a 1x1 convolution
    of the activated signal, as in the published code.
    """

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.projection = None
        if stride != 1 or in_channels != width:
            self.projection = nn.Conv2d(in_channels, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, width, H / stride, W / stride), rounded up."""
        y = F.relu(self.bn1(x))
        shortcut = x if self.projection is None else self.projection(y)
        y = self.conv1(y)
        y = self.conv2(F.relu(self.bn2(y)))
        return y + shortcut


class WideResNet(nn.Module):
    """Table 1: groups conv1, conv2, conv3 and conv4 with 16, 16k, 32k and 64k filters, N blocks each, ``k = width``.

    WRN-d-k has d = 6N + 4 convolutions: the first, 6N in the blocks, and three projections.
    """

    def __init__(self, depth: int, width: int, in_channels: int, num_classes: int) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6 != 0:
            message = f"a wide ResNet has 6N + 4 layers (10, 16, 22, 28, ...), not {depth}"
            raise ValueError(message)
        blocks = (depth - 4) // 6
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.conv2 = group(blocks, 16, 16 * width, 1)
        self.conv3 = group(blocks, 16 * width, 32 * width, 2)
        self.conv4 = group(blocks, 32 * width, 64 * width, 2)
        self.bn = nn.BatchNorm2d(64 * width)
        self.fc = nn.Linear(64 * width, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Take images (N, in_channels, H, W) to logits (N, num_classes); the comments give the map at 32x32."""
        x = self.conv1(x)  # 32x32
        x = self.conv2(x)  # 32x32
        x = self.conv3(x)  # 16x16
        x = self.conv4(x)  # 8x8
        x = F.relu(self.bn(x))
        x = x.mean((2, 3))  # table 1: "avg-pool", 1x1
        return self.fc(x)


def group(blocks: int, in_channels: int, width: int, stride: int) -> nn.Sequential:
    """Return the blocks of one group; the first one changes the width and has the stride."""
    return nn.Sequential(WideBlock(in_channels, width, stride), *[WideBlock(width, width, 1) for _ in range(1, blocks)])


class WideBottleneck(nn.Module):
    """The bottleneck of ResNet-50, inside which all is ``widening`` times as wide (section 3, "ImageNet").

    Its outside is that of ResNet: norm and ReLU behind the convolutions, and four times the base width at the end. The
    3x3 convolution has the stride, as in the published code.
    """

    expansion = 4

    def __init__(self, in_channels: int, base_width: int, stride: int, widening: int) -> None:
        super().__init__()
        width = base_width * widening
        out_channels = base_width * self.expansion
        self.conv1 = convolution(in_channels, width, 1)
        self.conv2 = convolution(width, width, 3, stride)
        self.conv3 = convolution(width, out_channels, 1)
        self.shortcut = make_shortcut("B", in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, 4 base_width, H / stride, W / stride), rounded up."""
        y = F.relu(self.conv1(x))
        y = F.relu(self.conv2(y))
        y = self.conv3(y)
        return F.relu(y + self.shortcut(x))


def wide_resnet(depth: int, width: int, in_channels: int = 3, num_classes: int = 10) -> WideResNet:
    """Return WRN-depth-width for CIFAR."""
    return WideResNet(depth, width, in_channels, num_classes)


def wrn16_8(in_channels: int = 3, num_classes: int = 10) -> WideResNet:
    """Return WRN-16-8, of 11.0 million parameters."""
    return wide_resnet(16, 8, in_channels, num_classes)


def wrn28_10(in_channels: int = 3, num_classes: int = 10) -> WideResNet:
    """Return WRN-28-10, of 36.5 million parameters."""
    return wide_resnet(28, 10, in_channels, num_classes)


def wrn40_4(in_channels: int = 3, num_classes: int = 10) -> WideResNet:
    """Return WRN-40-4, of 8.9 million parameters."""
    return wide_resnet(40, 4, in_channels, num_classes)


def wrn50_2(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return WRN-50-2-bottleneck, of 68.9 million parameters."""
    return ResNet(WideBottleneck, (3, 4, 6, 3), in_channels, num_classes, widening=2)


def wrn101_2(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return the same with the blocks of ResNet-101; it is in no paper, but in many libraries."""
    return ResNet(WideBottleneck, (3, 4, 23, 3), in_channels, num_classes, widening=2)
