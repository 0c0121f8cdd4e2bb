"""Other sizes than the one looked at: what the Guards say is what torch does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_check.graph.sizes import accepts, multiply_adds
from tests.read.static.test_static_equals_torch import live_model, static_model

TEXT = """
import torch
from torch import nn
def build():
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, 2), nn.MaxPool2d(3, 2), nn.Conv2d(8, 8, (5, 2), padding=(0, 1)),
        nn.AvgPool2d((2, 4), ceil_mode=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
"""


@settings(max_examples=60)
@given(st.integers(1, 90), st.integers(1, 90))
def test_heights_and_widths_need_not_be_equal(height, width):
    net = live_model(TEXT)
    try:
        net(torch.zeros(2, 3, height, width))
        runs = True
    except RuntimeError:
        runs = False
    assert accepts(static_model(TEXT), H=height, W=width) is runs


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 160), (225, 97)])
def test_multiply_adds_follow_the_resolution(height, width):
    from torch.utils.flop_counter import FlopCounterMode

    net = live_model(TEXT)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(1, 3, height, width))
    assert multiply_adds(static_model(TEXT).ops, H=height, W=width) == counter.get_total_flops() // 2


def test_a_way_that_was_not_taken_is_not_guessed():
    text = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
    def forward(self, x):
        if x.shape[2] > 100:
            x = x[:, :, ::2]
        return self.conv(x)
def build():
    return Net()
"""
    model = static_model(text)
    assert model.input is not None
    assert accepts(model, H=224 if model.input[2].value > 100 else 32, W=40) is True
    assert accepts(model, H=32 if model.input[2].value > 100 else 224, W=40) is None
