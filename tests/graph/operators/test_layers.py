"""Layers with random arguments: built alike, the same shapes, or both refuse."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_check.graph.operators.base import NotModelled
from tests.graph.operators.layer_support import LAYERS, T, agree_everywhere, agree_layer, build, view
from tests.graph.operators.strategies import (
    conv_arguments,
    images,
    per_dim,
    pool_arguments,
    rarely,
    transposed_arguments,
)

settings.load_profile("layers")
DIMS = pytest.mark.parametrize("dims", [1, 2, 3])


def channels_of(arguments: dict[str, Any]) -> int:
    """Return the channels of a fitting input."""
    return max(int(arguments["in_channels"]), 1)


@DIMS
@settings(max_examples=80)
@given(st.data())
def test_convolutions(dims: int, data: Any) -> None:
    arguments = data.draw(conv_arguments(dims))
    agree_layer(f"torch.nn.Conv{dims}d", (), arguments, data.draw(images(dims, channels_of(arguments))))


@DIMS
@given(st.data())
def test_lazy_convolutions(dims: int, data: Any) -> None:
    arguments = data.draw(conv_arguments(dims))
    channels = channels_of(arguments)
    del arguments["in_channels"]
    agree_layer(f"torch.nn.LazyConv{dims}d", (), arguments, data.draw(images(dims, channels)))


@DIMS
@settings(max_examples=60)
@given(st.data())
def test_transposed_convolutions(dims: int, data: Any) -> None:
    arguments = data.draw(transposed_arguments(dims))
    more = {}
    if data.draw(st.integers(0, 3)) == 0:
        sizes = st.integers(4, 12)
        more["output_size"] = data.draw(st.lists(sizes, min_size=dims, max_size=dims))
    image = data.draw(images(dims, channels_of(arguments), most=6))
    agree_layer(f"torch.nn.ConvTranspose{dims}d", (), arguments, image, **more)


@DIMS
@given(st.data())
def test_lazy_transposed_convolutions(dims: int, data: Any) -> None:
    arguments = data.draw(transposed_arguments(dims))
    channels = channels_of(arguments)
    del arguments["in_channels"]
    agree_layer(f"torch.nn.LazyConvTranspose{dims}d", (), arguments, data.draw(images(dims, channels)))


@DIMS
@settings(max_examples=60)
@given(st.data())
def test_max_pools(dims: int, data: Any) -> None:
    arguments = data.draw(pool_arguments(dims, dilation=True)) | {"return_indices": data.draw(st.booleans())}
    agree_layer(f"torch.nn.MaxPool{dims}d", (), arguments, data.draw(images(dims, 3)))


@DIMS
@settings(max_examples=60)
@given(st.data())
def test_average_pools(dims: int, data: Any) -> None:
    arguments = data.draw(pool_arguments(dims, dilation=False)) | {"count_include_pad": data.draw(st.booleans())}
    if dims > 1 and data.draw(st.booleans()):
        arguments["divisor_override"] = data.draw(st.sampled_from([None, 0, 3]))
    agree_layer(f"torch.nn.AvgPool{dims}d", (), arguments, data.draw(images(dims, 3)))


@DIMS
@given(st.data())
def test_norm_pools(dims: int, data: Any) -> None:
    arguments = data.draw(pool_arguments(dims, dilation=False)) | {"norm_type": data.draw(st.sampled_from([1, 2, 2.5]))}
    arguments.pop("padding", None)
    if not all(isinstance(arguments.get(key, 1), int) for key in ("kernel_size", "stride")):
        arguments |= {"kernel_size": 2, "stride": None}  # torch multiplies the kernel's sizes, whatever they are
    agree_layer(f"torch.nn.LPPool{dims}d", (), arguments, data.draw(images(dims, 3)))


@DIMS
@pytest.mark.parametrize("kind", ["Avg", "Max"])
@given(st.data())
def test_adaptive_pools(dims: int, kind: str, data: Any) -> None:
    sizes = rarely(st.one_of(st.none(), st.integers(1, 5)), st.sampled_from([0, -1, 2.0]))
    arguments = {"output_size": data.draw(per_dim(sizes, dims))}
    if kind == "Max":
        arguments["return_indices"] = data.draw(st.booleans())
    agree_layer(f"torch.nn.Adaptive{kind}Pool{dims}d", (), arguments, data.draw(images(dims, 3)))


@pytest.mark.parametrize("dims", [2, 3])
@given(st.data())
def test_fractional_pools(dims: int, data: Any) -> None:
    arguments = {"kernel_size": data.draw(per_dim(st.integers(1, 3), dims)), "return_indices": data.draw(st.booleans())}
    if data.draw(st.booleans()):
        arguments["output_size"] = data.draw(per_dim(st.integers(1, 5), dims))
    if data.draw(st.booleans()):
        arguments["output_ratio"] = data.draw(st.sampled_from([0.5, 0.7, 0.34, 1.0]))
    agree_layer(f"torch.nn.FractionalMaxPool{dims}d", (), arguments, data.draw(images(dims, 3)))


@DIMS
@given(st.data())
def test_unpooling(dims: int, data: Any) -> None:
    arguments = {"kernel_size": data.draw(per_dim(st.integers(1, 3), dims))}
    if data.draw(st.booleans()):
        arguments["stride"] = data.draw(per_dim(st.integers(1, 3), dims))
    image = T((2, 3, *data.draw(st.lists(st.integers(2, 4), min_size=dims, max_size=dims))))
    agree_layer(f"torch.nn.MaxUnpool{dims}d", (), arguments, image, T(image.shape, "int64"))


NORM = {
    "eps": rarely(st.just(1e-3), st.sampled_from([0.0, -1.0])),
    "momentum": st.sampled_from([0.1, None]),
    "affine": st.booleans(),
    "track_running_stats": st.booleans(),
    "bias": st.booleans(),
}


@st.composite
def norm_arguments(draw: Any) -> dict[str, Any]:
    return {key: draw(numbers) for key, numbers in NORM.items() if draw(st.booleans())}


@DIMS
@pytest.mark.parametrize("kind", ["Batch", "Instance"])
@pytest.mark.parametrize("lazy", [False, True])
@settings(max_examples=40)
@given(st.data())
def test_norms(dims: int, kind: str, lazy: bool, data: Any) -> None:  # noqa: FBT001
    arguments = data.draw(norm_arguments())
    if not lazy:
        arguments["num_features"] = data.draw(rarely(st.just(4), st.sampled_from([5, 0, 4.0])))
    name = f"torch.nn.{'Lazy' if lazy else ''}{kind}Norm{dims}d"
    image = data.draw(images(dims, 4, most=data.draw(st.sampled_from([1, 4]))))
    agree_layer(name, (), arguments, image, training=data.draw(st.booleans()))


@given(st.data())
def test_synchronised_norms(data: Any) -> None:
    arguments = data.draw(norm_arguments()) | {"num_features": 4}
    image = data.draw(images(data.draw(st.integers(0, 3)), 4, most=3))
    agree_layer("torch.nn.SyncBatchNorm", (), arguments, image, training=data.draw(st.booleans()))


@settings(max_examples=80)
@given(st.data())
def test_group_norms(data: Any) -> None:
    arguments = {
        "num_groups": data.draw(rarely(st.sampled_from([1, 2, 4, 8]), st.sampled_from([3, 0]))),
        "num_channels": data.draw(rarely(st.just(8), st.sampled_from([6, 0]))),
        "affine": data.draw(st.booleans()),
    }
    image = data.draw(images(data.draw(st.integers(0, 3)), 8, most=data.draw(st.sampled_from([1, 3]))))
    agree_layer("torch.nn.GroupNorm", (), arguments, image)


@pytest.mark.parametrize("kind", ["LayerNorm", "RMSNorm"])
@settings(max_examples=60)
@given(st.data())
def test_layer_norms(kind: str, data: Any) -> None:
    image = data.draw(images(2, 3, most=4))
    last = image.shape[data.draw(st.integers(0, len(image.shape))) :]
    shape = data.draw(st.sampled_from([last, list(last), 3, (2, 3), last[:1]]))
    agree_layer(f"torch.nn.{kind}", (shape,), {"elementwise_affine": data.draw(st.booleans())}, image)


@given(st.data())
def test_linear_maps(data: Any) -> None:
    arguments = {
        "in_features": data.draw(rarely(st.just(4), st.sampled_from([5, 4.0, -1, 0]))),
        "out_features": data.draw(rarely(st.integers(1, 5), st.sampled_from([2.5, -2, 0]))),
        "bias": data.draw(st.booleans()),
    }
    shape = (*data.draw(st.lists(st.integers(1, 3), max_size=3)), data.draw(rarely(st.just(4), st.integers(1, 5))))
    agree_layer("torch.nn.Linear", (), arguments, T(shape))
    del arguments["in_features"]
    agree_layer("torch.nn.LazyLinear", (), arguments, T(shape))


@given(st.data())
def test_bilinear_maps(data: Any) -> None:
    rows = tuple(data.draw(st.lists(st.integers(1, 3), max_size=2)))
    other = data.draw(rarely(st.just(rows), st.just((2,))))
    one, two = (T((*lead, data.draw(rarely(st.just(3), st.just(4))))) for lead in (rows, other))
    agree_layer("torch.nn.Bilinear", (3, 3, 5), {"bias": data.draw(st.booleans())}, one, two)


@DIMS
@pytest.mark.parametrize("kind", ["Constant", "Zero", "Reflection", "Replication", "Circular"])
@given(st.data())
def test_pads(dims: int, kind: str, data: Any) -> None:
    widths = st.integers(-2, 4)
    arguments = {"padding": data.draw(st.one_of(widths, st.tuples(*[widths] * (2 * dims))))}
    if kind == "Constant":
        arguments["value"] = 1.0
    with contextlib.suppress(*[NotModelled] if kind == "Circular" else []):
        agree_layer(f"torch.nn.{kind}Pad{dims}d", (), arguments, data.draw(images(dims, 3, most=6)))


@settings(max_examples=80)
@given(st.data())
def test_resizing(data: Any) -> None:
    dims = data.draw(st.integers(1, 3))
    fitting = ["nearest", "area", "nearest-exact", {1: "linear", 2: "bilinear", 3: "trilinear"}[dims]]
    modes = ["nearest", "linear", "bilinear", "trilinear", "bicubic", "lanczos", "sharp"]
    arguments = {"mode": data.draw(rarely(st.sampled_from(fitting), st.sampled_from(modes)))}
    which = data.draw(st.integers(0, 19))
    if which < 8 or which == 18:
        arguments["size"] = data.draw(per_dim(rarely(st.integers(1, 9), st.sampled_from([0, 2.0])), dims))
    if 8 <= which < 19:
        factors = rarely(st.sampled_from([2, 2.0, 0.5, 1.5, 0.3, 1 / 3, 1.7]), st.just(0.05))
        arguments["scale_factor"] = data.draw(per_dim(factors, dims))
    if data.draw(st.booleans()):
        arguments["align_corners"] = data.draw(st.sampled_from([None, True, False]))
    if data.draw(st.booleans()):
        arguments["recompute_scale_factor"] = data.draw(st.sampled_from([None, True, False]))
    agree_layer("torch.nn.Upsample", (), arguments, data.draw(images(dims, 2)))


@given(st.data())
def test_channels_to_pixels(data: Any) -> None:
    factor = data.draw(rarely(st.integers(1, 3), st.sampled_from([0, -1, 2.0])))
    sizes = st.sampled_from([1, 2, 4, 6, 9])
    image = T(tuple(data.draw(st.lists(sizes, min_size=2, max_size=5))))
    agree_layer("torch.nn.PixelShuffle", (factor,), {}, image)
    agree_layer("torch.nn.PixelUnshuffle", (factor,), {}, image)
    agree_layer("torch.nn.ChannelShuffle", (factor,), {}, image)


@settings(max_examples=60)
@given(st.data())
def test_flattening(data: Any) -> None:
    shape = tuple(data.draw(st.lists(st.sampled_from([1, 2, 4, 6]), max_size=4)))
    numbers = st.integers(-4, 4)
    agree_layer("torch.nn.Flatten", (data.draw(numbers), data.draw(numbers)), {}, T(shape))
    sizes = data.draw(st.lists(st.sampled_from([-1, 1, 2, 3]), max_size=3))
    agree_layer("torch.nn.Unflatten", (data.draw(numbers), sizes), {}, T(shape))


@settings(max_examples=60)
@given(st.data())
def test_columns(data: Any) -> None:
    arguments = {"kernel_size": data.draw(per_dim(st.integers(1, 3), 2))}
    for key, numbers in {
        "dilation": st.integers(1, 2),
        "padding": st.integers(0, 2),
        "stride": st.integers(1, 3),
    }.items():
        if data.draw(st.booleans()):
            arguments[key] = data.draw(per_dim(rarely(numbers, st.just(0)), 2))
    agree_layer("torch.nn.Unfold", (), arguments, data.draw(images(2, 2)))
    columns = data.draw(st.sampled_from([4, 9, 16, 25, 6, 1]))
    rows = data.draw(st.sampled_from([4, 8, 9, 2, 6]))
    batch = data.draw(st.sampled_from([(), (2,), (1, 2)]))
    size = data.draw(per_dim(st.integers(1, 6), 2))
    agree_layer("torch.nn.Fold", (size,), arguments, T((*batch, rows, columns)))


@given(st.data())
def test_embeddings(data: Any) -> None:
    arguments = {"padding_idx": data.draw(st.sampled_from([None, 0, 3, -1, -4, 4, -5]))}
    indices = T(
        tuple(data.draw(st.lists(st.integers(1, 3), max_size=3))),
        data.draw(rarely(st.just("int64"), st.just("float32"))),
    )
    agree_layer("torch.nn.Embedding", (4, 5), arguments, indices)
    arguments["mode"] = data.draw(st.sampled_from(["mean", "sum", "max"]))
    arguments["include_last_offset"] = data.draw(st.booleans())
    offsets = (T((2,), "int64"),) if data.draw(st.booleans()) else ()
    agree_layer("torch.nn.EmbeddingBag", (4, 5), arguments, indices, *offsets)


@settings(max_examples=60)
@given(st.data())
def test_attention(data: Any) -> None:
    arguments: dict[str, Any] = {
        "embed_dim": 6,
        "num_heads": data.draw(rarely(st.sampled_from([1, 2, 3]), st.sampled_from([4, 0]))),
        **{key: data.draw(st.booleans()) for key in ("bias", "add_bias_kv", "add_zero_attn", "batch_first")},
        "kdim": data.draw(st.sampled_from([None, 6, 5])),
        "vdim": data.draw(st.sampled_from([None, 6, 4])),
    }
    batch = data.draw(st.sampled_from([(2,), (2,), ()]))
    lengths = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))

    def words(length: int, features: int | None) -> T:
        features = data.draw(rarely(st.just(features or 6), st.just(7)))
        lead = (*batch, length) if arguments["batch_first"] else (length, *batch)
        return T((*lead, features))

    given_inputs = [words(lengths[0], None), words(lengths[1], arguments["kdim"]), words(lengths[1], arguments["vdim"])]
    more = {"need_weights": data.draw(st.booleans()), "average_attn_weights": data.draw(st.booleans())}
    built = build("torch.nn.MultiheadAttention", **arguments)
    if built is not None:
        agree_layer("torch.nn.MultiheadAttention", (), arguments, *given_inputs, **more)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@settings(max_examples=60)
@given(st.data())
def test_recurrent_layers(kind: str, data: Any) -> None:
    arguments: dict[str, Any] = {
        "input_size": 4,
        "hidden_size": data.draw(rarely(st.just(3), st.sampled_from([0, 3.0]))),
        "num_layers": data.draw(st.integers(1, 3)),
        **{key: data.draw(st.booleans()) for key in ("bias", "batch_first", "bidirectional")},
    }
    if kind == "LSTM":
        arguments["proj_size"] = data.draw(rarely(st.sampled_from([0, 2]), st.sampled_from([3, -1])))
    if kind == "RNN":
        arguments["nonlinearity"] = data.draw(st.sampled_from(["tanh", "relu"]))
    batch = data.draw(st.sampled_from([(2,), (2,), ()]))
    features = data.draw(rarely(st.just(4), st.just(5)))
    lead = data.draw(rarely(st.just((5, *batch)), st.just((2, 2, 2))))
    states: tuple[Any, ...] = ()
    if data.draw(st.booleans()) and isinstance(arguments["hidden_size"], int):
        count = arguments["num_layers"] * (2 if arguments["bidirectional"] else 1)
        rows = () if not batch else (5 if arguments["batch_first"] else 2,)
        out = arguments.get("proj_size") or 3
        hidden = T((count, *rows, data.draw(rarely(st.just(out), st.just(7)))))
        states = ((hidden, T((count, *rows, 3))),) if kind == "LSTM" else (hidden,)
    agree_layer(f"torch.nn.{kind}", (), arguments, T((*lead, features)), *states)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
@given(st.data())
def test_recurrent_cells(kind: str, data: Any) -> None:
    lead = data.draw(rarely(st.sampled_from([(2,), ()]), st.just((2, 2))))
    word = T((*lead, data.draw(rarely(st.just(4), st.just(5)))))
    states: tuple[Any, ...] = ()
    if data.draw(st.booleans()):
        hidden = T((*lead, data.draw(rarely(st.just(3), st.just(2)))))
        states = ((hidden, hidden),) if kind == "LSTMCell" else (hidden,)
    agree_layer(f"torch.nn.{kind}", (4, 3), {"bias": data.draw(st.booleans())}, word, *states)


@given(st.data())
def test_activations_with_settings(data: Any) -> None:
    image = data.draw(images(data.draw(st.integers(0, 3)), 4, most=4))
    dim = data.draw(st.sampled_from([None, 0, 1, -1, 3, -4]))
    for name in ("Softmax", "LogSoftmax", "Softmin"):
        agree_layer(f"torch.nn.{name}", (dim,), {}, image)
    agree_layer("torch.nn.GLU", (-1 if dim is None else dim,), {}, image)
    agree_layer("torch.nn.Softmax2d", (), {}, image)
    agree_layer("torch.nn.PReLU", (data.draw(st.sampled_from([1, 4, 3])),), {}, image)
    low, high = data.draw(st.tuples(st.integers(-2, 2), st.integers(-2, 2)))
    agree_layer("torch.nn.Hardtanh", (low, high), {}, image)


@pytest.mark.parametrize(
    "kind", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
)
@given(st.data())
def test_dropout(kind: str, data: Any) -> None:
    image = data.draw(images(data.draw(st.integers(0, 3)), 4, most=4))
    p = data.draw(rarely(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([1.5, -0.1])))
    agree_layer(
        f"torch.nn.{kind}", (p,), {"inplace": data.draw(st.booleans())}, image, training=data.draw(st.booleans())
    )


EVERYWHERE = {
    "Conv{}d": conv_arguments,
    "ConvTranspose{}d": transposed_arguments,
    "MaxPool{}d": lambda dims: pool_arguments(dims, dilation=True),
    "AvgPool{}d": lambda dims: pool_arguments(dims, dilation=False),
    "ReflectionPad{}d": lambda _dims: st.fixed_dictionaries({"padding": st.integers(-1, 3)}),
    "CircularPad{}d": lambda _dims: st.fixed_dictionaries({"padding": st.integers(-1, 3)}),
    "BatchNorm{}d": lambda _dims: st.fixed_dictionaries({"num_features": st.just(4)}),
    "InstanceNorm{}d": lambda _dims: st.fixed_dictionaries({"num_features": st.just(4), "affine": st.booleans()}),
    "AdaptiveAvgPool{}d": lambda dims: st.fixed_dictionaries({"output_size": st.sampled_from([1, None, (2,) * dims])}),
}


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("pattern", list(EVERYWHERE))
@settings(max_examples=15)
@given(st.data())
def test_one_symbolic_pass_answers_for_every_size(dims: int, pattern: str, data: Any) -> None:
    name = f"torch.nn.{pattern.format(dims)}"
    everywhere(name, data.draw(EVERYWHERE[pattern](dims)), dims, data)


def everywhere(name: str, arguments: dict[str, Any], dims: int, data: Any) -> None:
    """Compare a layer at many sizes with one symbolic pass."""
    both = build(name, **arguments)
    if both is None:
        return
    built, module = both
    training = data.draw(st.booleans())
    module.train(training)
    layer = view(built, training=training)
    channels = channels_of(arguments) if "in_channels" in arguments else 4
    shape = (data.draw(st.integers(1, 3)), channels, *[data.draw(st.integers(1, 12)) for _ in range(dims)])
    where = f"{name} {arguments} training={training}"
    agree_everywhere(lambda check, image: LAYERS[name].forward(check, layer, image), module, shape, where)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Upsample", {"scale_factor": 1.7}),
        ("Upsample", {"scale_factor": 0.5, "mode": "bilinear"}),
        ("Upsample", {"size": 5}),
        ("PixelShuffle", {"upscale_factor": 2}),
        ("PixelUnshuffle", {"downscale_factor": 3}),
        ("Unfold", {"kernel_size": 3, "stride": 2}),
        ("GroupNorm", {"num_groups": 4, "num_channels": 4}),
        ("Flatten", {}),
        ("Unflatten", {"dim": 2, "unflattened_size": (2, -1)}),
        ("LPPool2d", {"norm_type": 2, "kernel_size": 3, "stride": 2, "ceil_mode": True}),
        ("FractionalMaxPool2d", {"kernel_size": 2, "output_ratio": 0.7}),
        ("GLU", {}),
        ("LayerNorm", {"normalized_shape": (5, 6)}),
    ],
)
@settings(max_examples=5)
@given(st.data())
def test_one_symbolic_pass_of_a_layer(name: str, arguments: dict[str, Any], data: Any) -> None:
    everywhere(f"torch.nn.{name}", arguments, 2, data)
