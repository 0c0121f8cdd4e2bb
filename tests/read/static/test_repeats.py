"""What is remembered of a constructor makes no difference: neither to a figure, nor to a place, nor to a mistake."""

from __future__ import annotations

import pytest

from resnet_check.graph.records import Model
from resnet_check.read.reading import Reading
from resnet_check.read.static import repeats
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


def reading(body: str) -> Reading:
    """Return what is read of a network with this body."""
    text = HEAD + PARTS.replace("{body}", body)
    return read(parse_source("model.py", text.encode()))


def shown(model: Model) -> tuple[object, ...]:
    """Return everything that is known of a model, each thing with its place."""
    facts = [(p.kind, p.site, p.module, p.op) for p in model.problems]
    guards = [tuple(guard) for guard in model.guards]
    figures = (model.status, model.unknown, model.params, model.macs, model.output, model.accepted)
    return (model.name, *figures, model.modules, model.ops, guards, facts)


@pytest.mark.parametrize("case", SAME)
def test_remembering_changes_nothing(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without it every record is the same, the places included."""
    with_memory = reading(SAME[case])
    monkeypatch.setattr(repeats, "construct", lambda *arguments: arguments[-1]())
    without = reading(SAME[case])
    assert [shown(model) for model in with_memory.models] == [shown(model) for model in without.models]
    assert with_memory.models


def test_identical_blocks_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that depend on constants of the file are remembered, those that depend on what changes are not."""
    copied: list[str] = []
    again = repeats.again

    def counted(interpreter: object, memory: repeats.Memory, *rest: object) -> object:
        copied.append(memory.made.cls.name)
        return again(interpreter, memory, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(repeats, "again", counted)
    for case, name, times in (("plain", "Block", 2), ("a default that is kept", "Default", 0)):
        copied.clear()
        reading(SAME[case])
        assert (copied.count(name) >= times) if times else name not in copied
