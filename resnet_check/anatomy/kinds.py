"""The words in which an Op matters to the anatomy: one letter for each role that it can play on a path."""

from __future__ import annotations

from resnet_check.graph.records import Op

CONVOLUTIONS = frozenset({"conv", "conv_transpose"})

CENTRED = frozenset({"batch_norm", "instance_norm"})
"""Norms that subtract each channel's mean, and with it any constant added before."""

NORMS = CENTRED | {"group_norm", "layer_norm", "rms_norm", "local_response_norm"}

RECTIFIERS = frozenset({"relu", "relu6"})
"""Activations whose output is never negative and that are linear elsewhere."""

ACTIVATIONS = RECTIFIERS | {
    *("celu", "clamp", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu"),
    *("log_softmax", "logsigmoid", "maximum", "mish", "prelu", "rrelu", "selu", "sigmoid", "silu", "softmax"),
    *("softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold"),
}

POOLS = frozenset(
    {
        *("adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "fractional_max_pool", "interpolate", "lp_pool"),
        *("max_pool", "max_unpool", "pixel_shuffle", "pixel_unshuffle"),
    }
)
"""What changes the size and has no weights."""

TRANSPARENT = frozenset({"alpha_dropout", "cast", "clone", "dropout", "identity"})
"""What hands on its input as it is, as far as the anatomy is concerned."""

SOURCES = frozenset({"arange", "buffer", "constant", "eye", "parameter"})
"""What depends on no input, whatever it takes its shape from."""

CONV, DEPTHWISE, NORM, ACTIVATION, POOL, PAD = "c", "d", "n", "a", "p", "_"
SCALE, GATE, SUM, JOIN, OTHER = "s", "g", "+", "j", "o"


def is_depthwise(op: Op) -> bool:
    """Return whether a convolution keeps every channel to itself."""
    groups = op.attributes.get("groups", 1)
    return bool(groups != 1 and groups == op.attributes.get("in_channels"))


def letter(op: Op, operands: int) -> str:
    """Return the role of an Op that reads so many different values that depend on the model's input."""
    if op.kind in CONVOLUTIONS:
        return DEPTHWISE if is_depthwise(op) else CONV
    if op.kind == "linear":
        return CONV
    if op.kind in NORMS:
        return NORM
    if operands == 1 and op.kind in ACTIVATIONS:
        return ACTIVATION
    if op.kind in POOLS:
        return POOL
    if op.kind == "pad":
        return PAD
    if op.kind in {"mul", "div", "add", "sub"}:
        return SCALE if operands == 1 else GATE if op.kind in {"mul", "div"} else SUM
    return JOIN if op.kind in {"cat", "stack"} else OTHER
