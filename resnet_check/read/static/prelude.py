"""Parts of packages that are easiest said in Python: texts that the reader interprets like a project's own file."""

from __future__ import annotations

import ast
import importlib
from typing import Any, NamedTuple

from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import External, Native, Opaque


class Text(NamedTuple):
    """One text: what stands for its path, the qualified names of what it gives, and the names that it uses."""

    path: str
    text: str
    places: dict[str, str]
    natives: dict[str, Any]


TEXTS = {
    "torch": "torch",
    "huggingface_hub": "torch",
    "torchvision": "torchvision",
    "torchaudio": "torchaudio",
    "pytorch_lightning": "lightning",
    "lightning": "lightning",
    "einops": "einops",
    "timm": "timm",
}
"""Packages to the modules beside this one that hold their texts."""


def text_of(package: str) -> tuple[Text, frozenset[str]]:
    """Return the text for a package, and those of its names that are modules; it is imported when it is first needed."""
    name = TEXTS.get(package, "torch")
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
