"""One pass with symbolic sizes says for every size what torch says at that size."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_check.graph.dim import symbol
from tests.graph.operators.tensor_support import T, evaluated, fails, mapped, ours, torchs

settings.register_profile("operators", deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
settings.load_profile("operators")

SIZES = [{"N": n, "H": h, "W": w} for n, h, w in itertools.product([1, 2, 3], [1, 2, 4, 5, 7, 8], [1, 3, 8])]


def check(name: str, args: Any, kwargs: Any = None) -> int:
    """Compare at all sizes; return at how many the guards tell what happens.

    The arguments are functions of the sizes N, H and W, of which the last ones are looked at.
    """
    seen = 0
    for base in ({"N": 2, "H": 8, "W": 8}, {"N": 3, "H": 5, "W": 1}):
        n, h, w = (symbol(key, size) for key, size in base.items())
        given_args = args(n, h, w)
        mine = ours(name, given_args, kwargs)
        if mine.unknown is not None:
            continue
        for sizes in SIZES:
            if empty(given_args, sizes):
                continue
            if any(not guard.required and fails(guard, sizes) is guard.held for guard in mine.guards):
                continue  # at this size the pass goes another way
            seen += 1
            theirs = torchs(name, given_args, kwargs, sizes)
            if theirs.unknown is not None:
                continue
            wrong = mine.raised is not None and not any(g.required and not g.held for g in mine.guards)
            wrong = wrong or any(guard.required and fails(guard, sizes) for guard in mine.guards)
            where = f"{name} {given_args} from {base} at {sizes}: {mine.raised} {mine.guards} torch {theirs.raised}"
            assert wrong == (theirs.raised is not None), where
            if not wrong and mine.raised is None:
                shapes = [tuple([evaluated(number, sizes) for number in r.shape]) for r in mine.results]
                assert shapes == [tuple(real.shape) for real in theirs.results], where
    return seen


def empty(args: Any, sizes: dict[str, int]) -> bool:
    """Return whether an argument has no elements: what torch does with those is another matter."""
    found = []
    mapped(lambda leaf: found.extend(leaf.shape if isinstance(leaf, T) else ()), args)
    return any(evaluated(number, sizes) == 0 for number in found)


def size(kind: Any, n: Any, h: Any, w: Any) -> Any:
    """Return a size as networks compute them."""
    which, *rest = kind if isinstance(kind, tuple) else (kind,)
    base = {"n": n, "h": h, "w": w}.get(which, which)
    for step, number in rest:
        base = base * number if step == "*" else base + number if step == "+" else base // number
    return base


KINDS = st.sampled_from(
    [
        1,
        2,
        3,
        4,
        6,
        "n",
        "h",
        "w",
        ("h", ("+", 1), ("//", 2)),
        ("h", ("//", 2), ("*", 2)),
        ("w", ("*", 2)),
        ("n", ("*", 3)),
    ]
)
SHAPES = st.lists(KINDS, min_size=1, max_size=4).map(tuple)


def shaped(kinds: Any, sizes: Any) -> tuple[Any, ...]:
    return tuple([size(kind, *sizes) for kind in kinds])


@given(SHAPES, SHAPES, st.booleans())
@settings(max_examples=100)
def test_broadcasting(left: Any, right: Any, near) -> None:
    if near:
        right = left[:-1] + right[-1:]
    check("torch.add", lambda *s: (T(shaped(left, s)), T(shaped(right, s))))
    check("torch.Tensor.add_", lambda *s: (T(shaped(left, s)), T(shaped(right, s))))
    check("torch.Tensor.expand_as", lambda *s: (T(shaped(left, s)), T(shaped(right, s))))


@st.composite
def rearranged(draw: Any) -> tuple[Any, Any]:
    """Return a shape and a target of mostly the same factors."""
    shape = draw(SHAPES)
    target = list(draw(st.permutations(shape)))
    for i in range(len(target)):
        change = draw(st.integers(0, 5))
        target[i] = -1 if change == 0 else draw(KINDS) if change == 1 else target[i]
    if draw(st.booleans()) and len(target) > 1:
        del target[draw(st.integers(0, len(target) - 1))]
    return shape, tuple(target)


@given(rearranged())
@settings(max_examples=150)
def test_reshaping(case: Any) -> None:
    shape, target = case
    check("torch.reshape", lambda *s: (T(shaped(shape, s)), shaped(target, s)))


BOUNDS = (
    st.none() | st.integers(-5, 5) | st.sampled_from(["h", "w", ("h", ("+", -1)), ("h", ("//", 2)), ("h", ("+", -4))])
)


def bound(kind: Any, sizes: Any) -> Any:
    return kind if kind is None else size(kind, *sizes)


@given(
    SHAPES,
    st.lists(st.tuples(BOUNDS, BOUNDS, st.sampled_from([None, 1, 2, 3])) | st.integers(-3, 3), min_size=1, max_size=2),
)
@settings(max_examples=150)
def test_slicing(shape: Any, index: Any) -> None:
    def parts(sizes: Any) -> tuple[Any, ...]:
        return tuple(
            [slice(bound(p[0], sizes), bound(p[1], sizes), p[2]) if isinstance(p, tuple) else p for p in index]
        )

    check("operator.getitem", lambda *s: (T(shaped(shape, s)), parts(s)))


@given(SHAPES, st.integers(-2, 2), KINDS, KINDS)
@settings(max_examples=60)
def test_cutting(shape: Any, dim: int, first: Any, second: Any) -> None:
    if first in {1, 2, 3, 4, 6}:
        check("torch.chunk", lambda *s: (T(shaped(shape, s)), first, dim))
        check("torch.tensor_split", lambda *s: (T(shaped(shape, s)), first, dim))
        check("torch.select", lambda *s: (T(shaped(shape, s)), dim, first))
        check("torch.Tensor.unfold", lambda *s: (T(shaped(shape, s)), dim, first, 2))
    check("torch.split", lambda *s: (T(shaped(shape, s)), size(first, *s), dim))
    check("torch.split", lambda *s: (T(shaped(shape, s)), [size(first, *s), size(second, *s)], dim))
    check("torch.narrow", lambda *s: (T(shaped(shape, s)), dim, 1, size(first, *s)))
    check("torch.topk", lambda *s: (T(shaped(shape, s)), size(first, *s), dim))


@given(SHAPES, SHAPES, st.integers(-2, 2), st.booleans())
@settings(max_examples=60)
def test_joining(left: Any, right: Any, dim: int, near) -> None:
    if near:
        right = left[:-1] + right[-1:]
    check("torch.cat", lambda *s: ([T(shaped(left, s)), T(shaped(right, s))], dim))
    check("torch.stack", lambda *s: ([T(shaped(left, s)), T(shaped(right, s))], dim))
    check("torch.matmul", lambda *s: (T(shaped(left, s)), T(shaped(right, s))))
    check("torch.gather", lambda *s: (T(shaped(left, s)), dim, T(shaped(right, s), "int64", (0,))))


@given(SHAPES, st.none() | st.integers(-2, 2) | st.just((0, 1)), st.integers(-2, 2))
@settings(max_examples=60)
def test_reductions_and_other_orders(shape: Any, dim: Any, other: int) -> None:
    def tensor(*s: Any) -> tuple[Any, ...]:
        return (T(shaped(shape, s)),)

    for name in ("mean", "sum", "amax", "std"):
        check(f"torch.{name}", tensor, {"dim": dim})
    check("torch.squeeze", lambda *s: (*tensor(*s), *([] if dim is None else [dim])))
    check("torch.flatten", lambda *s: (*tensor(*s), other))
    check("torch.transpose", lambda *s: (*tensor(*s), other, 0))
    check("torch.Tensor.repeat", lambda *s: (*tensor(*s), *([2] * len(shape))))
    check("torch.diagonal", lambda *s: (*tensor(*s), other))
    check("torch.fft.rfft2", tensor)
    check("torch.fft.irfft", tensor)


@given(KINDS, KINDS, st.sampled_from([1, 2, 3, -1]))
@settings(max_examples=60)
def test_new_tensors(first: Any, second: Any, step: int) -> None:
    check("torch.zeros", lambda *s: shaped((first, second), s))
    check("torch.arange", lambda *s: (*shaped((first, second), s), step))
    check("torch.linspace", lambda *s: (0, 1, *shaped((first,), s)))
    check("torch.eye", lambda *s: shaped((first, second), s))
    check("torch.randperm", lambda *s: shaped((first,), s))


@given(SHAPES, SHAPES)
@settings(max_examples=40)
def test_einsum(left: Any, right: Any) -> None:
    labels = "abcd"[: len(left)], "dabc"[: len(right)]
    check("torch.einsum", lambda *s: (",".join(labels), T(shaped(left, s)), T(shaped(right, s))))


def view(*target: Any) -> Any:
    n, h, w = symbol("N", 2), symbol("H", 7), symbol("W", 7)
    given_target = [n if part == "N" else part for part in target]
    return ours("torch.Tensor.view", (T((n, 512, h, w)), *given_target)), n, h, w


def test_view_keeps_the_batch_where_it_can() -> None:
    n, h, w = symbol("N", 2), symbol("H", 7), symbol("W", 7)
    pooled = T((n, 512, 1, 1))
    for target in ((n, -1), (-1, 512), (n, 512)):
        outcome = ours("torch.Tensor.view", (pooled, *target))
        assert outcome.results[0].shape == (n, 512)
        assert not outcome.guards
    outcome, *_ = view("N", -1)
    assert outcome.results[0].shape == (n, 512 * h * w)
    outcome, *_ = view(-1, 512)
    assert outcome.results[0].shape == (n * h * w, 512)
    assert not outcome.guards


def test_view_to_a_fixed_number_of_features_depends_on_the_size() -> None:
    outcome, n, h, w = view(-1, 512 * 7 * 7)
    assert outcome.raised is None
    assert [str(guard.right) for guard in outcome.guards] == ["49"]
    assert evaluated(outcome.results[0].shape[0], {"N": 5, "H": 7, "W": 7}) == 5
    outcome, *_ = view("N", 512 * 7 * 7)
    assert outcome.results[0].shape == (n, 25088)
    assert [(guard.left, guard.right) for guard in outcome.guards] == [(h * w, 49)]


@pytest.mark.parametrize("name", ["torch.Tensor.chunk", "torch.Tensor.unbind"])
def test_a_number_of_outputs_that_depends_on_the_size_is_a_branch(name: str) -> None:
    h = symbol("H", 4)
    outcome = ours(name, (T((h, 3)), *([3] if name.endswith("chunk") else [])))
    assert len(outcome.results) == (2 if name.endswith("chunk") else 4)
    assert [guard.required for guard in outcome.guards] == [False]


def test_a_slice_that_always_fits_leaves_no_guard_and_no_maximum() -> None:
    n, h = symbol("N", 2), symbol("H", 8)
    outcome = ours("operator.getitem", (T((n, 3, h, h)), (..., slice(1, None), slice(None, None, 2))))
    assert outcome.results[0].shape == (n, 3, h - 1, (h + 1) // 2)
    assert not outcome.guards
