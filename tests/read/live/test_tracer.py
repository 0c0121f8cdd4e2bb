"""The tracer on modules that are not usual: what it sees, what it says it did not see, and that it leaves no trace."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from resnet_check.equality.agreement import agrees
from resnet_check.graph.dim import column, symbol, value
from resnet_check.graph.operators import FUNCTION_TABLE, LAYER_TABLE
from resnet_check.graph.operators.base import FUNCTIONS, LAYERS, NotModelled
from resnet_check.graph.records import Model
from resnet_check.read.live.census import layer_of
from resnet_check.read.live.names import operator_of
from resnet_check.read.live.sizes import Size, plain
from resnet_check.read.live.tracer import trace
from tests.read.live.both import HEAD, both, run

FRAME = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        {build}

    def forward(self, x):
        x = self.conv(x)
        {forward}

def build():
    return Net()
"""

ODD = {
    "one module called twice": ("self.again = nn.Conv2d(8, 8, 1)", "return self.again(self.again(x))"),
    "one module under two names": (
        "self.a = nn.BatchNorm2d(8); self.b = self.a",
        "return self.b(self.a(x))",
    ),
    "tied weights": (
        "self.a, self.b = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1); self.b.weight = self.a.weight",
        "return self.b(self.a(x))",
    ),
    "functional weights": (
        "self.weight = nn.Parameter(torch.ones(4, 8, 3, 3)); self.bias = nn.Parameter(torch.zeros(4))",
        "return F.conv2d(x, self.weight, self.bias, stride=2, padding=1)",
    ),
    "weights of another module": ("self.a = nn.Linear(8, 4)", "return F.linear(x.mean((2, 3)), self.a.weight)"),
    "a buffer": (
        'self.register_buffer("mean", torch.tensor([0.5] * 8).view(1, 8, 1, 1))',
        "return (x - self.mean) / 2",
    ),
    "a constant of the module": ("self.mean = torch.tensor([0.25, 0.5])", "return x[:, :2] * self.mean.view(2, 1, 1)"),
    "a constant of forward": ("", "return x + torch.ones(8, 1, 1)"),
    "zeros as large as the input": ("", "return torch.cat([x, torch.zeros_like(x)], dim=1)"),
    "a dictionary of outputs": ("", 'return {"out": x, "mean": x.mean((2, 3))}'),
    "several outputs": ("", "a, b = x.split(4, 1); return [a, (b, a + b)]"),
    "chunks that are not all used": ("", "a, b, c, d = x.chunk(4, dim=1); return a * c"),
    "an addition in place": ("", "y = x.relu(); y += x; return y"),
    "a ReLU in place after a copy": ("self.relu = nn.ReLU(inplace=True)", "y = x.clone(); self.relu(x); return x + y"),
    "an identity and its input": ("self.id = nn.Identity()", "y = self.id(x); return y + x"),
    "an identity that is written to": ("self.id = nn.Identity()", "y = self.id(x); F.relu_(y); return y + x"),
    "dropout and its input": ("self.drop = nn.Dropout(0.5)", "return self.drop(x) + x"),
    "a part that is written to": ("", "y = x.clone(); y[:, 0] = 0; y[:, 1:3] += 1; return y"),
    "numbers on the left": ("", "return 1 - x, 2 / (x + 3), 2 ** x, -x"),
    "signs": ("", "return x // 2, x % 3, x @ x.mT, (x > 0) & (x < 1), ~(x == 1)"),
    "numpy's names": ("", "return x.mean(axis=1, keepdims=True)"),
    "a pass over the elements": ("", "return sum(list(x)), [row for row in x[0]][0]"),
    "unpacking": ("", "a, b = x; return a * b"),
    "a size that is computed with": ("", "n, c, h, w = x.shape; return x.view(n * c, -1).view(n, c, h * w)"),
    "a size of one dim": ("", "return x.reshape(x.size(0), x.size(1) // 2, 2, -1)"),
    "an interpolation": ("", 'return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)'),
    "a pad with reflection": (
        'self.c = nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")',
        'return self.c(F.pad(x, (1, 1, 0, 0), mode="replicate"))',
    ),
    "attention": (
        "self.attention = nn.MultiheadAttention(8, 2, batch_first=True)",
        "x = x.flatten(2).transpose(1, 2); return self.attention(x, x, x)[0]",
    ),
    "einsum": ("", 'return torch.einsum("nchw,ndhw->ncd", x, x)'),
    "softmax": ("", "return F.softmax(x, dim=1), x.softmax(-1), x.log_softmax(1)"),
    "no gradients": ("", "with torch.no_grad():\n            y = x * 2\n        return y + x"),
    "a branch on the size": ("", "return F.max_pool2d(x, 2) if x.shape[-1] > 20 else x"),
    "a branch on the mode": ("", "return x if self.training else x.relu()"),
    "a layer of one's own": (
        "self.c = Standardised(8, 8, 3)",
        "return self.c(x)",
    ),
    "a Sequential and its parts": (
        "self.s = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)); self.last = self.s[1]",
        "return self.last(self.s(x))",
    ),
    "lazy layers": (
        "self.fc = nn.LazyLinear(5); self.c = nn.LazyConv2d(4, 1)",
        "return self.fc(self.c(x).mean((2, 3)))",
    ),
    "recurrence": (
        "self.gru = nn.GRU(8, 6, batch_first=True)",
        "out, last = self.gru(x.mean(-1).transpose(1, 2)); return out, last",
    ),
    "gates": ("", "a, b = torch.chunk(x, 2, 1); return a * torch.sigmoid(b), F.glu(x, dim=1)"),
    "pools": (
        "",
        "y, i = F.max_pool2d(x, 2, return_indices=True); return y + i, F.adaptive_max_pool2d(x, 2), x.amax((2, 3))",
    ),
    "a branch on gradients": ("", "return x * 2 if x.requires_grad and not x.detach().requires_grad else x"),
    "modules that eval does not reach": (
        "self.kept = [nn.BatchNorm2d(8)]",
        "return nn.Dropout(0.5)(self.kept[0](x))",
    ),
    "element types": (
        "",
        (
            "y = x.to(torch.float64).to(x.dtype).to(x.device, memory_format=torch.channels_last)\n"
            "        return y + torch.zeros(8, 1, 1, dtype=torch.float64, device=x.device)"
        ),
    ),
    "an autograd function": ("", "return Sign.apply(x)"),
}
OWN = """
class Standardised(nn.Conv2d):
    def forward(self, x):
        w = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, w, self.bias, self.stride, self.padding)

class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sign()

    @staticmethod
    def backward(ctx, gradient):
        return gradient
"""


def odd(build: str, forward: str) -> str:
    """Return a file with one model that has a convolution, and what is odd."""
    return HEAD + OWN + FRAME.format(build=build or "pass", forward=forward)


@pytest.mark.parametrize("name", ODD)
def test_odd_modules_are_read_as_they_run(name: str) -> None:
    """Each Graph is the one that the static reader draws."""
    static, traced = both(odd(*ODD[name]))
    assert static.status == "complete", static.unknown
    assert traced.status == "complete", (traced.unknown, traced.problems)
    assert agrees(static, traced) is None
    assert [m.path for m in static.modules] == [m.path for m in traced.modules]
    for field in ("type", "parent", "parameters", "buffers", "also", "registered", "reached", "frozen", "tied"):
        assert [getattr(m, field) for m in static.modules] == [getattr(m, field) for m in traced.modules], field
    assert [len(m.calls) for m in static.modules] == [len(m.calls) for m in traced.modules]
    assert [settled(m.outputs) for m in static.modules] == [settled(m.outputs) for m in traced.modules]


def settled(outputs: Any) -> Any:
    """Return outputs with numbers for sizes, lists as tuples."""
    if isinstance(outputs, dict):
        return {key: settled(part) for key, part in outputs.items()}
    return tuple(map(settled, outputs)) if isinstance(outputs, (list, tuple)) else value(outputs)


def traced(net: nn.Module, *size: int) -> Model:
    """Return the Model of a module in memory."""
    return trace(net, name="net", path="net.py", input_shape=size or (3, 32, 32))


def test_the_batch_stays_free() -> None:
    """Through what forward computes with sizes as well."""
    _, model = both(odd(*ODD["a size that is computed with"]))
    assert model.input is not None
    assert str(model.input[0]) == "N"
    assert [str(size) for size in model.output] == ["N", "8", str(model.output[2])]
    assert [str(op.shape[0]) for op in model.ops] == ["N", "N", "8 * N", "N"]


def test_multiply_adds_are_for_one_image() -> None:
    """And not stated where the program hides the batch."""
    shown = odd("self.fc = nn.Linear(8, 2)", "return self.fc(x.mean((2, 3)).view(x.shape[0], 8))")
    hidden = shown.replace("x.shape[0]", "len(x)")
    positions = 32 * 32
    assert traced(run(shown)["build"]()).macs == 3 * 8 * 9 * positions + 8 * 2
    assert traced(run(hidden)["build"]()).macs is None


def test_several_inputs() -> None:
    """Forward gets them in order."""

    class Two(nn.Module):
        def forward(self, image: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
            return image * scale.view(-1, 1, 1, 1)

    model = trace(Two(), inputs=[torch.zeros(4, 3, 8, 8), torch.zeros(4)])
    assert model.status == "complete"
    assert [op.kind for op in model.ops] == ["input", "input", "view", "mul"]
    assert model.ops[3].inputs == (0, 2)
    assert str(model.output[0]) == "N"


def test_a_model_that_looks_at_values_runs_on_them() -> None:
    """What the meta device cannot answer the CPU can."""
    model = traced(run(odd("", "return x * 2 if x.sum().item() > 1e9 else x.relu()"))["build"]())
    assert model.status == "complete", model.unknown
    assert [op.kind for op in model.ops][-1] == "relu"


def test_a_model_on_the_meta_device_may_look_at_values() -> None:
    """It has none: they count as zeros."""
    with torch.device("meta"):
        net = run(odd("", "return x * 2 if self.conv.bias.sum().item() > 0 else x.relu()"))["build"]()
    assert [op.kind for op in traced(net).ops][-1] == "relu"


def test_constants_of_the_file_and_the_class_are_constants() -> None:
    """They were there before; a tensor that is made where nobody sees it is not understood."""
    text = odd("self.kept = [torch.ones(1)]", "return x * SCALE + self.SHIFT + self.kept[0]")
    text = text.replace("class Net", "SCALE = torch.tensor(2.0)\n\nclass Net").replace(
        "    def __init__", "    SHIFT = torch.tensor(3.0)\n    def __init__", 1
    )
    static, model = both(text)
    assert model.status == "complete", model.unknown
    assert agrees(static, model) is None


@pytest.mark.parametrize("on_values", [False, True])
def test_a_tensor_that_was_made_unseen_is_not_understood(*, on_values: bool) -> None:
    """Such as one from a part of the program that switches off what the tracer sees with."""
    text = odd("", "with torch._C.DisableTorchFunction():\n            y = x * 2\n        return y + x")
    model = trace(run(text)["build"](), input_shape=(3, 8, 8), on_values=on_values)
    assert (model.status, model.macs) == ("partial", None)
    assert [str(unknown) for unknown in model.unknown] == [
        f"line {net_line('with') + 2}: a tensor that was computed where the tracer does not see it"
    ]


LIES = {
    "shape": (lambda result: replace(result, shape=(2, 3)), "the shape [2, 3], torch [2, 8, 8, 8]"),
    "dtype": (lambda result: replace(result, dtype="int64"), "the type int64, torch float32"),
    "structure": (lambda result: [result], "`relu` with these arguments (its outputs)"),
}


@pytest.mark.parametrize("lie", LIES)
def test_the_operator_table_is_held_to_what_torch_gives(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is wrong the model is not understood, and goes on with what torch gave."""
    change, words = LIES[lie]
    entry = FUNCTION_TABLE["torch.nn.functional.relu"]
    wrong = entry._replace(rule=lambda *given, **named: change(entry.rule(*given, **named)))
    monkeypatch.setitem(FUNCTIONS, entry.name, wrong._replace(rule=with_code_of(wrong.rule, entry.rule)))
    operator_of.cache_clear()
    try:
        model = trace(run(odd("", "return F.relu(x)"))["build"](), input_shape=(3, 8, 8))
    finally:
        operator_of.cache_clear()
    assert model.status == "partial"
    assert words in str(model.unknown[0])
    assert tuple(map(value, model.output)) == (2, 8, 8, 8)


def with_code_of(function: Any, like: Any) -> Any:
    """Return a function that names its arguments as another one does."""

    class Rule:
        __code__ = like.__code__

        def __call__(self, *given: Any, **named: Any) -> Any:
            return function(*given, **named)

    return Rule()


@pytest.mark.parametrize("why", [NotModelled, TypeError])
def test_arguments_that_the_operator_table_does_not_cover(
    why: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator is there with its inputs and its shape, and the reason is told."""

    def rule(*_: Any, **__: Any) -> Any:
        message = "odd ones"
        raise why(message)

    layer = LAYER_TABLE["torch.nn.Conv2d"]
    monkeypatch.setitem(LAYERS, layer.name, layer._replace(forward=rule))
    layer_of.cache_clear()
    try:
        model = trace(run(odd("", "return x"))["build"](), input_shape=(3, 8, 8))
    finally:
        layer_of.cache_clear()
    assert [(op.kind, op.inputs, op.returned) for op in model.ops] == [("input", (), False), ("Conv2d", (0,), True)]
    assert str(model.unknown[0]) == f"line {net_line('x = self.conv')}: `Conv2d` with these arguments (odd ones)"


def test_an_output_may_be_an_object() -> None:
    """Its attributes are what is returned."""
    cls = """
class Output:
    def __init__(self, map, mean):
        self.map, self.mean, self.loss = map, mean, None
"""
    static, model = both(odd("", "return Output(x, x.mean(1))") + cls)
    assert model.status == "complete"
    assert list(model.output) == ["map", "mean", "loss"]
    assert agrees(static, model) is None


@pytest.mark.parametrize("name", ODD)
def test_on_values_the_graph_is_the_same(name: str) -> None:
    """The CPU and the meta device give the same operators, shapes and figures."""
    build = run(odd(*ODD[name]))["build"]
    there, here = (trace(build(), input_shape=(3, 32, 32), on_values=on_values) for on_values in (False, True))
    assert there.ops == here.ops
    assert (there.output, there.macs, there.status) == (here.output, here.macs, here.status)


def test_an_unknown_function_makes_the_model_partial() -> None:
    """Its shapes are known all the same."""
    model = traced(run(odd("", "return torch.linalg.svdvals(x).relu()"))["build"]())
    assert model.status == "partial"
    assert "svdvals" in str(model.unknown[0])
    assert model.unknown[0].line == net_line("return torch")
    assert [op.kind for op in model.ops] == ["input", "conv", "svdvals", "relu"]
    assert value(model.output[0]) == 2


def net_line(beginning: str) -> int:
    """Return the line of forward's second statement in a file of `odd`."""
    text = odd("", beginning)
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.strip().startswith(beginning))


def test_what_forward_raises_is_a_problem_at_its_line() -> None:
    """With the type and the text of the exception."""
    model = traced(run(odd("", "raise LookupError('no such head')"))["build"]())
    assert (model.status, model.macs, model.output) == ("failed", None, None)
    (problem,) = model.problems
    assert problem.kind == "raised"
    assert problem.facts["message"] == "LookupError: no such head"
    assert problem.site.line == net_line("raise")


def test_what_torch_refuses_is_a_problem_at_the_line_of_the_call() -> None:
    """The innermost line of the program, not of torch; with torch's words for real tensors."""
    model = traced(run(odd("self.fc = nn.Linear(7, 2)", "return self.fc(x.mean((2, 3)))"))["build"]())
    (problem,) = model.problems
    assert problem.site.line == net_line("return self.fc")
    assert "mat1 and mat2 shapes cannot be multiplied (2x8 and 7x2)" in problem.facts["message"]


def test_exit_goes_on_to_the_caller() -> None:
    """It is no exception of the model's that could be reported; the module is put back."""
    net = run(odd("", "raise SystemExit(3)"))["build"]()
    call = nn.Module.__call__
    with pytest.raises(SystemExit):
        traced(net)
    assert nn.Module.__call__ is call
    assert not net.conv.weight.is_meta


@pytest.mark.parametrize("forward", ["return x", "raise ValueError", "x.relu_(); return self.conv.weight.mul_(2)"])
def test_the_module_is_left_as_it_was(forward: str) -> None:
    """Weights, buffers, modes and attributes."""
    net = run(odd("self.norm, self.table = nn.BatchNorm2d(8), torch.ones(3)", forward))["build"]().train()
    before, weight = copy.deepcopy(net.state_dict()), net.conv.weight
    traced(net)
    assert net.training
    assert net.conv.training
    assert net.conv.weight is weight
    assert isinstance(net.table, torch.Tensor)
    assert not net.table.is_meta
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_hooks_are_a_part_of_the_pass() -> None:
    """Of the program's own; the layers on which they are stay layers."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    net[0].register_forward_hook(lambda _, __, output: output.sigmoid())
    net[1].register_forward_pre_hook(lambda _, given: (given[0] * 2,))
    model = traced(net)
    assert [(op.kind, op.path) for op in model.ops[1:]] == [
        ("conv", "0"),
        ("sigmoid", "0"),
        ("mul", "1"),
        ("relu", "1"),
    ]
    assert "forward" not in vars(net[0])


def test_weights_that_torch_normalises_are_weights() -> None:
    """A convolution whose weight is computed at each call is a convolution."""
    norm = torch.nn.utils.parametrizations
    net = nn.Sequential(norm.weight_norm(nn.Conv2d(3, 4, 3)), norm.spectral_norm(nn.Conv2d(4, 4, 3)))
    model = traced(net)
    assert model.status == "complete", model.unknown
    assert [(op.kind, op.inputs) for op in model.ops] == [("input", ()), ("conv", (0,)), ("conv", (1,))]


def test_modules_that_are_not_registered() -> None:
    """Their calls show, their parameters are none of the model's."""
    _, model = both(odd("self.kept = [nn.Conv2d(8, 8, 1)]", "return self.kept[0](nn.ReLU()(x))"))
    kept, built = sorted((m for m in model.modules if not m.registered), key=lambda m: m.created)
    assert (kept.type, kept.holder, kept.held_as, kept.created) == ("torch.nn.Conv2d", 0, "kept", False)
    assert (built.type, built.created) == ("torch.nn.ReLU", True)
    assert model.params == 3 * 8 * 9 + 8
    assert [op.kind for op in model.ops] == ["input", "conv", "relu", "conv"]


def test_calls_lead_to_the_place() -> None:
    """A Site knows the calls of the program that led there, none of torch's."""
    text = odd("self.block = nn.Sequential(Inner())", "return self.block(x)")
    inner = "\nclass Inner(nn.Module):\n    def forward(self, x):\n        return F.relu(x)\n"
    model = traced(run(text + inner)["build"]())
    relu = model.ops[-1]
    assert relu.kind == "relu"
    assert relu.site[:3] == ("net.py", (text + inner).count("\n"), 16)
    assert [(site.line, site.column) for site in relu.site.calls] == [(net_line("return self"), 16)]


@given(st.integers(1, 9), st.integers(1, 9))
def test_sizes_are_integers_that_remember(number: int, other: int) -> None:
    """Whatever is computed from a size has the value that integers give, and the expression that gives it."""
    size = Size(symbol("N", number))
    for result in (size + other, other - size, size * other, size // other, size % other, size * size, 60 // size):
        assert isinstance(result, int)
    for expression in (
        "n + k",
        "k + n",
        "n - k",
        "k - n",
        "n * k",
        "k * n",
        "n // k",
        "k // n",
        "n % k",
        "-n",
        "n / k",
    ):
        made = eval(expression, {"n": size, "k": other})  # noqa: S307 - of this test's own
        assert made == eval(expression, {"n": number, "k": other})  # noqa: S307
        if isinstance(made, Size):
            assert column(plain(made), {"N": [7]}, {}) == [eval(expression, {"n": 7, "k": other})]  # noqa: S307
    assert type(copy.copy(size)) is int
