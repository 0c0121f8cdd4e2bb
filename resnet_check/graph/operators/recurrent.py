"""Recurrent layers and their cells."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.base import Built, Checks, NotModelled, Refused, Result, layer
from resnet_check.graph.operators.sizes import Tensor, floating, has_rank, integer, names
from resnet_check.graph.records import Shape

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1, "RNN": 1}
"""How many vectors of the hidden size each kind computes at once."""

MAX_LAYERS = 1000
"""Each layer has weights of its own, so that their number is work; torch itself needs seconds for so many."""


def _size(check: Checks, operator: str, what: str, given: Any) -> Number:
    number = integer(check, given, operator, what, "invalid-layer")
    if not isinstance(number, Dim) and number < 1:
        message = f"{what} of {operator} is {number}, not positive"
        raise Refused(message)
    return number


def _build(
    check: Checks,
    mode: str,
    input_size: Any,
    hidden_size: Any,
    num_layers: Any,
    bias: Any,
    batch_first: Any,
    dropout: Any,
    bidirectional: Any,
    proj_size: Any = 0,
) -> Built:
    """Return the weights of each layer and direction, in torch's order and under its names."""
    operator = mode.partition("_")[0]
    inputs = _size(check, operator, "input_size", input_size)
    hidden = _size(check, operator, "hidden_size", hidden_size)
    layers = _size(check, operator, "num_layers", num_layers)
    if isinstance(layers, Dim):
        message = f"{operator} with a number of layers that depends on the input"
        raise NotModelled(message)
    if layers > MAX_LAYERS:
        message = f"{operator} with more than {MAX_LAYERS} layers"
        raise NotModelled(message)
    if isinstance(dropout, (int, float)) and not 0 <= dropout <= 1:
        reason = f"the probability {dropout} is not between 0 and 1"
        check.fail("invalid-layer", operator=operator, what="dropout", value=dropout, reason=reason)
    if (
        not isinstance(proj_size, int)
        or proj_size < 0
        or (proj_size and not isinstance(hidden, Dim) and proj_size >= hidden)
    ):
        reason = f"proj_size {proj_size} is not smaller than hidden_size {hidden}"
        check.fail("invalid-layer", operator=operator, what="proj_size", value=proj_size, reason=reason)
        proj_size = 0
    gate, out = GATES[mode] * hidden, proj_size or hidden
    directions = ("", "_reverse") if bidirectional else ("",)
    parameters: dict[str, Shape | None] = {}
    for i in range(layers):
        for suffix in directions:
            own: dict[str, Shape] = {
                "weight_ih": (gate, inputs if i == 0 else out * len(directions)),
                "weight_hh": (gate, out),
            }
            if bias:
                own.update(bias_ih=(gate,), bias_hh=(gate,))
            if proj_size:
                own["weight_hr"] = (proj_size, hidden)
            parameters.update({f"{name}_l{i}{suffix}": shape for name, shape in own.items()})
    return Built(
        {
            "mode": mode,
            "input_size": inputs,
            "hidden_size": hidden,
            "num_layers": layers,
            "bias": bias,
            "batch_first": batch_first,
            "dropout": float(dropout) if isinstance(dropout, (int, float)) else dropout,
            "bidirectional": bidirectional,
            "proj_size": proj_size,
        },
        parameters,
    )


def _states(layer: Any, input: Tensor) -> tuple[Shape, Shape, Shape]:
    """Return the shapes of the output and of the two final states."""
    shape = input.shape
    directions = 2 if layer.bidirectional else 1
    out = layer.proj_size or layer.hidden_size
    batch = () if len(shape) == 2 else (shape[0 if layer.batch_first else 1],)
    count = layer.num_layers * directions
    return (*shape[:-1], out * directions), (count, *batch, out), (count, *batch, layer.hidden_size)


def _check_input(check: Checks, layer: Any, input: Tensor, kind: str) -> None:
    if not hasattr(input, "shape"):
        message = f"{kind} of a packed sequence"
        raise NotModelled(message)
    if not has_rank(check, input, (2, 3), kind):
        message = f"{kind} of a tensor of {len(input.shape)} dimensions"
        raise NotModelled(message)
    if input.shape[-1] != layer.input_size:
        facts = {"got": input.shape[-1], "expected": layer.input_size, "operator": kind}
        check.require("==", input.shape[-1], layer.input_size, "linear-features", **facts)


def _check_state(check: Checks, given: Tensor, expected: Shape, kind: str) -> None:
    if given.shape == expected:
        return
    reason = f"the state has shape {list(given.shape)}, not {list(expected)}"
    if len(given.shape) != len(expected):
        check.fail("invalid-argument", operator=kind, what="hx", reason=reason)
        return
    for got, wanted in zip(given.shape, expected, strict=True):
        check.require("==", got, wanted, "invalid-argument", operator=kind, what="hx", reason=reason)


def _attributes(layer: Any) -> dict[str, Any]:
    wanted = "mode input_size hidden_size num_layers batch_first dropout bidirectional proj_size training"
    return {name: getattr(layer, name) for name in wanted.split()}


def _run(check: Checks, layer: Any, input: Tensor, hx: Any = None) -> tuple[Result, Result]:
    """Return the output at each step and the final state."""
    kind = layer.mode.partition("_")[0].lower()
    _check_input(check, layer, input, kind)
    out, state, _ = _states(layer, input)
    inputs: tuple[Any, ...] = (input,)
    if hx is not None:
        _check_state(check, hx, state, kind)
        inputs = (input, hx)
    dtype, attributes = floating(check, input, kind), _attributes(layer)
    return (
        Result(kind, out, inputs, attributes, dtype),
        Result(kind, state, inputs, {**attributes, "output": 1}, dtype),
    )


def _run_lstm(check: Checks, layer: Any, input: Tensor, hx: Any = None) -> tuple[Result, tuple[Result, Result]]:
    """Return the output at each step and the final hidden and cell states."""
    _check_input(check, layer, input, "lstm")
    out, state, cell = _states(layer, input)
    inputs: tuple[Any, ...] = (input,)
    if hx is not None:
        for given, expected in zip(hx, (state, cell), strict=True):
            _check_state(check, given, expected, "lstm")
        inputs = (input, *hx)
    dtype, attributes = floating(check, input, "lstm"), _attributes(layer)
    return (
        Result("lstm", out, inputs, attributes, dtype),
        (
            Result("lstm", state, inputs, {**attributes, "output": 1}, dtype),
            Result("lstm", cell, inputs, {**attributes, "output": 2}, dtype),
        ),
    )


BASES = "torch.nn.modules.rnn.RNNBase torch.nn.RNNBase"


@layer(*names("rnn", "RNN"), forward=_run, bases=BASES, free="dropout device dtype")
def build_rnn(
    check: Checks,
    input_size: Any,
    hidden_size: Any,
    num_layers: Any = 1,
    nonlinearity: Any = "tanh",
    bias: Any = True,
    batch_first: Any = False,
    dropout: Any = 0.0,
    bidirectional: Any = False,
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build a recurrent layer without gates."""
    if nonlinearity not in ("tanh", "relu"):
        message = f"RNN has no nonlinearity {nonlinearity!r}"
        raise Refused(message)
    mode = f"RNN_{nonlinearity.upper()}"
    built = _build(check, mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
    built.attributes["nonlinearity"] = nonlinearity
    return built


@layer(*names("rnn", "LSTM"), forward=_run_lstm, bases=BASES, free="dropout device dtype")
def build_lstm(
    check: Checks,
    input_size: Any,
    hidden_size: Any,
    num_layers: Any = 1,
    bias: Any = True,
    batch_first: Any = False,
    dropout: Any = 0.0,
    bidirectional: Any = False,
    proj_size: Any = 0,
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build a recurrent layer with a cell state."""
    return _build(
        check, "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size
    )


@layer(*names("rnn", "GRU"), forward=_run, bases=BASES, free="dropout device dtype")
def build_gru(
    check: Checks,
    input_size: Any,
    hidden_size: Any,
    num_layers: Any = 1,
    bias: Any = True,
    batch_first: Any = False,
    dropout: Any = 0.0,
    bidirectional: Any = False,
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build a recurrent layer with gates."""
    return _build(check, "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)


def _build_cell(check: Checks, kind: str, input_size: Any, hidden_size: Any, bias: Any) -> Built:
    inputs = integer(check, input_size, f"{kind}Cell", "input_size", "invalid-layer")
    hidden = integer(check, hidden_size, f"{kind}Cell", "hidden_size", "invalid-layer")
    gate = GATES[kind] * hidden
    vector = (gate,) if bias else None
    return Built(
        {"input_size": inputs, "hidden_size": hidden, "bias": bias},
        {"weight_ih": (gate, inputs), "weight_hh": (gate, hidden), "bias_ih": vector, "bias_hh": vector},
    )


def _cell_state(check: Checks, layer: Any, input: Tensor, states: tuple[Any, ...], kind: str) -> Shape:
    if not has_rank(check, input, (1, 2), kind):
        message = f"{kind} of a tensor of {len(input.shape)} dimensions"
        raise NotModelled(message)
    if input.shape[-1] != layer.input_size:
        facts = {"got": input.shape[-1], "expected": layer.input_size, "operator": kind}
        check.require("==", input.shape[-1], layer.input_size, "linear-features", **facts)
    state = (*input.shape[:-1], layer.hidden_size)
    for given in states:
        _check_state(check, given, state, kind)
    return state


def _run_cell(check: Checks, layer: Any, input: Tensor, hx: Any = None) -> Result:
    kind = "gru_cell" if layer.weight_ih.shape[0] == 3 * layer.hidden_size else "rnn_cell"
    states = () if hx is None else (hx,)
    shape = _cell_state(check, layer, input, states, kind)
    return Result(kind, shape, (input, *states), {"hidden_size": layer.hidden_size}, floating(check, input, kind))


def _run_lstm_cell(check: Checks, layer: Any, input: Tensor, hx: Any = None) -> tuple[Result, Result]:
    states = () if hx is None else tuple(hx)
    shape = _cell_state(check, layer, input, states, "lstm_cell")
    attributes = {"hidden_size": layer.hidden_size}
    dtype = floating(check, input, "lstm_cell")
    return (
        Result("lstm_cell", shape, (input, *states), attributes, dtype),
        Result("lstm_cell", shape, (input, *states), {**attributes, "output": 1}, dtype),
    )


CELL_BASES = "torch.nn.modules.rnn.RNNCellBase torch.nn.RNNCellBase"


@layer(*names("rnn", "RNNCell"), forward=_run_cell, bases=CELL_BASES, free="device dtype")
def build_rnn_cell(
    check: Checks,
    input_size: Any,
    hidden_size: Any,
    bias: Any = True,
    nonlinearity: Any = "tanh",
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build one step of `build_rnn`."""
    built = _build_cell(check, "RNN", input_size, hidden_size, bias)
    built.attributes["nonlinearity"] = nonlinearity
    return built


@layer(*names("rnn", "LSTMCell"), forward=_run_lstm_cell, bases=CELL_BASES, free="device dtype")
def build_lstm_cell(
    check: Checks, input_size: Any, hidden_size: Any, bias: Any = True, device: Any = None, dtype: Any = None
) -> Built:
    """Build one step of `build_lstm`."""
    return _build_cell(check, "LSTM", input_size, hidden_size, bias)


@layer(*names("rnn", "GRUCell"), forward=_run_cell, bases=CELL_BASES, free="device dtype")
def build_gru_cell(
    check: Checks, input_size: Any, hidden_size: Any, bias: Any = True, device: Any = None, dtype: Any = None
) -> Built:
    """Build one step of `build_gru`."""
    return _build_cell(check, "GRU", input_size, hidden_size, bias)
