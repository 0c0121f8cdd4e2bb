"""Finding one's way in a syntax tree: from places of the graph to nodes, and from nodes outwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from resnet_check.graph.records import Site

if TYPE_CHECKING:
    from resnet_check.source import Source

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Tree:
    """A file's syntax tree with the parents of its nodes."""

    def __init__(self, source: Source, root: ast.Module) -> None:
        self.source = source
        self.root = root
        self.parents: dict[ast.AST, ast.AST] = {}
        self.calls: list[ast.Call] = []
        self.subscripts: list[ast.Subscript] = []
        for node in ast.walk(root):
            for child in ast.iter_child_nodes(node):
                # Contexts and operators are one object for the whole tree.
                if not isinstance(child, (ast.expr_context, ast.operator, ast.boolop, ast.cmpop, ast.unaryop)):
                    self.parents[child] = node
            if isinstance(node, ast.Call):
                self.calls.append(node)
            elif isinstance(node, ast.Subscript):
                self.subscripts.append(node)

    @cached_property
    def _by_span(self) -> dict[tuple[int, int, int, int], ast.Call]:
        return {self.source.span(call)[1:]: call for call in self.calls}

    def call(self, site: Site | None) -> ast.Call | None:
        """Return the call at a place of the graph, if it lies in this file."""
        if site is None or site.path != self.source.path:
            return None
        return self._by_span.get((site.line, site.column, site.end_line, site.end_column))

    def subscript(self, site: Site) -> ast.Subscript | None:
        """Return the subscript at a place of the graph, if it lies in this file."""
        span = (site.line, site.column, site.end_line, site.end_column)
        if site.path != self.source.path:
            return None
        return next((node for node in self.subscripts if self.source.span(node)[1:] == span), None)

    def chain(self, site: Site) -> list[ast.Call | None]:
        """Return the call at a place and the calls that led there, innermost first; None for one of another file."""
        return [self.call(each) for each in (site, *site.calls)]

    def outwards(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, innermost first."""
        parent = self.parents.get(node)
        while parent is not None:
            yield parent
            parent = self.parents.get(parent)

    def function(self, node: ast.AST) -> Function | None:
        """Return the function in whose body a node is."""
        inner = node
        for outer in self.outwards(node):
            if isinstance(outer, FUNCTIONS) and not _in_header(outer, inner):
                return outer
            if isinstance(outer, ast.ClassDef):
                return None
            inner = outer
        return None

    def owner(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class around a node."""
        return next((outer for outer in self.outwards(node) if isinstance(outer, ast.ClassDef)), None)

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the statement that a node belongs to."""
        if isinstance(node, ast.stmt):
            return node
        return next(outer for outer in self.outwards(node) if isinstance(outer, ast.stmt))

    def method(self, function: Function) -> bool:
        """Return whether calls of a function pass its first parameter by themselves."""
        if isinstance(function, ast.Lambda) or not isinstance(self.parents.get(function), ast.ClassDef):
            return False
        return not any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)

    def classes(self) -> dict[str, ast.ClassDef]:
        """Return the classes of the file by name."""
        return {node.name: node for node in ast.walk(self.root) if isinstance(node, ast.ClassDef)}


def _in_header(function: Function, inner: ast.AST) -> bool:
    """Return whether a part of a function belongs to its decorators, defaults or annotations."""
    if isinstance(function, ast.Lambda):
        return inner is not function.body
    return not any(inner is statement for statement in function.body)


def parameters(function: Function) -> list[str]:
    """Return the names of the parameters, by position first."""
    arguments = function.args
    return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def default(function: Function, name: str) -> ast.expr | None:
    """Return the default of a parameter."""
    arguments = function.args
    positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    if name in positional:
        index = positional.index(name) - (len(positional) - len(arguments.defaults))
        return arguments.defaults[index] if index >= 0 else None
    for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if argument.arg == name:
            return value
    return None


def argument(call: ast.Call, names: list[str], name: str) -> ast.expr | None:
    """Return what a call passes for a parameter; ``names`` are the parameters without ``self``."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    index = names.index(name) if name in names else -1
    if 0 <= index < len(call.args) and not any(isinstance(a, ast.Starred) for a in call.args[: index + 1]):
        return call.args[index]
    return None


def body_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function or class without those of functions and classes inside it."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))


def loaded(node: ast.AST) -> list[ast.expr]:
    """Return the names and ``self.x`` that an expression reads."""
    found: list[ast.expr] = []
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        if (isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)) or isinstance(part, ast.Name):
            found.append(part)
        else:
            todo.extend(ast.iter_child_nodes(part))
    return found


def targets(statement: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """Return the targets of an assignment, each with the expression whose value it gets."""
    if isinstance(statement, ast.Assign):
        pairs = [(target, statement.value) for target in statement.targets]
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and statement.value is not None:
        pairs = [(statement.target, statement.value)]
    elif isinstance(statement, (ast.For, ast.AsyncFor, ast.comprehension)):
        return [(target, statement.iter) for target in _flat(statement.target)]
    else:
        return []
    found: list[tuple[ast.expr, ast.expr]] = []
    for target, value in pairs:
        if isinstance(target, (ast.Tuple, ast.List)):
            exact = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
            values = value.elts if exact else [value] * len(target.elts)  # type: ignore[attr-defined]
            found.extend(zip(target.elts, values, strict=True))
        else:
            found.append((target, value))
    return found


def _flat(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [inner for element in target.elts for inner in _flat(element)]
    return [target]
