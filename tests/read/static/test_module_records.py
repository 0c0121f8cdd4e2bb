"""What the records of a model's modules say of tied parameters, of outputs, and of what is not known."""

import pytest

from resnet_check.graph.records import show
from resnet_check.read.reading import ReadOptions
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

NETWORK = """
import torch
from elsewhere import unknown_number
from torch import nn


class Pair(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv2d(3, {channels}, 1)
        self.second = nn.Conv2d(3, 4, 1)
        self.second.weight = self.first.weight
        self.nothing = nn.Sequential()
        self.odd = nn.Linear(4, {features})

    def forward(self, x):
        return {{"map": self.nothing(self.first(x)), "both": [self.first(x), self.second(x).mean((2, 3))]}}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pair = Pair(4)
        self.never = nn.ReLU()

    def forward(self, x):
        {before}
        return self.pair(x)["both"]
"""


def modules(channels="4", features="2", before="pass", **options):
    text = NETWORK.format(channels=channels, features=features, before=before)
    reading = read(parse_source("net.py", text.encode()), ReadOptions(**options))
    (model,) = reading.models
    return {module.path: module for module in model.modules}


def shown(outputs):
    if isinstance(outputs, tuple):
        return show(outputs)
    if isinstance(outputs, dict):
        return {name: shown(inner) for name, inner in outputs.items()}
    return [shown(inner) for inner in outputs]


def test_a_tied_parameter_names_the_one_that_was_first():
    found = modules()
    first = found["pair.first"]
    assert found["pair.second"].tied == {"weight": (first.index, "weight")}
    assert first.tied == {}


def test_outputs_are_what_each_call_gives():
    found = modules(input_size=(3, 8, 8))
    assert shown(found["pair.first"].outputs) == ["[N, 4, 8, 8]", "[N, 4, 8, 8]"]
    assert shown(found["pair.nothing"].outputs) == ["[N, 4, 8, 8]"]
    assert shown(found["pair"].outputs) == [{"map": "[N, 4, 8, 8]", "both": ["[N, 4, 8, 8]", "[N, 4]"]}]
    assert shown(found[""].outputs) == [["[N, 4, 8, 8]", "[N, 4]"]]
    assert found["never"].outputs == []


def test_nothing_is_stated_behind_a_mistake():
    found = modules(before="x = nn.Conv2d(3, 5, 1)(x)", input_size=(3, 8, 8))
    assert [path for path, module in found.items() if module.outputs] == ["Conv2d"]


def test_what_is_not_understood_has_no_output():
    found = modules(before="x = torch.compute(x)")
    assert found["pair.first"].outputs == [None, None]


@pytest.mark.parametrize(("features", "unknown"), [("2", False), ("unknown_number()", True)])
def test_a_layer_of_unknown_size_is_marked(features, unknown):
    found = modules(features=features)
    assert found["pair.odd"].unknown is unknown
    assert found["pair.first"].unknown is False


def test_without_figures_no_sizes_are_worked_out():
    text = NETWORK.format(channels=4, features=2, before="pass").encode()
    for figures in (True, False):
        (model,) = read(parse_source("net.py", text), ReadOptions(figures=figures)).models
        assert (model.accepted is not None) is figures
        assert model.params is not None
