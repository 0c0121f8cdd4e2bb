"""Texts with a mistake, and what they are mended to: one with a safe fix, one with an unsafe one."""

BIAS = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.bn(self.conv(x)).mean((2, 3))
"""
UNBIASED = BIAS.replace("3, 8, 3)", "3, 8, 3, bias=False)")

COMMA = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3),

    def forward(self, x):
        return self.conv(x)
"""
WITHOUT_COMMA = COMMA.replace("3),", "3)")
