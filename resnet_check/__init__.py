"""resnet-check: does a ResNet run, is it the network that it says it is, and does it stay so?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnet_check.analysis import analyze
    from resnet_check.api import check

__version__ = "0.1.0"

__all__ = ["__version__", "analyze", "check"]

HOMES = {"analyze": "resnet_check.analysis", "check": "resnet_check.api"}
"""The modules of the functions of the package."""


def __getattr__(name: str) -> Any:
    """Import the functions of the package when they are first used, so that importing it costs nothing."""
    if name in HOMES:
        import importlib

        return getattr(importlib.import_module(HOMES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
