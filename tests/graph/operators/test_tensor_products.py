"""Matrix products and Einstein sums: shapes as torch's, multiply-adds as its flop counter's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from tests.graph.operators.tensor_support import T, agree, ours

settings.register_profile("operators", deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
settings.load_profile("operators")

SIZES = st.sampled_from([1, 2, 3])
SHAPES = st.lists(SIZES, max_size=4).map(tuple)
LETTERS = "abcdB"


@given(SHAPES, SHAPES, st.booleans(), st.sampled_from(["float32", "float32", "float32", "int64", "float64"]))
@settings(max_examples=200)
def test_products_of_any_ranks(left: Any, right: Any, fit, dtype: str) -> None:
    if fit and left and right:
        right = (*right[:-2], left[-1], right[-1]) if len(right) > 1 else (left[-1],)
    for name in ("matmul", "mm", "bmm", "mv", "dot", "outer"):
        agree(f"torch.{name}", (T(left), T(right, dtype)))
    agree("operator.matmul", (T(left), T(right)))
    agree("torch.cdist", (T(left), T(right)))
    agree("torch.kron", (T(left), T(right)))


@given(SHAPES, SIZES, SIZES, st.sampled_from([(1, 1), (2, 2), (3, 3), (2, 3)]))
def test_products_with_a_sum(added: Any, a: int, b: int, between: tuple[int, int]) -> None:
    c, inner = between
    agree("torch.addmm", (T(added), T((a, c)), T((inner, b))))
    agree("torch.baddbmm", (T(added), T((2, a, c)), T((2, inner, b))))
    agree("torch.addbmm", (T(added), T((2, a, c)), T((2, inner, b))))
    agree("torch.addmv", (T(added), T((a, c)), T((inner,))))


@given(
    SHAPES,
    SHAPES,
    st.integers(-1, 3) | st.tuples(st.lists(st.integers(-3, 3), max_size=2), st.lists(st.integers(-3, 3), max_size=2)),
)
@settings(max_examples=200)
def test_tensordot(left: Any, right: Any, dims: Any) -> None:
    agree("torch.tensordot", (T(left), T(right), dims))


@st.composite
def equations(draw: Any) -> tuple[str, list[tuple[int, ...]]]:
    """Return an equation and shapes, both mostly valid."""
    sizes = {letter: draw(SIZES) for letter in LETTERS}
    dots = draw(st.lists(SIZES, max_size=2))
    parts, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        labels = draw(st.lists(st.sampled_from(LETTERS), max_size=3))
        shape = [draw(st.sampled_from([sizes[label]] * 8 + [1, 3])) for label in labels]
        if draw(st.booleans()):
            at = draw(st.integers(0, len(labels)))
            labels.insert(at, "...")
            own = [draw(st.sampled_from([size, size, 1])) for size in dots[draw(st.integers(0, len(dots))) :]]
            shape[at:at] = own
        parts.append("".join(labels))
        shapes.append(tuple(shape))
    equation = ",".join(parts)
    if draw(st.booleans()):
        used = sorted({letter for letter in equation if letter.isalpha()})
        output = draw(st.permutations(used))[: draw(st.integers(0, len(used)))] if used else []
        output = [*output, *draw(st.sampled_from([[], [], [], ["z"], output[:1]]))]
        equation += "->" + draw(st.sampled_from(["...", "...", ""])) + " ".join(output)
    return equation, shapes


@given(equations())
@settings(max_examples=600)
def test_einsum(case: Any) -> None:
    equation, shapes = case
    agree("torch.einsum", (equation, *[T(shape) for shape in shapes]))


def test_einsum_takes_lists_of_labels() -> None:
    agree("torch.einsum", (T((2, 3)), [0, 1], T((3, 4)), [1, 2], [2, 0]))
    agree("torch.einsum", (T((2, 3)), [..., 1], T((3, 4)), [1, 2]))
    agree("torch.einsum", ("ij,jk", [T((2, 3)), T((3, 4))]))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("matmul", (T((2, 5, 3, 4)), T((4, 6)))),
        ("matmul", (T((2, 5, 3, 4)), T((2, 5, 4, 6)))),
        ("matmul", (T((2, 5, 3, 4)), T((5, 4, 6)))),
        ("mm", (T((3, 4)), T((4, 5)))),
        ("bmm", (T((2, 3, 4)), T((2, 4, 5)))),
        ("addmm", (T((5,)), T((3, 4)), T((4, 5)))),
        ("baddbmm", (T((5,)), T((2, 3, 4)), T((2, 4, 5)))),
        ("einsum", ("bchw,dc->bdhw", T((2, 3, 4, 5)), T((6, 3)))),
        ("einsum", ("nctkv,kvw->nctw", T((2, 3, 4, 3, 5)), T((3, 5, 5)))),
        ("einsum", ("bhid,bhjd->bhij", T((2, 3, 4, 5)), T((2, 3, 6, 5)))),
        ("einsum", ("ij,jk,kl->il", T((2, 3)), T((3, 4)), T((4, 5)))),
        ("einsum", ("ij,ij->ij", T((2, 3)), T((2, 3)))),
        ("tensordot", (T((2, 3, 4)), T((3, 4, 5)), 2)),
    ],
)
def test_multiply_adds_are_half_of_the_flops_that_torch_counts(name: str, args: Any) -> None:
    tensors = [torch.empty(arg.shape) if isinstance(arg, T) else arg for arg in args]
    with FlopCounterMode(display=False) as counter:
        getattr(torch, name)(*tensors)
    assert ours(f"torch.{name}", args).results[0].macs * 2 == counter.get_total_flops()
