"""Candidates for layers that torch refuses to build: a float where an integer belongs, channels that groups do not divide."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.blame.change import Change, replaced
from resnet_check.blame.flow import LAYER_ARGUMENTS, Place, argument_places, scope_of
from resnet_check.blame.tree import Tree
from resnet_check.graph.dim import value
from resnet_check.graph.records import Problem


def candidates(tree: Tree, problem: Problem) -> Iterator[Change]:
    """Yield changes of the argument that torch refuses."""
    if "groups" in problem.facts:
        yield from _dividing(tree, problem)
    for place in places(tree, problem, problem.facts.get("what")):
        if place.expr is None:
            continue
        for node in ast.walk(place.expr):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                whole = ast.BinOp(left=node.left, op=ast.FloorDiv(), right=node.right)
                yield replaced(tree, node, ast.unparse(whole), 0.5 + 0.1 * place.depth, place.call)
        if isinstance(problem.facts.get("value"), float) and isinstance(place.expr, ast.Name):
            names = [name for name in scope_of(tree, place.expr).names if name != place.expr.id]
            for number, name in enumerate(names[:6]):
                yield replaced(tree, place.expr, name, 1.0 + 0.1 * place.depth + 0.02 * number, place.call)
        if isinstance(problem.facts.get("value"), float):
            yield replaced(tree, place.expr, f"int({ast.unparse(place.expr)})", 1.5 + 0.1 * place.depth, place.call)


def _dividing(tree: Tree, problem: Problem) -> Iterator[Change]:
    """Yield groups that divide the channels, and channels that the groups divide."""
    channels, groups = value(problem.facts.get("value")), value(problem.facts["groups"])
    if not isinstance(channels, int) or not isinstance(groups, int) or groups < 1 or channels < 1:
        return
    divisor = max(n for n in range(1, min(groups, channels) + 1) if channels % n == 0)
    multiple = -(-channels // groups) * groups
    for what, number, cost in (("groups", divisor, 0.5), (problem.facts.get("what"), multiple, 0.9)):
        for place in places(tree, problem, what):
            if isinstance(place.expr, ast.Constant):
                yield replaced(tree, place.expr, str(number), cost - 0.1 * place.depth, place.call)
    for call in tree.chain(problem.site)[:3]:
        given = () if call is None else (*call.args, *(k.value for k in call.keywords))
        for node in given:
            if isinstance(node, ast.Constant) and type(node.value) is int and node.value in {channels, groups}:
                yield replaced(tree, node, str(multiple if node.value == channels else divisor), 1.2, call)


def places(tree: Tree, problem: Problem, what: object) -> list[Place]:
    """Return the places that decide an argument of the layer that torch refuses."""
    chain = tree.chain(problem.site)
    operator = str(problem.facts.get("operator", "")).rstrip("d123").rstrip("d")
    names = LAYER_ARGUMENTS.get(operator, [])
    return argument_places(tree, chain, names, what) if isinstance(what, str) else []
