"""The input at which a model is looked at: what the file itself says, else what its stem suggests."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any

from resnet_check.read.static.modules import walk
from resnet_check.read.static.values import Instance, Tensor

MAKERS = frozenset({"randn", "rand", "zeros", "ones", "empty", "randint"})
KEEPERS = frozenset({"Parameter", "Buffer", "register_parameter", "register_buffer"})
"""What a model keeps of its own: a tensor built for it is no input."""

SUMMARIES = frozenset({"summary", "get_model_complexity_info"})
FALLBACKS = (224, 32, 64, 28, 96, 128, 112, 256, 227, 299, 331, 48, 84, 100, 160, 192, 320, 384, 512)
"""Square sizes that published models are made for, the usual ones first."""

DEFAULTS = {0: (), 1: (224,), 2: (224, 224), 3: (16, 112, 112)}
"""Spatial sizes for a stem of so many dimensions when nothing is said."""

SIZE_NAMES = ("in_size", "image_size", "img_size", "input_size", "input_shape", "in_shape", "insize", "crop_size")
"""Attributes in which models keep the size that they are made for."""

LAYER_RANK = {
    "Conv1d": 1,
    "Conv2d": 2,
    "Conv3d": 3,
    "ConvTranspose1d": 1,
    "ConvTranspose2d": 2,
    "ConvTranspose3d": 3,
    "LazyConv1d": 1,
    "LazyConv2d": 2,
    "LazyConv3d": 3,
    "BatchNorm1d": 1,
    "BatchNorm2d": 2,
    "BatchNorm3d": 3,
    "InstanceNorm1d": 1,
    "InstanceNorm2d": 2,
    "InstanceNorm3d": 3,
    "Linear": 0,
    "LazyLinear": 0,
}


POOL_RANK = {"1d": 1, "2d": 2, "3d": 3}
"""Pools built before the first layer with weights say what they take as well, as in attention over channels."""


def stem_of(root: Instance) -> tuple[int, int]:
    """Return the number of spatial dimensions and of channels that the first layer with weights takes."""
    pooled = None
    found: tuple[int, int] | None = None
    for _, module in walk(root):
        for cls in module.cls.mro:
            if not cls.qualified.startswith("torch.nn"):
                continue
            rank = LAYER_RANK.get(cls.name)
            if rank is None and pooled is None and "Pool" in cls.name and cls.name[-2:] in POOL_RANK:
                pooled = POOL_RANK[cls.name[-2:]]
            if rank is None:
                continue
            channels = channels_of(module)
            if found is not None:  # a norm of one dimension before a linear layer is one of features
                return (0, channels) if (rank, channels) == (0, found[1]) else found
            found = pooled if pooled and rank else rank, channels
            if cls.name != "BatchNorm1d":
                return found
    return found or (2, 3)


def channels_of(layer: Instance) -> int:
    """Return the channels or features that a layer takes, 3 where that is not known."""
    names = ("in_channels", "in_features", "num_features")
    channels = next((layer.attributes[name] for name in names if name in layer.attributes), 3)
    return channels if isinstance(channels, int) and channels > 0 else 3


@lru_cache(maxsize=1)
def stated_shapes(tree: ast.Module) -> list[tuple[int, ...]]:
    """Return the shapes of the tensors that a file builds, or names as its input, without the batch."""
    found: list[tuple[int, ...]] = []
    kept = {id(inner) for call in ast.walk(tree) if called(call) in KEEPERS for inner in ast.walk(call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = called(node)
            if name in MAKERS and id(node) not in kept:
                shape = numbers(node.args) or (numbers_of(node.args[0]) if node.args else None)
                if shape and len(shape) >= 3:
                    found.append(shape[1:])
            elif name in SUMMARIES:
                for part in [*node.args, *(k.value for k in node.keywords)]:
                    shape = numbers_of(part)
                    if shape and len(shape) >= 2:
                        found.append(shape[1:] if len(shape) == 4 else shape)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            shape = numbers_of(node.value)
            name = node.targets[0].id.lower()
            if (
                shape
                and len(shape) in (3, 4, 5)
                and name.startswith(("input", "in_shape", "image_s", "img_s", "x_shape"))
            ):
                found.append(shape if len(shape) == 3 and name != "input" else shape[1:])
    return found


def called(node: ast.AST) -> str:
    """Return the last name of the function that a call names, an empty text for anything else."""
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def numbers_of(node: ast.expr) -> tuple[int, ...] | None:
    return numbers(node.elts) if isinstance(node, (ast.Tuple, ast.List)) else None


def numbers(nodes: list[ast.expr]) -> tuple[int, ...] | None:
    """Return the plain integers of an argument list, or None where one is something else."""
    values = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, int)]
    return tuple(values) if len(values) == len(nodes) and values else None


def given_shapes(root: Instance) -> list[tuple[int, ...]]:
    """Return the shapes of the tensors with which the file itself calls the model, without the batch."""
    shapes: list[tuple[Any, ...]] = [t.shape[1:] for t in root.inputs if isinstance(t, Tensor) and len(t.shape) > 1]
    return [shape for shape in shapes if all(isinstance(s, int) for s in shape)]


def kept_sizes(root: Instance, rank: int) -> list[tuple[int, ...]]:
    """Return the size that a model or one of its parts keeps in an attribute, with three channels before it.

    A layer of torch's keeps none: the ``input_size`` of a recurrent one counts features.
    """
    parts = [root, *root.attributes.get("_modules", {}).values()]
    owners = [part.attributes for part in parts if isinstance(part, Instance) and part.cls.node is not None]
    for name in SIZE_NAMES:
        size = next((own[name] for own in owners if name in own), None)
        if isinstance(size, int) and not isinstance(size, bool):
            size = (size,) * rank
        if not isinstance(size, (tuple, list)) or len(size) not in (rank, rank + 1):
            continue
        if all(isinstance(s, int) and s > 3 for s in size[-rank:]):
            return [(3, *size[-rank:])]
    return []


def stated(root: Instance, tree: ast.Module, rank: int) -> list[tuple[int, ...]]:
    """Return the inputs that the file names for a model, with as many spatial sizes as its stem takes."""
    shapes = [*given_shapes(root), *(kept_sizes(root, rank) if rank else ()), *stated_shapes(tree)]
    return [s for s in shapes if len(s) == rank + 1 and (rank == 0 or min(s[1:]) > 3)]
