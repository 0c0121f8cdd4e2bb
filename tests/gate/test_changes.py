"""What counts as a change of a model, and how it is told."""

import pytest

from resnet_check.gate.changes import model_changes
from tests.gate.conftest import NET, snapshots_of

BEFORE = snapshots_of(NET)


def changed(*pairs):
    text = NET
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return model_changes(BEFORE, snapshots_of(text))


@pytest.mark.parametrize(
    "pairs",
    [
        [("y = ", "out = "), ("(y", "(out")],
        [("layers, wide = [], 16", "wide, layers = 16, []")],
        [("x = self.layers(x)", "for layer in self.layers:\n            x = layer(x)")],
        [("F.adaptive_avg_pool2d(x, 1).flatten(1)", "x.mean((2, 3))")],
        [("F.adaptive_avg_pool2d(x, 1).flatten(1)", "F.adaptive_avg_pool2d(x, 1)\n        x = x.view(x.size(0), -1)")],
        [("class Block", "class Unit"), ("Block(", "Unit(")],
        [("F.relu(y + self.shortcut(x))", "F.relu(self.shortcut(x) + y)")],
        [("import torch.nn as nn\n", "import torch.nn as nn\n\n# A comment.\n\n")],
        [("def small", "def unused(n):\n    return n\n\n\ndef small")],
    ],
    ids=["variables", "order", "loop", "mean", "view", "class", "sum", "comment", "function"],
)
def test_what_does_not_change_the_network_is_no_change(pairs):
    assert changed(*pairs) == ()


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("Net(1)", "Net(2)")], {"14 layers instead of 8", "stage 1: 2 x basic instead of 1 x basic"}),
        ([("classes=10", "classes=7")], {"head: 7 classes instead of 10 classes", "output: [N, 7] instead of [N, 10]"}),
        ([("(16, 32, 64)", "(16, 32, 48)"), ("Linear(64", "Linear(48")], {"stage 3: 48 instead of 64"}),
        ([("Conv2d(3, 16, 3, 1, 1", "Conv2d(3, 16, 3, 2, 1")], {"stem: stride 2 instead of stride 1"}),
    ],
    ids=["blocks", "classes", "width", "stride"],
)
def test_a_changed_part_is_named(pairs, words):
    (change,) = [each for each in changed(*pairs) if each.name == "small"]
    assert change.kind == "changed"
    assert words <= set(change.words)


def test_weights_that_no_longer_fit():
    (change,) = [
        each
        for each in changed(("self.fc", "self.head"), ("64, classes)", "64, classes, bias=False)"))
        if each.new == "small"
    ]
    assert change.state.missing == ("head.weight",)
    assert change.state.unexpected == ("fc.weight", "fc.bias")
    assert change.words[-1] == "old checkpoints do not load: 1 missing (head.weight), 2 unexpected (fc.weight, fc.bias)"
    (change,) = [each for each in changed(("classes=10", "classes=7")) if each.new == "small"]
    assert change.state.reshaped == (("fc.weight", (10, 64), (7, 64)), ("fc.bias", (10,), (7,)))
    assert not change.state.loads


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("y = F.relu(self.bn1(self.conv1(x)))", "y = self.bn1(self.conv1(x))"), "4 `relu` instead of 7"),
        (("F.relu(self.bn(", "F.elu(self.bn("), "6 `relu` instead of 7"),
        (("F.relu(y + self.shortcut(x))", "F.relu(y) + self.shortcut(x)"), "its operators are wired or set otherwise"),
        (("nn.BatchNorm2d(16)", "nn.BatchNorm2d(16, eps=1e-3)"), "no `batch_norm"),
    ],
    ids=["no-relu", "elu", "order", "eps"],
)
def test_another_network_with_the_same_weights(pair, words):
    (change,) = [each for each in changed(pair) if each.new == "small"]
    assert change.state.loads
    said = "; ".join(change.words)
    assert words in said or "`batch_norm eps=0.001" in said
    assert said.endswith(": old checkpoints load, and give other outputs")


@pytest.mark.parametrize(
    "pair", [("Dropout(0.5)", "Dropout(0.3)"), ("BatchNorm2d(16)", "BatchNorm2d(16, momentum=0.01)")]
)
def test_what_changes_training_only(pair):
    (change,) = [each for each in changed(pair) if each.new == "small"]
    assert change.words[-1].endswith(": only training is another")


def test_models_come_and_go_and_are_renamed():
    kinds = [(each.kind, each.old, each.new) for each in changed(("def small", "def tiny"))]
    assert kinds == [("renamed", "small", "tiny")]
    kinds = [(each.kind, each.old, each.new) for each in changed(("def small", "def tiny"), ("Net(1)", "Net(2)"))]
    assert kinds == [("added", None, "tiny"), ("removed", "small", None)]


def test_a_model_that_no_longer_runs_or_is_understood():
    (change,) = [each for each in changed(("nn.Linear(64", "nn.Linear(63")) if each.new == "small"]
    assert change.words == ("it does not run any more",)
    (change,) = [each for each in changed(("Net(1)", "Net(int(open('n').read()))")) if each.new == "small"]
    assert change.words[0].startswith("it is not understood completely any more (line ")


def test_what_was_not_understood_may_become_so():
    text = NET.replace("F.relu(self.bn(self.conv(x)))", "F.relu(self.bn(self.conv(x))) + float(open('n').read())")
    partial = snapshots_of(text)
    assert {each.status for each in partial.values()} == {"partial"}
    assert model_changes(partial, BEFORE) == ()
    wider = model_changes(partial, snapshots_of(NET.replace("classes=10", "classes=7")))
    assert all("parameters: " in "; ".join(change.words) for change in wider)
    assert len(wider) == 2


def test_buffers_that_are_not_kept():
    with_buffer = NET.replace(
        "self.drop =", 'self.register_buffer("scale", nn.Parameter(), persistent=False)\n        self.drop ='
    )
    assert snapshots_of(with_buffer)["small"].state == BEFORE["small"].state
