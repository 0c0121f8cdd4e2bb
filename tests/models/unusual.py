"""Networks with what is unusual in one place each."""

import torch
import torch.nn.functional as F
from elsewhere import attention
from torch import nn


class Scale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.gamma = nn.Parameter(torch.ones(width))
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x):
        return x + self.gamma[:, None, None] * self.norm(self.conv(x))


class Several(nn.Module):
    """A shared head, a layer that nothing calls, and named outputs."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.body = nn.Sequential(Scale(16), Scale(16))
        self.extra = nn.Conv2d(16, 16, 3, stride=2, padding=1)
        self.head = nn.Conv2d(16, 4, 1)
        self.spare = nn.Linear(16, 4)
        self.tied = nn.Conv2d(16, 4, 1)
        self.tied.weight = self.head.weight

    def forward(self, x):
        fine = self.body(self.stem(x))
        coarse = self.extra(fine)
        return {"fine": self.head(fine), "all": [self.head(coarse), self.tied(coarse)]}


class Listed(nn.Module):
    """Layers in a plain list, and a convolution without a layer."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(8, 3, 3, 3))
        self.layers = [nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)]
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        x = F.conv2d(x, self.weight, padding=1)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x).mean((2, 3))


class Unread(nn.Module):
    """Not all of it can be read."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.attention = attention(16)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.attention(self.stem(x)).mean((2, 3)))


class Odd(nn.Module):
    """It cannot run: the second convolution gets other channels than it takes."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.second = nn.Conv2d(8, 16, 3, padding=1)
        self.third = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        return self.third(self.second(self.first(x)))
