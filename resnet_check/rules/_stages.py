"""Where a file decides how many blocks a stage has, how wide it is, and what its stride is."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from resnet_check.anatomy.architecture import Architecture
from resnet_check.anatomy.owners import culprit
from resnet_check.anatomy.units import Unit
from resnet_check.graph.records import ModuleRecord, Site
from resnet_check.rules._places import Places

LOOPS = (ast.For, ast.ListComp, ast.GeneratorExp, ast.SetComp)
Loop = ast.For | ast.ListComp | ast.GeneratorExp | ast.SetComp


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
    """Return what the loop goes through that builds the blocks of a stage: the list, where it has a name."""
    later = [unit for stage in net.stages for unit in stage.units[1:]]
    site = built(net, (later or net.units)[0])
    around: list[Loop] = [node for node in where.nodes if isinstance(node, LOOPS) and holds_site(where, node, site)]
    around = around or ([] if later else beside(where, site))
    if not around:
        return None
    inner = max(around, key=lambda node: (node.lineno, node.col_offset))
    source = inner.iter if isinstance(inner, ast.For) else inner.generators[-1].iter
    return where.source.site(assigned(where, source) or source)


def beside(where: Places, site: Site) -> list[Loop]:
    """Return the loops that build what the call at a place builds, in the same function."""
    call, function = where.at(site, ast.Call), where.function_around(site)
    if not isinstance(call, ast.Call) or function is None:
        return []
    name = ast.dump(call.func)
    return [
        node
        for node in ast.walk(function)
        if isinstance(node, LOOPS)
        and any(isinstance(part, ast.Call) and ast.dump(part.func) == name for part in ast.walk(node))
    ]


def stride_site(where: Places, site: Site) -> Site:
    """Return where the stride of the blocks that a call builds comes from: the statement or the list that gives it."""
    call = where.at(site, ast.Call)
    if not isinstance(call, ast.Call):
        return site
    for value in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(value, ast.Name) and STRIDE.match(value.id):
            found = assigned(where, value)
            if found is not None:
                return where.source.site(found)
            for node in where.around(value):
                if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and node.target.id == value.id:
                    return where.source.site(assigned(where, node.iter) or node.iter)
    return site


STRIDE = re.compile(r"(\w*_)?(strides?|s|st|step|down\w*)$")
"""Names that a stride goes by."""


def assigned(where: Places, name: ast.expr) -> ast.expr | None:
    """Return the value that the function around a name last assigned to it before."""
    function = where.function_of(name)
    if not isinstance(name, ast.Name) or function is None:
        return None
    values = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and node.lineno < name.lineno
        and any(isinstance(target, ast.Name) and target.id == name.id for target in node.targets)
    ]
    return max(values, key=lambda value: value.lineno, default=None)


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
