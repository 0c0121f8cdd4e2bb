"""Pre-activation ResNet, for CIFAR and for ImageNet.

He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, 2016, arXiv:1603.05027. "Figure", "table" and
"appendix" below are those of this paper.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_check.reference.initialisation import initialise


def project(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Return the shortcut: the identity, or a 1x1 projection where the shape changes.

    The projection has no norm: what it adds to is a sum that the next unit norms.
    """
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)


class BasicUnit(nn.Module):
    """Norm, ReLU and 3x3 convolution, twice: "full pre-activation" (figure 4e). Nothing follows the sum (equation 3).

    The first unit of a network and those that change the shape take their shortcut after the first activation
    (appendix: "we adopt the first activation right after conv1 and before splitting into two paths"; so does the
    published code wherever it projects).
    """

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, *, first: bool) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut = project(in_channels, width, stride)
        self.activates_both = first or in_channels != width

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, width, H / stride, W / stride), rounded up."""
        y = F.relu(self.bn1(x))
        shortcut = self.shortcut(y if self.activates_both else x)
        y = self.conv1(y)
        y = self.conv2(F.relu(self.bn2(y)))
        return y + shortcut


class BottleneckUnit(nn.Module):
    """The same with 1x1, 3x3 and 1x1 convolutions, the last of which widens four times.

    ``stride_in`` says whether the "1x1" or the "3x3" convolution has the stride: the published networks for CIFAR have it
    in the first 1x1, those for ImageNet in the 3x3.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, *, first: bool, stride_in: str) -> None:
        super().__init__()
        out_channels = width * self.expansion
        stride1, stride2 = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 1, stride1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride2, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.shortcut = project(in_channels, out_channels, stride)
        self.activates_both = first or in_channels != out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, 4 width, H / stride, W / stride), rounded up."""
        y = F.relu(self.bn1(x))
        shortcut = self.shortcut(y if self.activates_both else x)
        y = self.conv1(y)
        y = self.conv2(F.relu(self.bn2(y)))
        y = self.conv3(F.relu(self.bn3(y)))
        return y + shortcut


class CifarPreResNet(nn.Module):
    """The networks of section 5 for CIFAR: those of "Deep Residual Learning", with n of the new units per map size."""

    def __init__(self, unit: type[Any], n: int, in_channels: int, num_classes: int, **options: Any) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.stage1 = stage(unit, n, 16, 16, 1, first=True, **options)
        self.stage2 = stage(unit, n, 16 * unit.expansion, 32, 2, **options)
        self.stage3 = stage(unit, n, 32 * unit.expansion, 64, 2, **options)
        # Appendix: "for the last Residual Unit ... an extra activation right after its element-wise addition".
        self.bn = nn.BatchNorm2d(64 * unit.expansion)
        self.fc = nn.Linear(64 * unit.expansion, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Take images (N, in_channels, H, W) to logits (N, num_classes); the comments give the map at 32x32."""
        x = self.conv1(x)  # 32x32; norm and ReLU are the first unit's
        x = self.stage1(x)  # 32x32
        x = self.stage2(x)  # 16x16
        x = self.stage3(x)  # 8x8
        x = F.relu(self.bn(x))
        x = x.mean((2, 3))  # 1x1
        return self.fc(x)


class PreResNet(nn.Module):
    """The network of table 5 for ImageNet: here norm and ReLU follow the 7x7 convolution, before the pool."""

    def __init__(self, blocks: tuple[int, int, int, int], in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.max_pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage1 = stage(BottleneckUnit, blocks[0], 64, 64, 1, first=True, stride_in="3x3")
        self.stage2 = stage(BottleneckUnit, blocks[1], 256, 128, 2, stride_in="3x3")
        self.stage3 = stage(BottleneckUnit, blocks[2], 512, 256, 2, stride_in="3x3")
        self.stage4 = stage(BottleneckUnit, blocks[3], 1024, 512, 2, stride_in="3x3")
        self.bn = nn.BatchNorm2d(2048)
        self.fc = nn.Linear(2048, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Take images (N, in_channels, H, W) to logits (N, num_classes); the comments give the map at 224x224."""
        x = F.relu(self.bn1(self.conv1(x)))  # 112x112
        x = self.max_pool(x)  # 56x56
        x = self.stage1(x)  # 56x56
        x = self.stage2(x)  # 28x28
        x = self.stage3(x)  # 14x14
        x = self.stage4(x)  # 7x7
        x = F.relu(self.bn(x))
        x = x.mean((2, 3))  # 1x1
        return self.fc(x)


def stage(
    unit: type[Any], units: int, in_channels: int, width: int, stride: int, *, first: bool = False, **options: Any
) -> nn.Sequential:
    """Return the units of one map size; the first one changes the width and has the stride."""
    leading = unit(in_channels, width, stride, first=first, **options)
    others = [unit(width * unit.expansion, width, 1, first=False, **options) for _ in range(1, units)]
    return nn.Sequential(leading, *others)


def preresnet110(in_channels: int = 3, num_classes: int = 10) -> CifarPreResNet:
    """Return the 110-layer network of basic units, 6n + 2 with n = 18 (table 2)."""
    return CifarPreResNet(BasicUnit, 18, in_channels, num_classes)


def preresnet164(in_channels: int = 3, num_classes: int = 10) -> CifarPreResNet:
    """Return the 164-layer network of bottlenecks, 9n + 2 with n = 18 (table 2)."""
    return CifarPreResNet(BottleneckUnit, 18, in_channels, num_classes, stride_in="1x1")


def preresnet1001(in_channels: int = 3, num_classes: int = 10) -> CifarPreResNet:
    """Return the 1001-layer network of bottlenecks, 9n + 2 with n = 111 (table 4)."""
    return CifarPreResNet(BottleneckUnit, 111, in_channels, num_classes, stride_in="1x1")


def preresnet200(in_channels: int = 3, num_classes: int = 1000) -> PreResNet:
    """Return the 200-layer network for ImageNet (table 5)."""
    return PreResNet((3, 24, 36, 3), in_channels, num_classes)
