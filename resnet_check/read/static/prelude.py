"""Parts of torch that are easiest said in Python: text that the reader interprets like a project's own file."""

from __future__ import annotations

import ast
from typing import Any

from resnet_check.read.static.interpreter import Interpreter

TEXT = """
import torch
from torch import nn

class DataParallel(nn.Module):
    def __init__(self, module, device_ids=None, output_device=None, dim=0, **kwargs):
        super().__init__()
        self.module = module
    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

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
    "torch.nn.DataParallel": "DataParallel",
    "torch.nn.parallel.DataParallel": "DataParallel",
    "torch.nn.parallel.DistributedDataParallel": "DataParallel",
}
"""Torch's names to classes of the text."""


def find(interpreter: Interpreter, name: str) -> Any:
    """Return one of these parts by torch's name, or None."""
    target = PLACES.get(name)
    if target is None:
        return None
    from resnet_check.read.static.imports import FileNamespace

    namespace = FileNamespace("<torch>", TEXT, ast.parse(TEXT), interpreter.files)
    namespace.make_lazy(interpreter)
    return namespace.lookup(target)
