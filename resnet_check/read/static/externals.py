"""Names from outside of the project: torch, numpy and the standard library, resolved by their qualified names."""

from __future__ import annotations

from functools import cache
from typing import Any

from resnet_check.read.static import library_names, numpy_names, prelude, regular_expressions, tensors, torch_names
from resnet_check.read.static.inplace import initialiser
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.layers import abstract_class, layer_class
from resnet_check.read.static.values import OUTSIDE, External, Native, Opaque

KNOWN = frozenset({"torch", "numpy"})
"""Packages whose names are known here although they are not part of Python."""

VALUES: dict[str, Any] = {
    **library_names.VALUES,
    **regular_expressions.VALUES,
    **numpy_names.VALUES,
    **torch_names.VALUES,
}
"""Qualified names to values."""

NAMESPACES = frozenset(torch_names.NAMESPACES | library_names.NAMESPACES | numpy_names.NAMESPACES)


@cache
def private_bases() -> frozenset[str]:
    """Return torch's names of the base classes of layers, such as ``_BatchNorm``."""
    return frozenset(base for layer in tensors.LAYERS.values() for base in layer.bases)


PLAIN_MODULES = frozenset(
    "base64 datetime gc glob hashlib json logging multiprocessing os pathlib platform queue random shutil signal socket "
    "string struct subprocess sys tempfile threading time traceback urllib uuid warnings weakref zipfile".split()
)
"""Modules of Python whose objects hold no layers."""


def canonical(name: str) -> str:
    """Return the short public name of something of torch's: ``torch.nn.modules.conv.Conv2d`` is ``torch.nn.Conv2d``."""
    for prefix, short in (("torch.nn.modules.", "torch.nn."), ("torch.nn.parameter.", "torch.nn.")):
        if name.startswith(prefix):
            last = f"{short}{name.rpartition('.')[2]}"
            if last in tensors.LAYERS or last in VALUES or layer_class(last) is not None:
                return last
    if name.startswith("torch.functional."):
        return f"torch.{name.rpartition('.')[2]}"
    return name


_resolved: dict[str, Any] = {}


def resolve(interpreter: Interpreter, name: str) -> Any:
    """Return the value of a qualified name, or an `Opaque`."""
    if name in _resolved:
        return _resolved[name]
    value = look_up(canonical(name))
    if value is None and name not in VALUES:
        value = prelude.find(interpreter, name)
        kind = OUTSIDE if name.partition(".")[0] in PLAIN_MODULES else "any"
        return Opaque(f"`{name}`", kind=kind) if value is None else value
    _resolved[name] = value
    return value


def look_up(name: str) -> Any:
    if name in VALUES:
        return VALUES[name]
    if name in NAMESPACES:
        return External(name)
    if name.startswith("torch.nn.init."):
        return initialiser(name.rpartition(".")[2])
    layer = layer_class(name)
    if layer is not None:
        return layer
    function = tensors.FUNCTIONS.get(name) if not name.rpartition(".")[2][:1].isupper() else None
    if function is not None:
        return Native(name, lambda i, s, *a, **k: tensors.run(i, function, a, k, s), lenient=True)
    return abstract_class(name) if name.startswith("torch.") and name in private_bases() else None


def public_names(module: str) -> list[str] | None:
    """Return the names that ``from module import *`` binds, or None where they are not known."""
    prefix = f"{module}."
    if module not in NAMESPACES:
        return None
    found = {
        name.removeprefix(prefix)
        for table in (VALUES, tensors.LAYERS, tensors.FUNCTIONS)
        for name in table
        if name.startswith(prefix)
    }
    if module == "torch.nn":
        found |= {"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"}
    return sorted(name for name in found if "." not in name and not name.startswith("_"))
