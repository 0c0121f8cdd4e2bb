"""Where forward cuts the gradient off, which layers lose it, and whether the code shows that this is meant."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from resnet_check.graph.records import Model, Op, Site
from resnet_check.rules._places import Function, inside, name_of, places
from resnet_check.rules._training import gradients, reaching, training_ops
from resnet_check.rules.base import FileContext

SWITCHES = frozenset({"no_grad", "inference_mode", "set_grad_enabled"})

MEANT = re.compile(
    r"pre_?-?train|frozen|freez|froze|teacher|target|momentum|moving.?averag|\bema\b|ema_|_ema|stop_?-?\s?grad|stop_gradient|linear.?prob"
    r"|probe|fine_?-?tun|requires_grad|load_state_dict|distil|key_enc|encoder_k|perceptual|lpips|quantiz|codebook"
    r"|bptt|not trained|untrained|random features|fixed (weights|features|backbone|encoder)|backprop",
    re.IGNORECASE,
)
"""Words in a class that say that parts of it are not to learn."""

PURPOSE = re.compile(
    r"predict|infer|extract|sampl|generat|embed|encode|evaluat|test|valid|metric|anchor|post", re.IGNORECASE
)
"""Words in the name of a function or class that is for using a network, not for training it."""


class Cut(NamedTuple):
    """A place that cuts the gradient off, its text, and the paths of the layers that get none because of it.

    Without such layers it cuts the gradient of a shortcut.
    """

    site: Site
    node: ast.AST | None
    text: str
    help: str
    layers: tuple[str, ...]


def cuts(context: FileContext, model: Model) -> list[Cut]:
    """Return the places in forward because of which trainable layers that take part get no gradient at all."""
    ops = training_ops(model)
    needed = reaching(ops, gradients(model, ops))
    used = reaching(ops, [True] * len(ops))
    order = {record.path: record.index for record in model.modules}
    learning = {op.layer for op in ops if needed[op.index] and op.layer is not None}
    lost: list[frozenset[str]] = []
    found: dict[Site, tuple[ast.AST | None, str, str, dict[str, None]]] = {}
    for op in ops:
        own = own_layer(model, op) if used[op.index] and op.layer not in learning else None
        above = frozenset().union(*(lost[i] for i in op.inputs)) | ({own} if own else frozenset())
        lost.append(above)
        if not above or not used[op.index] or not (op.kind == "detach" or op.attributes.get("no_grad")):
            continue
        site, node, text, mend = place_of(context, op)
        found.setdefault(Site(*site), (node, text, mend, {}))[3].update(
            dict.fromkeys(sorted(above, key=order.__getitem__))
        )
        lost[-1] = frozenset()
    for op in ops:
        if op.kind == "detach" and used[op.index] and cuts_shortcut(ops, op):
            site, node, text, mend = place_of(context, op)
            found.setdefault(Site(*site), (node, text, mend, {}))
    return [Cut(site, node, text, mend, tuple(layers)) for site, (node, text, mend, layers) in found.items()]


def cuts_shortcut(ops: list[Op], cut: Op) -> bool:
    """Return whether the branch of a residual block starts where a cut does, and a sum adds the cut-off tensor to it."""
    shortcut, branch, weighted = {cut.index}, set(cut.inputs), set[int]()
    for op in ops[cut.index + 1 :]:
        inputs = set(op.inputs)
        if inputs & shortcut and inputs & branch:
            return op.kind == "add" and bool(inputs & weighted)
        if inputs & shortcut:
            shortcut.add(op.index)
        elif inputs & branch:
            branch.add(op.index)
            if op.kind in {"conv", "linear"} or inputs & weighted:
                weighted.add(op.index)
    return False


def own_layer(model: Model, op: Op) -> str | None:
    """Return the path of the layer with trainable parameters that an Op is."""
    layer = model.layer(op)
    if layer is None or not layer.registered or all(name in layer.frozen for name in layer.parameters):
        return None
    return layer.path


def place_of(context: FileContext, op: Op) -> tuple[tuple[str, int, int, int, int], ast.AST | None, str, str]:
    """Return the place, node and text of what cuts the gradient off at an Op, and what to do about it."""
    found = places(context)
    if op.kind == "detach":
        node = found.at(op.site, ast.Call, ast.Attribute)
        text = found.segment(node) if node is not None else "detach()"
        return whole(op.site), node, text, "leave out the cut, so that the gradient goes on"
    mend = "remove it: whoever evaluates the model wraps the call in `torch.no_grad()`"
    for site in (op.site, *op.site.calls):
        for holder in holders(context, site):
            switches = (
                holder.decorator_list if isinstance(holder, ast.FunctionDef) else [i.context_expr for i in holder.items]
            )
            for switch in switches:
                if name_of(switch.func if isinstance(switch, ast.Call) else switch) in SWITCHES:
                    return context.source.span(switch), switch, found.segment(switch), mend
        function = found.function_around(site)
        statement = switched_off(function, site.line) if function is not None else None
        if statement is not None:
            return context.source.span(statement), statement, found.segment(statement), mend
    return whole(op.site), None, "torch.no_grad()", mend


def switched_off(function: Function, line: int) -> ast.Call | None:
    """Return the statement ``set_grad_enabled(False)`` of a function that comes last before a line."""
    calls = [
        s.value
        for s in inside(function)
        if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call) and name_of(s.value.func) == "set_grad_enabled"
    ]
    return max((c for c in calls if c.lineno < line), key=lambda c: c.lineno, default=None)


def whole(site: Site) -> tuple[str, int, int, int, int]:
    """Return the span of a place without the calls that led there."""
    return site.path, site.line, site.column, site.end_line, site.end_column


def holders(context: FileContext, site: Site) -> list[ast.With | ast.FunctionDef]:
    """Return the ``with`` statements and functions around a place, innermost first."""
    if site.path != context.source.path:
        return []
    nodes = [n for n in places(context).nodes if isinstance(n, (ast.With, ast.FunctionDef))]
    return sorted(
        (n for n in nodes if n.lineno <= site.line <= (n.end_lineno or n.lineno)), key=lambda n: n.lineno, reverse=True
    )


def leaves_torch(node: ast.AST) -> bool:
    """Return whether a call takes a tensor out of torch, where no gradient follows: forward is for evaluation then."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"numpy", "tolist", "item"}
    )


def is_choice(cut: ast.AST, node: ast.AST) -> bool:
    """Return whether a condition decides on a cut.

    One that asks for the layer which the cut follows decides on that, and one that asks for the shape of a tensor on what
    may come in.
    """
    if not isinstance(node, (ast.If, ast.IfExp)) or asks_for_shape(node.test):
        return False
    layers = {part.attr for part in ast.walk(cut) if isinstance(part, ast.Attribute)}
    match node.test:
        case ast.Compare(
            left=ast.Attribute(attr=name), ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]
        ):
            return name not in layers
    return True


def asks_for_shape(test: ast.expr) -> bool:
    """Return whether a condition looks at the shapes of tensors and at nothing else."""
    shapes = [part.value for part in ast.walk(test) if isinstance(part, ast.Attribute) and part.attr in SHAPE]
    names = {part for part in ast.walk(test) if isinstance(part, ast.Name)}
    return bool(shapes) and names <= {*shapes}


SHAPE = frozenset({"dim", "ndim", "shape", "size"})


def is_straight_through(cut: ast.AST, node: ast.AST) -> bool:
    """Return whether a sum adds again what the detached value was made with: ``(sign - x).detach() + x``.

    The value is that of ``sign``, the gradient that of ``x`` (Bengio et al. 2013, section 4: the straight-through estimator).
    """
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return False
    inside = {ast.dump(part) for part in ast.walk(cut) if isinstance(part, (ast.Name, ast.Attribute))}
    sides = [side for side in (node.left, node.right) if cut not in set(ast.walk(side))]
    return any(ast.dump(side) in inside for side in sides)


def is_meant(context: FileContext, cut: Cut) -> bool:
    """Return whether the code shows that the layers are not to learn: by its words, or by a condition on the cut."""
    if cut.node is None or cut.site.path != context.source.path:
        return True
    around = list(places(context).around(cut.node))
    function = next((n for n in around if isinstance(n, ast.FunctionDef)), None)
    owner = next((n for n in around if isinstance(n, ast.ClassDef)), None)
    inner = around[: around.index(function)] if function is not None else around
    if any(is_choice(cut.node, node) or leaves_torch(node) for node in inner):
        return True
    if any(is_straight_through(cut.node, node) for node in inner):
        return True
    names = [node.name for node in (function, owner) if node is not None]
    if owner is None or any(PURPOSE.search(name) for name in names):
        return True
    lines = context.source.lines[max(owner.lineno - 3, 0) : owner.end_lineno]
    return any(MEANT.search(line) for line in lines)
