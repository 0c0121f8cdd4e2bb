"""ResNet with squeeze-and-excitation.

Hu, Shen, Albanie, Sun, Wu: Squeeze-and-Excitation Networks, 2017, arXiv:1709.01507. "Section", "figure" and "equation"
below are those of this paper.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_check.reference.resnet import ResNet, convolution, make_shortcut

REDUCTION = 16
"""The reduction ratio r of section 3.2; section 6.1 settles on 16."""


class SqueezeExcitation(nn.Module):
    """A weight between 0 and 1 for each channel, computed from the means of all channels (figure 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // REDUCTION)
        self.fc2 = nn.Linear(channels // REDUCTION, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (N, channels, H, W)."""
        z = x.mean((2, 3))  # squeeze (equation 2)
        s = torch.sigmoid(self.fc2(F.relu(self.fc1(z))))  # excitation (equation 3)
        return x * s[:, :, None, None]  # scale (equation 4)


class SEBasicBlock(nn.Module):
    """A basic block whose branch ends in squeeze and excitation, "before summation with the identity" (section 3.3)."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, width, 3, stride)
        self.conv2 = convolution(width, width, 3)
        self.se = SqueezeExcitation(width)
        self.shortcut = make_shortcut("B", in_channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, width, H / stride, W / stride), rounded up."""
        y = F.relu(self.conv1(x))
        y = self.se(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class SEBottleneck(nn.Module):
    """A bottleneck whose branch ends in squeeze and excitation (figure 3).

    Version "v1" has the stride in the first 1x1 convolution, as the paper's figures have it (3.86 GFLOPs for ResNet-50);
    version "v1.5" has it in the 3x3.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, version: str) -> None:
        super().__init__()
        out_channels = width * self.expansion
        stride1, stride2 = (stride, 1) if version == "v1" else (1, stride)
        self.conv1 = convolution(in_channels, width, 1, stride1)
        self.conv2 = convolution(width, width, 3, stride2)
        self.conv3 = convolution(width, out_channels, 1)
        self.se = SqueezeExcitation(out_channels)
        self.shortcut = make_shortcut("B", in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, 4 width, H / stride, W / stride), rounded up."""
        y = F.relu(self.conv1(x))
        y = F.relu(self.conv2(y))
        y = self.se(self.conv3(y))
        return F.relu(y + self.shortcut(x))


def se_resnet18(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return SE-ResNet-18."""
    return ResNet(SEBasicBlock, (2, 2, 2, 2), in_channels, num_classes)


def se_resnet34(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """Return SE-ResNet-34."""
    return ResNet(SEBasicBlock, (3, 4, 6, 3), in_channels, num_classes)


def se_resnet50(in_channels: int = 3, num_classes: int = 1000, version: str = "v1") -> ResNet:
    """Return SE-ResNet-50 (table 2)."""
    return ResNet(SEBottleneck, (3, 4, 6, 3), in_channels, num_classes, version=version)


def se_resnet101(in_channels: int = 3, num_classes: int = 1000, version: str = "v1") -> ResNet:
    """Return SE-ResNet-101 (table 2)."""
    return ResNet(SEBottleneck, (3, 4, 23, 3), in_channels, num_classes, version=version)


def se_resnet152(in_channels: int = 3, num_classes: int = 1000, version: str = "v1") -> ResNet:
    """Return SE-ResNet-152 (table 2)."""
    return ResNet(SEBottleneck, (3, 8, 36, 3), in_channels, num_classes, version=version)
