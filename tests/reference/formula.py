"""What the papers' tables add up to: parameters and multiply-adds by arithmetic, without torch and without a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass
class Sum:
    """Parameters and multiply-adds so far, and the size of the map."""

    height: int
    width: int
    parameters: int = 0
    multiply_adds: int = 0

    def halve(self, stride: int = 2) -> None:
        """Take every ``stride``-th row and column, rounded up, as odd kernels with their padding do."""
        self.height, self.width = -(-self.height // stride), -(-self.width // stride)

    def conv(self, cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        """Add a convolution without bias."""
        self.halve(stride)
        weights = cin // groups * cout * kernel**2
        self.parameters += weights
        self.multiply_adds += weights * self.height * self.width

    def norm(self, channels: int) -> None:
        """Add the two numbers of each channel."""
        self.parameters += 2 * channels

    def linear(self, features: int, out: int) -> None:
        """Add a linear layer with bias, used once."""
        self.parameters += features * out + out
        self.multiply_adds += features * out

    def shortcut(self, cin: int, cout: int, stride: int, *, option: str) -> None:
        """Add the projection, where there is one, of a block that ends at the map's present size."""
        if option == "C" or (option == "B" and (cin != cout or stride != 1)):
            self.conv(cin, cout, 1)
            self.norm(cout)

    def squeeze_excitation(self, channels: int) -> None:
        """Add the two linear layers."""
        self.linear(channels, channels // 16)
        self.linear(channels // 16, channels)


Block = Callable[[Sum, int, int, int], None]
"""Adds a block of a stage's width behind a number of channels, with a stride."""


Stem = Callable[[Sum, int], int]
"""Adds a stem for images of some channels; returns the channels that it gives out."""


def imagenet(s: Sum, channels: int) -> int:
    """Add a 7x7 convolution and a pool, both with stride 2."""
    s.conv(channels, 64, 7, 2)
    s.norm(64)
    s.halve()
    return 64


def deep(s: Sum, channels: int) -> int:
    """Add three 3x3 convolutions and a pool."""
    s.conv(channels, 32, 3, 2)
    s.conv(32, 32, 3)
    s.conv(32, 64, 3)
    s.norm(32 + 32 + 64)
    s.halve()
    return 64


def cifar(width: int, *, normed: bool = True) -> Stem:
    """One 3x3 convolution; the pre-activation networks have its norm in the first block."""

    def add(s: Sum, channels: int) -> int:
        s.conv(channels, width, 3)
        s.norm(width * normed)
        return width

    return add


def basic(*, option: str = "B", squeezed: bool = False) -> Block:
    """Two 3x3 convolutions with norms."""

    def add(s: Sum, cin: int, width: int, stride: int) -> None:
        s.conv(cin, width, 3, stride)
        s.conv(width, width, 3)
        s.norm(2 * width)
        s.squeeze_excitation(width * squeezed)
        s.shortcut(cin, width, stride, option=option)

    return add


def bottleneck(
    *, widening: float = 1, groups: int = 1, version: str = "v1.5", option: str = "B", squeezed: bool = False
) -> Block:
    """1x1, 3x3 and 1x1 convolutions with norms; inside ``widening`` times the width, at the end four times."""

    def add(s: Sum, cin: int, width: int, stride: int) -> None:
        inner = int(width * widening)
        s.conv(cin, inner, 1, stride if version == "v1" else 1)
        s.conv(inner, inner, 3, stride if version == "v1.5" else 1, groups)
        s.conv(inner, 4 * width, 1)
        s.norm(2 * inner + 4 * width)
        s.squeeze_excitation(4 * width * squeezed)
        s.shortcut(cin, 4 * width, stride, option=option)

    return add


def preactivation(*, expansion: int, version: str = "v1.5") -> Block:
    """The same convolutions with their norms before them, and projections without norm."""

    def add(s: Sum, cin: int, width: int, stride: int) -> None:
        s.norm(cin)
        if expansion == 1:
            s.conv(cin, width, 3, stride)
            s.conv(width, width, 3)
            s.norm(width)
        else:
            s.conv(cin, width, 1, stride if version == "v1" else 1)
            s.conv(width, width, 3, stride if version == "v1.5" else 1)
            s.conv(width, 4 * width, 1)
            s.norm(2 * width)
        if cin != width * expansion:
            s.conv(cin, width * expansion, 1)

    return add


def stages(s: Sum, block: Block, cin: int, widths: Sequence[int], blocks: Sequence[int], *, expansion: int) -> int:
    """Add stages of blocks, all but the first of which halve the map; return the channels at the end."""
    for index, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        for position in range(count):
            block(s, cin, width, 2 if index and not position else 1)
            cin = width * expansion
    return cin
