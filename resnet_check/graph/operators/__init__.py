"""The table of operators: torch's layers and functions, their shapes, parameters and multiply-adds, stated once.

The files of this folder register themselves. A name that is looked up is searched for file by file, the usual ones first,
so that a run imports only what its models use.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from resnet_check.graph.operators.base import FUNCTIONS, LAYERS, Function, Layer

USUAL = (
    *("norm", "activation", "convolution_layers", "pooling", "linear", "pooling_sized"),
    *("norm_groups", "arithmetic", "reshape", "shaping", "properties", "dropout", "reduction"),
)
"""The files with what nearly every ResNet uses."""

PREFIXES = ("torch.", "operator.")
CONTAINERS = frozenset(
    f"torch.nn.{name}"
    for name in ("Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
)
"""Modules that are no operators: nobody has to look for them."""


@cache
def _unread() -> list[str]:
    """Return the names of the files that were not imported yet, the next one last."""
    found = {entry[:-3] for entry in os.listdir(__path__[0]) if entry.endswith(".py")}
    return [*sorted(found.difference(USUAL), reverse=True), *reversed(USUAL)]


def _read_next() -> bool:
    """Import one more file; returns whether there was one."""
    unread = _unread()
    if not unread:
        return False
    importlib.import_module(f"{__name__}.{unread.pop()}")
    return True


class Table(Mapping[str, Any]):
    """A table that grows while names are looked up in it."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.known = known

    def get(self, name: str, default: Any = None) -> Any:
        """Return the operator of that name."""
        if name in self.known:
            return self.known[name]
        if not name.startswith(PREFIXES) or name in CONTAINERS:
            return default
        while _read_next():
            if name in self.known:
                return self.known[name]
        return default

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        load()
        return iter(self.known)

    def __len__(self) -> int:
        load()
        return len(self.known)


FUNCTION_TABLE: Mapping[str, Function] = Table(FUNCTIONS)
LAYER_TABLE: Mapping[str, Layer] = Table(LAYERS)


def load() -> tuple[dict[str, Function], dict[str, Layer]]:
    """Return all functions and layers by torch's names."""
    while _read_next():
        pass
    return FUNCTIONS, LAYERS
