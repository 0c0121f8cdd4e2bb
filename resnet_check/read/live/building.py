"""Finding a model in the user's file and building it, in the process that was forked for it."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from resnet_check.read.live.protocol import Request

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg")
"""What lies in the top folder of a project."""


BUILDING = frozenset({
    "add_module", "append", "apply", "extend", "insert", "load_state_dict", "register_buffer", "register_module",
    "register_parameter",
})  # fmt: skip
"""Methods of modules that give them parts or values."""


GUESSED = 224, 64, 32, 8
"""Sizes to try where nobody knows the input's: the first in space for images; fewer for what has more dimensions."""


class Bound(BaseException):
    """The name that is wanted has just been bound: nothing after that has to be run."""


class NoModelError(Exception):
    """What the file gives is no module."""


def project_of(path: str) -> str:
    """Return the folder that a file may read: the top of its project, or else where its imports begin.

    Never the home folder or the root of the file system, which hold more than a project.
    """
    start = import_root(path)[0]
    folder, parent = start, os.path.dirname(start)
    while folder != parent and not _is_too_much(folder):
        if any(os.path.exists(os.path.join(folder, name)) for name in PROJECT_FILES):
            return folder
        folder, parent = parent, os.path.dirname(parent)
    return start if not _is_too_much(start) else os.path.dirname(path)


def _is_too_much(folder: str) -> bool:
    return folder in {os.path.expanduser("~"), os.path.dirname(folder)}


def import_root(path: str) -> tuple[str, str]:
    """Return the folder from which a file is imported, and the dotted name that it has from there."""
    folder, name = os.path.split(path)
    parts = [os.path.splitext(name)[0]]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    return folder, ".".join(parts)


def factory(request: Request) -> Callable[[], Any]:
    """Return what builds the request's model, a fresh one at each call; the file is imported for that.

    What the file itself raises comes through.
    """
    folder, name = import_root(request.path)
    # As if it were run from its folder, or from the top of its project, but after what is installed only by name.
    sys.path[:0] = [each for each in dict.fromkeys((folder, request.project)) if each not in sys.path]
    if request.kind == "instance":
        return lambda: _instance(request, name)
    module = _imported(request.path, name)
    build = getattr(module, request.name, None)
    if build is None:
        message = f"`{request.name}` is not there after the import"
        raise NoModelError(message)
    return lambda: _checked(build(), request.name)


def _checked(built: Any, name: str) -> Any:
    from torch import nn

    if not isinstance(built, nn.Module):
        message = f"`{name}` gives no module but `{type(built).__name__}`"
        raise NoModelError(message)
    return built


def _imported(path: str, name: str) -> types.ModuleType:
    """Return the module of a file: imported by its name in its package, or by its path where it is in none."""
    if "." in name:
        return importlib.import_module(name)
    known = name.isidentifier() and name not in sys.modules and name not in sys.stdlib_module_names
    spec = importlib.util.spec_from_file_location(name if known else f"_model_{abs(hash(path))}", path)
    if spec is None or spec.loader is None:
        message = f"{path} is no Python module"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _instance(request: Request, name: str) -> Any:
    """Return the module that a file binds to a name, running the file as a script up to there."""
    with open(request.path, "rb") as file:
        tree = ast.parse(file.read(), request.path)
    stop(tree, request.name, request.line)
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=request.path, __package__=name.rpartition(".")[0] or None, _Bound=Bound)
    sys.modules["__main__"] = module
    code = compile(ast.fix_missing_locations(tree), request.path, "exec", dont_inherit=True)
    with contextlib.suppress(Bound):
        exec(code, module.__dict__)  # noqa: S102 - this process exists to run the file
    if request.name not in module.__dict__:
        message = f"`{request.name}` is not bound when line {request.line} has run"
        raise NoModelError(message)
    return _checked(module.__dict__[request.name], request.name)


def stop(tree: ast.Module, name: str, line: int) -> None:
    """Put a stop behind the statement of a line that binds a name, and behind what goes on building there.

    What follows in the file (training, say) is not run; ``net.add_module(...)`` in the same block is a part of the model.
    """
    for node in ast.walk(tree):
        for block in (getattr(node, part, None) for part in ("body", "orelse", "finalbody")):
            if isinstance(block, list) and (at := _statement(block, line)) is not None:
                last = max(n for n, each in enumerate(block) if n == at or (n > at and _builds(each, name)))
                raising = ast.Raise(ast.Name("_Bound", ast.Load()), None)
                block.insert(last + 1, ast.copy_location(raising, block[last]))
                return


def _statement(block: list[Any], line: int) -> int | None:
    """Return the index of the statement of a block that begins on a line and holds no others."""
    found = (n for n, each in enumerate(block) if isinstance(each, ast.stmt) and each.lineno == line)
    return next((n for n in found if not hasattr(block[n], "body")), None)


def _builds(statement: ast.stmt, name: str) -> bool:
    """Return whether a statement changes the module of a name: gives it a part, or calls a method that does."""
    for node in ast.walk(statement):
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in BUILDING:
                part: ast.expr = value
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                part = node
            case _:
                continue
        while isinstance(part, (ast.Attribute, ast.Subscript)):
            part = part.value
        if isinstance(part, ast.Name) and part.id == name:
            return True
    return False


def input_of(module: Any, static: Any) -> tuple[int, ...]:
    """Return the shape of the input without the batch: as the file says, else what its first layer takes."""
    from torch.nn.modules.conv import _ConvNd

    if static is not None and static.input is not None:
        from resnet_check.graph.dim import value

        return tuple(value(size) for size in static.input[1:])
    for layer in module.modules():
        if isinstance(layer, _ConvNd):
            return (layer.in_channels, *([GUESSED[len(layer.kernel_size) - 1]] * len(layer.kernel_size)))
    return (3, 224, 224)
