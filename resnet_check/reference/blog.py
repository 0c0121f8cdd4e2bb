"""The two programs that this project began with: a ResNet-34 as ``nn.Sequential``, and one as ``nn.Module``.

Both take images of one channel and tell ten classes apart, as Fashion-MNIST has them. The first one ran, and is here as
it was; the second one did not, and is here with its mistakes mended.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_check.reference.initialisation import initialise


class Residual(nn.Module):
    """Two 3x3 convolutions, each with its norm; a 1x1 convolution takes the shortcut to another shape.

    The convolutions have biases, which the norms behind them subtract again, and the 1x1 convolution has no norm.
    """

    def __init__(self, in_channels: int, out_channels: int, *, use_1x1conv: bool = False, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(  # resnet-check: ignore[bias-before-norm] as the blog has it
            in_channels, out_channels, kernel_size=3, padding=1, stride=stride
        )
        self.conv2 = nn.Conv2d(  # resnet-check: ignore[bias-before-norm] as the blog has it
            out_channels, out_channels, kernel_size=3, padding=1
        )
        self.conv3 = None
        if use_1x1conv:
            self.conv3 = nn.Conv2d(  # resnet-check: ignore[missing-norm] as the blog has it
                in_channels, out_channels, kernel_size=1, stride=stride
            )
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride), rounded up."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.conv3 is not None:
            x = self.conv3(x)
        return F.relu(y + x)


def resnet_block(
    in_channels: int, out_channels: int, num_residuals: int, *, first_block: bool = False
) -> nn.Sequential:
    """Return one stage; all but the first one double the width and halve the map in their first block."""
    layers = []
    for i in range(num_residuals):
        if i == 0 and not first_block:
            layers.append(Residual(in_channels, out_channels, use_1x1conv=True, stride=2))
        else:
            layers.append(Residual(out_channels, out_channels))
    return nn.Sequential(*layers)


def blog_sequential(in_channels: int = 1, num_classes: int = 10) -> nn.Sequential:
    """Return the ResNet-34 of the first program."""
    net = nn.Sequential(
        nn.Conv2d(  # resnet-check: ignore[bias-before-norm] as the blog has it
            in_channels, 64, kernel_size=7, stride=2, padding=3
        ),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )
    # The pool has halved the map already.
    net.add_module("resnet_block1", resnet_block(64, 64, 3, first_block=True))
    net.add_module("resnet_block2", resnet_block(64, 128, 4))
    net.add_module("resnet_block3", resnet_block(128, 256, 6))
    net.add_module("resnet_block4", resnet_block(256, 512, 3))
    net.add_module("global_avg_pool", nn.AdaptiveAvgPool2d((1, 1)))
    net.add_module("fc", nn.Sequential(nn.Flatten(), nn.Linear(512, num_classes)))
    initialise(net)
    return net


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions on the left, the shortcut on the right; mended: the sum has its ReLU and is returned."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.left = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.right = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Take (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride), rounded up."""
        out = self.left(x)
        residual = x if self.right is None else self.right(x)
        out += residual
        return F.relu(out)


class ResNet34(nn.Module):
    """Four layers of residual blocks; mended: their widths, the channels that their blocks take, and the pool."""

    def __init__(self, in_channels: int = 1, num_classes: int = 10) -> None:
        super().__init__()
        self.pre = nn.Sequential(
            nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        self.layer1 = make_layer(64, 64, 3)  # was 64 to 128, without a projection
        self.layer2 = make_layer(64, 128, 4, stride=2)  # was 128 to 256
        self.layer3 = make_layer(128, 256, 6, stride=2)  # was 256 to 512
        self.layer4 = make_layer(256, 512, 3, stride=2)  # was 512 to 512
        self.fc = nn.Linear(512, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Take images (N, in_channels, H, W) to logits (N, num_classes)."""
        x = self.pre(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)
        x = F.adaptive_avg_pool2d(x, 1)  # was a 7x7 pool, which 96x96 images are too small for
        x = x.flatten(1)
        return self.fc(x)


def make_layer(in_channels: int, out_channels: int, block_num: int, stride: int = 1) -> nn.Sequential:
    """Return one layer; where the shape changes, its first block projects.

    Mended: the other blocks take what the first one gives, ``out_channels``; they took ``in_channels``.
    """
    shortcut = None
    if stride != 1 or in_channels != out_channels:
        shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
        )
    layers = [ResidualBlock(in_channels, out_channels, stride, shortcut)]
    layers += [ResidualBlock(out_channels, out_channels) for _ in range(1, block_num)]
    return nn.Sequential(*layers)


def blog_module(in_channels: int = 1, num_classes: int = 10) -> ResNet34:
    """Return the ResNet-34 of the second program, mended."""
    return ResNet34(in_channels, num_classes)
