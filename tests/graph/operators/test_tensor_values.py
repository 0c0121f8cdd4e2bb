"""Small constant tensors keep their values, the same as torch's."""

from __future__ import annotations

import math
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_check.graph.dim import symbol
from resnet_check.graph.operators.base import Checks, Result
from tests.graph.operators.tensor_support import FUNCTIONS, D, T, agree, ours

settings.register_profile("operators", deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
settings.load_profile("operators")

INTEGERS = st.integers(-6, 12)
NUMBERS = INTEGERS | st.sampled_from([0.0, 0.5, 1.25, -2.5, 7.0])


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    return FUNCTIONS[name].rule(Checks(), *args, **kwargs)


@given(NUMBERS, NUMBERS, NUMBERS.filter(bool), st.none() | st.sampled_from(["float32", "int64", "float64"]))
@settings(max_examples=200)
def test_arange(start: Any, end: Any, step: Any, dtype: str | None) -> None:
    agree("torch.arange", (start, end, step), {"dtype": D(dtype)} if dtype else {})
    agree("torch.arange", (end,))


@given(NUMBERS, NUMBERS, st.integers(-1, 9))
def test_linspace_and_logspace(start: Any, end: Any, steps: int) -> None:
    agree("torch.linspace", (start, end, steps))
    agree("torch.logspace", (start / 4, end / 4, steps))


@given(
    st.recursive(
        st.sampled_from([0, 1, 2.5, True, -3]), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=8
    )
)
@settings(max_examples=200)
def test_tensor_of_nested_lists(data: Any) -> None:
    agree("torch.tensor", (data,))
    agree("torch.Tensor.new_tensor", (T((1,), "int64"), data))
    agree("torch.as_tensor", (data,), {"dtype": D("float64")})


@given(
    st.lists(st.integers(-1, 4), max_size=3).map(tuple),
    st.sampled_from([0, 3, 1.5, True]),
    st.sampled_from([None, "int64", "bool"]),
)
def test_filled_tensors(shape: Any, content: Any, dtype: str | None) -> None:
    chosen = {"dtype": D(dtype)} if dtype else {}
    agree("torch.full", (shape, content), chosen)
    for name in ("zeros", "ones", "empty", "rand", "randn"):
        if name in {"zeros", "ones", "empty"} or dtype is None:
            agree(f"torch.{name}", (shape,), chosen)
            agree(f"torch.{name}", shape, chosen)
            agree(f"torch.{name}", (), {"size": shape, **chosen})
    if shape:
        agree("torch.eye", shape[:2])


def test_rates_of_a_schedule_come_out_as_numbers() -> None:
    rates = call("torch.linspace", 0, 0.1, 16)
    items = [call("torch.Tensor.item", call("operator.getitem", rates, i)) for i in range(16)]
    assert items == [x.item() for x in torch.linspace(0, 0.1, 16)]
    assert call("torch.Tensor.tolist", rates) == items
    assert [call("torch.Tensor.item", part) for part in call("torch.Tensor.unbind", rates)] == items


def test_a_table_of_widths_stays_known_through_arithmetic() -> None:
    def widths(module: Any) -> Any:
        steps = module("operator.mul", 24.48, module("torch.arange", 13))
        wide = module("operator.add", steps, 24)
        power = module(
            "torch.round",
            module("operator.truediv", module("torch.log", module("operator.truediv", wide, 24)), math.log(2.54)),
        )
        table = module("operator.mul", 24, module("torch.pow", 2.54, power))
        return module(
            "torch.Tensor.int", module("operator.mul", module("torch.round", module("operator.truediv", table, 8)), 8)
        )

    w = 24.48 * torch.arange(13) + 24
    real = (torch.round(24 * torch.pow(2.54, torch.round(torch.log(w / 24) / math.log(2.54))) / 8) * 8).int()
    assert widths(call).data == tuple(real.tolist())


def test_writing_into_a_table_changes_its_values() -> None:
    table = call("torch.zeros", 3, 3)
    table = call("operator.setitem", table, (1, slice(None)), 2.0)
    table = call("operator.setitem", table, (slice(None), -1), call("torch.tensor", [7.0, 8.0, 9.0]))
    assert table.data == (0, 0, 7, 2, 2, 8, 0, 0, 9)
    assert table.inplace


def test_large_tensors_and_symbolic_ones_keep_no_values() -> None:
    assert call("torch.zeros", 4097).data is None
    assert call("torch.zeros", symbol("N", 2)).data is None
    assert call("torch.tensor", [symbol("H", 8), 2]).data is None
    assert call("torch.ones", 4096).data == (1.0,) * 4096


def test_unknown_values_are_said_to_be_unknown() -> None:
    for name in ("item", "tolist"):
        assert ours(f"torch.Tensor.{name}", (T((1,)),)).unknown
    assert ours("torch.unique", (T((3,)),)).unknown


def test_a_call_that_overflows_its_dtype_forgets_the_values() -> None:
    small = Result("constant", (2,), dtype="uint8", data=(200, 3))
    assert call("operator.add", small, 100).data is None
    assert call("operator.add", small, 1).data == (201, 4)
