"""Every registered function exists in torch, has an example, and does on it what torch does."""

from __future__ import annotations

import operator

import pytest
import torch

from resnet_check.graph.operators.base import Result
from tests.graph.operators.tensor_support import FUNCTIONS, NAMES, D, T, agree, ours, torchs

X = T((2, 3, 4, 4))
Y = T((2, 3, 1, 4))
V = T((4,))
M = T((3, 4))
S = T((4, 4))
K = T((2, 3), "int64")
B = T((3, 4), "bool")
C = T((2, 3), "complex64")
POSITIVE = T((2, 3), "float32", (0.5, 1.0, 0.25))
PLACES = T((2,), "int64", (0, 1))

UNARY = """abs absolute neg negative floor ceil trunc fix frac sign sgn square exp log log2 log10 log1p sqrt rsqrt
reciprocal sin cos tan exp2 expm1 asin arcsin acos arccos atan arctan sinh cosh asinh arcsinh acosh arccosh atanh
arctanh erf erfc erfinv lgamma digamma deg2rad rad2deg i0 sinc round logit nan_to_num relu sigmoid tanh"""
ONE_WAY = "positive isnan isinf isfinite logical_not isposinf isneginf isreal signbit"
BINARY = """add sub subtract mul multiply true_divide floor_divide remainder fmod pow float_power div divide atan2
arctan2 hypot copysign xlogy"""
TWO_WAY = """maximum minimum fmax fmin logaddexp logaddexp2 eq ne not_equal lt less le less_equal gt greater ge
greater_equal logical_and logical_or logical_xor isclose equal"""
BITS = "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift"
SIGNS = "add sub mul truediv floordiv mod pow"
BIT_SIGNS = "and_ or_ xor lshift rshift"
REDUCTIONS = "sum nansum mean nanmean prod amax amin std var norm max min argmax argmin median nanmedian all any"
ALONG = "mode cumsum cumprod logcumsumexp cummax cummin sort argsort diff logsumexp"

Sample = tuple[tuple[object, ...], dict[str, object]]
SAMPLES: dict[str, list[Sample]] = {}


def sample(names: str, *args: object, **kwargs: object) -> None:
    for name in names.split():
        SAMPLES.setdefault(name, []).append((args, kwargs))


def forms(names: str, *args: object, inplace: bool = True, **kwargs: object) -> None:
    for name in names.split():
        for form in (f"torch.{name}", f"torch.Tensor.{name}", f"torch.Tensor.{name}_" if inplace else ""):
            if form in FUNCTIONS:
                sample(form, *args, **kwargs)


forms(UNARY, POSITIVE)
forms(ONE_WAY, POSITIVE)
forms("bitwise_not", K)
forms(BINARY, X, Y)
forms(TWO_WAY, X, Y)
forms(BITS, K, T((1, 3), "int64", (1, 2)))
for _sign in SIGNS.split():
    sample(f"operator.{_sign} operator.i{_sign}", X, Y)
    sample(f"operator.{_sign} operator.i{_sign}", X, 2)
    sample(f"operator.{_sign} operator.i{_sign}", 2.5, X)
for _sign in BIT_SIGNS.split():
    sample(f"operator.{_sign} operator.i{_sign.rstrip('_')}", K, T((3,), "int64", (1, 2)))
for _sign in ("eq", "ne", "lt", "le", "gt", "ge"):
    sample(f"operator.{_sign}", X, Y)
    sample(f"operator.{_sign}", X, 0)
sample("operator.neg operator.pos operator.abs", X)
sample("operator.invert", K)
sample("operator.matmul operator.imatmul", X, T((4, 5)))
sample("operator.getitem torch.Tensor.__getitem__", X, (slice(None), 1, ..., None))
sample("operator.setitem torch.Tensor.__setitem__", X, (slice(None), 1), 0.0)
sample("torch.rsub", X, 2)
forms("addcmul addcdiv", X, Y, T((4,), "float32", (1.0, 2.0)), value=2)
forms("lerp", X, T((2, 3, 4, 4)), 0.5)
forms("clamp clip", X, -1, 1)
forms("clamp_min", X, 0)
forms("clamp_max", X, 0)
sample("torch.where", T((4,), "bool"), X, 0.0)
sample("torch.Tensor.where", X, T((4,), "bool"), X)
sample("torch.Tensor.softmax torch.Tensor.log_softmax", X, 1)
sample("torch.Tensor.prelu", X, T((3,)))
sample("torch.Tensor.hardshrink", X)
sample("torch.special.logit", POSITIVE)
forms("allclose", X, X)
forms("matmul", X, T((4, 5)))
sample("torch.linalg.matmul", X, T((4, 5)))
forms("mm", M, S)
forms("inner", M, T((2, 4)))
sample(
    "torch.linalg.inv torch.inverse torch.Tensor.inverse torch.linalg.matrix_exp", T((2, 2), "float32", (1.0, 2.0, 3.0))
)
sample("torch.linalg.det torch.det torch.Tensor.det", S)
forms("masked_scatter", X, T((4,), "bool"), X)
forms("scatter_reduce", X, 1, T((1, 2, 2, 2), "int64", (0, 1)), X, "sum")
sample("torch.Tensor.transpose_ torch.Tensor.swapdims_", X, 1, -1)
forms("bmm", T((2, 3, 4)), T((2, 4, 5)))
forms("mv", M, V)
forms("dot", V, V)
forms("outer ger", V, T((3,)))
forms("addmm", V, M, S)
forms("addmv", T((3,)), M, V)
forms("baddbmm", V, T((2, 3, 4)), T((2, 4, 4)))
forms("addbmm", V, T((2, 3, 4)), T((2, 4, 4)))
sample("torch.tensordot", X, T((4, 4, 5)), 2)
sample("torch.einsum", "bchw,dc->bdhw", X, T((5, 3)))
forms("kron", M, S)
sample("torch.cdist", T((2, 3, 4)), T((2, 5, 4)))
sample("torch.cross torch.Tensor.cross torch.linalg.cross", X, X, dim=1)
forms(REDUCTIONS, X)
forms(REDUCTIONS, X, -1, inplace=False)
sample("torch.norm torch.Tensor.norm", X, 2, 1, keepdim=True)
forms(ALONG, X, dim=1)
forms("aminmax count_nonzero", X)
forms("quantile", X, 0.5)
sample("torch.std_mean torch.var_mean", X, 1)
sample("torch.linalg.vector_norm torch.linalg.norm", X, 2, 1)
sample("torch.linalg.matrix_norm", X)
forms("trace", S)
forms("kthvalue topk", X, 2)
forms("bincount", T((5,), "int64", (0, 1, 4)))
forms("histc", X, 5)
sample("torch.searchsorted", T((3,), "float32", (0.0, 1.0, 2.0)), X)
sample("torch.bucketize", X, T((3,), "float32", (0.0, 1.0, 2.0)))
forms("unique unique_consecutive nonzero argwhere", X)
forms("masked_select", X, T((4,), "bool"))
sample("torch.Tensor.view torch.Tensor.reshape", X, 2, -1)
sample("torch.Tensor.view torch.Tensor.reshape", X, (6, 16))
sample("torch.Tensor.view", X, D("int32"))
sample("torch.Tensor.view_as torch.Tensor.reshape_as", X, T((6, 16)))
sample("torch.reshape", X, (2, -1))
forms("flatten", X, 1)
forms("ravel", X)
forms("unflatten", X, 2, (2, 2))
sample("torch.permute", X, (0, 2, 3, 1))
sample("torch.Tensor.permute", X, 0, 2, 3, -3)
sample("torch.Tensor.permute", X, dims=(0, 2, 3, 1))
forms("transpose swapaxes swapdims movedim moveaxis", X, 1, -1, inplace=False)
forms("t", M, inplace=False)
sample("torch.Tensor.T torch.Tensor.H", M)
sample("torch.Tensor.mT torch.Tensor.mH torch.adjoint torch.Tensor.adjoint", X)
forms("squeeze", Y)
forms("squeeze", Y, 2)
forms("squeeze", Y, (0, 2))
forms("unsqueeze", Y, -1)
sample("torch.atleast_1d torch.atleast_2d torch.atleast_3d", V)
sample("torch.Tensor.repeat", M, 2, 1, 3)
sample("torch.tile", M, (2, 2))
sample("torch.Tensor.tile", M, 2, 2)
forms("repeat_interleave", M, 3, 1)
sample("torch.flip", X, (2, 3))
sample("torch.Tensor.flip", X, 2, 3)
forms("fliplr flipud", X)
forms("roll", X, 1, 2)
forms("rot90", X, 1, (2, 3))
sample("torch.Tensor.size", X)
sample("torch.Tensor.size", X, 1)
sample(
    "torch.Tensor.dim torch.Tensor.ndimension torch.Tensor.ndim torch.numel torch.Tensor.numel torch.Tensor.nelement", X
)
sample(
    "torch.Tensor.__len__ torch.Tensor.element_size torch.Tensor.itemsize torch.Tensor.nbytes torch.Tensor.stride", X
)
sample("torch.Tensor.is_contiguous torch.Tensor.get_device torch.Tensor.tolist torch.Tensor.numpy", X)
forms("is_floating_point is_complex", X)
forms("is_nonzero", T((1,)))
sample("torch.Tensor.item", T((1, 1)))
sample("torch.Tensor.expand", Y, 5, -1, -1, 4, -1)
sample("torch.Tensor.expand", Y, size=(2, 3, 4, 4))
sample("torch.Tensor.expand_as", Y, X)
forms("broadcast_to", Y, (2, 3, 4, 4))
sample("torch.broadcast_tensors", X, Y, V)
sample("torch.broadcast_shapes", (2, 1), (3,))
sample("torch.cat torch.concat torch.concatenate", [X, X], 1)
sample("torch.stack", [X, X], -1)
sample("torch.hstack torch.vstack torch.dstack torch.row_stack torch.column_stack", [X, X])
sample("torch.block_diag", M, V)
sample("torch.meshgrid", V, T((3,)))
sample("torch.meshgrid", V, T((3,)), T((2,)), indexing="xy")
sample("torch.cartesian_prod", V, V)
forms("split", X, 2, 1)
forms("split_with_sizes", X, [1, 2], 1)
forms("chunk tensor_split", X, 2, 1)
forms("unbind", X, 1)
sample("torch.Tensor.__iter__", X)
forms("hsplit", T((2, 4)), 2)
forms("vsplit", T((2, 4)), 2)
forms("dsplit", X, 2)
forms("select", X, 1, -1)
forms("narrow", X, 1, 1, 2)
forms("index_select", X, 1, PLACES)
forms("take", X, PLACES)
forms("gather", X, 1, T((1, 2, 2, 2), "int64", (0, 1)))
forms("take_along_dim", X, T((2, 1, 4, 4), "int64", (0, 1)), 1)
forms("scatter scatter_add", X, 1, T((1, 2, 2, 2), "int64", (0, 1)), X)
forms("scatter", X, 1, T((1, 2, 2, 2), "int64", (0, 1)), value=1.0)
forms("index_fill", X, 1, PLACES, 0)
forms("index_add index_copy", X, 1, PLACES, T((2, 2, 4, 4)))
forms("index_put", X, (PLACES, PLACES), T((4, 4)))
forms("masked_fill", X, T((4,), "bool"), 0)
sample("torch.Tensor.masked_scatter_", X, T((4,), "bool"), X)
sample("torch.Tensor.unfold", X, 2, 3, 1)
forms("diagonal", X, 1, 2, 3)
forms("diag", V)
forms("diag_embed", M)
forms("tril triu", X)
sample("torch.nn.functional.one_hot", T((5,), "int64", (0, 2)), 4)
sample("torch.nn.functional.one_hot", T((5,), "int64", (0, 2)))
for _kind in ("zeros", "ones", "empty"):
    sample(f"torch.{_kind}", 2, 3)
    sample(f"torch.{_kind}", (2, 3), dtype=D("int64"))
    sample(f"torch.{_kind}_like", K)
    sample(f"torch.Tensor.new_{_kind}", K, (2, 3))
sample("torch.full", (2, 3), 7)
sample("torch.full_like", X, 7)
sample("torch.Tensor.new_full", K, (2, 3), 7)
sample("torch.empty_strided", (2, 3), (1, 2))
sample("torch.arange", 5)
sample("torch.arange", 1, 6, 2)
sample("torch.arange", 1.0, 0.0, -0.3)
sample("torch.arange", end=4)
sample("torch.linspace torch.logspace", 0, 0.1, 7)
sample("torch.eye", 3, 4)
sample("torch.tril_indices torch.triu_indices", 3, 4)
sample("torch.tensor torch.as_tensor torch.asarray", [[1, 2], [3, 4.5]])
sample("torch.scalar_tensor", 2)
sample("torch.Tensor.new_tensor", X, [[1, 2]])
sample("torch.complex", X, X)
sample("torch.rand torch.randn", 2, 3)
sample("torch.rand_like torch.randn_like", X)
sample("torch.randint", 0, 5, (2, 3))
sample("torch.randint", 5, (2, 3))
sample("torch.randint_like", K, 5)
sample("torch.randperm", 5)
sample("torch.normal", 0.0, 1.0, (2, 3))
sample("torch.normal", X, 1.0)
forms("bernoulli", T((3,), "float32", (0.5,)))
sample("torch.poisson", POSITIVE)
forms("multinomial", POSITIVE, 2)
sample("torch.Tensor.to", X, D("int64"))
sample("torch.Tensor.to", X, "cpu", D("int64"))
sample("torch.Tensor.to", X, K)
sample("torch.Tensor.type", X)
sample("torch.Tensor.type", X, D("bool"))
sample("torch.Tensor.type_as", X, K)
KINDS = "float double half short int long bool bfloat16 byte char cuda cpu contiguous pin_memory"
for _kind in KINDS.split():
    sample(f"torch.Tensor.{_kind}", T((2, 3), "float32", (0.0, 1.0)))
sample("torch.Tensor.requires_grad_ torch.Tensor.share_memory_ torch.Tensor.resolve_conj torch.Tensor.data", X)
forms("detach clone", X)
sample("torch.detach_", X)
sample("torch.Tensor.real torch.real", C)
sample("torch.Tensor.imag torch.imag torch.view_as_real", C)
sample("torch.view_as_complex", T((3, 2)))
sample("torch.result_type", X, K)
sample("torch.promote_types", D("int64"), D("float32"))
sample(
    "torch.Tensor.zero_ torch.Tensor.normal_ torch.Tensor.uniform_ torch.Tensor.random_ torch.Tensor.exponential_", X
)
sample("torch.Tensor.log_normal_ torch.Tensor.cauchy_ torch.Tensor.bernoulli_", X)
sample("torch.Tensor.geometric_", X, 0.5)
sample("torch.Tensor.fill_", X, 2)
sample("torch.Tensor.fill_diagonal_", S, 2)
sample("torch.Tensor.copy_", X, V)
sample("torch.Tensor.resize_", X, 2, 3)
for _kind in ("fft", "rfft", "ifft", "irfft"):
    sample(f"torch.fft.{_kind}", X, 6, 2)
    sample(f"torch.fft.{_kind}2", X)
    sample(f"torch.fft.{_kind}n", X, (4, 4))
sample("torch.fft.fftshift torch.fft.ifftshift", X, (2, 3))

ELSEWHERE = {
    "torch.from_numpy": "takes an array, which is no tensor of torch",
    "torch.Tensor.cuda": "needs a device",
    "torch.Tensor.pin_memory": "needs a device",
}
"""Functions whose examples torch cannot run here."""


@pytest.mark.parametrize("name", NAMES)
def test_a_registered_name_exists_in_torch(name: str) -> None:
    owner: object = {"torch": torch, "operator": operator}[name.partition(".")[0]]
    for part in name.split(".")[1:]:
        owner = getattr(owner, part, None) if name not in ELSEWHERE else owner
    assert owner is not None


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_function_give_what_torch_gives(name: str) -> None:
    assert name in SAMPLES or name in ELSEWHERE, "a registered function needs an example in this file"
    for args, kwargs in SAMPLES.get(name, []):
        if name not in ELSEWHERE:
            agree(name, args, kwargs, strict=False)
            assert torchs(name, args, kwargs).unknown is None


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name.endswith("_") and not name.endswith("__") and ".Tensor." in name]
)
def test_an_inplace_method_overwrites_its_first_input(name: str) -> None:
    args, kwargs = SAMPLES[name][0]
    result = ours(name, args, kwargs).results[0]
    assert isinstance(result, Result)
    if name not in {"torch.Tensor.requires_grad_", "torch.Tensor.share_memory_"}:
        assert result.inplace


def test_examples_are_of_registered_functions() -> None:
    assert set(SAMPLES) <= set(FUNCTIONS)


def test_filling_takes_the_names_of_torch() -> None:
    agree("torch.Tensor.normal_", (X,), {"mean": 1.0, "std": 2.0})
    agree("torch.Tensor.uniform_", (X,), {"from": 0.0, "to": 2.0})
    agree("torch.Tensor.uniform_", (X, 0.0, 2.0))
    agree("torch.Tensor.normal_", (X,), {"scale": 2.0})
