"""Normalisations of a batch or an instance, with running statistics; norm_groups.py has the others."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.base import LAZY, Built, Checks, Refused, Result, function, layer
from resnet_check.graph.operators.sizes import Tensor, floating, has_rank, integer, names, product
from resnet_check.graph.records import Shape


def check_vectors(check: Checks, channels: Number, operator: str, **vectors: Tensor | None) -> None:
    """Require each given vector to have one value for each channel."""
    for vector in vectors.values():
        if vector is None or vector.shape == (channels,):
            continue
        has = product(vector.shape)
        if has != channels and not check.require(
            "==", channels, has, "norm-channels", got=channels, expected=has, operator=operator
        ):
            return


def present(*tensors: Tensor | None) -> tuple[Tensor, ...]:
    """Return the tensors that are given."""
    return tuple([tensor for tensor in tensors if tensor is not None])


def _positive(check: Checks, eps: Any, operator: str, *, training: bool) -> None:
    if isinstance(eps, (int, float)) and (eps < 0 or (training and eps == 0)):
        reason = f"eps is {eps}, which is not positive"
        check.fail("invalid-argument", operator=operator, what="eps", value=eps, reason=reason)


def batch_norm(
    check: Checks,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    *,
    training: bool,
    momentum: Any,
    eps: Any,
) -> Result:
    """Return the input ``[N, C, ...]`` normalised for each channel, in training by its own statistics."""
    shape = input.shape
    dtype = floating(check, input, "batch_norm")
    if len(shape) < 2:
        check.fail("wrong-rank", operator="batch_norm", got=len(shape), expected="2 or more", shape=shape)
        return Result("batch_norm", shape, present(input, weight, bias), {}, dtype)
    channels = shape[1]
    check_vectors(
        check, channels, "batch_norm", running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    if training:
        _several(check, product((shape[0], *shape[2:])), shape, "batch_norm")
    elif running_mean is None or running_var is None:
        reason = "without running statistics it cannot normalise in evaluation mode"
        check.fail("invalid-argument", operator="batch_norm", what="running_mean", reason=reason)
    _positive(check, eps, "batch_norm", training=training)
    attributes = {
        "eps": eps,
        "momentum": momentum,
        "affine": weight is not None,
        "num_features": channels,
        "training": training,
    }
    return Result("batch_norm", shape, present(input, weight, bias), attributes, dtype)


def _several(check: Checks, count: Number, shape: Shape, operator: str) -> None:
    """Require more than one value to take statistics of."""
    if type(count) is not int or count == 1:
        check.require("!=", count, 1, "single-value", operator=operator, shape=shape)


@function("torch.nn.functional.batch_norm", free="momentum eps")
def functional_batch_norm(
    check: Checks,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: Any = False,
    momentum: Any = 0.1,
    eps: Any = 1e-05,
) -> Result:
    """Return `batch_norm` by torch's public signature."""
    return batch_norm(
        check, input, running_mean, running_var, weight, bias, training=bool(training), momentum=momentum, eps=eps
    )


@function("torch.batch_norm", free="momentum eps cudnn_enabled")
def torch_batch_norm(
    check: Checks,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: Any,
    momentum: Any,
    eps: Any,
    cudnn_enabled: Any,
) -> Result:
    """Return `batch_norm` by the signature of ``torch.batch_norm``."""
    return batch_norm(
        check, input, running_mean, running_var, weight, bias, training=bool(training), momentum=momentum, eps=eps
    )


def instance_norm(
    check: Checks,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    *,
    use_input_stats: bool,
    momentum: Any,
    eps: Any,
) -> Result:
    """Return the input ``[N, C, ...]`` normalised for each image and channel."""
    shape = input.shape
    dtype = floating(check, input, "instance_norm")
    if len(shape) < 2:
        check.fail("wrong-rank", operator="instance_norm", got=len(shape), expected="3 or more", shape=shape)
        return Result("instance_norm", shape, present(input, weight, bias), {}, dtype)
    channels = shape[1]
    vectors = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    check_vectors(check, channels, "instance_norm", **vectors)
    if use_input_stats:
        _several(check, product(shape[2:]), shape, "instance_norm")
    elif running_mean is None or running_var is None:
        reason = "without running statistics it must use those of the input"
        check.fail("invalid-argument", operator="instance_norm", what="running_mean", reason=reason)
    attributes = {
        "eps": eps,
        "momentum": momentum,
        "affine": weight is not None,
        "num_features": channels,
        "training": use_input_stats,
    }
    return Result("instance_norm", shape, present(input, weight, bias), attributes, dtype)


@function("torch.nn.functional.instance_norm", free="momentum eps")
def functional_instance_norm(
    check: Checks,
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: Any = True,
    momentum: Any = 0.1,
    eps: Any = 1e-05,
) -> Result:
    """Return `instance_norm` by torch's public signature."""
    return instance_norm(
        check,
        input,
        running_mean,
        running_var,
        weight,
        bias,
        use_input_stats=bool(use_input_stats),
        momentum=momentum,
        eps=eps,
    )


class _Squeezed:
    """An image without its batch dimension, seen as a batch of one."""

    def __init__(self, tensor: Tensor) -> None:
        self.shape = (1, *tensor.shape)
        self.dtype = tensor.dtype


def build_norm(
    check: Checks,
    operator: str,
    num_features: Any,
    eps: Any,
    momentum: Any,
    affine: Any,
    track_running_stats: Any,
    bias: Any,
) -> Built:
    """Return what the constructors of batch and instance norms leave; features of None wait for the input."""
    lazy = operator.startswith("Lazy")
    features: Number = 0 if lazy else num_features
    if not lazy and (affine or track_running_stats):
        features = (
            num_features
            if type(num_features) is int
            else integer(check, num_features, operator, "num_features", "invalid-layer")
        )
        if not isinstance(features, Dim) and features < 0:
            reason = f"num_features is {features}, not a size"
            check.fail("invalid-layer", operator=operator, what="num_features", value=features, reason=reason)
            features = -features
    shape = LAZY if lazy else (features,)
    kept = shape if track_running_stats else None
    return Built(
        {
            "num_features": features,
            "eps": eps,
            "momentum": momentum,
            "affine": affine,
            "track_running_stats": track_running_stats,
        },
        {"weight": shape if affine else None, "bias": shape if affine and bias else None},
        {"running_mean": kept, "running_var": kept, "num_batches_tracked": () if track_running_stats else None},
    )


def _materialise(check: Checks, layer: Any, input: Tensor) -> Built:
    if len(input.shape) < 2:
        message = f"a lazy norm got a tensor of {len(input.shape)} dimensions"
        raise Refused(message)
    waits = layer.affine or layer.track_running_stats
    return build_norm(
        check,
        "norm",
        input.shape[1] if waits else 0,
        layer.eps,
        layer.momentum,
        layer.affine,
        layer.track_running_stats,
        layer.bias is not None,
    )


def _run_batch(check: Checks, layer: Any, input: Tensor) -> Result:
    training = layer.training
    mean, var = layer.running_mean, layer.running_var
    own = training or (mean is None and var is None)
    if training and not layer.track_running_stats:
        mean = var = None
    return batch_norm(
        check, input, mean, var, layer.weight, layer.bias, training=own, momentum=layer.momentum, eps=layer.eps
    )


def _register(dims: int) -> None:
    ranks = (2, 3) if dims == 1 else (dims + 2,)
    batch, instance = f"BatchNorm{dims}d", f"InstanceNorm{dims}d"
    norm_base = "torch.nn.modules.batchnorm._NormBase"
    batch_bases = f"torch.nn.modules.batchnorm._BatchNorm {norm_base}"
    instance_bases = f"torch.nn.modules.instancenorm._InstanceNorm {norm_base}"
    lazy = "torch.nn.modules.batchnorm._LazyNormBase torch.nn.modules.lazy.LazyModuleMixin"
    free = "eps momentum device dtype"

    def run(check: Checks, layer: Any, input: Tensor) -> Result:
        if len(input.shape) not in ranks:
            has_rank(check, input, ranks, "batch_norm")
            return Result("batch_norm", input.shape, present(input, layer.weight, layer.bias), {}, input.dtype)
        return _run_batch(check, layer, input)

    def run_instance(check: Checks, layer: Any, input: Tensor) -> Result:
        shape = input.shape
        if len(shape) not in (dims + 1, dims + 2):
            has_rank(check, input, (dims + 1, dims + 2), "instance_norm")
            return Result("instance_norm", shape, present(input, layer.weight, layer.bias), {}, input.dtype)
        channels = shape[-dims - 1]
        if layer.affine and channels != layer.num_features:
            facts = {"got": channels, "expected": layer.num_features, "operator": "instance_norm"}
            if not check.require("==", channels, layer.num_features, "norm-channels", **facts):
                return Result("instance_norm", shape, present(input, layer.weight, layer.bias), {}, input.dtype)
        result = instance_norm(
            check,
            input if len(shape) == dims + 2 else _Squeezed(input),
            layer.running_mean,
            layer.running_var,
            layer.weight,
            layer.bias,
            use_input_stats=layer.training or not layer.track_running_stats,
            momentum=layer.momentum,
            eps=layer.eps,
        )
        if len(shape) != dims + 2:
            result.shape = shape
            result.inputs = (input, *result.inputs[1:])
        return result

    @layer(*names("batchnorm", batch), forward=run, bases=batch_bases, free=free)
    def build(
        check: Checks,
        num_features: Any,
        eps: Any = 1e-05,
        momentum: Any = 0.1,
        affine: Any = True,
        track_running_stats: Any = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: Any = True,
    ) -> Built:
        return build_norm(check, batch, num_features, eps, momentum, affine, track_running_stats, bias)

    @layer(*names("instancenorm", instance), forward=run_instance, bases=instance_bases, free=free)
    def build_instance(
        check: Checks,
        num_features: Any,
        eps: Any = 1e-05,
        momentum: Any = 0.1,
        affine: Any = False,
        track_running_stats: Any = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: Any = True,
    ) -> Built:
        return build_norm(check, instance, num_features, eps, momentum, affine, track_running_stats, bias)

    for file, name, forward, bases in (
        ("batchnorm", batch, run, batch_bases),
        ("instancenorm", instance, run_instance, instance_bases),
    ):

        @layer(
            *names(file, f"Lazy{name}"),
            forward=forward,
            bases=f"{lazy} {bases}",
            free=free,
            materialise=_materialise,
            become=f"torch.nn.{name}",
        )
        def build_lazy(
            check: Checks,
            eps: Any = 1e-05,
            momentum: Any = 0.1,
            affine: Any = True,
            track_running_stats: Any = True,
            device: Any = None,
            dtype: Any = None,
            *,
            bias: Any = True,
        ) -> Built:
            return build_norm(check, "LazyNorm", None, eps, momentum, affine, track_running_stats, bias)


for _dims in (1, 2, 3):
    _register(_dims)


@layer(
    *names("batchnorm", "SyncBatchNorm"),
    forward=_run_batch,
    bases="torch.nn.modules.batchnorm._BatchNorm torch.nn.modules.batchnorm._NormBase",
    free="eps momentum process_group device dtype",
)
def build_sync_batch_norm(
    check: Checks,
    num_features: Any,
    eps: Any = 1e-05,
    momentum: Any = 0.1,
    affine: Any = True,
    track_running_stats: Any = True,
    process_group: Any = None,
    device: Any = None,
    dtype: Any = None,
    *,
    bias: Any = True,
) -> Built:
    """Build a batch norm that shares its statistics between processes; in one process it is a plain one."""
    built = build_norm(check, "SyncBatchNorm", num_features, eps, momentum, affine, track_running_stats, bias)
    built.attributes["process_group"] = process_group
    return built
