"""What a file says about the size of the images that it is meant for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.source import Source

DATASETS = re.compile(r"cifar|mnist|image_?net|svhn|omniglot|ilsvrc|kinetics|fer2013|lfw", re.IGNORECASE)
SIZE_NAME = re.compile(
    r"(^|_)(in|image|img|im|input|inp|crop|patch|frame|spatial|sample)_?(size|shape|res|resolution|height|width|dims?|h|w)s?$"
    r"|^(insize|imsize|resolution|image_?dim)$",
    re.IGNORECASE,
)
PAIR = re.compile(r"\b(\d{2,3})\s*(?:[x\u00d7*]|, )\s*(\d{2,3})\b")
MAKERS = frozenset({"randn", "rand", "zeros", "ones", "empty", "randint"})


def says_size(source: Source, ranges: list[tuple[int, int]]) -> bool:
    """Return whether a file says what size of images it is meant for, in one of the ways that people do."""
    tree = source.tree
    if tree is None:
        return False
    if DATASETS.search(source.text) or DATASETS.search(source.path):
        return True
    if any(name_says_size(node) for node in ast.walk(tree)) or any(map(checks_size, ast.walk(tree))):
        return True
    sizes = {size for shape in built_shapes(tree) for size in shape[2:]} | set(written_sizes(source.text))
    return any(low <= size <= high for size in sizes for low, high in ranges)


def name_says_size(node: ast.AST) -> bool:
    """Return whether a parameter, keyword, variable or attribute is named like an image's size."""
    if isinstance(node, ast.arg):
        return bool(SIZE_NAME.search(node.arg))
    if isinstance(node, ast.keyword):
        return bool(node.arg and SIZE_NAME.search(node.arg))
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return bool(SIZE_NAME.search(node.id))
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and bool(SIZE_NAME.search(node.attr))


def checks_size(node: ast.AST) -> bool:
    """Return whether a statement refuses images of other sizes."""
    if isinstance(node, ast.Assert):
        return reads_size(node.test)
    return isinstance(node, ast.If) and any(isinstance(s, ast.Raise) for s in node.body) and reads_size(node.test)


def reads_size(test: ast.expr) -> bool:
    """Return whether a condition reads the shape of a tensor."""
    return any(isinstance(node, ast.Attribute) and node.attr in {"shape", "size"} for node in ast.walk(test))


def built_shapes(tree: ast.AST) -> Iterator[tuple[int, ...]]:
    """Yield the shapes of the tensors that a file builds from plain numbers, batch and channels first."""
    return (sizes for sizes, _ in built_tensors(tree))


def built_images(tree: ast.AST) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the shapes of the batches of images that a file builds, with their lines."""
    return ((sizes, line) for sizes, line in built_tensors(tree) if len(sizes) == 4)


def built_tensors(tree: ast.AST) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the shapes of the tensors that a file builds from plain numbers, or names as its input, with their lines."""
    for node in ast.walk(tree):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in MAKERS:
                one = len(node.args) == 1 and isinstance(node.args[0], (ast.Tuple, ast.List))
                given = node.args[0].elts if one else node.args  # type: ignore[attr-defined]
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.Tuple, ast.List)):
            names = [t.id.lower() for t in node.targets if isinstance(t, ast.Name)]
            if any(n.startswith(("input", "in_shape", "x_shape")) for n in names):
                given = node.value.elts
        sizes = tuple(a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, int))
        if len(sizes) >= 3 and (len(sizes) == len(given) or isinstance(node, ast.Call)):
            yield sizes, getattr(node, "lineno", 1)


def written_sizes(text: str) -> Iterator[int]:
    """Yield the sizes that comments and strings speak of as ``224x224`` or ``3 x 32 x 32``."""
    for match in PAIR.finditer(text):
        if match[1] == match[2]:
            yield int(match[1])
