"""The networks of the papers, written to be read: one file for each family, one name for each network."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from resnet_check.errors import CannotCheckError, nearest

if TYPE_CHECKING:
    from torch import nn

REFERENCES: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "plain-18": ("resnet", "plain18", {}),
    "plain-34": ("resnet", "plain34", {}),
    "resnet-18": ("resnet", "resnet18", {}),
    "resnet-34": ("resnet", "resnet34", {}),
    "resnet-50": ("resnet", "resnet50", {}),
    "resnet-101": ("resnet", "resnet101", {}),
    "resnet-152": ("resnet", "resnet152", {}),
    "resnet-50-v1.5": ("resnet", "resnet50", {"version": "v1.5"}),
    "resnet-101-v1.5": ("resnet", "resnet101", {"version": "v1.5"}),
    "resnet-152-v1.5": ("resnet", "resnet152", {"version": "v1.5"}),
    "resnet-18-a": ("resnet", "resnet18", {"shortcut": "A"}),
    "resnet-18-c": ("resnet", "resnet18", {"shortcut": "C"}),
    "resnet-34-a": ("resnet", "resnet34", {"shortcut": "A"}),
    "resnet-34-c": ("resnet", "resnet34", {"shortcut": "C"}),
    "resnet-20": ("cifar", "resnet20", {}),
    "resnet-32": ("cifar", "resnet32", {}),
    "resnet-44": ("cifar", "resnet44", {}),
    "resnet-56": ("cifar", "resnet56", {}),
    "resnet-110": ("cifar", "resnet110", {}),
    "resnet-1202": ("cifar", "resnet1202", {}),
    "resnet-20-b": ("cifar", "resnet20", {"shortcut": "B"}),
    "resnet-32-b": ("cifar", "resnet32", {"shortcut": "B"}),
    "resnet-44-b": ("cifar", "resnet44", {"shortcut": "B"}),
    "resnet-56-b": ("cifar", "resnet56", {"shortcut": "B"}),
    "resnet-110-b": ("cifar", "resnet110", {"shortcut": "B"}),
    "resnet-1202-b": ("cifar", "resnet1202", {"shortcut": "B"}),
    "preresnet-110": ("preact", "preresnet110", {}),
    "preresnet-164": ("preact", "preresnet164", {}),
    "preresnet-1001": ("preact", "preresnet1001", {}),
    "preresnet-200": ("preact", "preresnet200", {}),
    "wrn-16-8": ("wide", "wrn16_8", {}),
    "wrn-28-10": ("wide", "wrn28_10", {}),
    "wrn-40-4": ("wide", "wrn40_4", {}),
    "wrn-50-2": ("wide", "wrn50_2", {}),
    "wrn-101-2": ("wide", "wrn101_2", {}),
    "resnext-50-32x4d": ("resnext", "resnext50_32x4d", {}),
    "resnext-101-32x4d": ("resnext", "resnext101_32x4d", {}),
    "resnext-101-64x4d": ("resnext", "resnext101_64x4d", {}),
    "resnext-101-32x8d": ("resnext", "resnext101_32x8d", {}),
    "resnext-29-8x64d": ("resnext", "resnext29_8x64d", {}),
    "resnext-29-16x64d": ("resnext", "resnext29_16x64d", {}),
    "se-resnet-18": ("se", "se_resnet18", {}),
    "se-resnet-34": ("se", "se_resnet34", {}),
    "se-resnet-50": ("se", "se_resnet50", {}),
    "se-resnet-101": ("se", "se_resnet101", {}),
    "se-resnet-152": ("se", "se_resnet152", {}),
    "se-resnet-50-v1.5": ("se", "se_resnet50", {"version": "v1.5"}),
    "se-resnet-101-v1.5": ("se", "se_resnet101", {"version": "v1.5"}),
    "se-resnet-152-v1.5": ("se", "se_resnet152", {"version": "v1.5"}),
    "resnet-50-b": ("tricks", "resnet50_b", {}),
    "resnet-50-c": ("tricks", "resnet50_c", {}),
    "resnet-50-d": ("tricks", "resnet50_d", {}),
    "resnet-18-d": ("tricks", "resnet18_d", {}),
    "resnet-34-d": ("tricks", "resnet34_d", {}),
    "resnet-101-d": ("tricks", "resnet101_d", {}),
    "resnet-152-d": ("tricks", "resnet152_d", {}),
    "blog-sequential": ("blog", "blog_sequential", {}),
    "blog-module": ("blog", "blog_module", {}),
}
"""For each name: a module of this package, its function that makes the network, and the function's options."""


def build(name: str, in_channels: int | None = None, num_classes: int | None = None) -> nn.Module:
    """Make a network of `REFERENCES`; without channels or classes it has those of its paper.

    Raises `CannotCheckError` where no network has that name, or torch is not installed.
    """
    if name not in REFERENCES:
        message = f"there is no reference `{name}`{nearest(name, REFERENCES)}"
        raise CannotCheckError(message)
    module, function, options = REFERENCES[name]
    sizes = {"in_channels": in_channels, "num_classes": num_classes}
    factory = getattr(require_torch(module), function)
    net: nn.Module = factory(**{key: size for key, size in sizes.items() if size is not None}, **options)
    return net


def require_torch(module: str) -> Any:
    """Import a module of this package that needs torch; raise `CannotCheckError` where torch is not installed."""
    try:
        return importlib.import_module(f"{__name__}.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        message = "the references need torch, which is not installed; `pip install torch` installs it"
        raise CannotCheckError(message) from None
