"""Finding the models of a file: functions and classes that build a module without arguments, and modules bound at top level."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from resnet_check.graph.records import Site
from resnet_check.read.static.calling import plan_of
from resnet_check.read.static.describe import is_model
from resnet_check.read.static.imports import FileNamespace
from resnet_check.read.static.modules import walk
from resnet_check.read.static.values import BoundMethod, Class, Function, Instance, Native, Opaque, Partial


class Candidate(NamedTuple):
    """Something at the top level that may build a model."""

    name: str
    kind: str
    value: Any
    site: Site
    required: tuple[str, ...] = ()


def definitions(namespace: FileNamespace) -> list[Candidate]:
    """Return the top-level functions and module classes of a file, with the arguments that they require."""
    found: list[Candidate] = []
    for node in top_level(namespace.tree.body):
        value = namespace.names.get(node.name)
        site = Site(*namespace.span(node))
        if isinstance(node, ast.ClassDef):
            if isinstance(value, Class) and value.is_module:
                found.append(Candidate(node.name, "class", value, site, required_of(value)))
        elif isinstance(value, (Function, Partial, Native, BoundMethod)):
            arguments = node.args
            positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
            needed = positional[: len(positional) - len(arguments.defaults)]
            needed += [a.arg for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is None]
            found.append(Candidate(node.name, "factory", value, site, tuple(needed)))
    return found


def top_level(body: list[ast.stmt]) -> list[Any]:
    """Return the last definition of each name at the top level, also inside ``if`` and ``try``, in the order of lines."""
    found: dict[str, Any] = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, (ast.If, ast.Try)):
            parts = [*node.body, *node.orelse, *(s for h in getattr(node, "handlers", ()) for s in h.body)]
            for inner in top_level(parts):
                found.setdefault(inner.name, inner)
    return sorted(found.values(), key=lambda n: n.lineno)


def aliases(namespace: FileNamespace) -> list[Candidate]:
    """Return further names that the top level gives to functions: ``resnet18 = ResNet18``, ``partial(ResNet, ...)``."""
    found: list[Candidate] = []
    for node in namespace.tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            value = namespace.names.get(name)
            if isinstance(value, (Function, Partial)) and isinstance(node.value, (ast.Name, ast.Call, ast.Lambda)):
                function = value.function if isinstance(value, Partial) else value
                if isinstance(function, Function) and function.name == name:
                    continue
                found.append(Candidate(name, "factory", value, Site(*namespace.span(node)), needed_by(value)))
    return found


def needed_by(value: Any) -> tuple[str, ...]:
    """Return the arguments that a function, or what is left of a partial one, requires."""
    if isinstance(value, Partial):
        inner = required_of(value.function) if isinstance(value.function, Class) else needed_by(value.function)
        return tuple(n for n in inner[len(value.args) :] if n not in value.kwargs)
    if not isinstance(value, Function):
        return ("?",)
    positional, _, _, _, keyword_only = plan_of(value)
    missing = [k for k in keyword_only if k not in value.keyword_defaults]
    return (*positional[: len(positional) - len(value.defaults)], *missing)


def candidates(namespace: FileNamespace) -> list[Candidate]:
    """Return what can be built without arguments."""
    every = [*definitions(namespace), *aliases(namespace)]
    bases = base_classes(namespace.names)
    return [c for c in every if not c.required and not is_abstract(c.value, bases)]


def base_classes(names: dict[str, Any]) -> set[Class]:
    """Return the classes from which other classes of a file derive."""
    return {base for cls in names.values() if isinstance(cls, Class) and cls.node is not None for base in cls.bases}


def is_abstract(value: Any, bases: set[Class]) -> bool:
    """Return whether a class has no forward of its own making anywhere: a base class."""
    if not isinstance(value, Class) or value.find("forward") is not None or value.opaque is not None:
        return False
    return value in bases or not value.namespace.get("__init__")


def required_of(cls: Class) -> tuple[str, ...]:
    """Return the constructor's parameters without a default."""
    found = cls.find("__init__")
    if found is None or not isinstance(found[0], Function):
        return native_required(cls)
    positional, _, _, _, keyword_only = plan_of(found[0])
    count = len(positional) - len(found[0].defaults)
    needed = positional[1:count]
    return (*needed, *(k for k in keyword_only if k not in found[0].keyword_defaults))


def native_required(cls: Class) -> tuple[str, ...]:
    """A class that inherits a layer's constructor needs what that needs; a container or ``Module`` needs nothing."""
    from resnet_check.read.static.tensors import LAYERS

    layer = LAYERS.get(cls.layer)
    if layer is None:
        return ()
    code = layer.build.__code__
    names = code.co_varnames[1 : code.co_argcount]
    return tuple(names[: len(names) - len(layer.build.__defaults__ or ())])


def instances(namespace: FileNamespace) -> list[tuple[Candidate, Instance]]:
    """Return the modules that the file binds at top level, without those that are parts of another one."""
    defined = {node.name for node in top_level(namespace.tree.body)}
    bound: dict[int, tuple[str, Instance]] = {}
    for name, value in namespace.names.items():
        if name not in defined and is_model(value) and belongs(value, namespace):
            bound.setdefault(id(value), (name, value))
    inside = {id(m) for _, root in bound.values() for path, m in walk(root) if path}
    found = []
    bindings = last_bindings(namespace)
    for key, (name, value) in bound.items():
        if key not in inside and not isinstance(value.attributes.get("_unknown"), Opaque):
            site = bindings.get(name) or value.built or Site(namespace.path, 1, 1, 1, 1)
            found.append((Candidate(name, "instance", value, site), value))
    return found


def belongs(value: Instance, namespace: FileNamespace) -> bool:
    """Return whether a module was built by this file, not by one that it imports, and has something in it."""
    site = value.built
    if site is None or not value.attributes.get("_modules"):
        return False
    return any(s.path == namespace.path for s in (site, *site.calls))


def last_bindings(namespace: FileNamespace) -> dict[str, Site]:
    """Return for each name the statement that binds it last."""
    found = {
        target.id: node
        for node in ast.walk(namespace.tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name: Site(*namespace.span(node)) for name, node in found.items()}
