"""Libraries that files of models build upon: torchvision's and timm's networks, Lightning's module, torchmetrics."""

from __future__ import annotations

from typing import Any

import pytest

from resnet_check.read.static.reader import read
from resnet_check.source import parse_source


def models_of(text: str) -> dict[str, Any]:
    return {m.name: m for m in read(parse_source("net.py", text.encode())).models}


TORCHVISION = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnext50_32x4d": 25_028_904,
    "resnext101_32x8d": 88_791_336,
    "resnext101_64x4d": 83_455_272,
    "wide_resnet50_2": 68_883_240,
    "wide_resnet101_2": 126_886_696,
    "alexnet": 61_100_840,
    "densenet121": 7_978_856,
    "densenet161": 28_681_000,
    "mobilenet_v2": 3_504_872,
    "vgg11_bn": 132_868_840,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
}
"""The parameters that torchvision's documentation states."""


@pytest.mark.parametrize(("name", "parameters"), TORCHVISION.items())
def test_torchvision_networks(name: str, parameters: int) -> None:
    text = f"from torchvision import models\ndef net():\n    return models.{name}(weights=models.Any_Weights.DEFAULT)\n"
    model = models_of(text)["net"]
    assert (model.status, model.params, str(model.output)) == ("complete", parameters, "(N, 1000)")


HEAD = """
from collections import OrderedDict
from functools import partial

import torch
import torchmetrics
import pytorch_lightning as pl
import timm
from timm.models.layers import DropPath, Mlp, to_2tuple, trunc_normal_
from torch import nn
from torchvision import models, ops
from torchvision.models._utils import IntermediateLayerGetter
"""

CASES = {
    "another head and another stem": (
        """
def net(classes=5):
    model = models.resnet18(pretrained=True)
    model.fc = nn.Linear(model.fc.in_features, classes)
    model.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    return model
""",
        (11_689_512 - 513_000 + 513 * 5 - 6272, "(N, 5)"),
    ),
    "all but the head": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(*list(models.resnet50().children())[:-2])
    def forward(self, x):
        return self.features(x).mean((2, 3))
""",
        (25_557_032 - 2_049_000, "(N, 2048)"),
    ),
    "parts that are dilated and picked by name": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        body = models.resnet50(replace_stride_with_dilation=[False, True, True], norm_layer=ops.FrozenBatchNorm2d)
        self.body = IntermediateLayerGetter(body, return_layers={"layer4": "out"})
        self.drop = ops.StochasticDepth(0.2, "row")
        self.gate = ops.SqueezeExcitation(2048, 64)
    def forward(self, x):
        x = self.body(x)["out"]
        return self.gate(self.drop(x)).mean((2, 3))
""",
        (25_557_032 - 2_049_000 - 53_120 + 2 * 2048 * 64 + 64 + 2048, "(N, 2048)"),
    ),
    "a module of Lightning's keeps its arguments and its metrics": (
        """
class Net(pl.LightningModule):
    def __init__(self, classes=7, **kwargs):
        super().__init__()
        self.save_hyperparameters()
        self.head = nn.Conv2d(3, self.hparams.classes, 1)
        self.accuracy = torchmetrics.Accuracy(task="multiclass", num_classes=classes)
    def forward(self, x):
        return self.head(x)
    def training_step(self, batch, index):
        self.log("loss", self(batch).mean())
""",
        (28, "(N, 7, H, W)"),
    ),
    "timm's network without its head, and timm's layers": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = timm.create_model("resnet18.a1_in1k", pretrained=True, num_classes=0, in_chans=1)
        self.head = nn.Linear(self.body.num_features, to_2tuple(3)[0])
        trunc_normal_(self.head.weight, std=0.02)
        self.mlp = nn.Sequential(Mlp(512, 64), DropPath(0.1))
    def forward(self, x):
        x = self.body(x)
        return self.head(x + self.mlp(x))
""",
        (11_689_512 - 513_000 - 6272 + 2 * 512 * 64 + 576 + 1539, "(N, 3)"),
    ),
    "the stages of timm's network": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = timm.create_model("resnet50", features_only=True, out_indices=(1, 4))
        self.head = nn.Conv2d(self.body.feature_info.channels()[-1], 5, 1)
    def forward(self, x):
        shallow, deep = self.body(x)
        return self.head(deep).mean((2, 3)), shallow.mean((2, 3))
""",
        (25_557_032 - 2_049_000 + 10_245, "[(N, 5), (N, 256)]"),
    ),
    "a class with the methods of a hub": (
        """
from huggingface_hub import PyTorchModelHubMixin
class Net(nn.Module, PyTorchModelHubMixin):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(*list(models.vgg16(pretrained=True).features)[:5])
    def forward(self, x):
        return self.body(x)
""",
        (38_720, "(N, 64, H // 2, W // 2)"),
    ),
    "the type of a partial": (
        """
class Net(nn.Module):
    def __init__(self, norm=partial(nn.InstanceNorm2d, affine=False)):
        super().__init__()
        bias = norm.func == nn.InstanceNorm2d if type(norm) == partial else norm == nn.InstanceNorm2d
        self.conv = nn.Conv2d(3, 4, 1, bias=bias)
    def forward(self, x):
        return self.conv(x)
""",
        (16, "(N, 4, H, W)"),
    ),
    "a small stem that does not run on small images": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.skip = nn.Conv2d(3, 4, 1)
        self.pool = nn.AvgPool2d(40)
    def forward(self, x):
        return self.pool(self.conv(x) + self.skip(x))
""",
        (128, "(N, 4, H // 40, W // 40)"),
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_built_upon(text: str, expected: tuple[int, str]) -> None:
    (model,) = models_of(HEAD + text).values()
    assert (model.unknown, model.problems) == ([], [])
    assert (model.params, str(model.output)) == expected


def test_a_network_of_timm_that_is_not_known() -> None:
    text = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = timm.create_model("efficientnet_b0", pretrained=True)
    def forward(self, x):
        return self.body(x)
"""
    model = models_of(HEAD + text)["Net"]
    assert (model.status, model.params) == ("partial", None)
    assert "timm's network `efficientnet_b0`" in str(model.unknown[0])
