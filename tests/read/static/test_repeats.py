"""What is remembered of constructors and calls makes no difference: to no figure, no place, and no mistake."""

from __future__ import annotations

from typing import Any

import pytest

from resnet_check.graph.records import Model
from resnet_check.read.reading import Reading
from resnet_check.read.static import repeats, replays
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

HEAD = """
import copy
from functools import partial
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, channels, stride=1, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn1 = norm(channels)
        self.relu = nn.ReLU(inplace=True)
        nn.init.zeros_(self.bn1.weight)

    def forward(self, x):
        return self.relu(x + self.bn1(self.conv1(x)))

class Base(nn.Module):
    def forward(self, x):
        return self.body(x)
"""

SAME = {
    "plain": "self.body = nn.Sequential(Block(3), Block(3), Block(3))",
    "in a loop": "self.body = nn.Sequential(*[Block(3) for _ in range(4)])",
    "keywords": "self.body = nn.Sequential(Block(3, norm=nn.Identity), Block(3, norm=nn.Identity), Block(channels=3))",
    "true is not one": "self.body = nn.Sequential(Kept(1), Kept(True), Kept(1.0), Kept(1), Kept(True))",
    "a list of one's own": "a, b = [3], [3]; self.body = nn.Sequential(Kept(a), Kept(b)); b.append(4)",
    "a list that is emptied": "a, b = [3, 4], [3, 4]; self.body = nn.Sequential(Pops(a), Pops(b), Kept(b), Kept(a))",
    "the same list twice": "a = [3]; self.body = nn.Sequential(Twice(a, [3]), Twice(a, a), Twice([3], [3])); a.append(4)",
    "a partial function": "f = partial(nn.BatchNorm2d, eps=1e-3); self.body = nn.Sequential(Block(3, 1, f), Block(3, 1, f))",
    "a counter": "self.body = nn.Sequential(Counted(3), Counted(3), Counted(3))",
    "a global counter": "self.body = nn.Sequential(Global(3), Global(3), Global(3))",
    "a list that all add to": "self.body = nn.Sequential(Listed(3), Listed(3), Listed(3))",
    "a default that is kept": "self.body = nn.Sequential(Default(3), Default(3), Default(3))",
    "a table that changes": "WIDTHS['a'] = 3; a = Table(3); WIDTHS['a'] = 5; self.body = nn.Sequential(a, Table(3), Table(3))",
    "a nested table": "a = Nested(3); SIZES['a'].append(7); self.body = nn.Sequential(a, Nested(3)); print(SIZES)",
    "a class attribute": "a = Marked(3); Marked.groups = 3; self.body = nn.Sequential(a, Marked(3), Marked(3))",
    "a list of the class": "a = Shelf(3); Shelf.sizes += [4]; self.body = nn.Sequential(a, Shelf(3), Shelf(3))",
    "a variable of the caller": "self.body = closed()",
    "a variable that is gone": "self.body = nn.Sequential(Block(3, 1, made(1)), Block(3, 1, made(2)), Block(3, 1, made(2)))",
    "an iterator": "self.body = nn.Sequential(Next(3), Next(3), Next(3))",
    "changed afterwards": "a, b = Block(3), Block(3); a.bn1 = nn.Identity(); self.body = nn.Sequential(a, b, Block(3))",
    "filled afterwards": "a, b = Block(3), Block(3); nn.init.ones_(a.bn1.weight); self.body = nn.Sequential(b, a, Block(3))",
    "bound to itself": "self.body = nn.Sequential(Bound(3), Bound(3), Bound(3))",
    "a module shared inside": "self.body = nn.Sequential(Shared(3), Shared(3), Shared(3))",
    "weights tied inside": "self.body = nn.Sequential(Tied(3), Tied(3), Tied(3))",
    "a mistake": "self.body = nn.Sequential(Wrong(3), Wrong(3), Wrong(3))",
    "a mistake that is caught": "self.body = nn.Sequential(Caught(3), Caught(3), Caught(3))",
    "an unknown choice": "self.body = nn.Sequential(Unsure(3), Unsure(3), Unsure(3))",
    "something unknown": "self.body = nn.Sequential(Foreign(3), Foreign(3), Foreign(3))",
    "its own forward": "self.body = nn.Sequential(Tried(3), Tried(3), Tried(3))",
    "globals as a dict": "g = globals(); a = Width(3); g['WIDTH'] = 6; self.body = nn.Sequential(a, Width(3), Width(3))",
    "a module as an argument": "m = nn.Conv2d(3, 3, 1); self.body = nn.Sequential(Around(m), Around(m))",
    "another at another place": "a = Block(3)\n        b = Block(3)\n        self.body = nn.Sequential(a, b, build(), build())",
}

PARTS = """
WIDTHS = {"a": 3}
SIZES = {"a": [3]}
LOG = []
COUNT = 0
WIDTH = 3
NUMBERS = iter(range(3, 100))

def build():
    return Block(3)

def made(kernel):
    return lambda channels: nn.Conv2d(channels, channels, kernel, padding=kernel // 2)

def closed():
    kernel = 1
    conv = lambda channels: nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
    first = Block(3, 1, conv)
    kernel = 3
    return nn.Sequential(first, Block(3, 1, conv), Block(3, 1, conv))

class Kept(Block):
    def __init__(self, kept):
        super().__init__(3)
        self.kept = kept
        self.register_buffer("table", torch.zeros(len(kept)) if isinstance(kept, list) else torch.zeros(2))

    def forward(self, x):
        if self.kept is True or (isinstance(self.kept, list) and len(self.kept) > 1):
            return super().forward(x)
        return x

class Pops(Block):
    def __init__(self, sizes):
        super().__init__(3)
        self.extra = nn.Linear(sizes.pop(), 1)

class Twice(Block):
    def __init__(self, a, b):
        super().__init__(3)
        self.a, self.b = a, b

    def forward(self, x):
        return super().forward(x) if len(self.a) == len(self.b) else x

class Counted(Block):
    count = 0
    def __init__(self, channels):
        super().__init__(channels)
        Counted.count += 1
        self.extra = nn.Linear(Counted.count, 1)

class Global(Block):
    def __init__(self, channels):
        global COUNT
        COUNT += 1
        super().__init__(channels)
        self.extra = nn.Linear(COUNT, 1)

class Listed(Block):
    def __init__(self, channels):
        super().__init__(channels)
        LOG.append(channels)
        self.extra = nn.Linear(len(LOG), 1)

class Default(Block):
    def __init__(self, channels, seen=[]):
        super().__init__(channels)
        seen.append(channels)
        self.extra = nn.Linear(len(seen), 1)

class Table(Block):
    def __init__(self, channels):
        super().__init__(channels)
        self.extra = nn.Linear(WIDTHS["a"], 1)

class Nested(Block):
    def __init__(self, channels):
        super().__init__(channels)
        self.sizes = SIZES["a"]
        self.extra = nn.Linear(len(self.sizes), 1)

class Marked(Block):
    groups = 1
    def __init__(self, channels):
        super().__init__(channels)
        self.conv1 = nn.Conv2d(channels, channels, 1, groups=self.groups)

class Shelf(Block):
    sizes = [3]
    def __init__(self, channels):
        super().__init__(channels)
        self.extra = nn.Linear(len(self.sizes), 1)

class Next(Block):
    def __init__(self, channels):
        super().__init__(channels)
        self.extra = nn.Linear(next(NUMBERS), 1)

class Bound(Block):
    def __init__(self, channels):
        super().__init__(channels)
        self.run = self.way
        self.again = lambda x: self.way(x)

    def way(self, x):
        return self.conv1(x)

    def forward(self, x):
        return self.again(self.run(x))

class Shared(Block):
    def __init__(self, channels):
        super().__init__(channels)
        self.conv2 = self.conv1
        self.rest = [self.conv1, nn.Conv2d(3, 3, 1)]

    def forward(self, x):
        return self.rest[1](self.conv2(x))

class Tied(Block):
    def __init__(self, channels):
        super().__init__(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2.weight = self.conv1.weight

class Wrong(Block):
    def __init__(self, channels):
        super().__init__(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, nonsense=2)

class Caught(Block):
    def __init__(self, channels):
        super().__init__(channels)
        try:
            self.act = nn.Sigmoid(inplace=True)
        except TypeError:
            self.act = nn.Sigmoid()

class Unsure(Block):
    def __init__(self, channels):
        super().__init__(channels)
        if torch.rand(1) > 0.5:
            self.extra = 1

class Foreign(Block):
    def __init__(self, channels):
        super().__init__(channels)
        import elsewhere
        self.extra = elsewhere.Part(channels)

class Tried(Block):
    def __init__(self, channels):
        super().__init__(channels)
        self.size = self.forward(torch.zeros(1, channels, 8, 8)).shape[1]
        self.extra = nn.Linear(self.size, 1)

class Width(Block):
    def __init__(self, channels):
        super().__init__(channels)
        self.extra = nn.Linear(WIDTH, 1)

class Around(Block):
    def __init__(self, inner):
        super().__init__(inner.in_channels)
        self.inner = inner

class Net(Base):
    def __init__(self):
        super().__init__()
        {body}

def second():
    return Net()
"""


CALLED = {
    "plain": ("", "return self.relu(x + self.bn1(self.conv1(x)))"),
    "in place on the input": ("", "x += self.conv1(x); return x"),
    "an activation in place on the input": ("", "return self.conv1(self.relu(x)) + x"),
    "an activation in place inside": ("", "y = self.conv1(x); z = self.bn1(self.relu(y)); return y + z"),
    "the input itself": ("", "return x"),
    "a view of the input": ("", "return x.view(x.shape)"),
    "a view that is written to": ("", "y = self.conv1(x); y[:, 0] = 0; return y"),
    "several outputs": ("", "y = self.conv1(x); return [y, {'again': y, 'n': 1}][0]"),
    "a counter of its own": ("self.calls = 0", "self.calls += 1; return self.conv1(x) if self.calls % 2 else x"),
    "a list of its own": ("self.seen = []", "self.seen.append(1); return self.conv1(x) if len(self.seen) % 2 else x"),
    "a global counter": ("", "LOG.append(1); return self.conv1(x) if len(LOG) % 3 else x"),
    "a counter of the class": ("", "Part.count += 1; return self.conv1(x) if Part.count % 3 else x"),
    "a table of the file": ("", "return self.conv1(x) if WIDTHS['a'] == 3 else x"),
    "training mode": ("", "return self.relu(x) if self.training else self.conv1(x)"),
    "without gradients": ("", "with torch.no_grad():\n            y = self.conv1(x)\n        return y + x"),
    "sizes decide": ("", "return self.conv1(x) if x.shape[2] > 20 else x"),
    "a pool that must not be empty": ("", "return nn.functional.max_pool2d(x, 3, 1)"),
    "a parameter of its own": (
        "self.scale = nn.Parameter(torch.ones(1, 3, 1, 1))",
        "return self.scale * self.conv1(x)",
    ),
    "a layer made in forward": ("", "return nn.ReLU()(self.conv1(x))"),
    "a value that is dropped": ("", "self.relu(x); return self.conv1(x)"),
    "nothing is returned": ("", "x = self.conv1(x)"),
    "a mistake": ("self.wrong = nn.Conv2d(4, 3, 1)", "return self.wrong(x)"),
    "an unknown value": ("", "return foreign(self.conv1(x))"),
    "modules in a list": ("self.held = [nn.Conv2d(3, 3, 1)]", "return self.held[0](x)"),
    "one module twice": ("", "return self.conv1(self.conv1(x))"),
    "an identity": ("self.same = nn.Identity()", "y = self.same(x); return y + self.conv1(x)"),
    "an identity, then in place": ("self.same = nn.Identity()", "y = self.same(x); self.relu(x); return y + x"),
    "a method": ("self.run = self.way", "return self.run(x)"),
}

NETWORKS = {
    "in a row": "return self.body(x)",
    "in place behind": "for part in self.body:\n            x = part(x)\n            x += 1\n        return x",
    "added to the input in place": "for part in self.body:\n            x += part(x)\n        return x",
    "under another name": "for part in self.body:\n            y = part(self.relu(x))\n            x = x + y\n        return x",
    "a statement": "for part in self.body:\n            part(x)\n        return self.body(x)",
    "changed between": "for part in self.body:\n            part.bn1.training = False\n            x = part(x)\n        return x",
    "one block again": "return self.body[0](self.body[0](self.body[1](x)))",
    "without gradients at the end": (
        "for i, part in enumerate(self.body):\n            with torch.set_grad_enabled(i < 2):\n"
        "                x = part(x)\n        with torch.no_grad():\n            return self.body(x)"
    ),
    "two names": "for part in self.body:\n            y = self.relu(x)\n            x = part(y) + x\n        return x",
}

CALLER = """
COUNT = 0
LOG = []
WIDTHS = {"a": 3}

class Part(Block):
    count = 0
    def __init__(self, channels):
        super().__init__(channels)
        {attribute}

    def way(self, x):
        return self.conv1(x)

    def forward(self, x):
        {forward}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.body = nn.Sequential(*[Part(3) for _ in range(4)])
        nn.init.ones_(self.body[1].bn1.weight)

    def forward(self, x):
        {network}
"""


def reading(body: str) -> Reading:
    """Return what is read of a network with this body."""
    text = HEAD + PARTS.replace("{body}", body)
    return read(parse_source("model.py", text.encode()))


def called(case: str, network: str) -> Reading:
    """Return what is read of a network of four parts that call this."""
    attribute, forward = CALLED[case]
    text = CALLER.replace("{attribute}", attribute or "pass").replace("{forward}", forward)
    return read(parse_source("model.py", (HEAD + text.replace("{network}", NETWORKS[network])).encode()))


def shown(model: Model) -> tuple[object, ...]:
    """Return everything that is known of a model, each thing with its place."""
    facts = [(p.kind, p.site, p.module, p.op) for p in model.problems]
    guards = [tuple(guard) for guard in model.guards]
    figures = (model.status, model.unknown, model.params, model.macs, model.output, model.accepted, model.trained)
    return (model.name, *figures, model.modules, model.ops, guards, facts)


@pytest.mark.parametrize("case", SAME)
def test_remembering_changes_nothing(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without it every record is the same, the places included."""
    with_memory = reading(SAME[case])
    monkeypatch.setattr(repeats, "construct", lambda *arguments: arguments[-1]())
    monkeypatch.setattr(replays, "call", lambda *arguments: arguments[-1]())
    without = reading(SAME[case])
    assert [shown(model) for model in with_memory.models] == [shown(model) for model in without.models]
    assert with_memory.models


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("case", CALLED)
def test_calls_that_are_noted_again_are_the_same_calls(
    case: str, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every Op, Guard, problem and place is that of a forward that runs each time."""
    with_memory = called(case, network)
    monkeypatch.setattr(replays, "call", lambda *arguments: arguments[-1]())
    without = called(case, network)
    assert [shown(model) for model in with_memory.models] == [shown(model) for model in without.models]
    assert with_memory.models


def test_identical_blocks_are_made_and_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that depend on constants of the file are remembered, those that depend on what changes are not."""
    copied: list[str] = []
    noted: list[int] = []
    again, replay = repeats.again, replays.replay

    def counted(interpreter: Any, memory: repeats.Memory, *rest: Any) -> Any:
        copied.append(memory.made.cls.name)
        return again(interpreter, memory, *rest)

    def replayed(interpreter: Any, known: replays.Call, *rest: Any) -> Any:
        noted.append(len(known.ops))
        return replay(interpreter, known, *rest)

    monkeypatch.setattr(repeats, "again", counted)
    monkeypatch.setattr(replays, "replay", replayed)
    reading(SAME["plain"])
    assert copied.count("Block") >= 2
    reading(SAME["a default that is kept"])
    assert "Default" not in copied
    noted.clear()
    called("plain", "in a row")
    assert len(noted) >= 3
    assert set(noted) == {4}
    noted.clear()
    for case in ("a global counter", "a list of its own", "in place on the input", "a counter of the class"):
        called(case, "in a row")
    assert not noted
