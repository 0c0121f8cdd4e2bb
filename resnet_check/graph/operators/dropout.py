"""Dropout of values and of whole channels."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.base import Built, Checks, Result, function, layer
from resnet_check.graph.operators.sizes import Tensor, has_rank, names

CHANNELWISE = {
    "dropout": False,
    "dropout1d": True,
    "dropout2d": True,
    "dropout3d": True,
    "alpha_dropout": False,
    "feature_alpha_dropout": True,
}
"""The functions, and whether they drop whole channels."""


def drop(check: Checks, operator: str, input: Tensor, p: Any, *, training: Any, inplace: Any) -> Result:
    """Return the input with values or channels dropped; outside training the input itself."""
    if isinstance(p, (int, float)) and not 0 <= p <= 1:
        reason = f"the probability {p} is not between 0 and 1"
        check.fail("invalid-argument", operator=operator, what="p", value=p, reason=reason)
    if operator == "dropout1d":
        has_rank(check, input, (2, 3), operator)
    elif (
        # Torch looks at the rank only where it draws channels.
        CHANNELWISE[operator]
        and training
        and isinstance(p, (int, float))
        and 0 < p < 1
        and len(input.shape) < 2
        and operator != "dropout3d"
    ):
        check.fail("wrong-rank", operator=operator, got=len(input.shape), expected="2 or more", shape=input.shape)
    kind = "alpha_dropout" if "alpha" in operator else "dropout"
    attributes = {"p": p, "training": bool(training), "channelwise": CHANNELWISE[operator]}
    return Result(kind, input.shape, (input,), attributes, input.dtype, inplace=bool(inplace))


def _register(operator: str, name: str) -> None:
    alpha = "alpha" in operator

    def rule(check: Checks, input: Tensor, p: Any = 0.5, training: Any = True, inplace: Any = False) -> Result:
        return drop(check, operator, input, p, training=training, inplace=inplace)

    def rule_alpha(check: Checks, input: Tensor, p: Any = 0.5, training: Any = False, inplace: Any = False) -> Result:
        return drop(check, operator, input, p, training=training, inplace=inplace)

    def rule_torch(check: Checks, input: Tensor, p: Any, train: Any) -> Result:
        return drop(check, operator, input, p, training=train, inplace=False)

    def rule_inplace(check: Checks, input: Tensor, p: Any, train: Any) -> Result:
        return drop(check, operator, input, p, training=train, inplace=True)

    def run(check: Checks, layer: Any, input: Tensor) -> Result:
        inplace = layer.inplace and not alpha
        return drop(check, operator, input, layer.p, training=layer.training, inplace=inplace)

    def build(check: Checks, p: Any = 0.5, inplace: Any = False) -> Built:
        if isinstance(p, (int, float)) and not 0 <= p <= 1:
            reason = f"the probability {p} is not between 0 and 1"
            check.fail("invalid-layer", operator=name, what="p", value=p, reason=reason)
            p = 0.5
        return Built({"p": p, "inplace": inplace})

    function(f"torch.nn.functional.{operator}", free="p inplace")(rule_alpha if alpha else rule)
    if operator[-1] != "d":
        function(f"torch.{operator}", free="p")(rule_torch)
        function(f"torch.{operator}_", free="p")(rule_inplace)
    layer(*names("dropout", name), forward=run, bases="torch.nn.modules.dropout._DropoutNd", free="p inplace")(build)


for _operator, _name in (
    ("dropout", "Dropout"),
    ("dropout1d", "Dropout1d"),
    ("dropout2d", "Dropout2d"),
    ("dropout3d", "Dropout3d"),
    ("alpha_dropout", "AlphaDropout"),
    ("feature_alpha_dropout", "FeatureAlphaDropout"),
):
    _register(_operator, _name)
