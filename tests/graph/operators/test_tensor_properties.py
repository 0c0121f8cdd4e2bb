"""Random arguments: the same shape and dtype as torch, or both refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.graph.operators.tensor_support import NAMES, D, T, agree

settings.register_profile("operators", deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
settings.load_profile("operators")

SIZES = st.sampled_from([1, 1, 2, 3, 4])
SHAPES = st.lists(SIZES, max_size=4).map(tuple)
MAYBE_EMPTY = st.lists(st.sampled_from([0, 1, 2, 3, 4]), max_size=3).map(tuple)
DTYPES = st.sampled_from(["float32", "float32", "int64", "bool", "float64", "int32", "uint8"])
NUMBERS = st.sampled_from([2, 3, 1.5, 0.5, True])
DIMS = st.integers(-5, 4)
Draw = Any


@st.composite
def fitting(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape that mostly broadcasts with another."""
    other = [draw(st.sampled_from([size, size, 1])) for size in shape[draw(st.integers(0, len(shape))) :]]
    if draw(st.integers(0, 9)) == 0 and other:
        other[draw(st.integers(0, len(other) - 1))] = draw(SIZES)
    return (*draw(st.lists(SIZES, max_size=1)), *other)


@st.composite
def pairs(draw: Draw) -> tuple[Any, Any]:
    shape = draw(SHAPES)
    left, right = T(shape, draw(DTYPES)), T(draw(fitting(shape)), draw(DTYPES))
    return draw(st.sampled_from([(left, right), (left, right), (left, draw(NUMBERS)), (draw(NUMBERS), left)]))


TWO = """add sub mul div floor_divide remainder fmod pow eq lt ge maximum minimum logical_and bitwise_and bitwise_or
atan2 copysign true_divide float_power xlogy bitwise_left_shift hypot fmax logaddexp max min"""
BINARY = [
    name
    for base in TWO.split()
    for name in (f"torch.{base}", f"torch.Tensor.{base}", f"torch.Tensor.{base}_")
    if name in NAMES
]
SIGNS = [
    name
    for name in NAMES
    if name.startswith("operator.") and not name.endswith(("item", "matmul", "neg", "pos", "invert", "abs"))
]


@pytest.mark.parametrize("name", [*BINARY, *SIGNS])
@settings(max_examples=25)
@given(pairs())
def test_two_operands(name: str, operands: tuple[Any, Any]) -> None:
    if ".Tensor." in name and not isinstance(operands[0], T):
        operands = operands[::-1]
    if "shift" in name and any(isinstance(o, float) or (isinstance(o, T) and "float" in o.dtype) for o in operands):
        return  # torch shifts floats in some combinations; nobody does
    if name in {"torch.max", "torch.min", "torch.Tensor.max", "torch.Tensor.min"} and not isinstance(operands[1], T):
        return
    agree(name, operands)


UNARY = """abs neg floor ceil trunc sign square exp log sqrt rsqrt reciprocal sin erf isnan isinf logical_not
bitwise_not round positive frac logit sigmoid relu tanh nan_to_num cumsum sum mean prod amax std var norm argmax any
all max median sort cumprod"""


@pytest.mark.parametrize(
    "name",
    [
        n
        for base in UNARY.split()
        for n in (f"torch.{base}", f"torch.Tensor.{base}", f"torch.Tensor.{base}_")
        if n in NAMES
    ],
)
@settings(max_examples=15)
@given(SHAPES, DTYPES)
def test_one_operand_of_any_dtype(name: str, shape: tuple[int, ...], dtype: str) -> None:
    agree(name, (T(shape, dtype), *([0] if "cum" in name else [])))


@given(pairs(), st.sampled_from(["torch.clamp", "torch.Tensor.clamp_"]), st.booleans())
def test_clamp(operands: tuple[Any, Any], name: str, both) -> None:
    first, bound = operands
    if isinstance(first, T):
        agree(name, (first, bound), {"max": bound} if both else {})


@given(
    SHAPES.flatmap(lambda s: st.tuples(fitting(s), fitting(s), fitting(s))),
    DTYPES,
    DTYPES,
    st.sampled_from(["", "a", "b"]),
)
def test_where(shapes: Any, left: str, right: str, plain: str) -> None:
    condition, first, second = shapes
    a = 1.5 if plain == "a" else T(first, left)
    b = 2 if plain == "b" else T(second, right)
    agree("torch.where", (T(condition, "bool"), a, b))


@given(SHAPES.flatmap(lambda s: st.tuples(st.just(s), fitting(s), fitting(s))))
@pytest.mark.parametrize("name", ["addcmul", "addcdiv"])
def test_fused(name: str, shapes: Any) -> None:
    tensors = tuple(T(shape, "float32", (1.0, 2.0, 0.5)) for shape in shapes)
    agree(f"torch.{name}", tensors, {"value": 0.5})
    agree(f"torch.Tensor.{name}_", tensors, {"value": 2})


@given(SHAPES.flatmap(lambda s: st.tuples(st.just(s), fitting(s))), st.sampled_from(["bool", "bool", "bool", "uint8"]))
def test_masked_fill(shapes: Any, dtype: str) -> None:
    for name in ("torch.masked_fill", "torch.Tensor.masked_fill_"):
        agree(name, (T(shapes[0]), T(shapes[1], dtype), 2.0))


MANY = "sum nansum mean amax amin std var norm all any logsumexp nanmean"
ONE = "prod max min argmax argmin median mode std_mean var_mean sort argsort cumsum cumprod cummax logcumsumexp diff"


@pytest.mark.parametrize("base", MANY.split())
@given(MAYBE_EMPTY, st.none() | DIMS | st.lists(DIMS, max_size=3).map(tuple), st.booleans())
def test_reductions_of_several_dims(base: str, shape: tuple[int, ...], dim: Any, keepdim) -> None:
    if base in {"std", "var"} and dim == ():
        return  # what no dims means has changed between versions of torch
    if dim == () and base in {"all", "any"}:
        return
    if base == "logsumexp" and dim in {None, ()}:
        return
    for form in ("torch", "torch.Tensor"):
        agree(f"{form}.{base}", (T(shape),), {"dim": dim, "keepdim": keepdim})


@pytest.mark.parametrize("p", ["fro", 2])
@pytest.mark.parametrize("dim", [0, (0, 1), (0, 1, 2), None])
def test_the_frobenius_norm_is_that_of_a_matrix(p: Any, dim: Any) -> None:
    for form in ("torch.norm", "torch.Tensor.norm"):
        agree(form, (T((2, 3, 4)),), {"p": p, "dim": dim})


@pytest.mark.parametrize("base", ONE.split())
@given(MAYBE_EMPTY, DIMS)
def test_operations_along_one_dim(base: str, shape: tuple[int, ...], dim: int) -> None:
    if 0 not in shape or -len(shape) <= dim < len(shape):  # some of torch's do not look at the dim of an empty tensor
        agree(f"torch.{base}", (T(shape),), {"dim": dim})


@given(SHAPES, st.integers(-1, 5), DIMS)
def test_the_largest_few(shape: tuple[int, ...], k: int, dim: int) -> None:
    agree("torch.topk", (T(shape), k, dim))
    agree("torch.kthvalue", (T(shape), k, dim))


@given(
    SHAPES,
    st.booleans(),
    st.sampled_from([None, 0, 1]),
    st.none() | st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True),
)
def test_deviations_with_old_and_new_arguments(shape: Any, flag, correction: Any, dim: Any) -> None:
    for name in ("std", "var"):
        agree(f"torch.{name}", (T(shape), flag))
        if dim is not None:
            agree(f"torch.Tensor.{name}", (T(shape), dim, flag))
            agree(f"torch.Tensor.{name}", (T(shape), dim), {"correction": correction, "keepdim": flag})


@st.composite
def targets(draw: Draw) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a shape and another arrangement of its elements, mostly one that fits."""
    shape = draw(st.lists(st.sampled_from([0, 1, 2, 3, 4, 6]), max_size=4))
    rest, target = 1, []
    for size in shape:
        rest *= size
    while rest > 1 and len(target) < 5:
        factor = draw(st.sampled_from([n for n in range(1, rest + 1) if rest % n == 0]))
        target.append(factor)
        rest //= factor
    target.append(rest)
    for i in range(len(target)):
        if draw(st.integers(0, 4)) == 0:
            target[i] = draw(st.sampled_from([-1, -1, -1, 0, 5, -2]))
    return tuple(shape), tuple(target)


@settings(max_examples=250)
@given(targets())
def test_view_and_reshape(case: Any) -> None:
    shape, target = case
    agree("torch.Tensor.view", (T(shape), *target))
    agree("torch.Tensor.reshape", (T(shape), target))
    agree("torch.unflatten", (T((2, 3)), 0, target or (2,)))
    agree("torch.Tensor.view_as", (T(shape), T(tuple(abs(size) for size in target))))


@given(SHAPES, st.sampled_from(["float32", "int64", "bool"]), st.sampled_from(["int32", "float64", "uint8", "int64"]))
def test_view_as_another_dtype(shape: tuple[int, ...], before: str, after: str) -> None:
    agree("torch.Tensor.view", (T(shape, before), D(after)))


@settings(max_examples=150)
@given(SHAPES, DIMS, DIMS)
def test_two_dims(shape: tuple[int, ...], first: int, second: int) -> None:
    for name in ("flatten", "transpose", "movedim", "diagonal", "diag_embed"):
        args = (T(shape), 1, first, second) if name.startswith("diag") else (T(shape), first, second)
        agree(f"torch.{name}", args)
    agree("torch.rot90", (T(shape), 1, (first, second)))


@given(
    st.lists(SIZES, max_size=4).flatmap(lambda s: st.tuples(st.just(tuple(s)), st.permutations(range(len(s))))),
    st.integers(0, 9),
)
def test_permute(case: Any, twist: int) -> None:
    shape, order = case
    order = [order[0], *order[:-1]] if twist == 0 and order else order
    agree("torch.permute", (T(shape), tuple(order)))
    agree("torch.Tensor.permute", (T(shape), *[i - len(shape) for i in order]))
    agree("torch.flip", (T(shape), tuple(order[:2])))


@given(SHAPES, st.none() | DIMS | st.lists(st.integers(-3, 3), max_size=3).map(tuple))
def test_squeeze_and_unsqueeze(shape: tuple[int, ...], dim: Any) -> None:
    agree("torch.squeeze", (T(shape), *([] if dim is None else [dim])))
    if isinstance(dim, int):
        agree("torch.unsqueeze", (T(shape), dim))


@settings(max_examples=150)
@given(
    SHAPES, st.lists(st.sampled_from([-1, 0, 1, 2, 3, 4]), max_size=5).map(tuple), st.integers(-1, 3), st.none() | DIMS
)
def test_expand_and_repeat(shape: tuple[int, ...], sizes: tuple[int, ...], times: int, dim: int | None) -> None:
    if not (0 in sizes and -1 in sizes):  # torch makes a tensor of size -1 then
        agree("torch.Tensor.expand", (T(shape), *sizes))
    agree("torch.Tensor.repeat", (T(shape), *sizes))
    agree("torch.tile", (T(shape), sizes))
    agree("torch.repeat_interleave", (T(shape), times, dim))


INDEX = st.one_of(
    st.integers(-4, 4),
    st.builds(
        slice,
        st.none() | st.integers(-5, 5),
        st.none() | st.integers(-5, 5),
        st.none() | st.sampled_from([1, 2, 3, 1, 0, -1]),
    ),
    st.just(slice(None)),
    st.just(slice(None)),
    st.none(),
    st.just(...),
    st.lists(st.integers(-2, 2), min_size=1, max_size=3),
    st.builds(T, st.sampled_from([(), (2,), (2, 1), (3,)]), st.just("int64"), st.just((0, 1, -1))),
    st.builds(T, st.sampled_from([(2,), (3,), (2, 3), ()]), st.just("bool")),
)


@settings(max_examples=1000)
@given(SHAPES, st.lists(INDEX, min_size=1, max_size=4).map(tuple) | INDEX)
def test_getitem(shape: tuple[int, ...], index: Any) -> None:
    agree("operator.getitem", (T(shape), index), strict=False)


@settings(max_examples=500)
@given(SHAPES, st.lists(INDEX, min_size=1, max_size=3).map(tuple), st.one_of(NUMBERS, SHAPES.map(T)))
def test_setitem(shape: tuple[int, ...], index: Any, value: Any) -> None:
    masked = any(isinstance(part, T) and part.dtype == "bool" for part in index)
    if not (masked and isinstance(value, T)):
        agree("operator.setitem", (T(shape), index, value), strict=False)


@given(SHAPES, DIMS, st.integers(-5, 5), st.integers(-1, 5))
def test_select_and_narrow(shape: tuple[int, ...], dim: int, start: int, length: int) -> None:
    agree("torch.select", (T(shape), dim, start))
    agree("torch.narrow", (T(shape), dim, start, length))
    agree("torch.index_select", (T(shape), dim, T((max(length, 0),), "int64", (0,))))
    agree("torch.Tensor.unfold", (T(shape), dim, length, max(start, 0)))


@st.composite
def indexed(draw: Draw) -> Any:
    shape = draw(st.lists(st.sampled_from([2, 3, 4]), max_size=3))
    index = [draw(st.sampled_from([size, 1, size - 1, size + 1])) for size in shape]
    if draw(st.integers(0, 9)) == 0:
        index.append(2)
    return tuple(shape), tuple(index), draw(st.integers(-3, 2))


@settings(max_examples=150)
@given(indexed(), st.sampled_from(["int64", "int64", "int32", "float32"]))
def test_gather_and_scatter(case: Any, dtype: str) -> None:
    shape, where, dim = case
    if not shape:
        dtype = "int64"  # for a tensor without dims torch lets some other dtypes pass
    if dtype == "int32" and shape:
        agree("torch.gather", (T(shape), dim, T(where, dtype, (0, 1))))
        return  # torch lets int32 pass in some shapes of the others
    index = T(where, dtype, (0, 1 if shape else 0) if "int" in dtype else None)
    agree("torch.gather", (T(shape), dim, index))
    agree("torch.take_along_dim", (T(shape), index, dim))
    agree("torch.scatter", (T(shape), dim, index, T(where)))
    agree("torch.Tensor.scatter_", (T(shape), dim, index, 1.0))
    agree("torch.Tensor.scatter_add_", (T(shape), dim, index, T(shape)))


@given(st.lists(SHAPES, min_size=1, max_size=3), DIMS)
@settings(max_examples=150)
def test_cat_of_any_shapes(shapes: Any, dim: int) -> None:
    tensors = [T(shape) for shape in shapes]
    for name in ("cat", "stack"):
        agree(f"torch.{name}", (tensors, dim))
    for name in ("hstack", "vstack", "dstack", "column_stack"):
        agree(f"torch.{name}", (tensors,))
    agree("torch.broadcast_tensors", tuple(tensors))
    agree("torch.meshgrid", tuple(tensors))


@given(SHAPES, st.lists(st.tuples(SIZES, DTYPES), min_size=1, max_size=3), DIMS)
def test_cat_of_fitting_shapes(shape: tuple[int, ...], parts: Any, dim: int) -> None:
    if shape:
        at = dim % len(shape)
        tensors = [T((*shape[:at], size, *shape[at + 1 :]), dtype) for size, dtype in parts]
        agree("torch.cat", (tensors, at))
        agree("torch.stack", (tensors, at))
        agree("torch.cat", ([T((0,)), *tensors], at))


@given(MAYBE_EMPTY, st.integers(-1, 5), st.lists(st.integers(0, 3), max_size=3), DIMS)
@settings(max_examples=150)
def test_split(shape: tuple[int, ...], part: int, parts: Any, dim: int) -> None:
    for name in ("split", "chunk", "tensor_split"):
        agree(f"torch.{name}", (T(shape), part, dim))
    agree("torch.split", (T(shape), parts, dim))
    agree("torch.tensor_split", (T(shape), tuple(parts), dim))
    agree("torch.unbind", (T(shape), dim))
    for name in ("hsplit", "vsplit", "dsplit"):
        agree(f"torch.{name}", (T(shape), max(part, 1)))


@given(SHAPES, st.integers(-4, 4), st.integers(-3, 3), st.integers(-3, 3))
def test_diagonals(shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> None:
    agree("torch.diag", (T(shape), offset))
    agree("torch.diagonal", (T(shape), offset, dim1, dim2))
    agree("torch.diag_embed", (T(shape), offset, dim1, dim2))
    agree("torch.tril", (T(shape), offset))


@given(
    SHAPES,
    st.integers(-1, 4),
    st.sampled_from([-2, -1, 0, 1]),
    st.none() | st.lists(st.integers(1, 4), min_size=2, max_size=2),
)
def test_fourier_transforms(shape: tuple[int, ...], n: int, dim: int, s: Any) -> None:
    for name in ("fft", "ifft", "rfft", "irfft"):
        agree(f"torch.fft.{name}", (T(shape),), {"n": None if n < 0 else n, "dim": dim})
        agree(f"torch.fft.{name}2", (T(shape),), {"s": s})
        agree(f"torch.fft.{name}n", (T(shape),), {"s": s})
