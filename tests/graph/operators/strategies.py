"""Random arguments: mostly such as torch takes, now and then others."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.graph.operators.layer_support import T

settings.register_profile(
    "layers", deadline=None, database=None, max_examples=40, suppress_health_check=list(HealthCheck)
)

Draw = Any


def per_dim(numbers: st.SearchStrategy[Any], dims: int) -> st.SearchStrategy[Any]:
    """Return one number, or a tuple of one for each dimension, rarely of another length."""
    return st.one_of(
        numbers,
        numbers,
        st.lists(numbers, min_size=dims, max_size=dims).map(tuple),
        st.lists(numbers, min_size=1, max_size=dims + 1).map(tuple),
    )


def rarely(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return the usual, once in a while the odd."""
    return st.integers(0, 19).flatmap(lambda i: odd if i == 0 else usual)


@st.composite
def images(draw: Draw, dims: int, channels: int, least: int = 1, most: int = 9) -> T:
    """Return a tensor ``[N, C, *sizes]``, at times without the batch, with other channels or of another rank."""
    sizes = [draw(st.integers(least, most)) for _ in range(dims)]
    channels = draw(rarely(st.just(channels), st.integers(1, 8)))
    shape = [draw(st.integers(1, 3)), channels, *sizes]
    change = draw(st.integers(0, 19))
    if change < 4:
        shape = shape[1:]
    elif change == 4:
        shape = [2, *shape]
    elif change == 5:
        shape = shape[2:]
    return T(tuple(shape))


GROUPED = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)).map(
    lambda n: {"in_channels": n[0] * n[1], "out_channels": n[0] * n[2], "groups": n[0]}
)
"""Channels that fit their groups."""
CHANNELS = rarely(
    GROUPED,
    st.fixed_dictionaries(
        {
            "in_channels": st.sampled_from([4, 6, 5, 3.0, 8.0]),
            "out_channels": st.sampled_from([4, 6, 5, 3.5]),
            "groups": st.sampled_from([1, 2, 3, 0, -1]),
        }
    ),
)
KERNELS = rarely(st.integers(1, 4), st.sampled_from([5, 7]))
STRIDES = rarely(st.integers(1, 3), st.sampled_from([0, 2.0]))
WIDTHS = rarely(st.integers(0, 2), st.sampled_from([-1, 3]))
DILATIONS = rarely(st.sampled_from([1, 1, 2]), st.sampled_from([0, 3]))


@st.composite
def conv_arguments(draw: Draw, dims: int) -> dict[str, Any]:
    """Return the arguments of a convolution layer."""
    found = dict(draw(CHANNELS))
    found["kernel_size"] = draw(per_dim(KERNELS, dims))
    options = {
        "stride": per_dim(STRIDES, dims),
        "padding": st.one_of(per_dim(WIDTHS, dims), st.sampled_from(["same", "valid", "full"])),
        "dilation": per_dim(DILATIONS, dims),
        "bias": st.booleans(),
        "padding_mode": rarely(st.sampled_from(["zeros", "reflect", "replicate", "circular"]), st.just("mirror")),
    }
    for key, numbers in options.items():
        if draw(st.booleans()):
            found[key] = draw(numbers)
    separate = found.get("padding_mode", "zeros") != "zeros"
    if separate and isinstance(found.get("padding"), tuple) and len(found["padding"]) != dims:
        found["padding"] = 1  # torch pads whatever dimensions the widths happen to reach
    return found


@st.composite
def transposed_arguments(draw: Draw, dims: int) -> dict[str, Any]:
    """Return the arguments of a transposed convolution layer."""
    found = dict(draw(CHANNELS))
    found["kernel_size"] = draw(per_dim(KERNELS, dims))
    options = {
        "stride": per_dim(STRIDES, dims),
        "padding": per_dim(WIDTHS, dims),
        "output_padding": per_dim(rarely(st.integers(0, 1), st.sampled_from([2, -1])), dims),
        "dilation": per_dim(DILATIONS, dims),
        "bias": st.booleans(),
        "padding_mode": rarely(st.just("zeros"), st.just("reflect")),
    }
    for key, numbers in options.items():
        if draw(st.booleans()):
            found[key] = draw(numbers)
    return found


@st.composite
def pool_arguments(draw: Draw, dims: int, *, dilation: bool) -> dict[str, Any]:
    """Return the arguments of a pool."""
    found = {"kernel_size": draw(per_dim(KERNELS, dims))}
    options = {
        "stride": st.one_of(st.none(), per_dim(STRIDES, dims)),
        "padding": per_dim(WIDTHS, dims),
        "ceil_mode": st.booleans(),
    }
    if dilation:
        options["dilation"] = per_dim(DILATIONS, dims)
    for key, numbers in options.items():
        if draw(st.booleans()):
            found[key] = draw(numbers)
    return found
