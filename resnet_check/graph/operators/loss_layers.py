"""Loss layers: each is its function with settings."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.base import FUNCTIONS, Built, Checks, layer
from resnet_check.graph.operators.loss import legacy
from resnet_check.graph.operators.sizes import names

LOSS = "torch.nn.modules.loss._Loss"
WEIGHTED = f"torch.nn.modules.loss._WeightedLoss {LOSS}"
FREE = "margin p eps swap beta delta log_target log_input full blank zero_infinity ignore_index label_smoothing"


def _runner(kind: str, *settings: str) -> Any:
    """Return the forward rule that calls the function with the layer's settings as named arguments."""

    def run(check: Checks, layer: Any, *inputs: Any, **named: Any) -> Any:
        rule = FUNCTIONS[f"torch.nn.functional.{kind}"].rule
        wanted = {name: getattr(layer, name) for name in settings}
        return rule(check, *inputs, **named, **wanted, reduction=layer.reduction)

    return run


def _weights(**weights: Any) -> dict[str, Any]:
    return {name: None if weight is None else tuple(weight.shape) for name, weight in weights.items()}


def _register_plain(kind: str, name: str) -> None:
    def build(check: Checks, size_average: Any = None, reduce: Any = None, reduction: Any = "mean") -> Built:
        return Built({"reduction": legacy(size_average, reduce, reduction)})

    layer(*names("loss", name), forward=_runner(kind), bases=LOSS)(build)


def _register_weighted(kind: str, name: str) -> None:
    def build(
        check: Checks, weight: Any = None, size_average: Any = None, reduce: Any = None, reduction: Any = "mean"
    ) -> Built:
        return Built({"reduction": legacy(size_average, reduce, reduction)}, buffers=_weights(weight=weight))

    layer(*names("loss", name), forward=_runner(kind, "weight"), bases=WEIGHTED)(build)


def _register_margin(kind: str, name: str, default: float) -> None:
    def build(
        check: Checks, margin: Any = default, size_average: Any = None, reduce: Any = None, reduction: Any = "mean"
    ) -> Built:
        return Built({"margin": margin, "reduction": legacy(size_average, reduce, reduction)})

    layer(*names("loss", name), forward=_runner(kind, "margin"), bases=LOSS, free=FREE)(build)


for _kind, _name in (
    ("l1_loss", "L1Loss"),
    ("mse_loss", "MSELoss"),
    ("soft_margin_loss", "SoftMarginLoss"),
    ("multilabel_margin_loss", "MultiLabelMarginLoss"),
):
    _register_plain(_kind, _name)
for _kind, _name in (
    ("binary_cross_entropy", "BCELoss"),
    ("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss"),
):
    _register_weighted(_kind, _name)
for _kind, _name, _default in (
    ("hinge_embedding_loss", "HingeEmbeddingLoss", 1.0),
    ("cosine_embedding_loss", "CosineEmbeddingLoss", 0.0),
    ("margin_ranking_loss", "MarginRankingLoss", 0.0),
):
    _register_margin(_kind, _name, _default)


@layer(*names("loss", "SmoothL1Loss"), forward=_runner("smooth_l1_loss", "beta"), bases=LOSS, free=FREE)
def build_smooth_l1(
    check: Checks, size_average: Any = None, reduce: Any = None, reduction: Any = "mean", beta: Any = 1.0
) -> Built:
    """Build a loss without parameters."""
    return Built({"beta": beta, "reduction": legacy(size_average, reduce, reduction)})


@layer(*names("loss", "HuberLoss"), forward=_runner("huber_loss", "delta"), bases=LOSS, free=FREE)
def build_huber(check: Checks, reduction: Any = "mean", delta: Any = 1.0) -> Built:
    """Build a loss without parameters."""
    return Built({"delta": delta, "reduction": reduction})


@layer(*names("loss", "KLDivLoss"), forward=_runner("kl_div", "log_target"), bases=LOSS, free=FREE)
def build_kl_div(
    check: Checks, size_average: Any = None, reduce: Any = None, reduction: Any = "mean", log_target: Any = False
) -> Built:
    """Build a loss without parameters."""
    return Built({"log_target": log_target, "reduction": legacy(size_average, reduce, reduction)})


@layer(
    *names("loss", "BCEWithLogitsLoss"),
    forward=_runner("binary_cross_entropy_with_logits", "weight", "pos_weight"),
    bases=LOSS,
)
def build_bce_with_logits(
    check: Checks,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
    pos_weight: Any = None,
) -> Built:
    """Build a loss without parameters; the weights are buffers."""
    return Built(
        {"reduction": legacy(size_average, reduce, reduction)}, buffers=_weights(weight=weight, pos_weight=pos_weight)
    )


@layer(
    *names("loss", "CrossEntropyLoss"),
    forward=_runner("cross_entropy", "weight", "ignore_index", "label_smoothing"),
    bases=WEIGHTED,
    free=FREE,
)
def build_cross_entropy(
    check: Checks,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: Any = -100,
    reduce: Any = None,
    reduction: Any = "mean",
    label_smoothing: Any = 0.0,
) -> Built:
    """Build a loss without parameters; the class weights are a buffer."""
    return Built(
        {
            "ignore_index": ignore_index,
            "reduction": legacy(size_average, reduce, reduction),
            "label_smoothing": label_smoothing,
        },
        buffers=_weights(weight=weight),
    )


def _build_nll(
    check: Checks,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: Any = -100,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Built:
    return Built(
        {"ignore_index": ignore_index, "reduction": legacy(size_average, reduce, reduction)},
        buffers=_weights(weight=weight),
    )


_run_nll = _runner("nll_loss", "weight", "ignore_index")
layer(*names("loss", "NLLLoss"), forward=_run_nll, bases=WEIGHTED, free=FREE)(_build_nll)
layer(
    *names("loss", "NLLLoss2d"),
    forward=_run_nll,
    bases=f"torch.nn.NLLLoss torch.nn.modules.loss.NLLLoss {WEIGHTED}",
    free=FREE,
)(_build_nll)


@layer(
    *names("loss", "PoissonNLLLoss"),
    forward=_runner("poisson_nll_loss", "log_input", "full", "eps"),
    bases=LOSS,
    free=FREE,
)
def build_poisson_nll(
    check: Checks,
    log_input: Any = True,
    full: Any = False,
    size_average: Any = None,
    eps: Any = 1e-08,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Built:
    """Build a loss without parameters."""
    reduction = legacy(size_average, reduce, reduction)
    return Built({"log_input": log_input, "full": full, "eps": eps, "reduction": reduction})


@layer(*names("loss", "GaussianNLLLoss"), forward=_runner("gaussian_nll_loss", "full", "eps"), bases=LOSS, free=FREE)
def build_gaussian_nll(check: Checks, *, full: Any = False, eps: Any = 1e-06, reduction: Any = "mean") -> Built:
    """Build a loss without parameters."""
    return Built({"full": full, "eps": eps, "reduction": reduction})


@layer(
    *names("loss", "MultiMarginLoss"),
    forward=_runner("multi_margin_loss", "p", "margin", "weight"),
    bases=WEIGHTED,
    free=FREE,
)
def build_multi_margin(
    check: Checks,
    p: Any = 1,
    margin: Any = 1.0,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Built:
    """Build a loss without parameters; the class weights are a buffer."""
    return Built(
        {"p": p, "margin": margin, "reduction": legacy(size_average, reduce, reduction)},
        buffers=_weights(weight=weight),
    )


@layer(
    *names("loss", "TripletMarginLoss"),
    forward=_runner("triplet_margin_loss", "margin", "p", "eps", "swap"),
    bases=LOSS,
    free=FREE,
)
def build_triplet_margin(
    check: Checks,
    margin: Any = 1.0,
    p: Any = 2.0,
    eps: Any = 1e-06,
    swap: Any = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Built:
    """Build a loss without parameters."""
    reduction = legacy(size_average, reduce, reduction)
    return Built({"margin": margin, "p": p, "eps": eps, "swap": swap, "reduction": reduction})


def _run_triplet(check: Checks, layer: Any, anchor: Any, positive: Any, negative: Any) -> Any:
    # The distance is a child module or a function of the user's, so that only a scalar is certain.
    rule = FUNCTIONS["torch.nn.functional.triplet_margin_with_distance_loss"].rule
    distance = layer.distance_function if layer.reduction == "none" else None
    return rule(check, anchor, positive, negative, distance_function=distance, reduction=layer.reduction)


@layer(*names("loss", "TripletMarginWithDistanceLoss"), forward=_run_triplet, bases=LOSS, free=FREE)
def build_triplet_with_distance(
    check: Checks, *, distance_function: Any = None, margin: Any = 1.0, swap: Any = False, reduction: Any = "mean"
) -> Built:
    """Build a loss whose distance is a function; without one it is that of a ``PairwiseDistance``."""
    built = Built({"margin": margin, "swap": swap, "reduction": reduction})
    if distance_function is None:
        built.children["distance_function"] = ("torch.nn.PairwiseDistance", (), {})
    else:
        built.attributes["distance_function"] = distance_function
    return built


@layer(*names("loss", "CTCLoss"), forward=_runner("ctc_loss", "blank", "zero_infinity"), bases=LOSS, free=FREE)
def build_ctc(check: Checks, blank: Any = 0, reduction: Any = "mean", zero_infinity: Any = False) -> Built:
    """Build a loss without parameters."""
    return Built({"blank": blank, "zero_infinity": zero_infinity, "reduction": reduction})
