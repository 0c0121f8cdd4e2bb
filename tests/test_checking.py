"""A check ends in time: rules for which none is left are left out, and the report says so."""

import pytest

from resnet_check import checking
from resnet_check.checking import Report, check_source
from resnet_check.config import Settings
from resnet_check.report import FORMATS, RenderOptions, render
from resnet_check.rules.base import all_rules
from resnet_check.source import parse_source

TEXT = """
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)  # resnet-check: ignore[unused-layer]
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.conv(x))
"""


class Clock:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self):
        self.now = 0.0

    def process_time(self):
        self.now += 1
        return self.now


def found(monkeypatch, seconds, **settings):
    monkeypatch.setattr(checking, "time", Clock())
    monkeypatch.setattr(checking, "MAX_SECONDS", seconds)
    report = check_source(parse_source("net.py", TEXT.encode()), Settings(**settings))
    assert report.failures == ()
    return report


def messages(report):
    return [finding.message for finding in report.findings if finding.rule == "too-complex"]


@pytest.mark.parametrize("ran", range(0, len(all_rules()), 7))
def test_rules_without_time_are_named(monkeypatch, ran):
    late = all_rules()[ran:]
    report = found(monkeypatch, ran)
    words = f"the {len(late)} rules from `{late[0].name}` on" if len(late) > 1 else f"`{late[0].name}`"
    assert messages(report) == [f"not checked by {words}: the time limit"]
    assert {finding.code for finding in report.findings} <= {rule.code for rule in all_rules()[:ran]} | {"RC002"}
    assert [model.params for model in report.models] == [8 * 3 * 9 + 8 + 90]


def test_a_comment_for_a_rule_without_time_is_not_called_unused(monkeypatch):
    assert "unused-ignore" not in {finding.rule for finding in found(monkeypatch, 5).findings}


def test_one_rule_without_time_is_named_alone(monkeypatch):
    report = found(monkeypatch, 1, select=("too-complex", "unused-layer"))
    assert messages(report) == ["not checked by `unused-layer`: the time limit"]


@pytest.mark.parametrize("settings", [{"ignore": ("too-complex",)}, {"select": ("RC1",)}])
def test_who_does_not_want_the_note_does_not_get_it(monkeypatch, settings):
    assert messages(found(monkeypatch, 0, **settings)) == []


def test_with_time_for_all_rules_nothing_is_said(monkeypatch):
    report = found(monkeypatch, len(all_rules()) + 1)
    assert messages(report) == []
    assert "linear-features-mismatch" in {finding.rule for finding in report.findings}


NET = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
{layers}

    def forward(self, x):
{steps}
"""

ODD = {
    "a list of lists of tensors and other things": ("        self.a = None", "        return [(), ['', x, 3, [x, x]]]"),
    "a layer for as many features as nobody knows": (
        "        self.a = None",
        "        x = x.permute(1, 0, 2, 3).reshape(0, -1)\n        self.a = nn.Linear(x.shape[1], 10)\n        return self.a(x)",
    ),
    "a bottleneck of no width": (
        "        self.a, self.b, self.c = nn.Conv2d(3, 0, 1), nn.Conv2d(0, 0, 3, padding=1), nn.Conv2d(0, 3, 1)",
        "        return F.relu(x + self.c(F.relu(self.b(F.relu(self.a(x))))))",
    ),
    "branches without a convolution": (
        "        self.a = nn.Linear(3, 3)",
        "        y = self.a(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)\n        return x + F.avg_pool2d(F.relu(y), 3, 1, 1)",
    ),
}


@pytest.mark.parametrize(("layers", "steps"), ODD.values(), ids=ODD)
@pytest.mark.parametrize("like", [None, "resnet-50"])
def test_no_rule_and_no_format_stumbles_over_what_is_odd(layers, steps, like):
    report = check_source(parse_source("net.py", NET.format(layers=layers, steps=steps).encode()), Settings(like=like))
    assert report.failures == ()
    assert len(report.models) == 1
    for form in FORMATS:
        assert isinstance(render(form, Report((report,)), RenderOptions()), str)


def test_an_object_of_a_class_says_nothing_again_of_where_that_stops():
    text = NET.format(layers="        self.a = nn.Linear(3, 3)", steps="        return self.b(x)")
    report = check_source(parse_source("net.py", f"{text}\nnet = Net()\n".encode()), Settings())
    assert [model.status for model in report.models] == ["failed", "failed"]
    assert len(report.findings) == 1
