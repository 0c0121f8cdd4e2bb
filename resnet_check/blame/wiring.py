"""Candidates in ``forward``: the wrong tensor read, a flatten forgotten, a concatenation where a sum was meant.

Also mistakes that other rules report and that end in shapes which do not fit: they are recognised, so that nothing is
said twice.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.blame.branches import layer_names, producers, torch_layer, unread
from resnet_check.blame.change import Change, at_cost, replaced, source_of, span, swapped_in
from resnet_check.blame.channels import layer_chain
from resnet_check.blame.flow import LAYER_ARGUMENTS, argument_places, layer_kind
from resnet_check.blame.tree import FUNCTIONS, Tree, body_nodes, parameters, targets
from resnet_check.finding import Edit
from resnet_check.graph.dim import value
from resnet_check.graph.records import Model, Op


def operands(tree: Tree, model: Model, op: Op) -> Iterator[Change]:
    """Yield changes of the tensor that an operation reads, where the result of another one is read by nobody."""
    statement = _statement_at(tree, op)
    function = tree.function(statement) if statement is not None else None
    if statement is None or function is None or isinstance(function, ast.Lambda):
        return
    around = op.path if torch_layer(model, op) is None else op.path.rpartition(".")[0]
    dead = [o for o in unread(model) if o.path == around or o.path.startswith(f"{around}." if around else "")]
    unreached = [m for m in model.modules if not m.reached and m.registered and m.parent is not None]
    own = next((m for m in model.modules if m.path == around), None)
    children = [m for m in unreached if own is not None and m.parent == own.index]
    if not dead and not children:
        return
    names = _tensors(tree, function, statement)
    yield from _renamed(tree, function, statement)
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
            if dead:
                for other in names:
                    if other != node.id:
                        yield rewired(replaced(tree, node, other, 0.6, statement))
            for child in children:
                name = child.path.rpartition(".")[2]
                if name.isidentifier():
                    yield replaced(tree, node, f"self.{name}({node.id})", 0.9, statement)


def rewired(change: Change) -> Change:
    """Return the change marked as one that reads another tensor."""
    change.wires = True
    return change


def _renamed(tree: Tree, function: ast.AST, statement: ast.stmt) -> Iterator[Change]:
    """Yield assignments to a name that nothing reads, made to one that the failing statement reads."""
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    wanted = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    for node in body_nodes(function):
        if isinstance(node, ast.Assign) and node.lineno < statement.lineno:
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id not in read:
                    for name in dict.fromkeys(wanted):
                        if name != "self":
                            yield _assigned_to(tree, node, target, name)


def _assigned_to(tree: Tree, node: ast.Assign, target: ast.Name, name: str) -> Change:
    other = ast.copy_location(ast.Name(id=name, ctx=ast.Store()), target)
    targets_ = [other if t is target else t for t in node.targets]
    return Change(tree.source.site(node), [(node, "targets", targets_)], (Edit(*span(tree, target), name),), 0.55)


COMPOUND = (*FUNCTIONS, ast.ClassDef, ast.If, ast.For, ast.While, ast.With, ast.Try)


def _statement_at(tree: Tree, op: Op) -> ast.stmt | None:
    if op.site.path != tree.source.path:
        return None
    found = None
    for node in ast.walk(tree.root):
        simple = isinstance(node, ast.stmt) and not isinstance(node, COMPOUND)
        if isinstance(node, ast.stmt) and simple and node.lineno <= op.site.line <= (node.end_lineno or node.lineno):
            found = node
    return found


def _tensors(tree: Tree, function: ast.AST, statement: ast.stmt) -> list[str]:
    """Return the names of a function that are set before a statement."""
    del tree
    own = parameters(function)[1:] if isinstance(function, FUNCTIONS) else []
    found = dict.fromkeys(own)
    for node in body_nodes(function):
        if getattr(node, "lineno", 0) <= statement.lineno:
            for target, _ in targets(node):
                if isinstance(target, ast.Name):
                    found.setdefault(target.id)
    return list(found)


def heads(tree: Tree, model: Model, op: Op, got: int, expected: int) -> Iterator[Change]:
    """Yield changes in front of a linear layer: flatten what has positions left, a pool to one position."""
    shape = tuple(value(s) for s in model.ops[op.inputs[0]].shape) if op.inputs else ()
    call = tree.call(op.site)
    if len(shape) > 2 and call is not None and call.args:
        text = source_of(tree, call.args[0])
        yield replaced(tree, call.args[0], f"torch.flatten({text}, 1)", 0.5, call)
        yield replaced(tree, call.args[0], f"{text}.mean((-2, -1))", 0.8, call)
    if expected and got > expected and got % expected == 0:
        for before in _before(model, op):
            if before.kind.startswith("adaptive") or before.kind in {"avg_pool", "max_pool"}:
                channels = before.shape[1] if len(before.shape) > 1 else None
                if channels == expected and before.kind.startswith("adaptive"):
                    yield from _pool_to_one(tree, model, before)
                elif channels == expected:
                    yield from adaptive(tree, model, before)
                break


def _before(model: Model, op: Op) -> Iterator[Op]:
    current = op
    for _ in range(8):
        if not current.inputs:
            return
        current = model.ops[current.inputs[0]]
        yield current


def reshapes(tree: Tree, op: Op) -> Iterator[Change]:
    """Yield reshapes that leave their last size to torch."""
    call = tree.call(op.site)
    given = call.args if call is not None else []
    if given and isinstance(given[-1], (ast.Tuple, ast.List)):
        given = given[-1].elts
    if len(given) > 1 and not any(ast.unparse(size) == "-1" for size in given):
        yield replaced(tree, given[-1], "-1", 0.5, call)


def adaptive(tree: Tree, model: Model, pool: Op) -> Iterator[Change]:
    """Yield a pool to one position in the place of one with a fixed kernel."""
    record = torch_layer(model, pool)
    call = tree.call(pool.site if record is None else record.built)
    if call is None or not isinstance(call.func, ast.Attribute):
        return
    owner = source_of(tree, call.func.value)
    name = call.func.attr
    if name.startswith(("Avg", "Max")):
        text = f"{owner}.Adaptive{name}(1)"
    elif name.startswith(("avg", "max")) and call.args:
        text = f"{owner}.adaptive_{name}({source_of(tree, call.args[0])}, 1)"
    else:
        return
    yield at_cost(replaced(tree, call, text, 0.4, call), 0.4, "fixed-input-size")


def _pool_to_one(tree: Tree, model: Model, pool: Op) -> Iterator[Change]:
    record = torch_layer(model, pool)
    if record is not None:
        chain = layer_chain(tree, record)
        names = LAYER_ARGUMENTS.get(layer_kind(layer_names(record)), ["output_size"])
        places = [p for p in argument_places(tree, chain, names, "output_size") if p.expr is not None]
    else:
        call = tree.call(pool.site)
        places = []
        if call is not None and call.args:
            size = next((k.value for k in call.keywords if k.arg == "output_size"), call.args[-1])
            yield replaced(tree, size, "1", 0.5, call)
    for place in places[:3]:
        assert place.expr is not None  # noqa: S101 - filtered above
        yield replaced(tree, place.expr, "1", 0.5 + 0.3 * place.depth, place.call)


def concatenations(tree: Tree, model: Model, op: Op) -> Iterator[Change]:
    """Yield sums in the place of a concatenation."""
    for producer in producers(model, op):
        call = tree.call(producer.site) if producer.kind == "cat" else None
        if call is not None and call.args and isinstance(call.args[0], (ast.Tuple, ast.List)):
            parts = [source_of(tree, e) for e in call.args[0].elts]
            yield replaced(tree, call, " + ".join(parts), 0.8, call)


def of_other_rules(tree: Tree, model: Model) -> Iterator[Change]:
    """Yield mended forms of mistakes that have rules of their own."""
    del model
    for node in ast.walk(tree.root):
        if isinstance(node, ast.Lambda):
            change = _bound_early(tree, node)
            if change is not None:
                yield at_cost(change, 0.1, "late-binding-closure")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            change = _kept(tree, node)
            if change is not None:
                yield at_cost(change, 0.1, "result-discarded")
        elif isinstance(node, (ast.For, ast.While)) and node.body and isinstance(node.body[-1], ast.Return):
            yield _after_loop(tree, node, node.body[-1])


def _bound_early(tree: Tree, node: ast.Lambda) -> Change | None:
    """Return the lambda of a loop with the loop's variables bound when it is made."""
    loops = [o for o in tree.outwards(node) if isinstance(o, (ast.For, ast.ListComp, ast.GeneratorExp))]
    if not loops:
        return None
    own = set(parameters(node))
    free = {n.id for n in ast.walk(node.body) if isinstance(n, ast.Name)} - own
    set_inside: set[str] = set()
    for loop in loops:
        for part in ast.walk(loop):
            set_inside.update(t.id for t, _ in targets(part) if isinstance(t, ast.Name))
    late = sorted(free & set_inside)
    if not late:
        return None
    made = ast.parse(f"lambda {', '.join(f'{n}={n}' for n in late)}: 0", mode="eval").body
    assert isinstance(made, ast.Lambda)  # noqa: S101 - parsed from a lambda
    for part in ast.walk(made):
        if isinstance(part, (ast.expr, ast.arg)):
            ast.copy_location(part, node)
    old = node.args
    arguments = ast.arguments(
        posonlyargs=old.posonlyargs,
        args=[*old.args, *made.args.args],
        vararg=old.vararg,
        kwonlyargs=old.kwonlyargs,
        kw_defaults=old.kw_defaults,
        kwarg=old.kwarg,
        defaults=[*old.defaults, *made.args.defaults],
    )
    return Change(tree.source.site(node), [(node, "args", arguments)], (), 0.1)


def _kept(tree: Tree, node: ast.Expr) -> Change | None:
    """Return the statement with its result assigned to the tensor that it reads."""
    call = node.value
    assert isinstance(call, ast.Call)  # noqa: S101 - checked by the caller
    function = tree.function(node)
    if not isinstance(function, ast.FunctionDef) or function.name == "__init__":
        return None
    if call.args and isinstance(call.args[0], ast.Name):
        name = call.args[0].id
    elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        name = call.func.value.id
    else:
        return None
    if name == "self" or name not in _tensors(tree, function, node):
        return None
    made = ast.parse(f"{name} = 0").body[0]
    for part in ast.walk(made):
        if isinstance(part, (ast.expr, ast.stmt)):
            ast.copy_location(part, node)
    assert isinstance(made, ast.Assign)  # noqa: S101 - parsed from an assignment
    made.value = call
    return Change(tree.source.site(node), [swapped_in(tree, node, made)], (), 0.1)


def _after_loop(tree: Tree, loop: ast.For | ast.While, last: ast.Return) -> Change:
    """Return the loop with its last statement, a return, behind it."""
    parent, name, value_ = swapped_in(tree, loop, loop)
    index = next(i for i, item in enumerate(value_) if item is loop)
    body = loop.body[:-1] or [ast.copy_location(ast.Pass(), last)]
    steps = [(loop, "body", body), (parent, name, [*value_[: index + 1], last, *value_[index + 1 :]])]
    return Change(tree.source.site(last), steps, (), 0.1, owner="return-inside-loop")
