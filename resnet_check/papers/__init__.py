"""Published architectures as data, one file per paper, and comparing a network with them."""

from __future__ import annotations

import importlib
import os
import re
from functools import cache

from resnet_check.errors import CannotCheckError, nearest
from resnet_check.papers.records import Variant

PAPERS = re.compile(r"[a-z]+\d{4}\.py")
"""The files of papers: the first author's name and the year."""


@cache
def variants() -> dict[str, Variant]:
    """Return every published architecture by its name, paper by paper."""
    folder = os.path.dirname(__file__)
    names = sorted((entry[:-3] for entry in os.listdir(folder) if PAPERS.fullmatch(entry)), key=lambda n: (n[-4:], n))
    modules = [importlib.import_module(f"resnet_check.papers.{name}") for name in names]
    return {variant.name: variant for module in modules for variant in module.VARIANTS}


def find(name: str) -> Variant:
    """Return the architecture of a name, however it is spelt (``ResNet50``, ``resnet_50``, ``WRN-28-10``).

    Raises:
        CannotCheckError: there is none of that name; the message names the nearest.
    """
    for known in variants().values():
        if _letters(known.name) == _letters(name):
            return known
    message = f"no published architecture is called {name!r}{nearest(name.lower(), list(variants()))}"
    raise CannotCheckError(message)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower()).replace("wideresnet", "wrn")
