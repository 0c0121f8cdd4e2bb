"""Finding things in the syntax tree of the file: nodes by place, classes by line, what assigns an attribute."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from resnet_check.graph.records import Site

if TYPE_CHECKING:
    from resnet_check.rules.base import FileContext
    from resnet_check.source import Source

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Places:
    """The nodes of one file, by place and by what encloses them."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.nodes: list[ast.AST] = list(ast.walk(source.tree)) if source.tree is not None else []

    @cached_property
    def by_line(self) -> dict[int, list[ast.AST]]:
        """The nodes that begin on each line."""
        found: dict[int, list[ast.AST]] = {}
        for node in self.nodes:
            if isinstance(node, (ast.expr, ast.stmt)):
                found.setdefault(node.lineno, []).append(node)
        return found

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node around each node."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        """All classes of the file, also nested ones."""
        return [node for node in self.nodes if isinstance(node, ast.ClassDef)]

    @cached_property
    def bases(self) -> dict[ast.ClassDef, frozenset[str]]:
        """The classes of the file from which each of them derives, by name."""
        known = {cls.name for cls in self.classes}
        return {cls: frozenset(map(name_of, cls.bases)) & known for cls in self.classes}

    @cached_property
    def functions(self) -> list[Function]:
        """All functions of the file, methods among them."""
        return [node for node in self.nodes if isinstance(node, FUNCTIONS)]

    def at(self, site: Site, *kinds: type[ast.AST]) -> ast.AST | None:
        """Return the node of one of the kinds that spans exactly the place."""
        if site.path != self.source.path:
            return None
        for node in self.by_line.get(site.line, ()):
            if isinstance(node, kinds):
                _, _, column, end_line, end_column = self.source.span(node)
                if (column, end_line, end_column) == (site.column, site.end_line, site.end_column):
                    return node
        return None

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, innermost first."""
        parent = self.parents.get(node)
        while parent is not None:
            yield parent
            parent = self.parents.get(parent)

    def function_of(self, node: ast.AST) -> Function | None:
        """Return the function in which a node stands."""
        return next((n for n in self.around(node) if isinstance(n, FUNCTIONS)), None)

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class in which a node stands."""
        return next((n for n in self.around(node) if isinstance(n, ast.ClassDef)), None)

    def class_at(self, path: str, line: int) -> ast.ClassDef | None:
        """Return the class whose statement stands at a line."""
        if path != self.source.path:
            return None
        return next((c for c in self.classes if c.lineno == line), None)

    def function_around(self, site: Site) -> Function | None:
        """Return the innermost function whose lines hold a place."""
        if site.path != self.source.path:
            return None
        holding = [f for f in self.functions if f.lineno <= site.line <= (f.end_lineno or f.lineno)]
        return max(holding, key=lambda f: f.lineno, default=None)

    def family(self, cls: ast.ClassDef) -> list[ast.ClassDef]:
        """Return a class with those of the file that it derives from and that derive from it."""
        found: dict[ast.ClassDef, None] = {cls: None}
        todo = [cls]
        while todo:
            bases = self.bases[todo.pop(0)]
            more = [c for c in self.classes if c.name in bases and c not in found] if bases else []
            found.update(dict.fromkeys(more))
            todo.extend(more)
        above = set(found)
        names = {cls.name}
        for other, bases in self.bases.items():
            if not names.isdisjoint(bases) and other not in above:
                names.add(other.name)
                found[other] = None
        return list(found)

    def assignments(self, cls: ast.ClassDef, attribute: str) -> list[tuple[ast.stmt, ast.expr | None]]:
        """Return the statements in a class and its family that assign ``self.attribute``, with the value."""
        return [
            (statement, value)
            for owner in self.family(cls)
            for method in owner.body
            if isinstance(method, FUNCTIONS)
            for statement in ast.walk(method)
            if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign))
            for target, value in targets(statement)
            if isinstance(target, ast.Attribute)
            and target.attr == attribute
            and is_name(target.value, self_name(method))
        ]

    def heading(self, node: Function | ast.ClassDef) -> Site:
        """Return the place of the first line of a function or class."""
        path, line, column, _, _ = self.source.span(node)
        return Site(path, line, column, line, len(self.source.lines[line - 1].partition("#")[0].rstrip()) + 1)

    def segment(self, node: ast.AST) -> str:
        """Return the text of a node on one line."""
        return " ".join((ast.get_source_segment(self.source.text, node) or ast.unparse(node)).split())


def places(context: FileContext) -> Places:
    """Return the places of the file, worked out once."""
    if "places" not in context.shared:
        context.shared["places"] = Places(context.source)
    found: Places = context.shared["places"]
    return found


def targets(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Yield what an assignment binds, with the value where it is one expression."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _pairs(target, statement.value)
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        yield statement.target, statement.value


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    if not isinstance(target, (ast.Tuple, ast.List)):
        yield target, value
    elif isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        for part, item in zip(target.elts, value.elts, strict=True):
            yield from _pairs(part, item)
    else:
        for part in target.elts:
            yield part, None


def name_of(node: ast.AST | None) -> str:
    """Return the last part of a dotted name, or nothing."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def is_name(node: ast.AST | None, name: str | None) -> bool:
    """Return whether a node is this plain name."""
    return name is not None and isinstance(node, ast.Name) and node.id == name


def self_name(function: Function) -> str | None:
    """Return the name of a method's first parameter."""
    parameters = [*function.args.posonlyargs, *function.args.args]
    return parameters[0].arg if parameters else None


def methods(cls: ast.ClassDef) -> dict[str, Function]:
    """Return the methods that a class defines itself, by name."""
    return {node.name: node for node in cls.body if isinstance(node, FUNCTIONS)}


def inside(function: Function) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body, without those of functions and classes defined in it."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def gives_value(function: Function) -> bool:
    """Return whether a function can give anything: it returns a value, yields, or is only a stub."""
    if all(
        isinstance(s, (ast.Pass, ast.Raise)) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in function.body
    ):
        return True
    return any(
        (isinstance(node, ast.Return) and node.value is not None) or isinstance(node, (ast.Yield, ast.YieldFrom))
        for node in inside(function)
    )
