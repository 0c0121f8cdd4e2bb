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
