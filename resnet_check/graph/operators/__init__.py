"""The table of operators: torch's layers and functions, their shapes, parameters and multiply-adds, stated once."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from resnet_check.graph.operators.base import FUNCTIONS, LAYERS, Function, Layer


@cache
def load() -> tuple[dict[str, Function], dict[str, Layer]]:
    """Return all functions and layers by torch's names; the files of this folder register themselves."""
    for entry in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{entry.name}")
    return FUNCTIONS, LAYERS
