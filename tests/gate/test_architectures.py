"""The law of lock and diff: another architecture is always seen, another way to write the same one never."""

import ast
import re
from functools import cache
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

import resnet_check.reference
from resnet_check.anatomy import anatomy
from resnet_check.checking import model_report
from resnet_check.gate.changes import model_changes
from resnet_check.gate.lockfile import Lock, read_lock, written
from resnet_check.gate.snapshot import snapshot
from resnet_check.papers.comparing import identify
from resnet_check.read.reading import ReadOptions
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

FOLDER = Path(resnet_check.reference.__file__).parent

FACTORIES = {
    "resnet": "resnet18",
    "cifar": "resnet20",
    "preact": "preresnet110",
    "wide": "wrn16_8",
    "se": "se_resnet18",
}
"""A small network of each family: the file, and the factory."""

CHANGES = {
    "width": (r"\b(64|16)\b(?=,)", "24"),
    "kernel": (r"kernel_size=(\d)", "kernel_size=5"),
    "stride": (r"stride=2", "stride=1"),
    "eps": (r"nn\.BatchNorm2d\((\w+)\)", r"nn.BatchNorm2d(\1, eps=1e-3)"),
    "momentum": (r"nn\.BatchNorm2d\((\w+)\)", r"nn.BatchNorm2d(\1, momentum=0.2)"),
    "activation": (r"relu\(", "elu("),
    "bias": (r"bias=False", "bias=True"),
    "sum": (r"return (.*) \+ (.*)", r"return \1 - \2"),
    "blocks": (r"\[(\d), (\d), (\d), (\d)\]|\(2, 2, 2, 2\)", "(1, 2, 2, 2)"),
    "classes": (r"classes: int = \d+", "classes: int = 7"),
}
"""Kinds of changes of an architecture, as a pattern of the source and what goes in its place."""


@cache
def source(family):
    return (FOLDER / f"{family}.py").read_text(encoding="utf-8")


@cache
def read_one(text, family):
    """Return the Model of a family's small network, in a file with this text."""
    parsed = parse_source(str(FOLDER / "checked.py"), text.encode())
    found = read(parsed, ReadOptions(only=frozenset({FACTORIES[family]}))).models
    return next(each for each in found if not each.trial)


@cache
def model(text, family):
    """Return the Snapshot of a family's small network."""
    found = read_one(text, family)
    identity = identify(anatomy(found)) if found.status == "complete" else None
    return snapshot(found, model_report(found, identity), identity)


def changed_at(text, pattern, new, number):
    """Return a text with one occurrence of a pattern replaced, None where there is none."""
    found = list(re.finditer(pattern, text))
    if not found:
        return None
    at = found[number % len(found)]
    return text[: at.start()] + at.expand(new) + text[at.end() :]


def differ(text, changed, family):
    """Return whether a diff of the two sees a change, and the lock file likewise."""
    old, new = model(text, family), model(changed, family)
    seen = model_changes({"it": old}, {"it": new})
    folder = Path("lock")
    folder.mkdir(exist_ok=True)
    path = str(folder / "resnet-check.lock")
    Path(path).write_text(written(Lock(path, {"a.py": (old,)})), encoding="utf-8")
    (locked,) = read_lock(path).models("lock/a.py")
    assert bool(model_changes({"it": locked}, {"it": new})) is bool(seen)
    return bool(seen)


families = st.sampled_from(sorted(FACTORIES))


@settings(max_examples=150)
@given(families, st.sampled_from(sorted(CHANGES)), st.integers(0, 30))
def test_another_architecture_is_seen(family, kind, number):
    text = source(family)
    changed = changed_at(text, *CHANGES[kind], number)
    assume(changed is not None and is_python(changed))
    assume(is_another(text, changed, family))
    assert differ(text, changed, family)


def is_python(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def is_another(text, changed, family):
    """Return whether a change reaches the model: by what torch would build and run, told by the Ops of the plain Graph."""
    return plain(text, family) != plain(changed, family)


@cache
def plain(text, family):
    """Return the Ops and the modules of a network as they stand, without any form to compare by."""
    found = read_one(text, family)
    ops = [(op.kind, op.inputs, str(op.shape), sorted(map(str, op.attributes.items()))) for op in found.ops]
    return found.status, ops, [(module.path, module.type, str(module.parameters)) for module in found.modules]


class Renamed(ast.NodeTransformer):
    """Local variables of functions under other names: those that are assigned there, but arguments and what is shared."""

    def visit_FunctionDef(self, node):
        own = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        inner = [
            each for child in node.body for each in ast.walk(child) if isinstance(each, ast.FunctionDef | ast.Lambda)
        ]
        shared = {each.id for one in inner for each in ast.walk(one) if isinstance(each, ast.Name)}
        arguments = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and each.id in own - shared - arguments:
                each.id = f"{each.id}_renamed"
        return node


@settings(max_examples=40)
@given(families, st.data())
def test_the_same_architecture_written_otherwise_is_not(family, data):
    text = source(family)
    tree = ast.parse(text)
    if data.draw(st.booleans(), label="rename local variables"):
        tree = Renamed().visit(tree)
    if data.draw(st.booleans(), label="reorder methods"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                functions = [each for each in node.body if isinstance(each, ast.FunctionDef)]
                order = iter(data.draw(st.permutations(functions), label=node.name))
                node.body = [next(order) if isinstance(each, ast.FunctionDef) else each for each in node.body]
    changed = ast.unparse(tree)
    if data.draw(st.booleans(), label="comments and empty lines"):
        changed = changed.replace("\n", "\n\n# A comment.\n", data.draw(st.integers(0, 20)))
        assume(is_python(changed))
    assert not differ(text, changed, family)
