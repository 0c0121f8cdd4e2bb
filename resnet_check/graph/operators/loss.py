"""Loss functions: a scalar, or one value for each element or row with ``reduction="none"``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.broadcasting import broadcast
from resnet_check.graph.operators.sizes import Tensor, has_rank
from resnet_check.graph.records import Shape

REDUCTIONS = ("none", "mean", "sum")


def legacy(size_average: Any, reduce: Any, reduction: Any) -> Any:
    """Return the reduction that torch's two old arguments mean, where one of them is given."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "mean" if size_average is None or size_average else "sum"


def reduced(kind: str, shape: Shape, reduction: Any, *inputs: Any) -> Result:
    """Return a loss that would have the shape before its reduction."""
    if reduction not in REDUCTIONS:
        message = f"{kind} has no reduction {reduction!r}"
        raise Refused(message)
    kept = tuple([tensor for tensor in inputs if hasattr(tensor, "shape")])
    dtype = kept[0].dtype if kept else "float32"
    return Result(kind, shape if reduction == "none" else (), kept, {"reduction": reduction}, dtype)


def elementwise(check: Checks, kind: str, input: Tensor, target: Tensor, reduction: Any, *others: Any) -> Result:
    """Return a loss of each pair of elements, which broadcast."""
    shape = broadcast(check, "broadcast", input.shape, target.shape, operator=kind)
    return reduced(kind, shape, reduction, input, target, *others)


def same_shape(check: Checks, kind: str, got: Shape, expected: Shape) -> None:
    """Require a target of exactly this shape."""
    if got == expected:
        return
    reason = f"the target has shape {list(got)}, not {list(expected)}"
    if len(got) != len(expected):
        check.fail("invalid-argument", operator=kind, what="target", reason=reason)
        return
    for one, other in zip(got, expected, strict=True):
        if one != other:
            check.require("==", one, other, "invalid-argument", operator=kind, what="target", reason=reason)


def per_row(check: Checks, kind: str, input: Tensor, target: Tensor, reduction: Any, *others: Any) -> Result:
    """Return a loss of each position of ``[N, C, ...]`` or ``[C]`` whose target is a class, or probabilities."""
    shape = input.shape
    if not shape:
        check.fail("wrong-rank", operator=kind, got=0, expected="1 or more", shape=shape)
        return reduced(kind, shape, reduction, input, target)
    rest = shape[:1] + shape[2:] if len(shape) > 1 else ()
    probabilities = kind == "cross_entropy" and target.shape == shape
    if not probabilities:
        same_shape(check, kind, target.shape, rest)
    return reduced(kind, rest, reduction, input, target, *others)


PAIRS = {
    "l1_loss": ("weight",),
    "mse_loss": ("weight",),
    "smooth_l1_loss": ("beta",),
    "kl_div": ("log_target",),
    "soft_margin_loss": (),
    "multilabel_margin_loss": (),
}
"""Losses with the arguments ``input, target, size_average, reduce, reduction``, and the one that follows."""

Rule = Callable[..., Result]


def _of_pair(check: Checks, kind: str, input: Tensor, target: Tensor, reduction: Any, *others: Any) -> Result:
    if kind == "multilabel_margin_loss":
        same_shape(check, kind, target.shape, input.shape)
        return reduced(kind, input.shape[:-1], reduction, input, target)
    return elementwise(check, kind, input, target, reduction, *others)


def _register(kind: str) -> None:
    def rule(
        check: Checks,
        input: Tensor,
        target: Tensor,
        size_average: Any = None,
        reduce: Any = None,
        reduction: Any = "mean",
    ) -> Result:
        return _of_pair(check, kind, input, target, legacy(size_average, reduce, reduction))

    def rule_weight(
        check: Checks,
        input: Tensor,
        target: Tensor,
        size_average: Any = None,
        reduce: Any = None,
        reduction: Any = "mean",
        weight: Any = None,
    ) -> Result:
        return _of_pair(check, kind, input, target, legacy(size_average, reduce, reduction), weight)

    def rule_beta(
        check: Checks,
        input: Tensor,
        target: Tensor,
        size_average: Any = None,
        reduce: Any = None,
        reduction: Any = "mean",
        beta: Any = 1.0,
    ) -> Result:
        return _of_pair(check, kind, input, target, legacy(size_average, reduce, reduction))

    def rule_log(
        check: Checks,
        input: Tensor,
        target: Tensor,
        size_average: Any = None,
        reduce: Any = None,
        reduction: Any = "mean",
        log_target: Any = False,
    ) -> Result:
        reduction = legacy(size_average, reduce, reduction)
        return _of_pair(check, kind, input, target, "mean" if reduction == "batchmean" else reduction)

    rules: dict[tuple[str, ...], Rule] = {
        (): rule,
        ("weight",): rule_weight,
        ("beta",): rule_beta,
        ("log_target",): rule_log,
    }
    function(f"torch.nn.functional.{kind}", free="beta log_target")(rules[PAIRS[kind]])


for _kind in PAIRS:
    _register(_kind)


@function("torch.nn.functional.huber_loss", free="delta")
def huber_loss(
    check: Checks, input: Tensor, target: Tensor, reduction: Any = "mean", delta: Any = 1.0, weight: Any = None
) -> Result:
    """Return a loss that is squared near zero and straight beyond."""
    return elementwise(check, "huber_loss", input, target, reduction, weight)


@function("torch.nn.functional.hinge_embedding_loss", free="margin")
def hinge_embedding_loss(
    check: Checks,
    input: Tensor,
    target: Tensor,
    margin: Any = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Result:
    """Return a loss of distances and labels 1 and -1."""
    return elementwise(check, "hinge_embedding_loss", input, target, legacy(size_average, reduce, reduction))


@function("torch.nn.functional.poisson_nll_loss", free="log_input full eps")
def poisson_nll_loss(
    check: Checks,
    input: Tensor,
    target: Tensor,
    log_input: Any = True,
    full: Any = False,
    size_average: Any = None,
    eps: Any = 1e-08,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Result:
    """Return the likelihood of counts."""
    return elementwise(check, "poisson_nll_loss", input, target, legacy(size_average, reduce, reduction))


@function("torch.nn.functional.gaussian_nll_loss", free="full eps")
def gaussian_nll_loss(
    check: Checks, input: Tensor, target: Tensor, var: Any, full: Any = False, eps: Any = 1e-06, reduction: Any = "mean"
) -> Result:
    """Return the likelihood of values with a given variance."""
    return elementwise(check, "gaussian_nll_loss", input, target, reduction, var)


@function("torch.nn.functional.binary_cross_entropy")
def binary_cross_entropy(
    check: Checks,
    input: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Result:
    """Return the cross entropy of probabilities; input and target have one shape."""
    same_shape(check, "binary_cross_entropy", target.shape, input.shape)
    return reduced("binary_cross_entropy", input.shape, legacy(size_average, reduce, reduction), input, target, weight)


@function("torch.nn.functional.binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(
    check: Checks,
    input: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
    pos_weight: Any = None,
) -> Result:
    """Return the cross entropy of logits; input and target have one shape."""
    kind = "binary_cross_entropy_with_logits"
    same_shape(check, kind, target.shape, input.shape)
    return reduced(kind, input.shape, legacy(size_average, reduce, reduction), input, target, weight, pos_weight)


@function("torch.nn.functional.cross_entropy", free="ignore_index label_smoothing")
def cross_entropy(
    check: Checks,
    input: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: Any = -100,
    reduce: Any = None,
    reduction: Any = "mean",
    label_smoothing: Any = 0.0,
) -> Result:
    """Return the cross entropy of logits ``[N, C, ...]`` and classes ``[N, ...]`` or probabilities."""
    return per_row(check, "cross_entropy", input, target, legacy(size_average, reduce, reduction), weight)


@function("torch.nn.functional.nll_loss", free="ignore_index")
def nll_loss(
    check: Checks,
    input: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: Any = -100,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Result:
    """Return the likelihood of classes ``[N, ...]`` under log-probabilities ``[N, C, ...]``."""
    return per_row(check, "nll_loss", input, target, legacy(size_average, reduce, reduction), weight)


@function("torch.nn.functional.multi_margin_loss", free="p margin")
def multi_margin_loss(
    check: Checks,
    input: Tensor,
    target: Tensor,
    p: Any = 1,
    margin: Any = 1.0,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Result:
    """Return a hinge loss of scores ``[N, C]`` and classes ``[N]``."""
    if has_rank(check, input, (1, 2), "multi_margin_loss") and len(input.shape) == 2:
        same_shape(check, "multi_margin_loss", target.shape, input.shape[:1])
    return reduced(
        "multi_margin_loss", input.shape[:-1], legacy(size_average, reduce, reduction), input, target, weight
    )


@function("torch.nn.functional.multilabel_soft_margin_loss")
def multilabel_soft_margin_loss(
    check: Checks,
    input: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Result:
    """Return the mean cross entropy of the labels of each row."""
    kind = "multilabel_soft_margin_loss"
    shape = broadcast(check, "broadcast", input.shape, target.shape, operator=kind)
    return reduced(kind, shape[:-1], legacy(size_average, reduce, reduction), input, target, weight)


@function("torch.nn.functional.cosine_embedding_loss", free="margin")
def cosine_embedding_loss(
    check: Checks,
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: Any = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Result:
    """Return a loss of the angle between vectors."""
    kind = "cosine_embedding_loss"
    shape = broadcast(check, "broadcast", input1.shape, input2.shape, operator=kind)
    return reduced(kind, shape[:-1], legacy(size_average, reduce, reduction), input1, input2, target)


@function("torch.nn.functional.margin_ranking_loss", free="margin")
def margin_ranking_loss(
    check: Checks,
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: Any = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Result:
    """Return a loss of the order of two scores."""
    kind = "margin_ranking_loss"
    shape = broadcast(check, "broadcast", input1.shape, input2.shape, target.shape, operator=kind)
    return reduced(kind, shape, legacy(size_average, reduce, reduction), input1, input2, target)


@function("torch.nn.functional.triplet_margin_loss", free="margin p eps swap")
def triplet_margin_loss(
    check: Checks,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: Any = 1.0,
    p: Any = 2,
    eps: Any = 1e-06,
    swap: Any = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Result:
    """Return a loss of the distances to a vector that is alike and one that is not."""
    kind = "triplet_margin_loss"
    shape = broadcast(check, "broadcast", anchor.shape, positive.shape, negative.shape, operator=kind)
    return reduced(kind, shape[:-1], legacy(size_average, reduce, reduction), anchor, positive, negative)


@function("torch.nn.functional.triplet_margin_with_distance_loss", free="margin swap")
def triplet_margin_with_distance_loss(
    check: Checks,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Any = None,
    margin: Any = 1.0,
    swap: Any = False,
    reduction: Any = "mean",
) -> Result:
    """Return a loss of distances that a function computes."""
    kind = "triplet_margin_with_distance_loss"
    if distance_function is not None and reduction == "none":
        message = f"{kind} with a distance of its own"
        raise NotModelled(message)
    shape = broadcast(check, "broadcast", anchor.shape, positive.shape, negative.shape, operator=kind)
    return reduced(kind, shape[:-1], reduction, anchor, positive, negative)


@function("torch.nn.functional.ctc_loss", free="blank zero_infinity")
def ctc_loss(
    check: Checks,
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: Any = 0,
    reduction: Any = "mean",
    zero_infinity: Any = False,
) -> Result:
    """Return the likelihood of sequences under ``[T, N, C]`` or ``[T, C]``."""
    has_rank(check, log_probs, (2, 3), "ctc_loss")
    rows = (log_probs.shape[1],) if len(log_probs.shape) == 3 else ()
    return reduced("ctc_loss", rows, reduction, log_probs, targets, input_lengths, target_lengths)
