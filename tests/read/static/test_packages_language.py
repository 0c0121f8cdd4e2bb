"""What the code of published packages does around its layers, read as torch builds it."""

from __future__ import annotations

from typing import Any

import pytest

from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

HEAD = """
import os, re
import math
import torch
from torch import nn
from torch.nn import functional as F
"""


def models_of(text: str) -> dict[str, Any]:
    return {m.name: m for m in read(parse_source("net.py", (HEAD + text).encode())).models}


EXACT = {
    "a class may derive from an abstract one of Python's that is none of its own types": (
        """
from collections.abc import Iterator, Sequence
class Widths(Sequence):
    def __init__(self, *widths):
        self.widths = widths
    def __len__(self):
        return len(self.widths)
    def __getitem__(self, index):
        return self.widths[index]
class Steps(Iterator):
    def __next__(self):
        return 1
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, Widths(8, 16)[1], 3)
        self.steps = Steps()
    def forward(self, x):
        return self.conv(x)
""",
        3 * 16 * 9 + 16,
        "(N, 16, H - 2, W - 2)",
    ),
    "a dict of settings reads its own attributes before it asks __getattr__": (
        """
class Settings(dict):
    FIXED = "__fixed__"
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.__dict__[Settings.FIXED] = False
    def __getattr__(self, name):
        if name in self.__dict__:
            return self.__dict__[name]
        if name in self:
            return self[name]
        raise AttributeError(name)
    def __setattr__(self, name, value):
        if not self.__dict__[Settings.FIXED]:
            self[name] = value
settings = Settings()
settings.model = Settings()
settings.model.wide = 16
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, settings.model.wide, 3, bias="bias" not in settings.keys())
    def forward(self, x):
        return self.conv(x)
""",
        3 * 16 * 9 + 16,
        "(N, 16, H - 2, W - 2)",
    ),
    "a subclass of torch's private base has the base's parameters and takes any rank": (
        """
from torch.nn.modules.batchnorm import _BatchNorm
class Norm(_BatchNorm):
    def __init__(self, features):
        super().__init__(features, eps=1e-3, affine=True)
    def _check_input_dim(self, x):
        pass
    def forward(self, x):
        return F.relu(super().forward(x))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = Norm(8)
    def forward(self, x):
        return self.norm(self.conv(x))
""",
        3 * 8 * 9 + 8 + 16,
        "(N, 8, H, W)",
    ),
    "the fans of a weight are two numbers": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, (1, 2))
        fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(self.conv.weight)
        self.more = nn.Conv2d(4, fan_in + fan_out, 1, bias=False)
    def forward(self, x):
        return self.more(self.conv(x))
""",
        3 * 4 * 2 + 4 + 4 * (6 + 8),
        "(N, 14, H, W - 1)",
    ),
    "what a library has decides an alternative": (
        """
HAS_SILU = "silu" in dir(torch.nn.functional)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4 if HAS_SILU else 5, 1)
    def forward(self, x):
        return self.conv(x)
""",
        16,
        "(N, 4, H, W)",
    ),
    "architectures written as texts": (
        """
WORD = re.compile("c([0-9]+)")
def decode(text):
    found = {}
    for part in text.split("_")[1:]:
        pieces = re.split(r"(\\d.*)", part)
        found[pieces[0]] = pieces[1]
    return int(found["r"]), int(WORD.search(text).group(1)), re.sub(r"_.*", "", text)
class Net(nn.Module):
    def __init__(self, factor=1.5):
        super().__init__()
        repeats, channels, kind = decode("ir_r2_k3_c24")
        layers = [nn.Conv2d(3, channels, 1)]
        for _ in range(max(1, round(repeats * factor))):
            layers.append(nn.Conv2d(channels, channels, 1, bias=kind == "ir"))
        self.body = nn.Sequential(*layers)
    def forward(self, x):
        return self.body(x)
""",
        3 * 24 + 24 + 3 * (24 * 24 + 24),
        "(N, 24, H, W)",
    ),
    "a metaclass that is not read may call the base's constructor; enumerations of a text": (
        """
from enum import Enum
from elsewhere import Before
Kind = Enum("Kind", "Batch Weight")
class Module(nn.Module, metaclass=Before):
    pass
class Net(Module):
    def __init__(self, kind=Kind.Batch):
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4) if kind == Kind.Batch else nn.Identity()
    def forward(self, x):
        return self.norm(self.conv(x))
""",
        16 + 8,
        "(N, 4, H, W)",
    ),
    "widths that numpy computes": (
        """
import numpy as np
def stages(slope=8.8, first=32, factor=2.1, depth=12, step=8):
    exponents = np.round(np.log((np.arange(depth) * slope + first) / first) / np.log(factor))
    widths = np.round(np.divide(first * np.power(factor, exponents), step)) * step
    assert len(np.unique(widths)) == exponents.max() + 1
    return np.unique(widths.astype(int).tolist(), return_counts=True)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        before, layers = 3, []
        for width, depth in zip(*stages()):
            for _ in range(depth):
                layers.append(nn.Conv2d(before, int(width), 1, bias=False))
                before = int(width)
        self.body = nn.Sequential(*layers)
    def forward(self, x):
        return self.body(x)
""",
        95072,
        "(N, 144, H, W)",
    ),
    "objects of Python's own modules hold no layers": (
        """
import queue, threading
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.queues, self.lock = queue.Queue(), threading.Lock()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        return self.conv(x)
""",
        16,
        "(N, 4, H, W)",
    ),
    "runs of equal sizes among crops": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, inputs):
        if not isinstance(inputs, list):
            inputs = [inputs]
        sizes = torch.tensor([each.shape[-1] for each in inputs])
        ends, start, found = torch.cumsum(torch.unique_consecutive(sizes, return_counts=True)[1], 0), 0, []
        for end in ends:
            found.append(self.conv(torch.cat(inputs[start:end])))
            start = end
        return torch.cat(found)
""",
        16,
        "(N, 4, H, W)",
    ),
    "an autograd function whose forward is a class method": (
        """
class Twice(torch.autograd.Function):
    @staticmethod
    def note(ctx, factor):
        ctx.factor = factor
    @classmethod
    def forward(cls, ctx, x, factor=2):
        cls.note(ctx, factor)
        return x * ctx.factor
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        return Twice.apply(self.conv(x))
""",
        16,
        "(N, 4, H, W)",
    ),
    "a filter that numpy computes": (
        """
import numpy as np
class Net(nn.Module):
    def __init__(self, size=3):
        super().__init__()
        row = torch.tensor((np.poly1d((0.5, 0.5)) ** (size - 1)).coeffs.astype(np.float32))
        self.register_buffer("kernel", (row[:, None] * row[None, :])[None, None].repeat(3, 1, 1, 1))
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        return self.conv(F.conv2d(x, self.kernel, groups=3))
""",
        16,
        "(N, 4, H - 2, W - 2)",
    ),
    "weights that are downloaded and merged": (
        """
def load(model, path):
    if not os.path.exists(path):
        os.makedirs(path)
    weights, fitting = model.state_dict(), {}
    for key, value in torch.load(path).items():
        if key in weights and weights[key].size() == value.size():
            fitting[key] = value
    weights.update(fitting)
    model.load_state_dict(weights)
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        return self.conv(x)
def Net(pretrained=True):
    model = Plain()
    if pretrained:
        load(model, "weights")
    return model
""",
        16,
        "(N, 4, H, W)",
    ),
    "a forward that needs no self": (
        """
class Act(nn.Module):
    @staticmethod
    def forward(x):
        return x * torch.sigmoid(x)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 4, 1), Act()
    def forward(self, x):
        return self.act(self.conv(x))
""",
        16,
        "(N, 4, H, W)",
    ),
}


@pytest.mark.parametrize(("text", "params", "output"), EXACT.values(), ids=EXACT)
def test_exact(text: str, params: int, output: str) -> None:
    model = models_of(text)["Net"]
    assert (model.status, model.unknown, model.problems) == ("complete", [], [])
    assert model.params == params
    assert str(model.output) == output


UNKNOWN = {
    "an unknown function called for its effect may set attributes": """
from elsewhere import store
class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        store("width")
        self.conv = nn.Conv2d(3, self.width, 1)
    def forward(self, x):
        return self.conv(x)
""",
    "a layer with an unknown number of features has a weight all the same": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(int(os.environ["FEATURES"]), 10)
        nn.init.normal_(self.head.weight, 0, 0.01)
        self.scale = math.sqrt(self.head.in_features)
    def forward(self, x):
        return self.head(x)
""",
    "a pattern that could take for ever": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, len(re.split("(a+)+$", "a" * 40 + "b")), 1)
    def forward(self, x):
        return self.conv(x)
""",
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_is_no_mistake(text: str) -> None:
    model = models_of(text)["Net"]
    assert (model.status, model.problems) == ("partial", [])
    assert model.params is None


NETWORK = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        return self.conv(x)
"""
NOT_LISTED = {
    "what passes its arguments on cannot be called without": """
class Conv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)
    def forward(self, x):
        return self.conv(x)
class Old(Conv):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
def make(*args):
    return Conv(args[0], args[1])
""",
    "a base class without forward, and one whose forward uses what its subclasses make": """
class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
class First(Base):
    def __init__(self, amount):
        super().__init__()
        self.last = nn.Conv2d(4, amount, 1)
    def forward(self, x):
        return self.last(self.conv(x))
class Other(nn.Module):
    def forward(self, x):
        return self.last(x)
class Second(Other):
    def __init__(self, amount):
        super().__init__()
        self.last = nn.Conv2d(3, amount, 1)
""",
    "a helper is tried through what calls it": """
CONFIGS = {"a": 8}
def _create(name, width=4, **kwargs):
    return nn.Sequential(nn.Conv2d(3, CONFIGS[name], 1), nn.Conv2d(width, 8, 1))
""",
    "a guess that is too small shows nothing": """
class Attention(nn.Module):
    def __init__(self, channels, size):
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 8, 1)
    def forward(self, x):
        return self.query(x)
""",
    "a guess of the wrong type shows nothing": """
class Settled(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.conv = nn.Conv2d(3, config.width, 1)
    def forward(self, x):
        return self.conv(x)
""",
}


@pytest.mark.parametrize("text", NOT_LISTED.values(), ids=NOT_LISTED)
def test_what_rests_on_a_guess_is_no_model(text: str) -> None:
    assert set(models_of(text + NETWORK)) == {"Net"}


COUNTED = {
    "several inputs": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, first, second):
        return self.conv(first) - self.conv(second)
""",
        16,
    ),
    "a list of images": (
        """
from typing import Dict, List
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, batch: List[Dict[str, torch.Tensor]]):
        return [self.conv(each["image"]) for each in batch]
""",
        16,
    ),
    "features of several stages": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)
    def forward(self, features):
        return self.norm(self.conv(features[-1]))
""",
        24,
    ),
    "features that are unpacked": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, features):
        low, high = features
        return self.conv(low) + self.conv(high)
""",
        16,
    ),
    "words instead of images": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.words = nn.Embedding(10, 4)
    def forward(self, words):
        return self.first(self.words(words))
""",
        80,
    ),
    "channels that nothing tells": (
        """
class Net(nn.Module):
    def forward(self, x):
        return x.view(x.size(0), 2, x.size(1) // 2, x.size(2), x.size(3))
""",
        0,
    ),
}


@pytest.mark.parametrize(("text", "params"), COUNTED.values(), ids=COUNTED)
def test_a_model_for_another_input_is_only_counted(text: str, params: int) -> None:
    model = models_of(text)["Net"]
    assert (model.status, model.problems, len(model.unknown)) == ("partial", [], 1)
    assert model.params == params


def test_a_stated_input_is_no_guess() -> None:
    text = COUNTED["channels that nothing tells"][0] + "Net()(torch.randn(1, 3, 8, 8))"
    assert [m.status for m in models_of(text).values()] == ["failed"]


def test_a_missing_package_is_no_mistake() -> None:
    text = """
try:
    from elsewhere import Norm
except ImportError:
    Norm = None
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        if Norm is None:
            raise ImportError("please install elsewhere")
        self.norm = Norm(3)
    def forward(self, x):
        return self.norm(x)
"""
    late = text.replace(
        "        if Norm", "        self.norm = nn.Conv2d(3, 3, 1)\n    def forward(self, x):\n        if Norm"
    )
    for each in (text, late[: late.index("        self.norm = Norm")] + "        return self.norm(x)"):
        assert models_of(each)["Net"].status == "partial"
        assert models_of(each)["Net"].problems == []
