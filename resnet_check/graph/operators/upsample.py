"""Resizing by interpolation."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.base import Built, Checks, NotModelled, Refused, Result, function, layer
from resnet_check.graph.operators.bounds import maximum
from resnet_check.graph.operators.sizes import Tensor, at_least, both, has_rank, integer, names, whole

RANKS = {
    "nearest": (3, 4, 5),
    "nearest-exact": (3, 4, 5),
    "area": (3, 4, 5),
    "linear": (3,),
    "bilinear": (4,),
    "bicubic": (4,),
    "lanczos": (4,),
    "trilinear": (5,),
}
"""The modes, and the ranks of the tensors that each takes."""

ALIGNED = frozenset({"linear", "bilinear", "bicubic", "trilinear", "lanczos"})
"""The modes that ``align_corners`` may be given for."""


@function("torch.nn.functional.interpolate")
def interpolate(
    check: Checks,
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: Any = "nearest",
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
    antialias: Any = False,
) -> Result:
    """Return ``[N, C, *sizes]`` resized to a size or by a factor."""
    if mode not in RANKS:
        message = f"interpolate has no mode {mode!r}"
        raise Refused(message)
    shape = input.shape
    if not has_rank(check, input, RANKS[mode], "interpolate"):
        if len(shape) < 3:
            message = f"interpolate of a tensor of {len(shape)} dimensions"
            raise NotModelled(message)
    elif antialias and (mode not in ("bilinear", "bicubic", "lanczos") or len(shape) != 4):
        _fail(check, "antialias", antialias, f"mode {mode!r} has no antialiasing")
    elif mode == "lanczos" and (align_corners or not antialias):
        _fail(check, "antialias", antialias, "mode 'lanczos' needs antialias=True and no align_corners")
    if align_corners is not None and mode not in ALIGNED:
        _fail(check, "align_corners", align_corners, f"align_corners has no meaning for mode {mode!r}")
    if size is not None and scale_factor is not None:
        _fail(check, "scale_factor", scale_factor, "only one of size and scale_factor may be given")
        scale_factor = None
    if size is not None:
        if recompute_scale_factor:
            _fail(check, "recompute_scale_factor", True, "recompute_scale_factor has no meaning for an explicit size")
        sizes = tuple([integer(check, goal, "interpolate", "size") for goal in _each(check, size, shape, "size")])
    elif scale_factor is not None:
        factors = _each(check, scale_factor, shape, "scale_factor")
        sizes = tuple([_scaled(own, factor) for own, factor in zip(shape[2:], factors, strict=True)])
    else:
        message = "interpolate needs a size or a scale_factor"
        raise Refused(message)
    least = 0 if mode == "area" else 1
    sizes = tuple([_positive(check, own, goal, least) for own, goal in zip(shape[2:], sizes, strict=True)])
    attributes = {
        "size": None if size is None else sizes,
        "scale_factor": scale_factor,
        "mode": mode,
        "align_corners": bool(align_corners) if mode in ALIGNED else None,
    }
    return Result("interpolate", (*shape[:2], *sizes), (input,), attributes, input.dtype)


def _fail(check: Checks, what: str, given: Any, reason: str) -> None:
    check.fail("invalid-argument", operator="interpolate", what=what, value=given, reason=reason)


def _each(check: Checks, given: Any, shape: tuple[Number, ...], what: str) -> tuple[Any, ...]:
    """Return the argument for each spatial dimension."""
    dims = len(shape) - 2
    if not isinstance(given, (tuple, list)):
        return (given,) * dims
    if len(given) != dims:
        _fail(check, what, given, f"{what} has {len(given)} values for {dims} spatial dimensions")
        return (*given, *(given[-1:] or (1,)) * dims)[:dims]
    return tuple(given)


def _scaled(size: Number, factor: Any) -> Number:
    if isinstance(factor, Dim):
        return size * factor if isinstance(factor.value, int) else (size * factor) // 1
    if not isinstance(factor, (int, float)):
        message = f"scale_factor is {factor!r}, not a number"
        raise Refused(message)
    return whole(size, factor)


def _positive(check: Checks, own: Number, goal: Number, least: int) -> Number:
    if type(goal) is int and goal >= least:
        return goal
    if check.require(">=", goal, least, "empty-output", operator="interpolate", size=own, output=goal):
        return goal
    return maximum(goal, 1)


@function("torch.nn.functional.upsample")
def upsample(
    check: Checks,
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: Any = "nearest",
    align_corners: Any = None,
) -> Result:
    """Return `interpolate` by its old name."""
    return interpolate(check, input, size, scale_factor, mode, align_corners)  # type: ignore[no-any-return]


@function("torch.nn.functional.upsample_nearest")
def upsample_nearest(check: Checks, input: Tensor, size: Any = None, scale_factor: Any = None) -> Result:
    """Return `interpolate` from the nearest neighbour."""
    return interpolate(check, input, size, scale_factor)  # type: ignore[no-any-return]


@function("torch.nn.functional.upsample_bilinear")
def upsample_bilinear(check: Checks, input: Tensor, size: Any = None, scale_factor: Any = None) -> Result:
    """Return `interpolate` between four neighbours, with aligned corners."""
    return interpolate(check, input, size, scale_factor, "bilinear", align_corners=True)  # type: ignore[no-any-return]


def _run(check: Checks, layer: Any, input: Tensor) -> Result:
    return interpolate(  # type: ignore[no-any-return]
        check, input, layer.size, layer.scale_factor, layer.mode, layer.align_corners, layer.recompute_scale_factor
    )


def _built(
    name: str, size: Any, scale_factor: Any, mode: Any, align_corners: Any = None, recompute: Any = None
) -> Built:
    try:
        if isinstance(scale_factor, tuple):
            scale_factor = tuple([factor if isinstance(factor, Dim) else float(factor) for factor in scale_factor])
        elif not isinstance(scale_factor, Dim):
            scale_factor = float(scale_factor) if scale_factor else None
    except (TypeError, ValueError):
        message = f"scale_factor of {name} is {scale_factor!r}, neither a number nor a tuple of them"
        raise Refused(message) from None
    return Built(
        {
            "name": name,
            "size": size,
            "scale_factor": scale_factor,
            "mode": mode,
            "align_corners": align_corners,
            "recompute_scale_factor": recompute,
        }
    )


@layer(*names("upsampling", "Upsample"), forward=_run)
def build_upsample(
    check: Checks,
    size: Any = None,
    scale_factor: Any = None,
    mode: Any = "nearest",
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
) -> Built:
    """Build a layer without parameters."""
    return _built("Upsample", size, scale_factor, mode, align_corners, recompute_scale_factor)


@layer(*names("upsampling", "UpsamplingNearest2d"), forward=_run, bases=both("upsampling", "Upsample"))
def build_nearest(check: Checks, size: Any = None, scale_factor: Any = None) -> Built:
    """Build a layer without parameters."""
    return _built("UpsamplingNearest2d", size, scale_factor, "nearest")


@layer(*names("upsampling", "UpsamplingBilinear2d"), forward=_run, bases=both("upsampling", "Upsample"))
def build_bilinear(check: Checks, size: Any = None, scale_factor: Any = None) -> Built:
    """Build a layer without parameters."""
    return _built("UpsamplingBilinear2d", size, scale_factor, "bilinear", align_corners=True)


def _grid(check: Checks, theta: Tensor, size: Any) -> tuple[Number, ...]:
    if len(size) not in (4, 5):
        message = f"affine_grid to {len(size)} sizes"
        raise Refused(message)
    dims = len(size) - 2
    if has_rank(check, theta, (3,), "affine_grid"):
        reason = f"theta must be [N, {dims}, {dims + 1}]"
        for got, expected in zip(theta.shape, (size[0], dims, dims + 1), strict=True):
            check.require("==", got, expected, "invalid-argument", operator="affine_grid", what="theta", reason=reason)
    return (size[0], *at_least(check, 1, tuple(size[2:]), "affine_grid", "size"), dims)


@function("torch.nn.functional.affine_grid", free="align_corners")
def affine_grid(check: Checks, theta: Tensor, size: Any, align_corners: Any = None) -> Result:
    """Return the places ``[N, *sizes, dims]`` at which an affine map looks."""
    shape = _grid(check, theta, size)
    return Result("affine_grid", shape, (theta,), {"align_corners": bool(align_corners)}, theta.dtype)


@function("torch.nn.functional.grid_sample", free="align_corners")
def grid_sample(
    check: Checks,
    input: Tensor,
    grid: Tensor,
    mode: Any = "bilinear",
    padding_mode: Any = "zeros",
    align_corners: Any = None,
) -> Result:
    """Return the input ``[N, C, *sizes]`` looked at in the places of a grid ``[N, *sizes, dims]``."""
    rank = len(input.shape)
    if not (has_rank(check, input, (4, 5), "grid_sample") and has_rank(check, grid, (rank,), "grid_sample")):
        message = "grid_sample of tensors of these ranks"
        raise NotModelled(message)
    reason = f"the grid must be [{input.shape[0]}, ..., {rank - 2}]"
    for got, expected in ((grid.shape[0], input.shape[0]), (grid.shape[-1], rank - 2)):
        if got != expected:
            check.require("==", got, expected, "invalid-argument", operator="grid_sample", what="grid", reason=reason)
    attributes = {"mode": mode, "padding_mode": padding_mode, "align_corners": bool(align_corners)}
    return Result("grid_sample", (*input.shape[:2], *grid.shape[1:-1]), (input, grid), attributes, input.dtype)
