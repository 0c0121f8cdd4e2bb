"""Where a file decides how many blocks a stage has, how wide it is, and what its stride is."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from resnet_check.anatomy.architecture import Architecture
from resnet_check.anatomy.owners import culprit
from resnet_check.anatomy.units import Unit
from resnet_check.graph.records import ModuleRecord, Site
from resnet_check.rules._places import Places

LOOPS = (ast.For, ast.ListComp, ast.GeneratorExp, ast.SetComp)


def built(net: Architecture, unit: Unit) -> Site:
    """Return the place where a block was built; that of its first convolution where the block is no module of its own."""
    model = net.net.model
    record = next(
        (module for module in model.modules if module.path == unit.module and module.parent is not None), None
    )
    if record is None:
        layer = model.layer(model.ops[unit.convs[0].op])
        return layer.built if layer is not None else model.ops[unit.block.sum].site
    return record.built


def layer_site(net: Architecture, op: int) -> Site:
    """Return the place that decides on a layer: the innermost one on the way to it that no other layer's way shares."""
    model = net.net.model
    layer = model.layer(model.ops[op])
    if layer is None:
        return model.ops[op].site
    return culprit(layer.built, [other.built for other in model.modules if is_like(layer, other)])


def is_like(layer: ModuleRecord, other: ModuleRecord) -> bool:
    """Return whether another module is a layer of the same type elsewhere in the network."""
    return other is not layer and other.type == layer.type and other.attributes != layer.attributes


def stage_site(net: Architecture, stage: int) -> Site:
    """Return the place that asks for a stage: the innermost one on the way to its blocks that no other stage shares."""
    mine = built(net, net.stages[stage].units[0])
    others = [built(net, unit) for i, each in enumerate(net.stages) if i != stage for unit in each.units]
    return culprit(mine, others)


def ways(net: Architecture) -> list[Site]:
    """Return all places on the ways to the blocks, innermost first, each once."""
    found: dict[tuple[str, int, int], Site] = {}
    for unit in net.units:
        site = built(net, unit)
        for each in (site, *site.calls):
            found.setdefault((each.path, each.line, each.column), each)
    return list(found.values())


def literal(where: Places, net: Architecture, values: Sequence[int], claimed: str = "") -> Site | None:
    """Return the list of numbers in the source that holds just these values: on the way to the blocks, or the only one.

    Of several the one counts that stands under the claimed name, or in the model's own function.
    """
    lists = [node for node in where.nodes if isinstance(node, (ast.List, ast.Tuple)) and numbers(node) == list(values)]
    on_way = [node for node in lists for site in ways(net) if holds(where, site, node)]
    if on_way:
        return where.source.site(on_way[0])
    named = [node for node in lists if claimed and is_under(where, node, claimed)]
    if len(named) == 1:
        return where.source.site(named[0])
    return where.source.site(lists[0]) if len(lists) == 1 else None


def numbers(node: ast.List | ast.Tuple) -> list[int] | None:
    """Return the numbers of a list of numbers."""
    values = [part.value for part in node.elts if isinstance(part, ast.Constant)]
    return [v for v in values if isinstance(v, int)] if len(values) == len(node.elts) else None


def holds(where: Places, site: Site, node: ast.expr) -> bool:
    """Return whether a node lies within a place."""
    _, line, column, end_line, end_column = where.source.span(node)
    return (
        site.path == where.source.path
        and (site.line, site.column) <= (line, column)
        and (end_line, end_column) <= (site.end_line, site.end_column)
    )


def is_under(where: Places, node: ast.AST, name: str) -> bool:
    """Return whether a node stands in a dict under a name, or in what is bound to it."""
    inner: ast.AST = node
    for outer in where.around(node):
        if isinstance(outer, ast.Dict):
            keys = [key for key, value in zip(outer.keys, outer.values, strict=True) if value is inner]
            if any(isinstance(key, ast.Constant) and key.value == name for key in keys):
                return True
        if isinstance(outer, (ast.FunctionDef, ast.ClassDef)) and outer.name == name:
            return True
        inner = outer
    return False


def loop(where: Places, net: Architecture) -> Site | None:
    """Return the loop that builds the blocks of a stage: the innermost one around where later blocks are built."""
    later = [unit for stage in net.stages for unit in stage.units[1:]]
    site = built(net, (later or net.units)[0])
    around = [node for node in where.nodes if isinstance(node, LOOPS) and holds_site(where, node, site)]
    if not around:
        return None
    inner = max(around, key=lambda node: (node.lineno, node.col_offset))
    return where.source.site(inner.iter if isinstance(inner, ast.For) else inner.generators[-1].iter)


def holds_site(where: Places, node: ast.AST, site: Site) -> bool:
    """Return whether a place lies within a node."""
    path, line, column, end_line, end_column = where.source.span(node)
    return path == site.path and (line, column) <= (site.line, site.column) <= (end_line, end_column)


def constant(where: Places, net: Architecture, value: int) -> Site | None:
    """Return where the file sets the expansion of the blocks: a number in a class of theirs, or one under such a name."""
    modules = {unit.module for unit in net.units}
    lines = {module.class_line for module in net.net.model.modules if module.path in modules and module.class_line}
    classes = [cls for cls in where.classes if cls.lineno in lines]
    bodies = [statement for cls in classes for own in where.family(cls) for statement in own.body]
    top = where.source.tree.body if where.source.tree is not None else []
    for statement in (*bodies, *(s for s in top if "expansion" in words(s) or "mult" in words(s))):
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            for node in ast.walk(statement.value):
                if isinstance(node, ast.Constant) and node.value == value and type(node.value) is int:
                    return where.source.site(node)
    return None


def words(statement: ast.stmt) -> str:
    """Return the names that a statement binds, in lower case."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return " ".join(target.id.lower() for target in targets if isinstance(target, ast.Name))
