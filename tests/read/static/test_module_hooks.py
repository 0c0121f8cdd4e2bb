"""What hooks do to a model: they see what passes, replace it, and go when they are removed."""

from __future__ import annotations

from typing import Any

import pytest

from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.kept = []
"""

FORWARD = """
    def forward(self, x):
        self.kept.clear()
        return self.second(self.first(x))
"""


def model_of(text: str) -> Any:
    (model,) = read(parse_source("net.py", (HEAD + text).encode())).models
    return model


CASES = {
    "features that a hook keeps": (
        """
        for layer in (self.first, self.second):
            layer.register_forward_hook(lambda module, inputs, output: self.kept.append(output))
    def forward(self, x):
        self.kept.clear()
        self.second(self.first(x))
        return self.kept
""",
        "[(N, 8, H, W), (N, 8, H, W)]",
    ),
    "an output that a hook replaces": (
        "        self.second.register_forward_hook(lambda module, inputs, output: output[:, :5])\n" + FORWARD,
        "(N, 5, H, W)",
    ),
    "a hook that is removed again": (
        "        self.second.register_forward_hook(lambda module, inputs, output: output[:, :5]).remove()\n" + FORWARD,
        "(N, 8, H, W)",
    ),
    "an input that a hook replaces": (
        """
        self.second.register_forward_pre_hook(lambda module, inputs: (F.max_pool2d(inputs[0], 2),))
"""
        + FORWARD,
        "(N, 8, H // 2, W // 2)",
    ),
    "a hook that is put where torch keeps them": (
        "        self.second._forward_hooks[0] = lambda module, inputs, output: output[:, :5]\n" + FORWARD,
        "(N, 5, H, W)",
    ),
    "a forward that an object gets behind its class": (
        '        object.__setattr__(self, "forward", lambda x: self.first(x)[:, :5])\n' + FORWARD,
        "(N, 5, H, W)",
    ),
    "hooks that only look": (
        "        self.register_forward_hook(lambda module, inputs, output: print(output.shape))\n" + FORWARD,
        "(N, 8, H, W)",
    ),
}


@pytest.mark.parametrize(("text", "output"), CASES.values(), ids=CASES)
def test_what_hooks_do(text: str, output: str) -> None:
    model = model_of(text)
    assert (model.status, model.unknown, str(model.output)) == ("complete", [], output)


def test_a_subclass_convolves_with_another_weight() -> None:
    text = """
from torch import nn

class Standardised(nn.Conv2d):
    def forward(self, x):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return self._conv_forward(x, weight, self.bias)

def net():
    return Standardised(3, 8, 3, stride=2)
"""
    models = {m.name: m for m in read(parse_source("net.py", text.encode())).models}
    assert (models["net"].status, models["net"].params) == ("complete", 224)
    assert str(models["net"].output) == "(N, 8, (H + 1) // 2 - 1, (W + 1) // 2 - 1)"
