from resnet_check import check

NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, block, **options):
        super().__init__()
        self.body = nn.Sequential(block(3, **options), block(3, **options))

    def forward(self, x):
        return self.body(x)
"""

BLOCK = """
from parts import Net
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)

    def forward(self, x):
        return self.conv(x)


def net():
    return Net(Block, scale=2)
"""


def test_a_class_of_the_file_that_does_not_take_what_an_imported_one_hands_it_is_an_error(tmp_path):
    (tmp_path / "parts.py").write_text(NET)
    path = tmp_path / "blocks.py"
    path.write_text(BLOCK)
    found = check(path).findings
    assert [(each.code, each.severity, each.line) for each in found] == [("RC113", "error", 16)]
    path.write_text(BLOCK.replace(", scale=2", ""))
    assert check(path).findings == ()


CONV = """
from torch import nn


def conv(inputs, outputs, kernel=3):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs))
"""

STAGES = """
from parts import conv
from torch import nn


class Stage(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = conv(inputs, outputs)
        self.second = conv(outputs, outputs)

    def forward(self, x):
        return self.second(self.first(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = Stage(3, 16)
        self.stage2 = Stage(16, 32)
        self.stage3 = Stage(32, 64)

    def forward(self, x):
        return self.stage3(self.stage2(self.stage1(x)))
"""


def test_channels_that_go_through_an_imported_helper_are_shown_where_the_file_writes_them(tmp_path):
    (tmp_path / "parts.py").write_text(CONV)
    path = tmp_path / "stages.py"
    path.write_text(STAGES)
    assert check(path).findings == ()
    path.write_text(STAGES.replace("Stage(32, 64)", "Stage(16, 64)"))
    found = check(path).findings
    assert [(each.code, each.line, each.help) for each in found] == [
        ("RC202", 21, "write `self.stage3 = Stage(32, 64)`")
    ]
