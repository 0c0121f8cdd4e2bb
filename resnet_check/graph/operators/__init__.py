"""The table of operators: torch's layers and functions, their shapes, parameters and multiply-adds, stated once."""

from __future__ import annotations

import importlib
import os
from functools import cache

from resnet_check.graph.operators.base import FUNCTIONS, LAYERS, Function, Layer


@cache
def load() -> tuple[dict[str, Function], dict[str, Layer]]:
    """Return all functions and layers by torch's names; the files of this folder register themselves."""
    for name in sorted(entry[:-3] for entry in os.listdir(__path__[0]) if entry.endswith(".py")):
        importlib.import_module(f"{__name__}.{name}")
    return FUNCTIONS, LAYERS
