"""Two other counters agree with the multiply-adds of the references, after what each is documented to add."""

from __future__ import annotations

from copy import deepcopy
from math import prod

import pytest
import torch
from torch import nn
from torchinfo import summary

from resnet_check.graph.dim import value
from resnet_check.graph.records import Model, Op
from resnet_check.reference import build
from tests.reference.test_figures import call, read_text

NAMES = (
    "plain-18", "resnet-18-a", "resnet-18-c", "resnet-50", "resnet-20", "wrn-16-8", "resnext-50-32x4d", "se-resnet-50",
    "resnet-18-d", "blog-sequential", "blog-module",
)  # fmt: skip

SIDE = 33


@pytest.fixture(scope="module", params=NAMES)
def both(request) -> tuple[nn.Module, Model]:
    """Return a reference without values, and what its source says."""
    with torch.device("meta"):
        net = build(request.param, in_channels=3).eval()
    return net, read_text(call(request.param, 3), (3, SIDE, SIDE))


def elements(ops: list[Op]) -> int:
    """Return how many numbers these operators give out for one image."""
    return sum(prod(map(value, op.shape[1:])) for op in ops)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_fvcore_adds_norms_twice_and_what_adaptive_pools_take(both):
    from fvcore.nn import FlopCountAnalysis  # its import compiles something, which torch has deprecated

    net, model = both
    analysis = FlopCountAnalysis(deepcopy(net).to_empty(device="cpu"), torch.zeros(1, 3, SIDE, SIDE))
    analysis.unsupported_ops_warnings(enabled=False).uncalled_modules_warnings(enabled=False)
    norms = elements(model.of_kind("batch_norm"))
    pooled = elements([model.ops[op.inputs[0]] for op in model.of_kind("adaptive_avg_pool")])
    assert analysis.total() == model.macs + 2 * norms + pooled


def test_torchinfo_adds_the_parameters_of_norms_and_a_bias_wherever_it_is_added(both):
    net, model = both
    total = summary(net, input_size=(1, 3, SIDE, SIDE), device="meta", verbose=0).total_mult_adds
    norms = sum(p.numel() for m in net.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters())
    biased = [op for op in model.of_kind("conv", "linear") if "bias" in model.modules[op.layer].parameters]
    assert total == model.macs + norms + elements(biased)
