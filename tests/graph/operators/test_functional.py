"""Functions: every one with at least one call that torch takes, many with calls that it refuses."""

# ruff: noqa: FBT003 -- the calls are written as people write them

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_check.graph.dim import symbol, value
from resnet_check.graph.operators.base import Checks, NotModelled
from tests.graph.operators.layer_support import FUNCTIONS, T, agree_everywhere, agree_function, named
from tests.graph.operators.samples import image
from tests.graph.operators.strategies import images, per_dim, rarely
from tests.graph.operators.test_layer_table import OWN_FUNCTIONS

settings.load_profile("layers")
F = "torch.nn.functional."
Calls = list[tuple[tuple[Any, ...], dict[str, Any]]]


def call(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call."""
    return args, kwargs


def weights(*shape: int) -> T:
    """Return a weight or another tensor of numbers."""
    return T(shape)


def _calls() -> dict[str, Calls]:
    plane, pair = image(4, 2), (T((5, 4)), T((5, 4)))
    vector = weights(4)
    found: dict[str, Calls] = {}
    for d in (1, 2, 3):
        x, k = image(4, d), (3,) * d
        ids = T(x.shape, "int64")
        conv = [
            call(x, weights(6, 4, *k)),
            call(x, weights(6, 2, *k), weights(6), 2, 1, 2, 2),
            call(x, weights(6, 4, *k), padding="same"),
            call(x, weights(6, 4, *k), padding="same", stride=2),
            call(x, weights(6, 4, *k), padding="full"),
            call(x, weights(6, 4, *k), weights(5)),
            call(x, weights(6, 5, *k)),
            call(x, weights(6, 4, *k[1:])),
            call(x, weights(5, 2, *k), groups=2),
            call(x, weights(6, 4, *k), groups=0),
            call(x, weights(6, 4, *k), stride=1.5),
            call(T(x.shape, "int64"), weights(6, 4, *k)),
            call(T((4, *x.shape[2:])), weights(6, 4, *k), stride=[2] * d),
            call(x, weights(6, 4, *(11 for _ in k))),
        ]
        turned = [
            call(x, weights(4, 6, *k)),
            call(x, weights(4, 3, *k), weights(6), 2, 1, 1, 2),
            call(x, weights(4, 3, *k), None, 2, 1, 2, 2),
            call(x, weights(5, 3, *k)),
        ]
        for prefix in (F, "torch."):
            found |= {f"{prefix}conv{d}d": conv, f"{prefix}conv_transpose{d}d": turned}
        pools = [
            call(x, 2),
            call(x, 3, 2, 1),
            call(x, 2, []),
            call(x, 3, padding=2),
            call(x, 20),
            call(x, 2, ceil_mode=True),
        ]
        found |= {
            f"{F}max_pool{d}d": [*pools, call(x, 2, return_indices=True), call(x, 3, 1, 1, 2)],
            f"{F}_max_pool{d}d": pools,
            f"{F}max_pool{d}d_with_indices": pools,
            f"torch.max_pool{d}d": [*pools, call(x, 2, dilation=3)],
            f"{F}avg_pool{d}d": [*pools, call(x, 2, count_include_pad=False)],
            f"{F}lp_pool{d}d": [call(x, 2, 2), call(x, 2.0, 3, 2, ceil_mode=True), call(x, 2, 20)],
            f"{F}adaptive_avg_pool{d}d": [call(x, 2), call(x, (2,) * d), call(x, (2,) * (d + 1)), call(T((4,)), 1)],
            f"{F}adaptive_max_pool{d}d": [call(x, 2), call(x, 2, return_indices=True), call(x, None)],
            f"{F}adaptive_max_pool{d}d_with_indices": [call(x, 2)],
            f"{F}max_unpool{d}d": [
                call(x, ids, 2),
                call(x, ids, 2, 2, 0, tuple(2 * size + 1 for size in x.shape[2:])),
                call(x, ids, 2, 2, 0, tuple(2 * size + 9 for size in x.shape[2:])),
            ],
            f"{F}dropout{d}d": [call(x), call(x, 0.2, False, True), call(x, 1.2)],
        }
        if d > 1:
            found[f"torch._C._nn.avg_pool{d}d"] = found[f"{F}avg_pool{d}d"]
            found[f"torch._C._nn.adaptive_avg_pool{d}d"] = [call(x, (2,) * d)]
            found[f"{F}fractional_max_pool{d}d"] = [
                call(x, 2, output_size=3),
                call(x, 2, output_ratio=(0.5,) * d, return_indices=True),
                call(x, 2),
                call(x, 2, output_size=9),
            ]
    found |= {
        "torch.avg_pool1d": found[f"{F}avg_pool1d"],
        "torch.adaptive_avg_pool1d": [call(image(4, 1), 2)],
        "torch.adaptive_max_pool1d": [call(image(4, 1), 2)],
    }
    plain = [call(plane), call(T(()))]
    for kind in ("sigmoid", "tanh", "softsign", "tanhshrink", "logsigmoid"):
        found[F + kind] = [*plain, *([call(T((2, 3), "int64"))] if kind in ("sigmoid", "tanh") else [])]
    for kind in (
        "relu",
        "relu6",
        "selu",
        "silu",
        "mish",
        "hardswish",
        "hardsigmoid",
        "elu",
        "celu",
        "leaky_relu",
        "rrelu",
    ):
        found[F + kind] = [*plain, call(plane, inplace=True)]
    for kind in ("relu", "selu", "celu", "rrelu", "sigmoid", "tanh"):
        found |= {f"torch.{kind}": plain, f"torch.{kind}_": plain}
    for kind in ("relu", "selu", "elu", "celu", "leaky_relu", "rrelu", "hardtanh"):
        found[f"{F}{kind}_"] = plain
    dims = [call(plane, 1), call(plane, -1), call(plane, 4), call(plane, 0, dtype=None), call(T((2, 3), "int64"), 1)]
    for kind in ("softmax", "log_softmax"):
        found |= {
            F + kind: [*dims, call(plane), call(T((2, 3)))],
            f"torch.{kind}": dims,
            f"torch.special.{kind}": dims[:3],
        }
    glu = [call(plane), call(plane, 1), call(T((2, 3))), call(T(())), call(plane, 5)]
    gelu = [*plain, call(plane, approximate="tanh"), call(plane, approximate="rough")]
    softplus = [*plain, call(plane, 2, 10)]
    prelu = [call(plane, weights(1)), call(plane, vector), call(plane, weights(3)), call(T((4,)), weights(1))]
    threshold = [call(plane, 0.1, 2.0), call(T((3,)), 0, 1)]
    drop = [call(plane, 0.5, True), call(plane, 0.5, False), call(plane, 1.5, True)]
    table, ids = weights(10, 3), T((2, 5), "int64")
    found |= {
        F + "softmin": dims,
        F + "gumbel_softmax": [call(plane), call(plane, hard=True, dim=1), call(plane, dim=7)],
        F + "glu": glu,
        "torch._C._nn.glu": glu[:2],
        F + "gelu": gelu,
        "torch._C._nn.gelu": gelu,
        F + "softplus": softplus,
        "torch._C._nn.softplus": softplus,
        F + "prelu": prelu,
        "torch.prelu": prelu,
        F + "hardtanh": [*plain, call(plane, 0.0, 6.0, True)],
        F + "hardshrink": plain,
        "torch.hardshrink": plain,
        F + "softshrink": plain,
        F + "threshold": [*threshold, call(plane, 0.1, 2.0, True)],
        F + "threshold_": threshold,
        "torch.threshold": threshold,
        "torch.threshold_": threshold,
        F + "linear": [
            call(T((2, 7)), weights(3, 7)),
            call(T((7,)), weights(3, 7), weights(3)),
            call(T((2, 5, 7)), weights(3, 7), weights(3)),
            call(T((2, 6)), weights(3, 7)),
            call(T((2, 7)), weights(3, 7), weights(4)),
            call(T((2, 7)), weights(7)),
            call(T((2, 7), "int64"), weights(3, 7)),
        ],
        F + "bilinear": [
            call(T((2, 3)), T((2, 4)), weights(5, 3, 4)),
            call(T((2, 3)), T((2, 4)), weights(5, 3, 4), weights(5)),
            call(T((2, 3)), T((3, 4)), weights(5, 3, 4)),
            call(T((2, 3)), T((2, 5)), weights(5, 3, 4)),
        ],
        F + "batch_norm": [
            call(plane, vector, vector),
            call(plane, vector, vector, vector, vector, True),
            call(plane, None, None, training=True),
            call(plane, None, None),
            call(plane, weights(3), vector),
            call(T((1, 4)), vector, vector, training=True),
            call(T((4,)), vector, vector),
            call(plane, vector, vector, eps=-1.0),
        ],
        "torch.batch_norm": [call(plane, vector, vector, vector, vector, False, 0.1, 1e-5, False)],
        F + "instance_norm": [
            call(plane),
            call(plane, vector, vector, use_input_stats=False),
            call(plane, use_input_stats=False),
            call(plane, weight=weights(3)),
            call(T((2, 4, 1))),
        ],
        F + "group_norm": [
            call(plane, 2),
            call(plane, 2, vector, vector),
            call(plane, 3),
            call(plane, 2, weights(3)),
            call(T((1, 4)), 4),
            call(T((2, 4)), 4),
        ],
        "torch.group_norm": [call(plane, 2), call(plane, 2, vector, vector)],
        F + "layer_norm": [
            call(plane, (8,)),
            call(plane, [9, 8], weights(9, 8)),
            call(plane, [9, 8], weights(8)),
            call(plane, 8),
            call(plane, (7,)),
            call(T((8,)), (9, 8)),
        ],
        "torch.layer_norm": [call(plane, (8,))],
        F + "rms_norm": [call(plane, (8,)), call(plane, (7,)), call(plane, (8,), weights(8))],
        "torch.rms_norm": [call(plane, (8,))],
        F + "local_response_norm": [call(plane, 3), call(T((2, 4)), 3)],
        F + "normalize": [call(plane), call(plane, 2, -1), call(plane, dim=4), call(plane, dim=(1, 2))],
        F + "pad": [
            call(plane, (1, 2)),
            call(plane, (1, 2, 3, 4, 5, 6, 7, 8)),
            call(plane, (1, 2) * 5),
            call(plane, (1, 2, 3)),
            call(plane, (-3, -3)),
            call(plane, (-5, -5)),
            call(plane, (1, 1, 1, 1), "reflect"),
            call(plane, (1, 1, 1, 1), "reflect", 1.0),
            call(plane, (9, 9, 1, 1), "reflect"),
            call(plane, (8, 8, 1, 1), "circular"),
            call(plane, (9, 8, 1, 1), "circular"),
            call(plane, (20, 20, 1, 1), "replicate"),
            call(plane, (1, 1), "replicate"),
            call(plane, (1, 1), "mirror"),
            call(plane, (1, 1), value=None),
        ],
        F + "interpolate": [
            call(plane, 5),
            call(plane, (5, 6), mode="bilinear", align_corners=True),
            call(plane, scale_factor=2),
            call(plane, scale_factor=(0.5, 1.7)),
            call(plane, scale_factor=[2.0]),
            call(plane, size=(5, 6), mode="bicubic", antialias=True),
            call(plane, size=(5, 6), antialias=True),
            call(plane),
            call(plane, 5, 2.0),
            call(plane, size=5, recompute_scale_factor=True),
            call(plane, size=(5, 6.0)),
            call(plane, size=5, mode="trilinear"),
            call(plane, size=5, align_corners=True),
            call(T((2, 4)), 5),
        ],
        F + "upsample": [call(plane, 5), call(plane, None, 2, "bilinear", True)],
        F + "upsample_nearest": [call(plane, 5), call(plane, scale_factor=2)],
        F + "upsample_bilinear": [call(plane, 5), call(plane, scale_factor=2)],
        F + "affine_grid": [
            call(T((2, 2, 3)), (2, 4, 5, 6)),
            call(T((2, 3, 4)), [2, 4, 5, 6, 7]),
            call(T((2, 2, 3)), (2, 4, 5)),
            call(T((2, 2, 2)), (2, 4, 5, 6)),
        ],
        F + "grid_sample": [
            call(plane, T((2, 5, 6, 2))),
            call(image(4, 3), T((2, 5, 6, 7, 3))),
            call(plane, T((2, 5, 6, 3))),
            call(plane, T((3, 5, 6, 2))),
            call(plane, T((2, 5, 2))),
        ],
        F + "embedding": [call(ids, table), call(ids, table, padding_idx=1), call(T((2, 5)), table)],
        F + "embedding_bag": [
            call(ids, table),
            call(T((6,), "int64"), table, T((2,), "int64")),
            call(ids, table, T((2,), "int64")),
            call(T((6,), "int64"), table),
        ],
        F + "scaled_dot_product_attention": [
            call(T((2, 3, 4, 5)), T((2, 3, 6, 5)), T((2, 3, 6, 7))),
            call(T((4, 5)), T((6, 5)), T((6, 7))),
            call(T((2, 3, 4, 5)), T((2, 3, 6, 4)), T((2, 3, 6, 7))),
            call(T((2, 3, 4, 5)), T((2, 3, 6, 5)), T((2, 3, 5, 7))),
            call(T((2, 1, 4, 5)), T((1, 3, 6, 5)), T((2, 3, 6, 7))),
        ],
        F + "pixel_shuffle": [call(plane, 2), call(plane, 3), call(T((4, 4)), 2)],
        F + "pixel_unshuffle": [call(T((1, 2, 4, 6)), 2), call(plane, 2)],
        F + "unfold": [call(plane, 2), call(plane, (2, 3), 2, 1, 2), call(plane, 20), call(T((4, 4)), 2)],
        F + "fold": [call(T((1, 8, 16)), (5, 5), 2), call(T((1, 8, 15)), (5, 5), 2), call(T((1, 7, 16)), (5, 5), 2)],
        F + "cosine_similarity": [call(*pair), call(*pair, dim=0), call(*pair, dim=2), call(T((5, 4)), T((4,)))],
        F + "pairwise_distance": [call(*pair), call(*pair, keepdim=True), call(T((5, 4)), T((5, 3)))],
        F + "pdist": [call(T((5, 4))), call(T((5,)))],
    }
    for kind in ("dropout", "alpha_dropout", "feature_alpha_dropout"):
        found |= {F + kind: [call(plane), *drop], f"torch.{kind}": drop, f"torch.{kind}_": drop}
    shuffle = [call(plane, 2), call(plane, 3), call(plane, 0)]
    for prefix in (F, "torch."):
        found |= {f"{prefix}channel_shuffle": shuffle, f"{prefix}native_channel_shuffle": shuffle}
    for kind in ("bilinear", "pixel_shuffle", "pixel_unshuffle", "cosine_similarity", "pairwise_distance", "pdist"):
        found[f"torch.{kind}"] = found[F + kind]
    found |= {"torch._C._nn.linear": found[F + "linear"], "torch._C._nn.pad": found[F + "pad"][:3]}
    return found | _losses(pair)


def _losses(pair: tuple[T, T]) -> dict[str, Calls]:
    found: dict[str, Calls] = {}
    wide = T((5, 3))
    kinds = (
        "l1_loss mse_loss smooth_l1_loss huber_loss kl_div soft_margin_loss binary_cross_entropy poisson_nll_loss "
        "binary_cross_entropy_with_logits hinge_embedding_loss multilabel_soft_margin_loss"
    )
    for kind in kinds.split():
        found[F + kind] = [
            call(*pair),
            call(*pair, reduction="none"),
            call(*pair, reduction="all"),
            call(pair[0], wide),
        ]
    for kind in ("l1_loss", "mse_loss", "binary_cross_entropy"):
        found[F + kind] += [call(*pair, reduce=False), call(*pair, size_average=False)]
    labels, scores = T((5,), "int64"), T((2, 4, 3, 3))
    for kind in ("cross_entropy", "nll_loss"):
        found[F + kind] = [
            call(pair[0], labels),
            call(pair[0], labels, reduction="none"),
            call(scores, T((2, 3, 3), "int64"), reduction="none"),
            call(pair[0], T((6,), "int64")),
            call(T((4,)), T((), "int64")),
        ]
    found[F + "cross_entropy"].append(call(*pair, reduction="none"))
    triple = (*pair, T((5, 4)))
    found |= {
        F + "multi_margin_loss": [call(pair[0], labels), call(pair[0], labels, reduction="none")],
        F + "multilabel_margin_loss": [call(pair[0], T((5, 4), "int64"), reduction="none")],
        F + "gaussian_nll_loss": [call(*triple), call(*triple, reduction="none")],
        F + "margin_ranking_loss": [call(*triple), call(*triple, reduction="none")],
        F + "cosine_embedding_loss": [call(*pair, T((5,))), call(*pair, T((5,)), reduction="none")],
        F + "triplet_margin_loss": [call(*triple), call(*triple, reduction="none")],
        F + "triplet_margin_with_distance_loss": [call(*triple), call(*triple, reduction="none")],
        F + "ctc_loss": [call(T((6, 2, 4)), T((2, 1), "int64"), (6, 6), (1, 1), reduction="none")],
    }
    return found


CALLS = _calls()


def test_every_function_is_called() -> None:
    assert set(OWN_FUNCTIONS) == set(CALLS)


@pytest.mark.parametrize(("name", "number"), [(name, i) for name in sorted(CALLS) for i in range(len(CALLS[name]))])
def test_a_call_is_what_torch_makes_of_it(name: str, number: int) -> None:
    args, kwargs = CALLS[name][number]
    agree_function(name, *args, **kwargs)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@settings(max_examples=60)
@given(st.data())
def test_padding(mode: str, data: Any) -> None:
    dims = data.draw(st.integers(1, 3))
    widths = data.draw(st.lists(st.integers(-2, 3), max_size=2 * dims + 2))
    with contextlib.suppress(*[NotModelled] if mode == "circular" else []):
        agree_function(f"{F}pad", data.draw(images(dims, 2, most=5)), widths, mode)


@settings(max_examples=60)
@given(st.data())
def test_one_symbolic_padding_answers_for_every_size(data: Any) -> None:
    mode = data.draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    numbers = (
        st.integers(-3, 3)
        if mode != "circular"
        else data.draw(st.sampled_from([st.integers(-3, 0), st.integers(0, 3)]))
    )
    widths = data.draw(st.lists(numbers, min_size=4, max_size=4))
    rule = FUNCTIONS[f"{F}pad"].rule
    shape = (2, 3, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)))
    agree_everywhere(
        lambda check, x: rule(check, x, widths, mode),
        lambda x: named(f"{F}pad")(x, widths, mode),
        shape,
        f"pad {widths} {mode}",
    )


@pytest.mark.parametrize("kind", ["max", "avg", "adaptive_avg"])
@settings(max_examples=10)
@given(size=st.integers(1, 9))
def test_a_kernel_as_large_as_the_input(kind: str, size: int) -> None:
    """Global pooling written as ``F.avg_pool2d(x, x.size()[2:])`` gives one value at every size."""
    name = f"{F}{kind}_pool2d"
    rule = FUNCTIONS[name].rule

    def kernel(x: Any) -> Any:
        return x.shape[2:] if kind != "adaptive_avg" else (x.shape[2], 1)

    agree_everywhere(
        lambda check, x: rule(check, x, kernel(x)), lambda x: named(name)(x, kernel(x)), (2, 3, size, size), kind
    )


@settings(max_examples=80)
@given(st.data())
def test_a_convolution_weighs_every_multiplication(data: Any) -> None:
    """The multiply-adds are those that the loops of a convolution would do."""
    groups, dims = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    x = T((data.draw(st.integers(1, 3)), 2 * groups, *[data.draw(st.integers(3, 6)) for _ in range(dims)]))
    kernel = [data.draw(st.integers(1, 3)) for _ in range(dims)]
    weight = T((3 * groups, 2, *kernel))
    result = FUNCTIONS[f"{F}conv{dims}d"].rule(Checks(), x, weight, None, 2, 1, 1, groups)
    outputs = 1
    for size in result.shape:
        outputs *= size
    taps = 2
    for size in kernel:
        taps *= size
    assert result.macs == outputs * taps
    turned = FUNCTIONS[f"{F}conv_transpose{dims}d"].rule(Checks(), x, T((2 * groups, 3, *kernel)), groups=groups)
    inputs = 1
    for size in x.shape:
        inputs *= size
    assert turned.macs == inputs * 3 * taps // 2


def test_the_sizes_of_a_resnet_become_equal_expressions() -> None:
    """A 3x3 convolution with padding and a 1x1 shortcut, both of stride 2, must add up without a branch."""
    x = T((symbol("N", 2), 4, symbol("H", 224), symbol("W", 224)))
    conv, pool = FUNCTIONS[f"{F}conv2d"].rule, FUNCTIONS[f"{F}max_pool2d"].rule
    check = Checks()
    block = conv(check, x, T((8, 4, 3, 3)), None, 2, 1)
    shortcut = conv(check, x, T((8, 4, 1, 1)), None, 2)
    pooled = pool(check, x, 3, 2, 1)
    rounded_up = pool(check, x, 2, 2, ceil_mode=True)
    assert block.shape[2:] == shortcut.shape[2:] == pooled.shape[2:] == rounded_up.shape[2:]
    assert not check.failures
    assert value(block.shape[2]) == 112


def test_a_failure_goes_on_with_what_was_meant() -> None:
    check = Checks()
    conv = FUNCTIONS[f"{F}conv2d"].rule(check, image(4, 2), T((6, 5, 3, 3)))
    assert [failure.kind for failure in check.failures] == ["conv-channels"]
    assert check.failures[0].facts == {"got": 4, "expected": 5, "operator": "conv2d"}
    assert conv.shape == (2, 6, 7, 6)
    check = Checks()
    small = FUNCTIONS[f"{F}max_pool2d"].rule(check, T((symbol("N", 1), 4, symbol("H", 2), symbol("W", 9))), 3)
    assert [failure.kind for failure in check.failures] == ["empty-output"]
    assert [value(size) for size in small.shape] == [1, 4, 1, 3]


WHOLE = T((2, 4, 5, 5), "int64")


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("conv2d", (T((3, 4, 3, 3)),)),
        ("conv2d", (T((3, 4, 3, 3), "int64"),)),
        ("conv_transpose2d", (T((4, 3, 3, 3)),)),
        ("linear", (T((3, 5)),)),
        ("linear", (T((3, 5), "int64"),)),
        ("batch_norm", (None, None, None, None, True)),
        ("layer_norm", ((5,),)),
        ("group_norm", (2,)),
        ("instance_norm", ()),
        ("local_response_norm", (2,)),
        ("normalize", ()),
        ("adaptive_avg_pool2d", (2,)),
        ("adaptive_max_pool2d", (2,)),
        ("max_pool2d", (2,)),
        ("avg_pool2d", (2,)),
        ("lp_pool2d", (2, 2)),
        ("softmax", (1,)),
        ("cosine_similarity", (WHOLE,)),
        ("pairwise_distance", (WHOLE,)),
        ("relu", ()),
        ("sigmoid", ()),
        ("hardtanh", ()),
    ],
)
def test_integers(name: str, others: tuple[Any, ...]) -> None:
    agree_function(F + name, WHOLE, *others)


@settings(max_examples=60)
@given(st.data())
def test_resizing_to_sizes(data: Any) -> None:
    dims = data.draw(st.integers(1, 3))
    size = data.draw(per_dim(rarely(st.integers(1, 7), st.sampled_from([0, -1, 1.5])), dims))
    agree_function(f"{F}interpolate", data.draw(images(dims, 2)), size)
