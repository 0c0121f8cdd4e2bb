"""Parts of torch that are easiest said in Python: text that the reader interprets like a project's own file."""

from __future__ import annotations

import ast
import importlib
from typing import Any, NamedTuple

from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import External, Native, Opaque

TEXT = """
import torch
from torch import nn

class DataParallel(nn.Module):
    def __init__(self, module, device_ids=None, output_device=None, dim=0, **kwargs):
        super().__init__()
        self.module = module
    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

class RemovableHandle:
    def __init__(self, hooks, key):
        self.hooks = hooks
        self.key = key
    def remove(self):
        self.hooks.pop(self.key, None)
    def __enter__(self):
        return self
    def __exit__(self, *args):
        self.remove()

class Stub(nn.Module):
    def __init__(self, qconfig=None):
        super().__init__()
    def forward(self, x):
        return x

class FloatFunctional(nn.Module):
    def __init__(self):
        super().__init__()
        self.activation_post_process = nn.Identity()
    def add(self, x, y):
        return torch.add(x, y)
    def add_scalar(self, x, y):
        return torch.add(x, y)
    def mul(self, x, y):
        return torch.mul(x, y)
    def mul_scalar(self, x, y):
        return torch.mul(x, y)
    def cat(self, x, dim=0):
        return torch.cat(x, dim=dim)
    def add_relu(self, x, y):
        return torch.relu(torch.add(x, y))
    def matmul(self, x, y):
        return torch.matmul(x, y)
"""

PLACES = {
    **{
        f"torch.{prefix}{name}": target
        for prefix in ("quantization.", "ao.quantization.")
        for name, target in (("QuantStub", "Stub"), ("DeQuantStub", "Stub"))
    },
    **{
        f"torch.{prefix}FloatFunctional": "FloatFunctional"
        for prefix in ("nn.quantized.", "ao.nn.quantized.", "nn.quantized.modules.")
    },
    "torch.utils.hooks.RemovableHandle": "RemovableHandle",
    "torch.nn.DataParallel": "DataParallel",
    "torch.nn.parallel.DataParallel": "DataParallel",
    "torch.nn.parallel.DistributedDataParallel": "DataParallel",
}
"""Torch's names to classes of the text."""


class Text(NamedTuple):
    """One text: what stands for its path, the qualified names of what it gives, and the names that it uses."""

    path: str
    text: str
    places: dict[str, str]
    natives: dict[str, Any]


TEXTS = {
    "torchvision": "torchvision",
    "pytorch_lightning": "lightning",
    "lightning": "lightning",
    "einops": "einops",
    "timm": "timm",
}
"""Packages to the modules beside this one that hold their texts."""


def text_of(package: str) -> tuple[Text, frozenset[str]]:
    """Return the text for a package, and those of its names that are modules; it is imported when it is first needed."""
    name = TEXTS.get(package)
    if name is None:
        return Text("<torch>", TEXT, PLACES, {}), frozenset()
    module = importlib.import_module(f"resnet_check.read.static.{name}_text")
    return Text(f"<{name}>", module.TEXT, module.PLACES, getattr(module, "NATIVES", {})), module.NAMESPACES


PACKAGES = frozenset({*TEXTS, "torchmetrics"})
"""Packages of which some names are known here, where the project does not hold them."""

METRIC = Native("metric", lambda _i, site, *_a, **_k: Opaque("a metric", site, "number"), lenient=True)
"""A class of torchmetrics: its objects are modules without parameters, which forward does not call."""


def find(interpreter: Interpreter, name: str) -> Any:
    """Return one of these parts by its qualified name, or None."""
    from resnet_check.read.static.imports import FileNamespace

    if name.startswith("torchmetrics.") and name.rpartition(".")[2][:1].isupper():
        return METRIC
    text, modules = text_of(name.partition(".")[0])
    if name in modules:
        return External(name)
    if name not in text.places:
        return None
    opened = interpreter.files.texts
    if text.path not in opened:
        opened[text.path] = namespace = FileNamespace(text.path, text.text, ast.parse(text.text), interpreter.files)
        namespace.names.update(text.natives)
        namespace.make_lazy(interpreter)
    return opened[text.path].lookup(text.places[name])
