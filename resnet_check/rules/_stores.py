"""Local variables whose value is never read."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.graph.records import Site
from resnet_check.rules._places import Function, Places, inside

STATEMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return, ast.For, ast.While, ast.If, ast.With)


def dead_store(found: Places, site: Site) -> str | None:
    """Return the variable that a place's statement assigns and nothing reads before it is assigned again."""
    function = found.function_around(site)
    if function is None:
        return None
    around = [s for s in statements(function) if s.lineno <= site.line <= (s.end_lineno or s.lineno)]
    if not around or any(isinstance(s, (ast.For, ast.While)) for s in around):
        return None
    statement = max(around, key=lambda s: s.lineno)
    name = assigned(statement)
    if name is None:
        return None
    later = sorted((s for s in statements(function) if s.lineno > statement.lineno), key=lambda s: s.lineno)
    for following in later:
        uses = [n for n in headed(following) if isinstance(n, ast.Name) and n.id == name]
        if uses:
            return None if reads(following, uses) else name
    return name


def assigned(statement: ast.stmt) -> str | None:
    """Return the one plain variable that a statement assigns."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return None


def statements(function: Function) -> Iterator[ast.stmt]:
    """Yield the statements of a function, also inner ones."""
    return (node for node in inside(function) if isinstance(node, ast.stmt))


def headed(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement without those of the statements inside it."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt))


def reads(statement: ast.stmt, uses: list[ast.Name]) -> bool:
    """Return whether a statement reads one of these names."""
    return isinstance(statement, ast.AugAssign) or any(isinstance(name.ctx, ast.Load) for name in uses)


def unread_names(function: Function) -> dict[str, list[ast.Assign]]:
    """Return the variables that a function only ever assigns, with the assignments."""
    nodes = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
    read = {n.id for n in nodes if not isinstance(n.ctx, ast.Store)}
    found: dict[str, list[ast.Assign]] = {}
    for statement in statements(function):
        name = assigned(statement)
        if name is not None and name not in read and isinstance(statement, ast.Assign):
            found.setdefault(name, []).append(statement)
    changed = {
        n.target.id for n in ast.walk(function) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
    }
    return {name: where for name, where in found.items() if name not in changed}
