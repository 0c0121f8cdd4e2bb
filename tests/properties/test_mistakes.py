"""Mistakes that torch does not notice: each is caught by a property, and correct code, however unusual, has them all."""

import pytest

from resnet_check.properties import all_properties, run
from resnet_check.properties._examples import network
from resnet_check.rules import _examples as imagenet
from tests.properties.subjects import subject

FORWARD = "        x = self.body(self.stem(x))\n        return self.fc(x.mean((2, 3)))"
BODY = "self.body = nn.Sequential(Block(8, 8), Block(8, 16, 2), Block(16, 16))"
BRANCH = "y = F.relu(self.bn1(self.conv1(x)))\n        y = self.bn2(self.conv2(y))"
SUM = "return F.relu(y + self.shortcut(x))"

SILENT = {
    "a result is discarded": (
        "identity-at-zero-branch",
        [(SUM, "self.bn2(y)\n        F.relu(y + self.shortcut(x))\n        return y")],
    ),
    "layers in a plain list": (
        "state-dict-round-trip",
        [(BODY, "self.blocks = [Block(8, 8), Block(8, 16, 2)]"), ("self.body(self.stem(x))", "self.run(self.stem(x))"),
         ("    def forward(self, x):\n        x = self.run", ("    def run(self, x):\n        for block in self.blocks:\n"
          "            x = block.eval()(x)\n        return x\n\n    def forward(self, x):\n        x = self.run"))],
    ),
    "layers in a dict": (
        "copy-and-pickle",
        [(BODY, "self.parts = {'body': nn.Sequential(Block(8, 8), Block(8, 16, 2)).eval()}"),
         ("self.body(", "self.parts['body'](")],
    ),
    "a layer is created in forward": (
        "deterministic-eval",
        [("self.fc(x.mean((2, 3)))", "self.fc(nn.Conv2d(16, 16, 1)(x).mean((2, 3)))")],
    ),
    "a layer is never called": (
        "every-parameter-learns",
        [("y = self.bn2(self.conv2(y))", "y = self.conv2(y)")],
    ),
    "a layer reads the block's input": (
        "every-parameter-learns",
        [("self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1", "self.conv2 = nn.Conv2d(inplanes, planes, 3, stride, 1"),
         ("self.conv2(y)", "self.conv2(x)")],
    ),
    "an in-place activation changes the shortcut": (
        "identity-at-zero-branch",
        [(BRANCH, ("y = self.conv1(F.relu(x, inplace=True))\n        y = self.conv2(F.relu(self.bn1(y)))\n"
          "        y = self.bn2(y)")), (SUM, "return y + self.shortcut(x)")],
    ),
    "positions are moved into the batch": (
        "batch-independence",
        [("self.fc(x.mean((2, 3)))", "self.fc(F.adaptive_avg_pool2d(x, 2).view(-1, 16))")],
    ),
    "permute, then view": (
        "batch-independence",
        [("self.fc(x.mean((2, 3)))", "self.fc(F.adaptive_avg_pool2d(x, 1).permute(1, 2, 3, 0).reshape(x.size(0), 16))")],
    ),
    "a norm over the batch": (
        "batch-independence",
        [("self.fc(x.mean((2, 3)))", "self.fc((x / x.std(0, keepdim=True, unbiased=False).add(1)).mean((2, 3)))")],
    ),
    "no_grad in forward": (
        "every-parameter-learns",
        [("        x = self.body(", "        with torch.no_grad():\n            x = self.stem(x)\n        x = self.body("),
         ("self.body(self.stem(x))", "self.body(x)")],
    ),
    "self.eval() in forward": (
        "norm-statistics",
        [("        x = self.body(", "        self.eval()\n        x = self.body(")],
    ),
    "dropout that is always on": (
        "deterministic-eval",
        [("self.fc(x.mean((2, 3)))", "self.fc(F.dropout(x.mean((2, 3)), 0.2))")],
    ),
    "a batch size is written down": (
        "batch-independence",
        [("self.fc(x.mean((2, 3)))", "self.fc(x.mean((2, 3)) * torch.ones([2, 16]))")],
    ),
}  # fmt: skip
"""For each mistake the property that catches it, and what it changes in the usual network."""


@pytest.mark.parametrize(("name", "changes"), SILENT.values(), ids=SILENT)
def test_a_silent_mistake_is_caught(name, changes):
    (outcome,) = run(subject(network(*changes)), [name])
    assert outcome.verdict == "failed", outcome


@pytest.mark.parametrize(
    ("mistake", "there"),
    [
        ("positions are moved into the batch", ".view(-1, 16)"),
        ("permute, then view", ".permute(1, 2, 3, 0)"),
        ("a norm over the batch", "x.std(0"),
        ("no_grad in forward", "x = self.stem(x)"),
        ("a layer is created in forward", "nn.Conv2d(16, 16, 1)(x)"),
        ("dropout that is always on", "F.dropout(x"),
        ("a layer is never called", "self.bn2 = "),
        ("an in-place activation changes the shortcut", "y + self.shortcut(x)"),
    ],
)
def test_the_line_is_named(mistake, there):
    name, changes = SILENT[mistake]
    text = network(*changes)
    (outcome,) = run(subject(text), [name])
    assert outcome.line is not None
    assert there in text.splitlines()[outcome.line - 1]


UNLIKE = {
    "ReLU before the sum": [("y = self.bn2(self.conv2(y))", "y = F.relu(self.bn2(self.conv2(y)))")],
    "no ReLU after the sum": [("return F.relu(y + self.shortcut(x))", "return y + self.shortcut(x)")],
    "no ReLU in the branch": [("y = F.relu(self.bn1(self.conv1(x)))", "y = self.bn1(self.conv1(x))")],
    "no ReLU in the stem": [("F.relu(self.bn1(self.conv1(x))))", "self.bn1(self.conv1(x)))")],
    "no norm in the projection": [("stride, bias=False), nn.BatchNorm2d(planes))", "stride, bias=False))")],
    "a ceiling in the pool": [("nn.MaxPool2d(3, stride=2, padding=1)", "nn.MaxPool2d(3, 2, 1, ceil_mode=True)")],
    "another epsilon": [("self.bn2 = nn.BatchNorm2d(planes)", "self.bn2 = nn.BatchNorm2d(planes, 1e-3)")],
    "leaky ReLU": [("return F.relu(y +", "return F.leaky_relu(y +")],
    "the shortcut after the ReLU": [("y = F.relu(self.bn1(self.conv1(x)))", ("x = F.leaky_relu(x, 0.5)\n        "
                                     "y = F.relu(self.bn1(self.conv1(x)))"))],
    "a block too many": [("[2, 2, 2, 2]", "[2, 3, 2, 2]")],
    "a stage with the wrong stride": [("128, layers[1], 2", "128, layers[1], 1")],
    "the stem's padding": [("stride=2, padding=3", "stride=2, padding=2")],
    "softmax at the end": [("return self.fc(x.mean((2, 3)))", "return self.fc(x.mean((2, 3))).softmax(1)")],
    "one convolution for two": [("self.bn2(self.conv2(y))", "self.bn2((self.conv1 if x.shape == y.shape else self.conv2)(y))")],
}  # fmt: skip
"""What makes another network of a ResNet-18."""

RESNET = "def build():\n    return ResNet(BasicBlock, [2, 2, 2, 2], 7)"


@pytest.mark.parametrize("changes", UNLIKE.values(), ids=UNLIKE)
def test_what_is_not_the_reference_is_told_apart(changes):
    text = imagenet.network(imagenet.BASIC, RESNET, *changes)
    (outcome,) = run(subject(text, like="resnet-18"), ["equals-reference"])
    assert outcome.verdict == "failed", outcome


ALIKE = {
    "an adaptive pool": [("x.mean((2, 3))", "F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)")],
    "in place": [("return F.relu(y + self.shortcut(x))", "y += self.shortcut(x)\n        return F.relu_(y)")],
    "other names": [("self.conv2", "self.second"), ("self.shortcut", "self.skip")],
    "a pool of the map's size": [("x.mean((2, 3))", "F.avg_pool2d(x, 7).flatten(1)")],
}
"""What makes no other network of it."""


@pytest.mark.parametrize("changes", ALIKE.values(), ids=ALIKE)
def test_what_computes_the_same_equals_the_reference(changes):
    text = imagenet.network(imagenet.BASIC, RESNET, *changes)
    (outcome,) = run(subject(text, like="resnet-18"), ["equals-reference"])
    assert outcome.verdict == "passed", outcome


UNUSUAL = {
    "noise on purpose": [("self.fc(x.mean((2, 3)))", "self.fc(F.dropout(x.mean((2, 3)), 0.2, training=True))")],
    "dropout": [(SUM, "return F.relu(F.dropout2d(y, 0.5, self.training) + self.shortcut(x))")],
    "stochastic depth": [(SUM, ("if self.training and torch.rand(()) < 0.5:\n            y = torch.zeros_like(y)\n"
                          "        return F.relu(y + self.shortcut(x))"))],
    "layer norm": [("self.fc(x.mean((2, 3)))", "self.fc(F.layer_norm(x.mean((2, 3)), (16,)))")],
    "group norm": [("nn.BatchNorm2d(planes)", "nn.GroupNorm(4, planes)")],
    "norms without statistics": [("nn.BatchNorm2d(planes)", "nn.InstanceNorm2d(planes, affine=True)")],
    "frozen parameters": [("return Net()", "net = Net()\n    net.stem.requires_grad_(False)\n    return net")],
    "a branch that starts at zero": [("planes, planes, 3, 1, 1, bias=False)", ("planes, planes, 3, 1, 1, bias=False)\n"
                                      "        nn.init.zeros_(self.conv2.weight)"))],
    "features in a dict": [("return self.fc(x.mean((2, 3)))", "return {'map': x, 'scores': self.fc(x.mean((2, 3)))}")],
    "a second head in training": [("return self.fc(x.mean((2, 3)))", ("y = self.fc(x.mean((2, 3)))\n"
                                   "        return (y, self.fc(x.amax((2, 3)))) if self.training else y"))],
    "labels in training": [("forward(self, x):\n        x = self.body", ("forward(self, x, labels=None):\n"
                            "        if self.training:\n            assert labels is not None\n        x = self.body"))],
    "weight norm": [("self.fc = nn.Linear(16, classes)",
                     "self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(16, classes))")],
    "a gate": [(SUM, "return F.relu(y * torch.sigmoid(y.mean((2, 3), keepdim=True)) + self.shortcut(x))")],
    "a lambda": [("self.fc = nn.Linear(16, classes)", "self.fc = nn.Linear(16, classes)\n        self.act = lambda x: x"),
                 ("self.fc(x.mean((2, 3)))", "self.fc(self.act(x.mean((2, 3))))")],
    "a backward function of its own that frees memory": [
        (
            "class Net(",
            ("class Freeing(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
            "        y = x.sigmoid()\n        ctx.save_for_backward(y)\n        return y\n\n    @staticmethod\n"
            "    def backward(ctx, g):\n        (y,) = ctx.saved_tensors\n        z = y.exp()\n        w = z * g\n"
            "        z.zero_()\n        return w * y * (1 - y)\n\n\nclass Net("),
        ),
        ("x = self.body(self.stem(x))", "x = self.body(Freeing.apply(self.stem(x)))"),
    ],
    "a fixed pool": [("x.mean((2, 3))", "F.avg_pool2d(x, 16).flatten(1)")],
    "a size that is checked": [("        x = self.body(", ("        if x.shape[2] % 4:\n            raise ValueError('size')\n"
                                "        x = self.body("))],
}  # fmt: skip
"""Correct models that a careless property would fail."""


@pytest.mark.parametrize("changes", UNUSUAL.values(), ids=UNUSUAL)
def test_correct_code_fails_no_property(changes):
    names = [tried.name for tried in all_properties()]
    outcomes = run(subject(network(*changes)), names)
    assert [outcome for outcome in outcomes if outcome.verdict == "failed"] == []
    assert [outcome for outcome in outcomes if "could not be tried" in outcome.message] == []
