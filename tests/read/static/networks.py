"""Random residual networks as source text, for the law that the static reader says what torch says."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"

BLOCKS = {
    "basic": """\
class Block(nn.Module):
    expansion = 1

    def __init__(self, cin, width, stride=1, groups=1):
        super().__init__()
        cout = width * self.expansion
        self.conv1 = nn.Conv2d(cin, width, 3, stride, 1, bias=False)
        self.bn1 = {norm}(width)
        self.conv2 = nn.Conv2d(width, cout, 3, padding=1, bias=False)
        self.bn2 = {norm}(cout)
        self.down = None
        if stride != 1 or cin != cout:
            self.down = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias={bias}), {norm}(cout))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.down is None else self.down(x)))
""",
    "bottleneck": """\
class Block(nn.Module):
    expansion = 4

    def __init__(self, cin, width, stride=1, groups=1):
        super(Block, self).__init__()
        cout = width * self.expansion
        self.body = nn.Sequential(
            nn.Conv2d(cin, width, 1, bias={bias}), {norm}(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False), {norm}(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, cout, kernel_size=1), {norm}(cout))
        self.short = nn.Identity() if (cin, stride) == (cout, 1) else nn.Conv2d(cin, cout, 1, stride=stride)

    def forward(self, x):
        out = self.body(x)
        out += self.short(x)
        return torch.relu_(out)
""",
    "preactivation": """\
class Block(nn.Module):
    expansion = 2

    def __init__(self, cin, width, stride=1, groups=1):
        super().__init__()
        cout = width * Block.expansion
        self.bn1 = {norm}(cin)
        self.conv1 = nn.Conv2d(cin, width, kernel_size=(3, 3), stride=(stride, stride), padding=1, bias={bias})
        self.bn2 = {norm}(width)
        self.conv2 = nn.Conv2d(width, cout, 3, 1, "same", groups=groups)
        if stride != 1 or cin != cout:
            self.shortcut = nn.Conv2d(cin, cout, kernel_size=1, stride=stride, bias=False)

    def forward(self, x):
        out = self.bn1(x).relu()
        shortcut = self.shortcut(out) if hasattr(self, "shortcut") else x
        out = self.conv2(F.relu(self.bn2(self.conv1(out)), inplace=True))
        return torch.add(out, shortcut)
""",
    "padded shortcut": """\
class Block(nn.Module):
    expansion = 1

    def __init__(self, cin, width, stride=1, groups=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, width, 3, stride, 1, bias={bias})
        self.bn1 = {norm}(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.stride, self.extra = stride, width - cin

    def forward(self, x):
        y = self.conv2(torch.tanh(self.bn1(self.conv1(x))))
        s = x[:, :, ::self.stride, ::self.stride]
        return F.leaky_relu(y + F.pad(s, (0, 0, 0, 0, self.extra // 2, self.extra - self.extra // 2)), 0.1)
""",
}

STEMS = {
    "cifar": "nn.Conv2d({channels}, {width}, 3, 1, 1, bias=False)",
    "imagenet": "nn.Conv2d({channels}, {width}, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, {padding}, ceil_mode={ceil})",
    "deep": "nn.Conv2d({channels}, 8, 3, 2, 1), nn.GELU(), nn.Conv2d(8, {width}, 3, padding={padding}), nn.AvgPool2d(2)",
}

HEADS = {
    "adaptive": "x = F.adaptive_avg_pool2d(x, 1)\n        return self.fc(torch.flatten(x, 1))",
    "mean": "return self.fc(x.mean((2, 3)))",
    "fixed": "x = F.avg_pool2d(x, {pool})\n        return self.fc(x.view(x.size(0), -1))",
    "kernel from size": "x = F.avg_pool2d(x, x.size()[2:]).squeeze(3).squeeze(2)\n        return self.fc(x)",
    "branch on size": (
        "if x.shape[-1] > {pool}:\n            x = F.max_pool2d(x, 2)\n        return self.fc(x.flatten(2).sum(-1))"
    ),
}

NETWORK = """\
class Net(nn.Module):
    def __init__(self, block, depths, num_classes={classes}):
        super().__init__()
        self.inplanes = {width}
        self.stem = nn.Sequential({stem})
        stages = []
        for i, depth in enumerate(depths):
            stages.append(self._make_layer(block, {width} * 2 ** i, depth, stride=1 if i == 0 else 2))
        self.stages = nn.Sequential(*stages)
        self.fc = nn.Linear(self.inplanes, num_classes)

    def _make_layer(self, block, width, depth, stride):
        layers = [block(self.inplanes, width, stride, groups={groups})]
        self.inplanes = width * block.expansion
        layers += [block(self.inplanes, width, groups={groups}) for _ in range(1, depth)]
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.stages(self.stem(x))
        {head}


def build():
    return Net(Block, {depths})
"""


@dataclass(frozen=True)
class Network:
    """A network's source text, and the channels that it takes."""

    text: str
    channels: int


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Draw a residual network."""
    groups = draw(st.sampled_from([1, 1, 2, 4]))
    width = groups * draw(st.sampled_from([2, 4, 8]))
    norm = draw(
        st.sampled_from(["nn.BatchNorm2d", "nn.InstanceNorm2d", "(lambda c: nn.GroupNorm(2, c))", "nn.SyncBatchNorm"])
    )
    channels = draw(st.sampled_from([1, 3, 4]))
    padding = draw(st.sampled_from([0, 1]))
    block = BLOCKS[draw(st.sampled_from(sorted(BLOCKS)))].format(norm=norm, bias=draw(st.booleans()))
    stem = STEMS[draw(st.sampled_from(sorted(STEMS)))]
    head = HEADS[draw(st.sampled_from(sorted(HEADS)))].format(pool=draw(st.sampled_from([2, 4, 7])))
    text = NETWORK.format(
        classes=draw(st.integers(1, 12)),
        width=width,
        groups=groups,
        stem=stem.format(channels=channels, width=width, padding=padding, ceil=draw(st.booleans())),
        depths=draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)),
        head=head,
    )
    return Network(f"{HEAD}{block}\n\n{text}", channels)
