"""What autograd keeps, as `_autograd` says, is what torch keeps: overwriting just that makes ``backward()`` raise."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


from resnet_check.read.static.reader import read  # noqa: E402
from resnet_check.rules._autograd import (  # noqa: E402
    KEEPS_INPUT,
    KEEPS_OTHERS,
    KEEPS_OUTPUT,
    KEEPS_OUTPUT_IN_PLACE,
    overwrites,
)
from resnet_check.source import parse_source  # noqa: E402

FORMS = {
    "abs": "x.abs()",
    "adaptive_avg_pool": "F.adaptive_avg_pool2d(x, 4)",
    "adaptive_max_pool": "F.adaptive_max_pool2d(x, 1)",
    "add": "x + o",
    "amax": "x.amax(1, keepdim=True)",
    "amin": "x.amin(1, keepdim=True)",
    "avg_pool": "F.avg_pool2d(x, 2)",
    "batch_norm": "self.batch_norm(x)",
    "cat": "torch.cat([x, o], 1)",
    "celu": "F.celu(x)",
    "clamp": "x.clamp(min=0.5)",
    "conv": "self.conv(x)",
    "conv_transpose": "self.conv_transpose(x)",
    "cos": "x.cos()",
    "div": "x / o",
    "dropout": "F.dropout(x, 0.5)",
    "einsum": "torch.einsum('ncab,ncbd->ncad', x, o)",
    "elu": "F.elu(x)",
    "erf": "x.erf()",
    "exp": "x.exp()",
    "expm1": "x.expm1()",
    "gelu": "F.gelu(x)",
    "glu": "F.glu(x, 1)",
    "group_norm": "self.group_norm(x)",
    "hardsigmoid": "F.hardsigmoid(x)",
    "hardswish": "F.hardswish(x)",
    "hardtanh": "F.hardtanh(x)",
    "instance_norm": "self.instance_norm(x)",
    "interpolate": "F.interpolate(x, scale_factor=2.0)",
    "layer_norm": "self.layer_norm(x)",
    "leaky_relu": "F.leaky_relu(x)",
    "linear": "self.linear(x)",
    "local_response_norm": "F.local_response_norm(x, 2)",
    "log": "x.log()",
    "log1p": "x.log1p()",
    "log_softmax": "F.log_softmax(x, 1)",
    "logsigmoid": "F.logsigmoid(x)",
    "logsumexp": "x.logsumexp(1)",
    "lp_pool": "F.lp_pool2d(x, 2, 2)",
    "matmul": "x @ o",
    "max_pool": "F.max_pool2d(x, 2)",
    "mean": "x.mean((2, 3))",
    "mish": "F.mish(x)",
    "mul": "x * o",
    "norm": "x.norm(dim=1)",
    "normalize": "F.normalize(x)",
    "pad": "F.pad(x, (1, 1, 1, 1))",
    "pixel_shuffle": "F.pixel_shuffle(x, 2)",
    "pow": "x ** 2",
    "prelu": "self.prelu(x)",
    "reciprocal": "x.reciprocal()",
    "relu": "F.relu(x)",
    "relu6": "F.relu6(x)",
    "rsqrt": "x.rsqrt()",
    "selu": "F.selu(x)",
    "sigmoid": "torch.sigmoid(x)",
    "silu": "F.silu(x)",
    "sin": "x.sin()",
    "softmax": "F.softmax(x, 1)",
    "softmin": "F.softmin(x, 1)",
    "softplus": "F.softplus(x)",
    "softsign": "F.softsign(x)",
    "sqrt": "x.sqrt()",
    "square": "x.square()",
    "std": "x.std(1)",
    "sub": "x - o",
    "sum": "x.sum(1)",
    "tanh": "torch.tanh(x)",
    "threshold": "F.threshold(x, 0.0, 0.0)",
    "var": "x.var(1)",
}
IN_PLACE = {
    "add": "x.add_(o)",
    "celu": "F.celu(x, inplace=True)",
    "clamp": "x.clamp_(min=0.5)",
    "div": "x.div_(o)",
    "dropout": "F.dropout(x, 0.5, inplace=True)",
    "elu": "F.elu(x, inplace=True)",
    "exp": "x.exp_()",
    "expm1": "x.expm1_()",
    "hardswish": "F.hardswish(x, inplace=True)",
    "hardtanh": "F.hardtanh(x, inplace=True)",
    "leaky_relu": "F.leaky_relu(x, inplace=True)",
    "mish": "F.mish(x, inplace=True)",
    "mul": "x.mul_(o)",
    "reciprocal": "x.reciprocal_()",
    "relu": "F.relu(x, inplace=True)",
    "relu6": "F.relu6(x, inplace=True)",
    "rrelu": "F.rrelu(x, training=True, inplace=True)",
    "rsqrt": "x.rsqrt_()",
    "selu": "F.selu(x, inplace=True)",
    "sigmoid": "torch.sigmoid_(x)",
    "silu": "F.silu(x, inplace=True)",
    "sqrt": "x.sqrt_()",
    "tanh": "torch.tanh_(x)",
}
FILE = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(4, 4, 1)
        self.second = nn.Conv2d(4, 4, 1)
        self.conv = nn.Conv2d(4, 4, 3)
        self.conv_transpose = nn.ConvTranspose2d(4, 4, 3)
        self.linear = nn.Linear(8, 5)
        self.batch_norm = nn.BatchNorm2d(4)
        self.instance_norm = nn.InstanceNorm2d(4, affine=True)
        self.group_norm = nn.GroupNorm(2, 4)
        self.layer_norm = nn.LayerNorm([4, 8, 8])
        self.prelu = nn.PReLU()

    def forward(self, image):
        x = self.first(image) + 3
        o = self.second(image) + 3
        y = {form}
        result = y + 0
        {name} += 1
        return result


INPUT = torch.rand(2, 4, 8, 8)
"""
OPERATORS = [
    *[pytest.param(kind, form, False, id=kind) for kind, form in FORMS.items()],
    *[pytest.param(kind, form, True, id=f"{kind}_") for kind, form in IN_PLACE.items()],
]


def raises_in_torch(text):
    """Return whether torch refuses the backward pass of the file's model."""
    names = {}
    exec(compile(text, "model", "exec"), names)  # noqa: S102 - the text is this test's own
    try:
        names["Net"]()(torch.rand(2, 4, 8, 8)).sum().backward()
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        return True
    return False


@pytest.mark.parametrize("name", ["x", "y", "o"])
@pytest.mark.parametrize(("kind", "form", "inplace"), OPERATORS)
def test_the_tables_agree_with_torch(kind, form, inplace, name):
    """Overwriting what goes in, what comes out or what else goes in raises where the tables say so."""
    text = FILE.format(form=form, name=name)
    (model,) = read(parse_source("model.py", text.encode())).models
    assert model.status == "complete"
    assert any(op.kind == kind and op.inplace == inplace for op in model.ops)
    assert bool(overwrites(model)) == raises_in_torch(text)


def test_every_row_is_tested():
    assert set(FORMS) >= KEEPS_INPUT | KEEPS_OTHERS | KEEPS_OUTPUT
    assert set(IN_PLACE) >= KEEPS_OUTPUT_IN_PLACE
