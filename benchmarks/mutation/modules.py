"""Mistakes of modules and of ``forward``: the rules RC1."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mutation.operators import operator
from mutation.shapes import blocks, calls, kind_of, layers, modules, uses
from mutation.subject import Function, Plant, Subject, plant


@operator("return dropped", "RC101 RC112")
def return_dropped(subject: Subject) -> Iterator[Plant]:
    """``return y`` at the end of forward is lost; of a longer expression only the word."""
    for _, _, forward in modules(subject):
        last = forward.body[-1]
        if isinstance(last, ast.Return) and last.value is not None:
            places = (*subject.places(forward), *subject.around(last))
            edit = (
                subject.delete(last)
                if isinstance(last.value, ast.Name)
                else subject.replace(last, subject.of(last.value))
            )
            yield plant(edit, places=places)


@operator("return became an assignment", "RC101")
def return_assigned(subject: Subject) -> Iterator[Plant]:
    """``return self.fc(x)`` is ``x = self.fc(x)``."""
    for _, _, forward in modules(subject):
        last = forward.body[-1]
        if isinstance(last, ast.Return) and isinstance(last.value, ast.Call | ast.BinOp):
            yield plant(subject.replace(last, f"out = {subject.of(last.value)}"), places=subject.places(forward))


@operator("return in one branch only", "RC101")
def return_in_branch(subject: Subject) -> Iterator[Plant]:
    """The return at the end stands under a condition that does not hold."""
    for _, init, forward in modules(subject):
        last = forward.body[-1]
        if isinstance(last, ast.Return) and init is not None and "\n" not in subject.of(last):
            code = f"if not self.training:\n{subject.indent(last)}    {subject.of(last)}"
            yield plant(subject.replace(last, code), places=subject.places(forward))


@operator("return inside the loop", "RC102")
def return_in_loop(subject: Subject) -> Iterator[Plant]:
    """The return after a loop over layers is indented into it."""
    for node in subject.nodes(ast.Return):
        body = subject.body_of(node)
        number_ = body.index(node)
        loop = body[number_ - 1] if number_ else None
        if isinstance(loop, ast.For) and "\n" not in subject.of(node):
            yield plant(subject.replace(node, f"    {subject.of(node)}"))
    for _, _, forward in modules(subject):
        for loop in forward.body:
            last = forward.body[-1]
            if isinstance(loop, ast.For) and loop is not last and isinstance(last, ast.Return):
                step = loop.body[-1]
                if isinstance(step, ast.Assign):
                    yield plant(subject.after(step, f"return {subject.of(step.targets[0])}"))


@operator("forward misspelled", "RC103")
def forward_misspelled(subject: Subject) -> Iterator[Plant]:
    """``def foward``."""
    for _, _, forward in modules(subject):
        start = subject.text.index("forward", subject.start(forward))
        for name in ("foward", "_forward"):
            yield plant(subject.rewrite(start, "forward", name))


@operator("forward without self", "RC103 RC113")
def forward_without_self(subject: Subject) -> Iterator[Plant]:
    """``def forward(x)``."""
    for _, _, forward in modules(subject):
        arguments = forward.args.args
        if len(arguments) == 2 and arguments[0].arg == "self":
            yield plant(
                subject.rewrite(
                    subject.start(arguments[0]),
                    subject.text[subject.start(arguments[0]) : subject.start(arguments[1])],
                    "",
                )
            )


@operator("forward nested in __init__", "RC103")
def forward_nested(subject: Subject) -> Iterator[Plant]:
    """``forward`` is indented into ``__init__``."""
    for cls, init, forward in modules(subject):
        body = cls.body
        if init in body and body.index(forward) == body.index(init) + 1 and not forward.decorator_list:
            lines = range(forward.lineno, (forward.end_lineno or 0) + 1)
            edits = [
                subject.rewrite(subject.line(line), "", "    ") for line in lines if subject.lines[line - 1].strip()
            ]
            yield Plant(tuple(edits), subject.places(forward))


@operator("super().__init__() forgotten", "RC104")
def super_forgotten(subject: Subject) -> Iterator[Plant]:
    """The call of the parent's ``__init__`` is lost."""
    for init, statement in _supers(subject):
        if layers(subject.parents[init]):  # type: ignore[arg-type]
            yield plant(subject.delete(statement), places=(*subject.places(init), *subject.around(statement)))


@operator("super().__init__() after a layer", "RC104")
def super_late(subject: Subject) -> Iterator[Plant]:
    """The first layer is assigned before the parent's ``__init__``."""
    for init, statement in _supers(subject):
        built = [each.assign for each in layers(subject.parents[init]).values() if each.assign in init.body]  # type: ignore[arg-type]
        if built and init.body.index(statement) < init.body.index(built[0]):
            yield plant(
                subject.delete(statement),
                subject.after(built[0], subject.of(statement)),
                places=subject.places(init, built[0]),
            )


@operator("super of another class", "RC104")
def super_wrong(subject: Subject) -> Iterator[Plant]:
    """``super(OtherNet, self)``, left from a copy."""
    names = [cls.name for cls, _, _ in modules(subject)]
    for init, statement in _supers(subject):
        cls = subject.parents[init]
        other = next((name for name in names if name != cls.name), None)  # type: ignore[attr-defined]
        if other:
            yield plant(subject.replace(statement, f"super({other}, self).__init__()"))


def _supers(subject: Subject) -> Iterator[tuple[Function, ast.stmt]]:
    for _, init, _ in modules(subject):
        for statement in init.body if init else ():
            if isinstance(statement, ast.Expr) and subject.of(statement).startswith("super("):
                yield init, statement  # type: ignore[misc]


@operator("__init__ misspelled", "RC104 RC103 RC113")
def init_misspelled(subject: Subject) -> Iterator[Plant]:
    """``def _init_``."""
    for _, init, _ in modules(subject):
        if init:
            start = subject.text.index("__init__", subject.start(init))
            yield plant(subject.rewrite(start, "__init__", "_init_"))


@operator("layer without self.", "RC105")
def layer_without_self(subject: Subject) -> Iterator[Plant]:
    """``conv1 = nn.Conv2d(...)``."""
    for cls, _, forward in modules(subject):
        used = {use.name for use in uses(cls, forward)}
        for layer in layers(cls).values():
            if layer.name in used:
                start = subject.start(layer.assign)
                yield plant(subject.rewrite(start, "self.", ""))


@operator("attribute misspelled where it is used", "RC105")
def attribute_misspelled(subject: Subject) -> Iterator[Plant]:
    """``self.con1``."""
    for cls, _, forward in modules(subject):
        for use in uses(cls, forward):
            function = use.call.func
            if isinstance(function, ast.Attribute) and use.name in layers(cls) and len(use.name) > 2:
                yield plant(subject.replace(function, f"self.{_misspelled(use.name)}"))


@operator("attribute misspelled where it is built", "RC105")
def attribute_built_misspelled(subject: Subject) -> Iterator[Plant]:
    """``self.bm1 = nn.BatchNorm2d(...)``; the use may be named as well."""
    for cls, _, forward in modules(subject):
        for use in uses(cls, forward):
            layer = layers(cls).get(use.name)
            if layer and len(use.name) > 2 and len([each for each in uses(cls, forward) if each.name == use.name]) == 1:
                target = layer.assign.targets[0]
                yield plant(
                    subject.replace(target, f"self.{_misspelled(use.name)}"), places=subject.places(use.call.func)
                )


def _misspelled(name: str) -> str:
    """Return a name with two letters swapped, or one doubled."""
    swapped = name[0] + name[2] + name[1] + name[3:]
    return swapped if swapped != name else name + name[-1]


@operator("variable misspelled", "RC105")
def variable_misspelled(subject: Subject) -> Iterator[Plant]:
    """A name in forward that exists nowhere."""
    for cls, _, forward in modules(subject):
        for use in uses(cls, forward):
            if isinstance(use.argument, ast.Name):
                yield plant(subject.replace(use.argument, use.argument.id + "t"))


@operator("list instead of ModuleList", "RC106")
def plain_list(subject: Subject) -> Iterator[Plant]:
    """Layers in a plain list."""
    for node in subject.nodes(ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in {"ModuleList", "ModuleDict"}:
            value = subject.of(node.args[0]) if node.args else "[]" if name == "ModuleList" else "{}"
            yield plant(subject.replace(node, value), places=subject.places(subject.statement(node)))


@operator("layer on a list, not on self", "RC106")
def layer_in_list(subject: Subject) -> Iterator[Plant]:
    """``self.conv1 = [nn.Conv2d(...)]``, which forward calls as ``self.conv1[0]``."""
    for cls, _, forward in modules(subject):
        for layer in layers(cls).values():
            found = [use for use in uses(cls, forward) if use.name == layer.name]
            if layer.kind in {"conv", "linear", "norm"} and len(found) == 1:
                yield plant(
                    subject.replace(layer.call, f"[{subject.of(layer.call)}]"),
                    subject.rewrite(subject.end(found[0].call.func), "", "[0]"),
                    places=subject.places(layer.assign),
                )


@operator("parameter as a plain tensor", "RC107")
def plain_tensor(subject: Subject) -> Iterator[Plant]:
    """``torch.zeros(..., requires_grad=True)`` without ``nn.Parameter``; where there is none, a scale of the branch."""
    for node in subject.nodes(ast.Call):
        if ast.unparse(node.func).endswith("nn.Parameter") and node.args:
            text = f"({subject.of(node.args[0])}).requires_grad_()"
            yield plant(subject.replace(node, text), places=subject.places(subject.statement(node)))
    for block in blocks(subject):
        if "torch" in subject.text and "import torch\n" in subject.text:
            last = block.init.body[-1]
            edit = subject.after(last, "self.scale = torch.ones(1, requires_grad=True)")
            # The edit that reads it is no mistake.
            scaled = subject.replace(block.sum.branch, f"{subject.of(block.sum.branch)} * self.scale")
            if not isinstance(block.sum.node, ast.AugAssign):
                yield plant(edit, scaled)


@operator("star of Sequential forgotten", "RC108")
def star_forgotten(subject: Subject) -> Iterator[Plant]:
    """``nn.Sequential(layers)``."""
    for call in calls(subject, "sequential"):
        if len(call.args) == 1 and isinstance(call.args[0], ast.Starred):
            yield plant(subject.replace(call.args[0], subject.of(call.args[0].value)))


@operator("parentheses forgotten", "RC109")
def parentheses_forgotten(subject: Subject) -> Iterator[Plant]:
    """``nn.ReLU`` for ``nn.ReLU()``."""
    for kind in ("relu", "identity", "flatten", "sigmoid"):
        for call in calls(subject, kind):
            alone = not call.args and not isinstance(subject.parents[call], ast.Call)
            if alone or _in_sequential(subject, call):
                yield plant(subject.replace(call, subject.of(call.func)))


def _in_sequential(subject: Subject, call: ast.Call) -> bool:
    parent = subject.parents[call]
    return isinstance(parent, ast.Call) and kind_of(parent.func) == "sequential"


@operator("input handed to the constructor", "RC109")
def input_to_constructor(subject: Subject) -> Iterator[Plant]:
    """``nn.ReLU(x)`` in forward."""
    for cls, _, forward in modules(subject):
        for use in uses(cls, forward, "relu"):
            yield plant(subject.replace(use.call.func, "nn.ReLU"))


@operator("trailing comma", "RC109")
def trailing_comma(subject: Subject) -> Iterator[Plant]:
    """``self.conv1 = nn.Conv2d(...),`` makes a tuple."""
    for cls, _, forward in modules(subject):
        used = {use.name for use in uses(cls, forward)}
        for layer in layers(cls).values():
            if layer.name in used:
                end = subject.end(layer.call)
                yield plant(subject.rewrite(end, "", ","), places=subject.places(layer.assign))


@operator("layer created in forward", "RC110")
def created_in_forward(subject: Subject) -> Iterator[Plant]:
    """``nn.Conv2d(3, 64, 7)(x)`` inside forward, for a layer whose arguments are constants."""
    for cls, _, forward in modules(subject):
        for use in uses(cls, forward):
            layer = layers(cls).get(use.name)
            if (
                layer
                and layer.kind in {"conv", "linear", "norm"}
                and all(
                    isinstance(each, ast.Constant)
                    for each in [*layer.call.args, *(word.value for word in layer.call.keywords)]
                )
            ):
                yield plant(subject.replace(use.call.func, " ".join(subject.of(layer.call).split())))


@operator("layer never applied", "RC111 RC303 RC401 RC402 RC202 RC204 RC305 RC405 RC404")
def layer_unused(subject: Subject) -> Iterator[Plant]:
    """Forward leaves a convolution or a stage out."""
    for cls, _, forward in modules(subject):
        for use in uses(cls, forward):
            layer = layers(cls).get(use.name)
            if layer and layer.kind in {"conv", "sequential"} and use.argument is not None:
                yield unwrapped(subject, use.call, use.argument, layer.assign)


def unwrapped(subject: Subject, call: ast.Call, value: ast.expr, *places: ast.stmt | ast.expr) -> Plant:
    """Return the mistake that a call is left out and its argument stays; the whole statement where nothing is left."""
    statement = subject.statement(call)
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=whole) if whole is call and subject.of(value) == name:
            return plant(subject.delete(statement), places=(*subject.around(statement), *subject.places(*places)))
    return plant(subject.replace(call, subject.of(value)), places=subject.places(*places))


@operator("result discarded", "RC112")
def result_discarded(subject: Subject) -> Iterator[Plant]:
    """``self.bn1(x)`` as a statement."""
    for _, _, forward in modules(subject):
        for node in subject.nodes(ast.Assign, under=forward):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(args=[first, *_]) as call) if any(
                    isinstance(each, ast.Name) and each.id == name for each in ast.walk(first)
                ):
                    yield plant(subject.replace(node, subject.of(call)))


@operator("class attribute hides a module", "RC114")
def hidden_by_class(subject: Subject) -> Iterator[Plant]:
    """``shortcut = None`` in the class's body."""
    for cls, init, forward in modules(subject):
        used = {use.name for use in uses(cls, forward)}
        for layer in layers(cls).values():
            if init and layer.name in used:
                yield plant(subject.before(init, f"{layer.name} = None", ""))


@operator("lambda in a loop", "RC115")
def late_binding(subject: Subject) -> Iterator[Plant]:
    """Steps are collected as lambdas that all see the last layer."""
    for _, _, forward in modules(subject):
        for loop in subject.nodes(ast.For, under=forward):
            match loop:
                case ast.For(
                    target=ast.Name(id=name),
                    body=[ast.Assign(targets=[ast.Name(id=image)], value=ast.Call(func=ast.Name(id=called)))],
                ) if name == called:
                    lines = (
                        "steps = []",
                        f"for {name} in {subject.of(loop.iter)}:",
                        f"    steps.append(lambda t: {name}(t))",
                        "for step in steps:",
                        f"    {image} = step({image})",
                    )
                    yield plant(subject.replace(loop, f"\n{subject.indent(loop)}".join(lines)))
    for cls, init, forward in modules(subject):
        found = [use for use in uses(cls, forward, "conv") if use.name in layers(cls)]
        if init and len(found) > 1 and isinstance(subject.statement(found[0].call), ast.Assign):
            names = [use.name for use in found[:2]]
            last = init.body[-1]
            yield Plant(
                (
                    subject.after(
                        last,
                        "self.steps = []",
                        f"for layer in (self.{names[0]}, self.{names[1]}):",
                        "    self.steps.append(lambda t: layer(t))",
                    ),
                    *(
                        subject.replace(use.call.func, f"self.steps[{number_}]")
                        for number_, use in enumerate(found[:2])
                    ),
                )
            )
