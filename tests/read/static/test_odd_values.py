"""Values that no model would use, where the fuzzer (`benchmarks/fuzz.py`) found the reader to raise: they are unknown instead."""

import time

import pytest

from resnet_check.checking import check_source
from resnet_check.config import Settings
from resnet_check.read.reading import ReadOptions
from resnet_check.read.static import modules, reader
from resnet_check.source import parse_source

NET = """
import collections, itertools
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        {}
    def forward(self, x):
        return self.conv(x)
"""

ODD = [
    "v = itertools.islice()[None]",
    "v = enumerate([1], {})",
    "v = list(range(2**63))",
    "v = [].extend()",
    "v = 'a'.count()(())",
    "v = {{}: 1 for k in [1]}",
    "v = {{} for k in [1]}",
    "v = slice()",
    "v = collections.namedtuple('', [3])",
    "v = collections.namedtuple('N', 'a a def 1')(1)",
    "v = [{()}] * 10**40",
    "v = round(1.5, 10**10)",
    "v = nn.ModuleDict(3)",
    "v = nn.Sequential(nn.Conv2d(8, 8, [], padding=1), nn.ReLU())",
    "v = nn.LSTM(4, 3, 10**6)",
    "self._modules = 1; self.weight",
    "vars(self)['_parameters'] = [1]; self.weight",
    "v = '%(a)s' % {'a': nn.ReLU()}",
    "for k in (d := {1: 1}): d[k + 1] = 1",
]


def checked(text):
    return check_source(parse_source("net.py", text.encode()), Settings())


@pytest.mark.parametrize("line", ODD)
def test_an_odd_value_is_no_failure_of_the_tool(line):
    report = checked(NET.replace("{}", line, 1))
    assert report.failures == ()
    assert [model.name for model in report.models if model.status == "complete"] in ([], ["Net"])


@pytest.mark.parametrize("line", ["x.reshape([])", "x = x.reshape([])", "return x.view(())"])
def test_an_odd_shape_after_a_mistake_is_no_failure_of_the_tool(line):
    text = NET.replace("{}", "", 1).replace("super().__init__()", "").replace("return self.conv(x)", line)
    report = checked(text.replace("nn.Conv2d(3, 4, 1)", "nn.MultiheadAttention(2, 2)"))
    assert report.failures == ()
    assert "missing-super-init" in {finding.rule for finding in report.findings}


@pytest.mark.parametrize("layer", ["nn.LazyLinear('')", "nn.LazyConv2d('', 3)", "nn.LazyConv2d(4, None)"])
def test_an_odd_lazy_layer_is_no_failure_of_the_tool(layer):
    report = checked(NET.replace("{}", "", 1).replace("nn.Conv2d(3, 4, 1)", layer))
    assert report.failures == ()
    assert [model.params for model in report.models] == [None]


def test_a_name_misspelled_in_a_long_loop_is_explained_in_time():
    names = "\n".join(f"name{i} = {i}" for i in range(150))
    start = time.process_time()
    report = checked(f"{names}\nfor i in range(5000):\n    v = nam150\n")
    assert [(finding.rule, finding.line) for finding in report.findings] == [("undefined-attribute", 152)]
    assert time.process_time() - start < 8


def test_a_container_that_changes_in_its_own_loop_is_a_mistake():
    report = checked(NET.replace("{}", "for k in (d := {1: 1}): d[k + 1] = 1", 1))
    assert [(f.rule, f.line) for f in report.findings] == [("bad-call", 8)]
    assert "the dict changes while it is iterated over" in report.findings[0].message


def test_a_reader_that_stumbles_says_so(monkeypatch):
    def stumble(*_arguments):
        raise KeyError

    monkeypatch.setattr(modules, "walk", stumble)
    monkeypatch.setattr(reader.describe, "module_records", stumble)
    (model,) = reader.read(parse_source("net.py", NET.replace("{}", "pass", 1).encode()), ReadOptions()).models
    assert (model.status, model.params, model.output) == ("partial", None, None)
    assert [unknown.reason for unknown in model.unknown] == ["values that are not read here (KeyError)"]
