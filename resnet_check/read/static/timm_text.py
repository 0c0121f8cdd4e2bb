"""Timm's small layers and its plain residual networks as text for the reader (see `prelude`)."""

from __future__ import annotations

from typing import Any

from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import Native, Opaque

TEXT = """
import torch
from torch import nn
from torch.nn import functional as F


def to_ntuple(n):
    def parse(x):
        return tuple(x) if isinstance(x, (list, tuple)) else (x,) * n
    return parse


to_1tuple, to_2tuple, to_3tuple, to_4tuple = to_ntuple(1), to_ntuple(2), to_ntuple(3), to_ntuple(4)


def make_divisible(v, divisor=8, min_value=None, round_limit=0.9):
    least = min_value or divisor
    found = max(least, int(v + divisor / 2) // divisor * divisor)
    return found + divisor if found < round_limit * v else found


def initialised(tensor, *args, **kwargs):
    return tensor


def register_model(function):
    return function


def drop_path(x, drop_prob=0.0, training=False, scale_by_keep=True):
    return x * 1.0 if training and drop_prob else x


class DropPath(nn.Module):
    def __init__(self, drop_prob=0.0, scale_by_keep=True):
        super().__init__()
        self.drop_prob = drop_prob
        self.scale_by_keep = scale_by_keep

    def forward(self, x):
        return drop_path(x, self.drop_prob, self.training, self.scale_by_keep)


class Mlp(nn.Module):
    def __init__(
        self, in_features, hidden_features=None, out_features=None, act_layer=nn.GELU, norm_layer=None, bias=True,
        drop=0.0, use_conv=False
    ):
        super().__init__()
        hidden, out = hidden_features or in_features, out_features or in_features
        bias, drop = to_2tuple(bias), to_2tuple(drop)
        self.fc1 = nn.Conv2d(in_features, hidden, 1, bias=bias[0]) if use_conv else nn.Linear(in_features, hidden, bias[0])
        self.act = act_layer()
        self.drop1 = nn.Dropout(drop[0])
        self.norm = norm_layer(hidden) if norm_layer is not None else nn.Identity()
        self.fc2 = nn.Conv2d(hidden, out, 1, bias=bias[1]) if use_conv else nn.Linear(hidden, out, bias[1])
        self.drop2 = nn.Dropout(drop[1])

    def forward(self, x):
        return self.drop2(self.fc2(self.norm(self.drop1(self.act(self.fc1(x))))))


class LayerNorm2d(nn.LayerNorm):
    def __init__(self, num_channels, eps=1e-6, affine=True):
        super().__init__(num_channels, eps=eps, elementwise_affine=affine)

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)


class Block(nn.Module):
    def __init__(self, inplanes, planes, stride, groups, base_width, bottleneck):
        super().__init__()
        out = planes * 4 if bottleneck else planes
        width = int(planes * (base_width / 64.0)) * groups if bottleneck else planes
        self.conv1 = nn.Conv2d(inplanes, width, 1, bias=False) if bottleneck else conv3x3(inplanes, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(width, width, stride, groups) if bottleneck else conv3x3(width, out)
        self.bn2 = nn.BatchNorm2d(width)
        if bottleneck:
            self.act2 = nn.ReLU(inplace=True)
            self.conv3 = nn.Conv2d(width, out, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(out)
            self.act3 = nn.ReLU(inplace=True)
        else:
            self.act2 = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inplanes != out:
            self.downsample = nn.Sequential(nn.Conv2d(inplanes, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        self.bottleneck = bottleneck

    def forward(self, x):
        shortcut = x
        x = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))
        if self.bottleneck:
            x = self.bn3(self.conv3(self.act2(x)))
        if self.downsample is not None:
            shortcut = self.downsample(shortcut)
        x += shortcut
        return self.act3(x) if self.bottleneck else self.act2(x)


def conv3x3(inplanes, planes, stride=1, groups=1):
    return nn.Conv2d(inplanes, planes, 3, stride, 1, groups=groups, bias=False)


class SelectAdaptivePool2d(nn.Module):
    def __init__(self, output_size=1, pool_type="avg", flatten=False):
        super().__init__()
        self.pool_type = pool_type
        self.pool = nn.AdaptiveMaxPool2d(output_size) if pool_type == "max" else nn.AdaptiveAvgPool2d(output_size)
        self.flatten = nn.Flatten(1) if flatten else nn.Identity()

    def forward(self, x):
        return self.flatten(self.pool(x)) if self.pool_type else x


class ResNet(nn.Module):
    def __init__(
        self, layers, bottleneck, groups=1, base_width=64, num_classes=1000, in_chans=3, global_pool="avg", drop_rate=0.0
    ):
        super().__init__()
        self.num_classes, self.drop_rate = num_classes, drop_rate
        self.conv1 = nn.Conv2d(in_chans, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.act1 = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inplanes = 64
        for i, count in enumerate(layers):
            made = []
            for j in range(count):
                stride = 2 if i and j == 0 else 1
                made.append(Block(inplanes, 64 * 2**i, stride, groups, base_width, bottleneck))
                inplanes = 64 * 2**i * (4 if bottleneck else 1)
            self.add_module(f"layer{i + 1}", nn.Sequential(*made))
        self.num_features = self.head_hidden_size = inplanes
        self.global_pool = SelectAdaptivePool2d(1, global_pool, flatten=bool(global_pool))
        self.fc = nn.Linear(inplanes, num_classes) if num_classes else nn.Identity()

    def get_classifier(self):
        return self.fc

    def reset_classifier(self, num_classes, global_pool="avg"):
        self.num_classes = num_classes
        self.global_pool = SelectAdaptivePool2d(1, global_pool, flatten=bool(global_pool))
        self.fc = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def forward_features(self, x):
        x = self.maxpool(self.act1(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward_head(self, x, pre_logits=False):
        x = self.global_pool(x)
        if self.drop_rate:
            x = F.dropout(x, p=float(self.drop_rate), training=self.training)
        return x if pre_logits else self.fc(x)

    def forward(self, x):
        return self.forward_head(self.forward_features(x))


class FeatureInfo:
    def __init__(self, channels, reductions, indices):
        self.known = [channels[i] for i in indices], [reductions[i] for i in indices]

    def channels(self, idx=None):
        return self.known[0] if idx is None else self.known[0][idx]

    def reduction(self, idx=None):
        return self.known[1] if idx is None else self.known[1][idx]


class FeatureListNet(nn.ModuleDict):
    def __init__(self, model, out_indices):
        indices = [i % 5 for i in out_indices]
        names = ["conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3", "layer4"]
        last = ["act1", "layer1", "layer2", "layer3", "layer4"]
        kept = names[: names.index(last[max(indices)]) + 1]
        super().__init__({name: getattr(model, name) for name in kept})
        self.returned = [last[i] for i in indices]
        widths = [64, *[model.num_features // 2**k for k in (3, 2, 1, 0)]]
        self.feature_info = FeatureInfo(widths, [2, 4, 8, 16, 32], indices)

    def forward(self, x):
        found = []
        for name, module in self.items():
            x = module(x)
            if name in self.returned:
                found.append(x)
        return found


NETWORKS = {
    "resnet18": ([2, 2, 2, 2], False, 1, 64),
    "resnet34": ([3, 4, 6, 3], False, 1, 64),
    "resnet50": ([3, 4, 6, 3], True, 1, 64),
    "resnet101": ([3, 4, 23, 3], True, 1, 64),
    "resnet152": ([3, 8, 36, 3], True, 1, 64),
    "resnext50_32x4d": ([3, 4, 6, 3], True, 32, 4),
    "resnext101_32x8d": ([3, 4, 23, 3], True, 32, 8),
    "wide_resnet50_2": ([3, 4, 6, 3], True, 1, 128),
    "wide_resnet101_2": ([3, 4, 23, 3], True, 1, 128),
}


def create_model(model_name, pretrained=False, features_only=False, out_indices=(0, 1, 2, 3, 4), **kwargs):
    known = NETWORKS.get(model_name.partition(".")[0])
    if known is None or not all(k in TAKEN for k in kwargs):
        return unknown_network(model_name)
    given = {k: v for k, v in kwargs.items() if v is not None and k in TAKEN[:4]}
    model = ResNet(*known, **given)
    return FeatureListNet(model, out_indices) if features_only else model


TAKEN = ["num_classes", "in_chans", "global_pool", "drop_rate", "drop_path_rate", "checkpoint_path", "exportable"]
"""

LAYERS = (
    "DropPath drop_path Mlp LayerNorm2d SelectAdaptivePool2d make_divisible to_ntuple to_1tuple to_2tuple to_3tuple"
    " to_4tuple"
).split()

INITIALISERS = "trunc_normal_ trunc_normal_tf_ lecun_normal_ variance_scaling_".split()

PLACES = {
    **{f"timm.{place}.{name}": name for place in ("layers", "models.layers") for name in LAYERS},
    **{f"timm.{place}.{name}": "initialised" for place in ("layers", "models.layers") for name in INITIALISERS},
    **{f"timm.models.layers.{file}.{name}": name for file, name in (("drop", "DropPath"), ("helpers", "to_2tuple"))},
    "timm.models.layers.weight_init.trunc_normal_": "initialised",
    **{f"timm.models.{place}register_model": "register_model" for place in ("", "registry.", "_registry.")},
    **{f"timm.{place}create_model": "create_model" for place in ("", "models.", "models.factory.")},
}
"""Timm's names to those of the text."""

NAMESPACES = frozenset(
    {"timm.layers", "timm.models", "timm.models.layers", "timm.models.layers.drop", "timm.models.layers.helpers"}
    | {"timm.models.layers.weight_init", "timm.models.registry", "timm.models._registry", "timm.models.factory"}
)


def unknown_network(_interpreter: Interpreter, site: Any, name: Any) -> Any:
    """Return what `create_model` gives for a network that is not in the text."""
    return Opaque(f"timm's network `{name}`" if isinstance(name, str) else "a network of timm", site)


NATIVES = {"unknown_network": Native("unknown_network", unknown_network)}
"""Names that the text uses and the reader implements."""
