"""Torch's arithmetic on numbers, as networks use it for sizes: the reader gives what torch gives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from resnet_check.graph.dim import symbol, value
from resnet_check.read.static.tensors import ON_NUMBERS, of_numbers

NUMBERS = st.integers(-40, 40)


@given(name=st.sampled_from(sorted(ON_NUMBERS)), left=NUMBERS, right=NUMBERS.filter(bool), free=st.booleans())
def test_two_numbers_give_what_torch_gives(name: str, left: int, right: int, *, free: bool) -> None:
    found = value(of_numbers(name, symbol("H", left) if free else left, right))
    assert found == pytest.approx(getattr(torch, name.removeprefix("torch."))(left, right).item(), rel=1e-6)


@given(left=NUMBERS, right=st.integers(1, 40), mode=st.sampled_from([None, "floor", "trunc"]), free=st.booleans())
def test_a_division_is_rounded_as_torch_does(left: int, right: int, mode: str | None, *, free: bool) -> None:
    found = value(of_numbers("torch.div", symbol("H", left) if free else left, right, rounding_mode=mode))
    assert found == pytest.approx(torch.div(left, right, rounding_mode=mode).item(), rel=1e-6)
