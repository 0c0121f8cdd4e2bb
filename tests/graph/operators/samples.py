"""One sample of every layer: its arguments, and inputs that it takes."""

from __future__ import annotations

from typing import Any

from tests.graph.operators.layer_support import T

SIZES = {1: (9,), 2: (9, 8), 3: (9, 8, 7)}


def image(channels: int, dims: int, batch: int = 2) -> T:
    """Return a batch of images of so many dimensions."""
    return T((batch, channels, *SIZES[dims]))


def _samples() -> dict[str, tuple[tuple[Any, ...], dict[str, Any], tuple[Any, ...]]]:
    found: dict[str, tuple[tuple[Any, ...], dict[str, Any], tuple[Any, ...]]] = {}
    for d in (1, 2, 3):
        found |= {
            f"Conv{d}d": ((4, 6, 3), {"stride": 2, "padding": 1}, (image(4, d),)),
            f"LazyConv{d}d": ((6, 3), {"groups": 2}, (image(4, d),)),
            f"ConvTranspose{d}d": ((4, 6, 3), {"stride": 2, "output_padding": 1}, (image(4, d),)),
            f"LazyConvTranspose{d}d": ((6, 3), {"bias": False}, (image(4, d),)),
            f"BatchNorm{d}d": ((4,), {}, (image(4, d),)),
            f"LazyBatchNorm{d}d": ((), {}, (image(4, d),)),
            f"InstanceNorm{d}d": ((4,), {"affine": True}, (image(4, d),)),
            f"LazyInstanceNorm{d}d": ((), {}, (image(4, d),)),
            f"MaxPool{d}d": ((3,), {"stride": 2, "padding": 1}, (image(4, d),)),
            f"AvgPool{d}d": ((3,), {"stride": 2}, (image(4, d),)),
            f"LPPool{d}d": ((2, 3), {"stride": 2}, (image(4, d),)),
            f"AdaptiveAvgPool{d}d": ((2,), {}, (image(4, d),)),
            f"AdaptiveMaxPool{d}d": ((2,), {"return_indices": True}, (image(4, d),)),
            f"MaxUnpool{d}d": ((2,), {}, (image(4, d), T(image(4, d).shape, "int64"))),
            f"Dropout{d}d": ((0.3,), {}, (image(4, d),)),
            f"ConstantPad{d}d": ((1, 2.0), {}, (image(4, d),)),
            f"ZeroPad{d}d": ((2,), {}, (image(4, d),)),
            f"ReflectionPad{d}d": ((2,), {}, (image(4, d),)),
            f"ReplicationPad{d}d": ((2,), {}, (image(4, d),)),
            f"CircularPad{d}d": ((2,), {}, (image(4, d),)),
        }
    plane = image(4, 2)
    for name in [
        "Sigmoid",
        "Tanh",
        "Softsign",
        "Tanhshrink",
        "LogSigmoid",
        "ReLU",
        "ReLU6",
        "SELU",
        "SiLU",
        "Mish",
        "Hardswish",
        "Hardsigmoid",
        "LeakyReLU",
        "ELU",
        "CELU",
        "GELU",
        "Hardtanh",
        "RReLU",
        "Softplus",
        "Hardshrink",
        "Softshrink",
        "Softmax",
        "LogSoftmax",
        "Softmin",
        "Softmax2d",
        "GLU",
        "PReLU",
        "Dropout",
        "AlphaDropout",
        "FeatureAlphaDropout",
        "Identity",
        "Flatten",
    ]:
        found[name] = ((), {}, (plane,))
    pair = (T((5, 4)), T((5, 4)))
    for name in [
        "L1Loss",
        "MSELoss",
        "SmoothL1Loss",
        "HuberLoss",
        "KLDivLoss",
        "SoftMarginLoss",
        "BCELoss",
        "BCEWithLogitsLoss",
        "HingeEmbeddingLoss",
        "PoissonNLLLoss",
        "MultiLabelSoftMarginLoss",
    ]:
        found[name] = ((), {}, pair)
    classes = (T((5, 4)), T((5,), "int64"))
    for name in ("CrossEntropyLoss", "NLLLoss", "NLLLoss2d", "MultiMarginLoss"):
        found[name] = ((), {}, classes)
    ids = T((2, 5), "int64")
    words = T((5, 2, 12))
    found |= {
        "Threshold": ((0.1, 2.0), {}, (plane,)),
        "Linear": ((7, 3), {}, (T((2, 7)),)),
        "LazyLinear": ((3,), {}, (T((2, 7)),)),
        "Bilinear": ((3, 4, 5), {}, (T((2, 3)), T((2, 4)))),
        "GroupNorm": ((2, 4), {}, (plane,)),
        "LayerNorm": (((9, 8),), {}, (plane,)),
        "RMSNorm": ((8,), {}, (plane,)),
        "SyncBatchNorm": ((4,), {}, (plane,)),
        "LocalResponseNorm": ((3,), {}, (plane,)),
        "CrossMapLRN2d": ((3,), {}, (plane,)),
        "FractionalMaxPool2d": ((2,), {"output_size": 3}, (plane,)),
        "FractionalMaxPool3d": ((2,), {"output_ratio": 0.5}, (image(4, 3),)),
        "Upsample": ((), {"scale_factor": 2}, (plane,)),
        "UpsamplingNearest2d": ((), {"scale_factor": 1.5}, (plane,)),
        "UpsamplingBilinear2d": (((5, 6),), {}, (plane,)),
        "Unflatten": ((1, (2, 2)), {}, (plane,)),
        "PixelShuffle": ((2,), {}, (plane,)),
        "PixelUnshuffle": ((2,), {}, (T((1, 2, 4, 6)),)),
        "ChannelShuffle": ((2,), {}, (plane,)),
        "Unfold": ((2,), {}, (plane,)),
        "Fold": (((5, 5), 2), {}, (T((1, 8, 16)),)),
        "Embedding": ((10, 3), {}, (ids,)),
        "EmbeddingBag": ((10, 3), {}, (ids,)),
        "MultiheadAttention": ((12, 3), {}, (words, words, words)),
        "CosineSimilarity": ((), {}, pair),
        "PairwiseDistance": ((), {}, pair),
        "LSTM": ((12, 6), {"num_layers": 2}, (words,)),
        "GRU": ((12, 6), {"bidirectional": True}, (words,)),
        "RNN": ((12, 6), {"batch_first": True}, (words,)),
        "LSTMCell": ((4, 6), {}, (T((5, 4)),)),
        "GRUCell": ((4, 6), {}, (T((5, 4)),)),
        "RNNCell": ((4, 6), {}, (T((5, 4)),)),
        "GaussianNLLLoss": ((), {}, (*pair, T((5, 4)))),
        "MultiLabelMarginLoss": ((), {}, (T((5, 4)), T((5, 4), "int64"))),
        "CosineEmbeddingLoss": ((), {}, (*pair, T((5,)))),
        "MarginRankingLoss": ((), {}, (*pair, T((5, 4)))),
        "TripletMarginLoss": ((), {}, (*pair, T((5, 4)))),
        "TripletMarginWithDistanceLoss": ((), {}, (*pair, T((5, 4)))),
        "CTCLoss": ((), {}, (T((6, 2, 4)), T((2, 1), "int64"), (6, 6), (1, 1))),
    }
    return {f"torch.nn.{name}": sample for name, sample in found.items()} | {
        "torch.nn.modules.linear.NonDynamicallyQuantizableLinear": ((7, 3), {}, (T((2, 7)),)),
        "torch.ao.quantization.QuantStub": ((), {}, (plane,)),
        "torch.ao.quantization.DeQuantStub": ((), {}, (plane,)),
    }


SAMPLES = _samples()
