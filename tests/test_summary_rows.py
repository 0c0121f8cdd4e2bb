"""The rows of a summary: what torch says of each module, and how the figures add up."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import nn

from resnet_check.read.reading import ReadOptions
from resnet_check.read.static.reader import read
from resnet_check.report.summary.rows import FORWARD, OF_MODULE, Row, count, cut, height, rolled_up, rows
from resnet_check.source import parse_source, read_source
from tests.read.static.networks import Network, networks
from tests.read.static.test_static_equals_torch import live_model

UNUSUAL = Path(__file__).parent / "models" / "unusual.py"
SLOW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def models(text, **options):
    """Return the models of a text by name."""
    reading = read(parse_source("net.py", text.encode()), ReadOptions(**options))
    return {model.name: model for model in reading.models}


def unusual(name):
    """Return one of the unusual networks."""
    reading = read(read_source(str(UNUSUAL)), ReadOptions(only=frozenset({name})))
    return next(model for model in reading.models if model.name == name)


def below(row, path=""):
    """Yield every row below a row, with the path of its module."""
    for child in row.children:
        at = f"{path}.{child.name}" if path else child.name
        yield at, child
        yield from below(child, at)


def outputs_of(net, image):
    """Return the shape that each module of a live network gives, by path, and its multiply-adds."""
    shapes: dict[str, tuple[int, ...]] = {}
    macs: dict[str, int] = {}

    def note(path):
        def hook(module, _inputs, output):
            shapes[path] = tuple(output.shape[1:])
            if isinstance(module, nn.Conv2d):
                macs[path] = module.weight.numel() * prod(output.shape[2:])
            if isinstance(module, nn.Linear):
                macs[path] = module.weight.numel()

        return hook

    for path, module in net.named_modules():
        module.register_forward_hook(note(path))
    with torch.no_grad():
        net(image)
    return shapes, macs


@SLOW
@given(networks())
def test_each_row_says_what_torch_says_of_the_module(network: Network) -> None:
    model = models(network.text)["build"]
    if model.status != "complete":
        return
    size = [each if isinstance(each, int) else each.value for each in model.input[1:]]
    net = live_model(network.text)
    shapes, macs = outputs_of(net, torch.zeros(2, *size))
    found = {path: row for path, row in below(rows(model)) if row.kind not in OF_MODULE}
    live = dict(net.named_modules())
    assert found.keys() == live.keys() - {""}
    for path, row in found.items():
        assert row.kind == type(live[path]).__name__
        assert row.params == sum(parameter.numel() for parameter in live[path].parameters())
        assert row.macs == sum(cost for inner, cost in macs.items() if f"{inner}.".startswith(f"{path}."))
        assert [output[1:] for output in row.outputs] == ([shapes[path]] if path in shapes else [])


@SLOW
@given(networks())
def test_the_rows_below_a_row_add_up_to_it(network: Network) -> None:
    model = models(network.text)["build"]
    root = rows(model)
    assert (root.params, root.macs) == (model.params, model.macs)
    for row in (root, rolled_up(root)):
        for _, each in (("", row), *below(row)):
            if each.children and model.status == "complete":
                assert sum(child.count * child.params for child in each.children) == each.params
                assert sum(child.count * child.macs for child in each.children) == each.macs


@SLOW
@given(networks())
def test_rolling_up_leaves_no_alike_neighbours_and_loses_none(network: Network) -> None:
    root = rows(models(network.text)["build"])
    rolled = rolled_up(root)
    assert rolled_up(rolled) == rolled
    assert unrolled(rolled) == count(root)
    for _, row in (("", rolled), *below(rolled)):
        for before, after in zip(row.children, row.children[1:], strict=False):
            alike = replace(before, name="", count=1) == replace(after, name="", count=1)
            assert not (alike and before.name.isdigit() and after.name.isdigit())


def unrolled(row: Row) -> int:
    """Return the number of rows that the rows below a row stand for."""
    return sum(child.count * (1 + unrolled(child)) for child in row.children)


@given(networks())
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
def test_a_cut_tree_has_the_depth_that_it_is_cut_to(network: Network) -> None:
    root = rows(models(network.text)["build"])
    for depth in range(height(root) + 2):
        assert height(cut(root, depth)) == min(depth, height(root))
    assert cut(root, height(root)) == root


def test_neighbours_with_other_names_are_not_rolled_up():
    text = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("unit1", "unit2", "unit4", "conv", "shortcut"):
            setattr(self, name, nn.Conv2d(8, 8, 1))
    def forward(self, x):
        return self.shortcut(self.conv(self.unit4(self.unit2(self.unit1(x)))))
"""
    row = rolled_up(rows(models(text)["Net"]))
    assert [(child.name, child.count) for child in row.children] == [
        ("unit1-unit2", 2), ("unit4", 1), ("conv", 1), ("shortcut", 1),
    ]  # fmt: skip


def test_modules_stand_in_the_order_in_which_forward_calls_them():
    text = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(8, 2)
        self.first = nn.Conv2d(3, 8, 3)
        self.nothing = nn.Sequential()
    def forward(self, x):
        return self.last(self.nothing(self.first(x)).mean((2, 3)))
"""
    row = rows(models(text, input_size=(3, 8, 8))["Net"])
    assert [child.name for child in row.children] == ["first", "nothing", "mean", "last"]


def by_path(name):
    return dict(below(rows(unusual(name))))


def test_a_module_that_is_called_twice_costs_twice():
    row = by_path("Several")["head"]
    assert row.params == 68
    assert row.macs == 16 * 4 * (112 * 112 + 56 * 56)
    assert row.outputs == ((None, 4, 112, 112), (None, 4, 56, 56))
    assert row.remarks == ("called 2 times",)


def test_a_shared_tensor_counts_once_in_the_whole_and_is_named_where_it_comes_again():
    model = unusual("Several")
    root = rows(model)
    found = dict(below(root))
    assert root.params == model.params == sum(child.params for child in root.children) - 64
    assert found["tied"].params == 68
    assert found["tied"].remarks == ("weight is that of head",)


def test_a_layer_that_nothing_calls_is_marked():
    row = by_path("Several")["spare"]
    assert (row.remarks, row.outputs, row.macs, row.params) == (("never called",), (), 0, 68)


def test_named_and_nested_outputs_are_kept():
    root = rows(unusual("Several"))
    fine, coarse = (None, 4, 112, 112), (None, 4, 56, 56)
    assert root.outputs == ({"fine": fine, "all": [coarse, coarse]},)


def test_layers_in_a_plain_list_cost_but_are_not_registered():
    model = unusual("Listed")
    root = rolled_up(rows(model))
    assert (root.params, root.macs) == (model.params, model.macs)
    layers = next(child for child in root.children if child.name == "layers")
    assert (layers.count, layers.params, layers.remarks) == (3, 8 * 8 * 9 + 8, ("not registered",))
    assert sum(child.count * child.macs for child in root.children) == model.macs


def test_a_parameter_and_a_convolution_without_a_layer_are_rows_of_their_own():
    found = by_path("Listed")
    assert (found["weight"].kind, found["weight"].params) == ("parameter", 216)
    assert (found["conv"].kind, found["conv"].macs) == (FORWARD, 216 * 224 * 224)


def test_what_is_not_understood_is_left_open():
    model = unusual("Unread")
    root = rows(model)
    found = dict(below(root))
    assert model.status == "partial"
    assert (root.params, root.macs, root.outputs) == (None, None, (None,))
    assert (found["stem"].params, found["stem"].macs) == (448, 432 * 224 * 224)
    assert (found["head"].params, found["head"].macs, found["head"].outputs) == (170, None, (None,))


def test_nothing_is_said_of_what_lies_behind_a_mistake():
    found = by_path("Odd")
    assert (found["first"].macs, found["first"].outputs) == (432 * 224 * 224, ((None, 16, 224, 224),))
    for name in ("second", "third"):
        assert (found[name].macs, found[name].outputs) == (None, (None,))


@pytest.mark.parametrize(
    ("layer", "detail"),
    [
        ("nn.Conv2d(8, 8, 3)", "3x3"),
        ("nn.Conv2d(8, 8, (1, 3), stride=2)", "1x3, stride 2"),
        ("nn.Conv2d(8, 8, 3, (1, 2), dilation=2)", "3x3, stride 1x2, dilation 2"),
        ("nn.Conv2d(8, 16, 3, groups=4)", "3x3, 4 groups"),
        ("nn.Conv2d(8, 8, 5, groups=8)", "5x5, depthwise"),
        ("nn.MaxPool2d(2)", "2x2, stride 2"),
        ("nn.AvgPool2d(3, 1)", "3x3"),
        ("nn.Dropout()", ""),
        ("nn.Linear(224, 8)", ""),
    ],
)
def test_the_kernel_and_what_is_unusual_about_it(layer, detail):
    text = f"from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 1), {layer})\n"
    assert rows(models(text, input_size=(3, 224, 224))["net"]).children[1].detail == detail
