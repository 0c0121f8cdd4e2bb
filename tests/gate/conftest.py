"""A project under git, with one file of models."""

import subprocess
from pathlib import Path

import pytest

from resnet_check.checking import check_source
from resnet_check.config import Settings
from resnet_check.gate.snapshot import Gate
from resnet_check.source import parse_source

NET = """import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, wide, out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(wide, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        if stride != 1 or wide != out:
            self.shortcut = nn.Sequential(nn.Conv2d(wide, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class Net(nn.Module):
    def __init__(self, blocks, classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        layers, wide = [], 16
        for stage, out in enumerate((16, 32, 64)):
            for i in range(blocks):
                layers.append(Block(wide, out, 2 if stage and not i else 1))
                wide = out
        self.layers = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)))
        x = self.layers(x)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.fc(self.drop(x))


def small():
    return Net(1)


def large():
    return Net(3)
"""


def snapshots_of(text, path="net.py"):
    """Return the Snapshots of a file's models by name."""
    report = check_source(parse_source(path, text.encode()), Settings(select=()), Gate())
    assert report.failures == ()
    return {each.name: each for each in report.snapshots}


def put(path, text):
    """Write a file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def git(*words):
    """Run git here, as somebody."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def project():
    """Make the empty folder of the test a repository with one commit."""
    git("init", "-q", "-b", "main")
    put("models/net.py", NET)
    put(".gitignore", ".cache\n")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
