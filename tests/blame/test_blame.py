"""Which line is blamed for shapes that do not fit, in networks of several styles with one mistake each."""

import pytest

from resnet_check.checking import check_source
from resnet_check.config import Settings
from resnet_check.rules import conv_channels_mismatch, fixed_input_size, shortcut_shape_mismatch
from resnet_check.source import parse_source

COUNTED = conv_channels_mismatch.NET
BLOCKS = shortcut_shape_mismatch.NET
POOLED = fixed_input_size.NET

TABLE = """
import torch
from torch import nn

PLANS = {"small": ("basic", (1, 2)), "large": ("neck", (2, 2))}
EXPANSION = {"basic": 1, "neck": 4}


def unit(cin, cout, k, s=1):
    return nn.Sequential(nn.Conv2d(cin, cout, k, s, k // 2, bias=False), nn.BatchNorm2d(cout), nn.ReLU())


class Block(nn.Module):
    def __init__(self, kind, cin, width, stride):
        super().__init__()
        cout = width * EXPANSION[kind]
        self.main = nn.Sequential(
            unit(cin, width, 1),
            unit(width, width, 3, stride),
            nn.Conv2d(width, cout, 1, bias=False),
            nn.BatchNorm2d(cout),
        )
        self.side = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        return torch.relu(self.main(x) + self.side(x))


class Net(nn.Module):
    def __init__(self, kind, depths):
        super().__init__()
        self.stem = unit(3, 16, 3)
        blocks, cin = [], 16
        for stage, depth in enumerate(depths):
            for j in range(depth):
                blocks.append(Block(kind, cin, 16 * 2**stage, 2 if j == 0 else 1))
                cin = 16 * 2**stage * EXPANSION[kind]
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(cin, 10)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


def make(name):
    return Net(*PLANS[name])
"""


def loud(text):
    report = check_source(parse_source("model.py", text.encode()), Settings(select=("RC2",)))
    assert report.failures == ()
    return [finding for finding in report.findings if finding.severity != "note"]


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("network", "right", "wrong", "rule"),
    [
        (
            COUNTED,
            "block(self.in_planes, planes, stride, downsample)",
            "block(self.in_planes, planes, stride)",
            "RC201",
        ),
        (COUNTED, "nn.Linear(64 * block.expansion, 10)", "nn.Linear(64, 10)", "RC204"),
        (COUNTED, "nn.BatchNorm2d(planes * self.expansion)", "nn.BatchNorm2d(planes)", "RC203"),
        (COUNTED, "out = self.bn3(self.conv3(out))", "out = self.bn3(self.conv3(x))", "RC202"),
        (
            BLOCKS,
            "self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1",
            "self.conv2 = nn.Conv2d(c_out, c_out, 1, padding=1",
            "RC201",
        ),
        (
            BLOCKS,
            "Block(16, 32, 2), Block(32, 32), Block(32, 64",
            "Block(16, 32, 2), Block(16, 32), Block(32, 64",
            "RC202",
        ),
        (TABLE, "nn.Conv2d(cin, cout, 1, stride, bias=False)", "nn.Conv2d(cin, cout, 1, bias=False)", "RC201"),
        (TABLE, "cin = 16 * 2**stage * EXPANSION[kind]", "cin = 16 * 2**stage", "RC202"),
        (TABLE, "nn.Linear(cin, 10)", "nn.Linear(32, 10)", "RC204"),
        (TABLE, "s, k // 2, bias=False), nn.BatchNorm2d(cout)", "s, k // 2, bias=False), nn.BatchNorm2d(cin)", "RC203"),
        (TABLE, "unit(width, width, 3, stride)", "unit(width, width / 1, 3, stride)", "RC208"),
    ],
)
def test_the_changed_line_is_blamed_once(network, right, wrong, rule):
    assert network.count(right) >= 1
    text = network.replace(right, wrong, 1)
    assert [(f.code, f.line) for f in loud(text)] == [(rule, line_of(network, right))]


def test_a_count_that_a_loop_does_not_update():
    text = TABLE.replace("                cin = 16", "            cin = 16")
    (finding,) = loud(text)
    assert finding.line == line_of(text, "            cin = 16")
    assert finding.help == "move this statement into the loop in front of it"


def test_the_tree_is_as_it_was():
    source = parse_source("model.py", COUNTED.replace("self.in_planes = planes * block.expansion", "pass").encode())
    import ast

    before = ast.dump(source.tree)
    first = check_source(source, Settings(select=("RC2",)))
    assert ast.dump(source.tree) == before
    assert first.findings
    assert check_source(source, Settings(select=("RC2",))) == first


def test_the_new_line_is_said():
    text = BLOCKS.replace("if stride != 1 or c_in != c_out:", "if c_in != c_out:")
    (finding,) = loud(text)
    assert finding.help == "write `if stride != 1 or c_in != c_out:`"
    assert not finding.fix.safe


@pytest.mark.parametrize(
    "said",
    [
        '\n\nif __name__ == "__main__":\n    print(Net()(torch.randn(2, 3, 224, 224)).shape)\n',
        "\n\nIMAGE_SIZE = 224\n",
        "\n\n# trained on ImageNet\n",
        '\n\ndef check(x):\n    if x.shape[2] != 224:\n        raise ValueError("224 only")\n',
    ],
)
def test_a_file_that_says_its_size_gets_a_note(said):
    text = POOLED.replace("F.adaptive_avg_pool2d(x, 1)", "F.avg_pool2d(x, 7)") + said
    report = check_source(parse_source("model.py", text.encode()), Settings(select=("RC205",)))
    (finding,) = report.findings
    assert finding.severity == "note"
    assert "193 to 416" in finding.message
    assert "from 225 on" in finding.message


def test_channels_that_a_docstring_speaks_of():
    text = POOLED.replace("nn.Conv2d(3, 16", "nn.Conv2d(1, 16").replace(
        "class Net(nn.Module):", 'class Net(nn.Module):\n    """For RGB images."""\n'
    )
    (finding,) = loud(text)
    assert (finding.code, finding.severity) == ("RC202", "warning")
